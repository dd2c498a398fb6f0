"""What the gate says of two runs, and that it says why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.numbers.baseline import Baseline, baseline_of
from healgate.numbers.gate import Decision, decide
from healgate.record import TrialRecord
from healgate.words import Verdict

from .some_rows import row, rows

LEAK, TYPO = "oom/leak", "bad-image/typo"


def kept(records: Sequence[TrialRecord]) -> Baseline:
    names = {one.scenario for one in records}
    return baseline_of(records, dict.fromkeys(names, "f"), healgate="0.1.0", budget_scale=1.0)


def everywhere(passed: int, failed: int, scenarios: int = 26) -> list[TrialRecord]:
    return [one for number in range(scenarios) for one in rows(f"oom/s{number:02}", passed, failed)]


def told(decision: Decision, *words: str) -> str:
    """The one line with all these words."""
    (line,) = [line for line in decision.lines if all(word in line for word in words)]
    return line


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        ((20, 0), (20, 0), 0),
        ((20, 0), (12, 8), 1),
        ((20, 0), (15, 5), 1),  # p = 0.024
        ((20, 0), (16, 4), 0),  # p = 0.053
        ((15, 0), (14, 1), 0),
        ((12, 8), (20, 0), 0),
        ((0, 20), (0, 20), 0),  # below nothing there is no drop
        ((3, 0), (0, 3), 6),  # p is 0.05 and not below
        ((3, 0), (3, 0), 6),
        ((3, 0), (0, 4), 1),
        ((3, 0), (4, 0), 0),
        ((18, 0), (1, 0), 6),  # p of 0/1 would be 0.053
        ((20, 0), (1, 0), 0),  # and 0.048 here
        ((1, 19), (0, 20), 6),
    ],
)
def test_a_regression_is_a_significant_drop(before: tuple[int, int], now: tuple[int, int], status: int) -> None:
    decision = decide(rows(LEAK, *now), baseline=kept(rows(LEAK, *before)))
    assert decision.status == status, decision.lines
    assert decision.lines[0].endswith(f"(exit status {status})")


def test_a_regression_says_both_counts_and_how_sure_it_is() -> None:
    decision = decide(rows(LEAK, 12, 8), baseline=kept(rows(LEAK, 20)))
    line = told(decision, "significant")
    assert line.startswith("regressed: oom/leak: 20/20 in the baseline, 12/20 now: a significant drop (p = 0.0016,")


def test_too_few_trials_say_how_many_would_do() -> None:
    decision = decide(rows(LEAK, 0, 3), baseline=kept(rows(LEAK, 3)))
    line = told(decision, "not even 0/3 would be a significant drop")
    assert "4 trials would do" in line
    assert "--trials 4" in line


@given(k=st.integers(1, 8), extra=st.integers(0, 8), n=st.integers(1, 6), family=st.integers(1, 4))
def test_the_number_that_would_do_does_and_one_less_does_not(k: int, extra: int, n: int, family: int) -> None:
    names = [f"oom/s{number}" for number in range(family)]
    baseline = kept([one for name in names for one in rows(name, k, extra)])
    decision = decide([one for name in names for one in rows(name, n)], baseline=baseline)
    needed = {int(found[1]) for line in decision.lines if (found := re.search(r"--trials (\d+)", line))}
    if decision.status == 6:
        (trials,) = needed
        for number, status in ((trials, 0), (trials - 1, 6)):
            again = decide([one for name in names for one in rows(name, number)], baseline=baseline)
            assert again.status == status, again.lines
            dead = decide([one for name in names for one in rows(name, 0, number)], baseline=baseline)
            assert dead.status == (1 if number == trials or dead.status == 1 else 6)


def test_many_scenarios_ask_more_of_each() -> None:
    names = [f"oom/s{number:02}" for number in range(20)]
    before = kept([one for name in names for one in rows(name, 20)])
    now = [one for name in names for one in (rows(name, 15, 5) if name == "oom/s00" else rows(name, 20))]
    assert decide(now, baseline=before).status == 0  # p = 0.024 alone, one of twenty such is chance
    worse = [one for name in names for one in (rows(name, 8, 12) if name == "oom/s00" else rows(name, 20))]
    assert "Holm over 20 scenarios" in told(decide(worse, baseline=before), "oom/s00", "significant")


def test_what_regressed_is_said_though_something_else_cannot_be_judged() -> None:
    before = kept([*rows(LEAK, 20), *rows(TYPO, 3)])
    decision = decide([*rows(LEAK, 2, 18), *rows(TYPO, 0, 3)], baseline=before)
    assert decision.status == 1
    assert told(decision, "regressed: oom/leak")
    assert told(decision, "cannot judge: bad-image/typo")


def test_many_unjudged_trials_of_one_scenario_are_no_pass() -> None:
    before = kept([*rows(LEAK, 20), *rows(TYPO, 20)])
    assert decide([*rows(LEAK, 18, 0, 1, 1), *rows(TYPO, 20)], baseline=before).status == 0
    decision = decide([*rows(LEAK, 17, 0, 2, 1), *rows(TYPO, 20)], baseline=before)
    assert decision.status == 6
    assert "3 of 20 trials could not be judged (2 INVALID, 1 ERROR); at most 10% may" in told(decision, "could not")


def test_failures_among_too_many_unjudged_trials_are_not_counted_against_the_healer() -> None:
    decision = decide(rows(LEAK, 8, 6, 6), baseline=kept(rows(LEAK, 20)), min_pass_rate=0.9)
    assert decision.status == 6


def test_a_missing_row_cannot_be_judged_and_is_named() -> None:
    decision = decide(rows(LEAK, 19), ["oom/leak-t20"], baseline=kept(rows(LEAK, 20)))
    assert decision.status == 6
    assert told(decision, "1 trial left no row", "oom/leak-t20")


def test_one_trial_whose_worker_died_is_enough() -> None:
    died = row(LEAK, 20, Verdict.ERROR, evidence="", message="worker 'gw0' crashed", kubernetes="")
    decision = decide([*rows(LEAK, 19), died], baseline=kept(rows(LEAK, 20)))
    assert decision.status == 6
    assert told(decision, "oom/leak-t20: whatever ran it died: worker 'gw0' crashed")


def test_a_scenario_of_the_baseline_that_was_not_run_cannot_be_judged() -> None:
    decision = decide(rows(LEAK, 20), baseline=kept([*rows(LEAK, 20), *rows(TYPO, 20)]))
    assert decision.status == 6
    assert told(decision, TYPO, "not in this run")


def test_a_scenario_of_which_the_baseline_could_judge_nothing_cannot_be_judged() -> None:
    decision = decide([*rows(LEAK, 20), *rows(TYPO, 20)], baseline=kept([*rows(LEAK, 20), *rows(TYPO, 0, 0, 3)]))
    assert decision.status == 6
    assert told(decision, TYPO, "no trial of the baseline")


def test_a_new_scenario_is_listed_and_not_compared() -> None:
    decision = decide([*rows(LEAK, 20), *rows(TYPO, 0, 20)], baseline=kept(rows(LEAK, 20)))
    assert decision.status == 0
    assert TYPO in told(decision, "new since the baseline")


@pytest.mark.parametrize(
    ("now", "rate", "status"),
    [
        ((20, 0), 0.95, 0),
        ((18, 2), 0.95, 0),  # p = 0.26
        ((17, 3), 0.95, 0),  # p = 0.075
        ((16, 4), 0.95, 1),  # p = 0.016
        ((1, 0), 0.95, 6),  # p of 0/1 is 0.05 and not below
        ((0, 1), 0.95, 6),
        ((2, 0), 0.95, 0),
        ((0, 2), 0.95, 1),
        ((4, 0), 0.5, 6),  # p of 0/4 is 0.0625
        ((5, 0), 0.5, 0),
        ((1, 0), 1.0, 0),  # all means all
        ((999, 1), 1.0, 1),
        ((0, 20), 0.0, 0),
    ],
)
def test_a_rate_is_missed_where_chance_does_not_explain_it(now: tuple[int, int], rate: float, status: int) -> None:
    decision = decide(rows(LEAK, *now), min_pass_rate=rate)
    assert decision.status == status, decision.lines


def test_a_rate_is_asked_of_every_scenario_and_the_shortfall_said() -> None:
    decision = decide([*rows(LEAK, 100), *rows(TYPO, 5, 5)], min_pass_rate=0.9)
    assert decision.status == 1
    assert told(decision, TYPO) == (
        "regressed: bad-image/typo: 5/10 passed: a rate significantly below --min-pass-rate 0.9 "
        "(p = 0.0049, Holm over 2 scenarios and all together, below 0.05)"
    )


def test_a_rate_below_that_may_be_chance_is_noted() -> None:
    decision = decide(rows(LEAK, 18, 2), min_pass_rate=0.95)
    assert decision.lines == (
        "gate: passed (exit status 0)",
        "oom/leak: 18/20 passed: below --min-pass-rate 0.95, but not significantly (p = 0.26)",
    )


@given(percent=st.integers(5, 99), family=st.integers(1, 4))
def test_the_number_of_trials_that_a_rate_needs_is_said(percent: int, family: int) -> None:
    rate = percent / 100
    names = [f"oom/s{number}" for number in range(family)]
    few = decide([one for name in names for one in rows(name, 1)], min_pass_rate=rate)
    if few.status == 6:
        (needed,) = {int(found[1]) for line in few.lines if (found := re.search(r"--trials (\d+)", line))}
        for number, status in ((needed, 0), (needed - 1, 6)):
            assert decide([one for name in names for one in rows(name, number)], min_pass_rate=rate).status == status


def test_a_rate_of_nothing_cannot_be_judged() -> None:
    assert decide(rows(LEAK, 0, 0, 3), min_pass_rate=0.0).status == 6
    assert decide([], min_pass_rate=0.0).status == 6
    assert decide([], ["oom/leak-t1"], min_pass_rate=0.0).status == 6


@pytest.mark.parametrize(
    ("now", "rate", "status"),
    [((20, 0), 0.9, 0), ((12, 8), 0.5, 1), ((15, 5), 0.99, 1), ((12, 8), 0.9, 1), ((1, 0), 0.9, 6), ((0, 1), 1.0, 1)],
)
def test_both_gates_and_the_worse_word_wins(now: tuple[int, int], rate: float, status: int) -> None:
    decision = decide(rows(LEAK, *now), baseline=kept(rows(LEAK, 18)), min_pass_rate=rate)
    assert decision.status == status


def test_both_gates_are_both_said() -> None:
    decision = decide(rows(LEAK, 12, 8), baseline=kept(rows(LEAK, 20)), min_pass_rate=0.9)
    assert told(decision, "significant drop")
    assert told(decision, "below --min-pass-rate 0.9")


def test_under_one_seed_every_flipped_trial_is_listed_with_both_verdicts() -> None:
    before = kept([*rows(LEAK, 14, 1), *rows(TYPO, 15)])
    now = [row(LEAK, 1, Verdict.FAIL), *rows(LEAK, 15)[1:], *rows(TYPO, 15)]
    decision = decide(now, baseline=before)
    assert decision.status == 0
    flipped = [line for line in decision.lines if line.startswith("flipped")]
    assert flipped == [
        "flipped: oom/leak-t1: PASS -> FAIL relapsed: what happened in t1 (evidence/oom/leak-t1.json)",
        "flipped: oom/leak-t15: FAIL relapsed: what happened in t15 -> PASS (evidence/oom/leak-t15.json)",
    ]


@pytest.mark.parametrize("change", [{"seed": "1"}, {"cluster": "kind"}])
def test_trials_of_another_seed_or_on_a_real_cluster_are_no_pairs(change: dict[str, str]) -> None:
    now = [replace(one, **change) for one in rows(LEAK, 14, 1)]  # type: ignore[arg-type]
    before = kept([replace(one, **({} if "seed" in change else change)) for one in rows(LEAK, 15)])  # type: ignore[arg-type]
    assert not any("flipped" in line for line in decide(now, baseline=before).lines)


def test_what_else_differs_is_noted() -> None:
    now = [replace(one, kubernetes="1.37.0", healer="mine 1.1") for one in rows(LEAK, 20)]
    decision = decide(now, baseline=kept(rows(LEAK, 20)))
    assert decision.status == 0
    assert "1.36.2; now 1.37.0" in told(decision, "another kubernetes")
    assert "mine 1.0; now mine 1.1" in told(decision, "another healer")


counts = st.tuples(st.integers(0, 25), st.integers(0, 25), st.integers(0, 3), st.integers(0, 3)).filter(any)


@given(runs=st.lists(st.tuples(counts, counts), min_size=1, max_size=5))
def test_any_two_runs_get_one_word_with_a_reason(runs: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    before = kept([one for number, (then, _) in enumerate(runs) for one in rows(f"oom/s{number}", *then)])
    now = [one for number, (_, now) in enumerate(runs) for one in rows(f"oom/s{number}", *now)]
    decision = decide(now, baseline=before)
    assert decision.status in (0, 1, 6)
    assert any(line.startswith("regressed:") for line in decision.lines) == (decision.status == 1)
    assert any(line.startswith("cannot judge:") for line in decision.lines) >= (decision.status == 6)
    assert decide(list(reversed(now)), baseline=before) == decision


@given(counts=counts, worse=st.integers(1, 10))
def test_more_failures_never_turn_a_regression_into_a_pass(counts: tuple[int, ...], worse: int) -> None:
    passed, failed, invalid, errors = counts
    before = kept(rows(LEAK, 20))
    less = min(passed, worse)
    first = decide(rows(LEAK, passed, failed, invalid, errors), baseline=before).status
    second = decide(rows(LEAK, passed - less, failed + less, invalid, errors), baseline=before).status
    assert (first, second) != (1, 0)


# -- all scenarios together


def test_a_drop_that_no_scenario_shows_alone_shows_in_all_together() -> None:
    decision = decide(everywhere(13, 7), baseline=kept(everywhere(20, 0)))
    assert decision.status == 1
    line = told(decision, "significant")
    assert line.startswith(
        "regressed: all scenarios together: 520/520 in the baseline, 338/520 now: a significant drop (p = "
    )
    assert line.endswith(", Holm over 26 scenarios and all together, below 0.05)")


def test_a_rate_that_no_scenario_misses_alone_is_missed_by_all_together() -> None:
    decision = decide(everywhere(15, 5), min_pass_rate=0.95)
    assert decision.status == 1
    line = told(decision, "regressed: ")
    assert "all scenarios together: 390/520 passed: a rate significantly below --min-pass-rate 0.95 (p = " in line
    assert sum("below --min-pass-rate 0.95, but not significantly" in line for line in decision.lines) == 26


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        ((18, 2), (17, 3), 0),  # p = 0.01, of 27 tests
        ((18, 2), (16, 4), 1),
        ((20, 0), (18, 2), 1),
        ((13, 7), (20, 0), 0),
        ((0, 20), (0, 20), 0),
    ],
)
def test_a_small_change_everywhere(before: tuple[int, int], now: tuple[int, int], status: int) -> None:
    decision = decide(everywhere(*now), baseline=kept(everywhere(*before)))
    assert decision.status == status, decision.lines


@pytest.mark.parametrize(("now", "status"), [((19, 1), 0), ((18, 2), 1)])
def test_a_rate_missed_by_a_little_everywhere(now: tuple[int, int], status: int) -> None:
    assert decide(everywhere(*now), min_pass_rate=0.95).status == status


def test_a_total_below_a_rate_that_may_be_chance_is_noted() -> None:
    decision = decide(everywhere(18, 2, scenarios=2), min_pass_rate=0.95)
    assert decision.status == 0
    assert told(decision, "all scenarios together: 36/40 passed: below --min-pass-rate 0.95, but not significantly")


@pytest.mark.parametrize(("now", "rate", "status"), [(12, None, 1), (14, 0.95, 1), (15, 0.95, 0), (18, 0.95, 0)])
def test_what_the_readme_says_of_one_scenario_holds_among_26(now: int, rate: float | None, status: int) -> None:
    records = [*everywhere(20, 0, scenarios=25), *rows(LEAK, now, 20 - now)]
    before = kept([*everywhere(20, 0, scenarios=25), *rows(LEAK, 20)]) if rate is None else None
    decision = decide(records, baseline=before, min_pass_rate=rate)
    assert decision.status == status
    assert told(decision, LEAK, "regressed: " if status else "but not significantly")


def test_of_one_scenario_there_is_no_total() -> None:
    decision = decide(rows(LEAK, 12, 8), baseline=kept(rows(LEAK, 20)), min_pass_rate=0.95)
    assert not any("together" in line for line in decision.lines)


def test_a_total_that_dropped_makes_no_scenario_large_enough() -> None:
    decision = decide(everywhere(0, 3), baseline=kept(everywhere(3, 0)))
    assert decision.status == 1
    assert told(decision, "regressed: all scenarios together: 78/78 in the baseline, 0/78 now")
    assert sum(line.startswith("cannot judge: oom/s") for line in decision.lines) == 26


def test_what_cannot_be_judged_does_not_count_in_the_total() -> None:
    before = kept([*everywhere(20, 0, scenarios=3), *rows(LEAK, 20)])
    decision = decide([*everywhere(13, 7, scenarios=3), *rows(LEAK, 0, 14, 6)], baseline=before)
    assert told(decision, "all scenarios together: 60/60 in the baseline, 39/60 now")


def test_a_scenario_that_only_rose_counts_in_the_total() -> None:
    """Were those left out that the baseline never passed, what chance moves would look like a drop."""
    up, down = everywhere(1, 9, scenarios=10), [one for n in range(10) for one in rows(f"exit/s{n}", 0, 10)]
    before = kept([*everywhere(0, 10, scenarios=10), *(one for n in range(10) for one in rows(f"exit/s{n}", 1, 9))])
    assert not any("regressed" in line for line in decide([*up, *down], baseline=before).lines)


@pytest.mark.parametrize(
    ("before", "now", "tables"),
    [(5, 5, list(combinations_with_replacement(range(11), 2))),
     (3, 3, list(combinations_with_replacement(range(7), 3))),
     (3, 6, list(combinations_with_replacement(range(10), 2))),
     (1, 20, [(1, 1, 1, 1)])],
)  # fmt: skip
def test_false_alarms_against_a_baseline_are_rare(before: int, now: int, tables: list[tuple[int, ...]]) -> None:
    """Under equal rates and given how many passed in both runs together, whatever those rates are."""
    likeliest = Fraction(0)
    for passes in tables:
        alarms = Fraction(0)
        for seen in product(*(range(max(0, passed - before), min(now, passed) + 1) for passed in passes)):
            chance = Fraction(1)
            for k, passed in zip(seen, passes, strict=True):
                chance *= Fraction(comb(now, k) * comb(before, passed - k), comb(before + now, passed))
            then = [(passed - k, before - passed + k) for k, passed in zip(seen, passes, strict=True)]
            if decide(several([(k, now - k) for k in seen]), baseline=kept(several(then))).status == 1:
                alarms += chance
        likeliest = max(likeliest, alarms)
    assert likeliest <= Fraction(5, 100)
    assert likeliest > 0 or before == 1


@pytest.mark.parametrize("true", [(0.5, 0.5), (0.5, 0.6), (0.5, 0.5, 0.5), (0.9, 0.9), (0.9, 0.9, 0.9), (0.9, 1.0)])
def test_false_alarms_against_a_rate_are_rare(true: tuple[float, ...]) -> None:
    n, alarms = 6, 0.0
    for seen in product(range(n + 1), repeat=len(true)):
        chance = 1.0
        for k, rate in zip(seen, true, strict=True):
            chance *= comb(n, k) * rate**k * (1 - rate) ** (n - k)
        if decide(several([(k, n - k) for k in seen]), min_pass_rate=min(true)).status == 1:
            alarms += chance
    assert 0 < alarms <= 0.05


def several(counts: Sequence[tuple[int, ...]]) -> list[TrialRecord]:
    return [one for number, own in enumerate(counts) for one in rows(f"oom/s{number}", *own)]


SEVERITY = {0: 0, 6: 1, 1: 2}


@given(
    runs=st.lists(st.tuples(counts, counts).filter(lambda run: run[1][1] > 0), min_size=1, max_size=4),
    rate=st.sampled_from([None, 0.5, 0.9, 0.95, 1.0]),
    at=st.integers(0, 3),
)
def test_one_more_pass_never_makes_the_word_worse(
    runs: list[tuple[tuple[int, ...], tuple[int, ...]]], rate: float | None, at: int
) -> None:
    before = kept(several([then for then, _ in runs])) if rate is None else None
    now = [now for _, now in runs]
    at %= len(now)
    passed, failed, *others = now[at]
    better = [*now[:at], (passed + 1, failed - 1, *others), *now[at + 1 :]]
    first, second = (decide(several(some), baseline=before, min_pass_rate=rate).status for some in (now, better))
    assert SEVERITY[second] <= SEVERITY[first]
