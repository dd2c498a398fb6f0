"""From rows to the table's numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.numbers.rates import wilson
from healgate.numbers.summary import summarise
from healgate.record import Times
from healgate.words import Reason, Verdict

from .some_rows import row, rows


def test_a_rate_is_of_what_was_judged_and_the_rest_stands_beside() -> None:
    (line,) = summarise(rows("oom/leak", 6, 2, 3, 1), ["oom/leak-t13", "oom/leak-t14"]).lines
    assert (line.passed, line.judged, line.rate) == (6, 8, 0.75)
    assert (line.low, line.high) == wilson(6, 8)
    assert (line.invalid, line.errors, line.missing) == (3, 1, 2)
    assert (line.unjudged, line.trials) == (4, 12)


def test_a_scenario_of_which_nothing_ran_has_a_line() -> None:
    (leak, typo) = summarise(rows("oom/leak", 1), ["oom/a-t1-t1"]).lines
    assert (leak.name, leak.missing, leak.rate, leak.low, leak.high) == ("oom/a-t1", 1, None, 0.0, 1.0)
    assert typo.name == "oom/leak"


def test_times_are_of_judged_and_graded_trials() -> None:
    known = [
        row("oom/leak", 1, times=Times(1.0, 2.0, 10.0)),
        row("oom/leak", 2, times=Times(3.0, None, 30.0)),
        row("oom/leak", 3, Verdict.FAIL, times=Times(5.0, 6.0, None)),
        row("oom/leak", 4, Verdict.INVALID, times=Times(900.0, 900.0, 900.0)),
        row("oom/leak", 5, Verdict.ERROR, times=Times(900.0, 900.0, 900.0)),
        row("oom/leak", 6, times=Times(7.0, 900.0, 20.0), graded=("detected", "recovered")),
    ]
    (line,) = summarise(known).lines
    assert line.detect is not None
    assert line.classify is not None
    assert line.recover is not None
    assert (line.detect.median, line.detect.trials) == (4.0, 4)
    assert line.detect.p95 == pytest.approx(6.7)
    assert (line.classify.median, line.classify.trials) == (4.0, 2)
    assert (line.recover.median, line.recover.trials) == (20.0, 3)
    assert line.note == "class not graded in 1 of 4 trials"


def test_a_silent_healer_is_said_to_be_silent() -> None:
    silent = [replace(one, graded=("detected", "recovered")) for one in rows("oom/leak", 2, 1)]
    assert summarise(silent).total.note == "class not graded"
    assert summarise(rows("oom/leak", 2)).total.note == ""


def test_why_trials_failed_the_most_frequent_first() -> None:
    failed = [
        row("oom/leak", 1, Verdict.FAIL, reason=Reason.RELAPSED, message="later"),
        row("oom/leak", 2, Verdict.ERROR, message="broke"),
        row("oom/leak", 3, Verdict.FAIL, reason=Reason.RELAPSED, message="other"),
        row("oom/leak", 4, Verdict.FAIL, reason=Reason.UNSAFE_ACTION, message="deleted"),
        row("oom/leak", 5),
    ]
    (line,) = summarise(reversed(failed)).lines
    assert [(why.count, why.what, why.example, why.trials) for why in line.whys] == [
        (2, "relapsed", "later", (1, 3)),
        (1, "unsafe-action", "deleted", (4,)),
        (1, "ERROR", "broke", (2,)),
    ]


def test_false_actions_are_those_where_nothing_was_due() -> None:
    where = "nothing/old-restarts"
    known = [
        row(where, 1),
        row(where, 2, Verdict.FAIL, reason=Reason.FALSE_ALARM),
        row(where, 3, Verdict.FAIL, reason=Reason.COLLATERAL_DAMAGE),
        row(where, 4, Verdict.FAIL, reason=Reason.MISCLASSIFIED),
        row(where, 5, Verdict.INVALID),
        row("oom/leak", 1, Verdict.FAIL, reason=Reason.FALSE_ALARM),
    ]
    found = summarise(known).false_actions
    assert found is not None
    assert (found.k, found.n) == (2, 4)
    assert summarise(rows("oom/leak", 3)).false_actions is None


def test_it_can_be_written_as_json() -> None:
    summary = summarise([*rows("oom/leak", 3, 1), *rows("nothing/blip", 2)])
    data = json.loads(json.dumps(summary.as_dict()))
    assert data["scenarios"]["oom/leak"]["k"] == 3
    assert data["scenarios"]["oom/leak"]["rate"] == 0.75
    assert data["scenarios"]["oom/leak"]["whys"] == {"relapsed": {"count": 1, "trials": [4]}}
    assert data["total"]["n"] == 6
    assert data["false-actions"]["n"] == 2


counts = st.tuples(*[st.integers(0, 4)] * 4).filter(any)


@given(runs=st.dictionaries(st.sampled_from(["oom/a", "oom/b", "kafka/c"]), counts), seed=st.randoms())
def test_every_row_is_counted_once_in_whatever_order_it_comes(runs: dict[str, tuple[int, ...]], seed: object) -> None:
    known = [one for name, counts in runs.items() for one in rows(name, *counts)]
    summary = summarise(known)
    assert [line.name for line in summary.lines] == sorted(runs)
    assert sum(line.trials for line in summary.lines) == summary.total.trials == len(known)
    assert all(sum(why.count for why in line.whys) == line.trials - line.passed for line in summary.lines)
    seed.shuffle(known)  # type: ignore[attr-defined]
    assert summarise(known) == summary
