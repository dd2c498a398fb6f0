"""Whether a release may pass: 0 passed, 1 regressed, 6 cannot judge, and why.

One unlucky trial is no regression, and a number that could not have shown one is no pass. So each scenario is first
asked whether it can be judged at all, and only then whether it got worse. All together are asked too: what is a little
worse everywhere shows in no scenario alone. The trap is a run that looks green because its trials died: what is
missing, crashed or invalid ends in "cannot judge". What is shown to be worse stays shown, so 1 goes before 6, and 6
before 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from ..record import TrialRecord, sorted_records
from ..words import ExitStatus, Verdict
from .baseline import Baseline, Before, named, told, verdict_of
from .rates import binomial_drop, fisher_drop, holm
from .summary import Line, Summary, scenario_of, summarise
from .totals import stratified_drop, total_below

LEVEL = Fraction(5, 100)  # of all tests against a baseline, and of all against a rate
# The share of INVALID and ERROR above which the rest says too little, of one scenario's trials and of all.
MOST_UNJUDGED = Fraction(10, 100)
_MOST_TRIALS = 10_000  # as many as --trials takes
_ALL = "all scenarios together"
_DROP = "a significant drop"


@dataclass(frozen=True)
class Decision:
    """The exit status, and the lines that say why, the word itself first."""

    status: int
    lines: tuple[str, ...]


def decide(
    records: Iterable[TrialRecord],
    missing: Sequence[str] = (),
    *,
    baseline: Baseline | None = None,
    min_pass_rate: float | None = None,
) -> Decision:
    """`missing` are ids of trials that were asked for and left no row."""
    rows = sorted_records(records)
    gate = _Gate(rows, missing, summarise(rows, missing))
    if min_pass_rate is not None:
        gate.ask_for(min_pass_rate)
    if baseline is not None:
        gate.compare(baseline)
    return gate.decision()


class _Gate:
    """Collects what was found while it asks."""

    def __init__(self, rows: Sequence[TrialRecord], missing: Sequence[str], summary: Summary) -> None:
        self.rows = rows
        self.summary = summary
        self.worse: list[str] = []
        self.notes: list[str] = []
        self.unclear: dict[str, list[str]] = {}  # by scenario; "" for the run as a whole
        self._see_what_is_usable(missing)
        self.unusable = frozenset(self.unclear)

    def decision(self) -> Decision:
        unclear = [line for lines in self.unclear.values() for line in lines]
        if self.worse:
            status, word = ExitStatus.REGRESSED, "regressed"
        elif unclear:
            status, word = ExitStatus.CANNOT_JUDGE, "cannot judge"
        else:
            status, word = ExitStatus.PASSED, "passed"
        found = [*(f"regressed: {line}" for line in self.worse), *(f"cannot judge: {line}" for line in unclear)]
        return Decision(status, (f"gate: {word} (exit status {status})", *found, *self.notes))

    # -- can it be judged at all?

    def _see_what_is_usable(self, missing: Sequence[str]) -> None:
        if not self.rows:
            self._cannot("", "there is no trial")
        lost: dict[str, list[str]] = {}
        for trial in missing:
            lost.setdefault(scenario_of(trial), []).append(trial)
        for name, trials in lost.items():
            self._cannot(name, f"{name}: {_trials(len(trials))} left no row: {named(trials)}")
        for row in self.rows:
            if row.verdict is Verdict.ERROR and not row.evidence:  # whoever ends a trial himself leaves evidence
                self._cannot(row.scenario, f"{row.id}: whatever ran it died: {row.message}")
        for line in self.summary.lines:
            if _too_many(line):
                self._cannot(line.name, f"{line.name}: {_unjudged(line)}")
        if _too_many(self.summary.total):
            self._cannot("", f"of all trials, {_unjudged(self.summary.total)}")

    def _cannot(self, name: str, why: str) -> None:
        self.unclear.setdefault(name, []).append(why)

    def _usable(self, name: str) -> bool:
        """Whether what there is of this scenario may count against the healer."""
        return name not in self.unusable

    # -- against a rate

    def ask_for(self, rate: float) -> None:
        """Too low is what chance does not explain: 18 of 20 do not show that a healer heals less than 95 %."""
        lines = [line for line in self.summary.lines if self._usable(line.name)]
        for line in lines:
            if line.rate is None:
                self._cannot(line.name, f"{line.name}: no trial of it could be judged")
        if not rate:
            return  # below nothing there is no rate
        said = f"--min-pass-rate {rate:g}"
        judged = [line for line in lines if line.judged]
        drops = [_below(line, rate, said) for line in judged]
        for held, p in self._look_for(drops, _all_below(judged, rate, said)):
            if held.passed / held.judged < rate:
                self.notes.append(f"{held.counts}: below {said}, but not significantly (p = {float(p):.2g})")

    # -- against an earlier run

    def compare(self, baseline: Baseline) -> None:
        lines = {line.name: line for line in self.summary.lines}
        pairs: list[tuple[Line, Before]] = []
        for name, before in sorted(baseline.scenarios.items()):
            line = lines.get(name)
            if line is None:
                self._cannot(name, f"{name}: it is in the baseline and not in this run")
            elif before.n == 0:
                self._cannot(name, f"{name}: no trial of the baseline could be judged")
            elif self._usable(name):
                pairs.append((line, before))
        self._look_for([_against(line, before) for line, before in pairs], _all_against(pairs))
        self._note_differences(baseline, sorted(set(lines) - set(baseline.scenarios)))
        self._list_flipped(baseline)

    def _look_for(self, drops: Sequence[_Drop], whole: _Held) -> list[tuple[_Held, Fraction]]:
        """Tell of each that is there and of each that could not have shown; the rest is given back."""
        # The whole is one more of Holm's family, and has no share of the level to itself: with half of it gone, 12/20
        # in one of 26 scenarios (p = 0.0016) would be no drop. Of a single scenario it would be the same test again.
        many = len(drops) > 1
        tests = [*drops, whole] if many else [*drops]
        scope = f"Holm over {len(drops)} scenarios and all together, " if many else ""
        rest = []
        for held, p in zip(tests, holm([held.p for held in tests]), strict=True):
            if p < LEVEL:
                self.worse.append(f"{held.counts}: {held.called} (p = {float(p):.2g}, {scope}below {float(LEVEL):g})")
            elif isinstance(held, _Drop) and held.can_drop and not held.would_show(held.judged, len(tests)):
                self._cannot(
                    held.name,
                    f"{held.counts}: with {_trials(held.judged)} not even 0/{held.judged} would be {held.called} "
                    f"({scope}p below {float(LEVEL):g}); {held.enough(len(tests))}",
                )
            else:
                rest.append((held, p))
        return rest

    def _note_differences(self, baseline: Baseline, new: Sequence[str]) -> None:
        if new:
            self.notes.append(f"new since the baseline, not compared: {', '.join(new)}")
        known = next((row for row in self.rows if row.kubernetes), None)
        if known is None:
            return
        for what in ("healer", "kubernetes", "timing", "seed"):
            then, now = getattr(baseline, what), getattr(known, what)
            if then != now:
                self.notes.append(f"the baseline has another {what}: {then}; now {now}")

    def _list_flipped(self, baseline: Baseline) -> None:
        """On the embedded cluster the same seed gives the same trials, so each can be held against its twin."""
        if not self.rows or baseline.cluster != "embedded":
            return
        for row in self.rows:
            before = baseline.scenarios.get(row.scenario)
            then = before.trials.get(str(row.trial)) if before else None
            paired = row.cluster == baseline.cluster and row.seed == baseline.seed
            if paired and then is not None and verdict_of(then) != row.verdict:
                where = f" ({row.evidence})" if row.evidence else ""
                self.notes.append(f"flipped: {row.id}: {then} -> {told(row)}{where}")


@dataclass(frozen=True)
class _Held:
    """Passes, held against what they should be."""

    passed: int
    judged: int
    counts: str  # "oom/leak: 20/20 in the baseline, 12/20 now"
    called: str  # "a significant drop"
    p: Fraction  # how likely so few passes are, were nothing worse


@dataclass(frozen=True)
class _Drop(_Held):
    """One scenario's."""

    name: str
    measure: str  # what it is held against
    chance: Callable[[int, int], Fraction]  # how likely k of n or fewer are, were nothing worse
    can_drop: bool = True  # below nothing there is no drop

    def would_show(self, n: int, family: int) -> bool:
        """Whether a drop to nothing would be significant, were it the only one."""
        return self.chance(0, n) * family < LEVEL

    def enough(self, family: int) -> str:
        """The number of trials that would do. More trials always help, so it is found by doubling and halving."""
        low, high = 1, 1
        while not self.would_show(high, family):
            if high == _MOST_TRIALS:
                return f"no number of trials up to {high} would do with {self.measure}"
            low, high = high + 1, min(2 * high, _MOST_TRIALS)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.would_show(middle, family) else (middle + 1, high)
        return f"{low} trials would do with {self.measure} (--trials {low})"


def _below(line: Line, rate: float, said: str) -> _Drop:
    k, n = line.passed, line.judged
    chance = partial(binomial_drop, rate=rate)
    return _Drop(k, n, f"{line.name}: {k}/{n} passed", _too_low(said), chance(k, n), line.name, said, chance)


def _all_below(lines: Sequence[Line], rate: float, said: str) -> _Held:
    """The total as if of one rate: no true rates that are all high enough make a low total likelier."""
    k, n = sum(line.passed for line in lines), sum(line.judged for line in lines)
    return _Held(k, n, f"{_ALL}: {k}/{n} passed", _too_low(said), total_below(k, n, rate))


def _too_low(said: str) -> str:
    return f"a rate significantly below {said}"


def _against(line: Line, before: Before) -> _Drop:
    k, n = line.passed, line.judged
    counts = f"{line.name}: {before.k}/{before.n} in the baseline, {k}/{n} now"
    chance = partial(fisher_drop, before.k, before.n)
    return _Drop(k, n, counts, _DROP, chance(k, n), line.name, "this baseline", chance, can_drop=before.k > 0)


def _all_against(pairs: Sequence[tuple[Line, Before]]) -> _Held:
    """Scenario by scenario, so that hard ones with more trials on one side are no drop.

    Those that the baseline never passed belong to it, and to Holm's family: to leave out what can only have risen
    would make chance look like a drop.
    """
    tables = [(before.k, before.n, line.passed, line.judged) for line, before in pairs]
    k_before, n_before, k, n = (sum(counts) for counts in zip(*tables, strict=True)) if tables else (0, 0, 0, 0)
    counts = f"{_ALL}: {k_before}/{n_before} in the baseline, {k}/{n} now"
    return _Held(k, n, counts, _DROP, stratified_drop(tables))


def _too_many(line: Line) -> bool:
    return line.unjudged > MOST_UNJUDGED * line.trials


def _unjudged(line: Line) -> str:
    return (
        f"{line.unjudged} of {_trials(line.trials)} could not be judged ({line.invalid} INVALID, {line.errors} ERROR); "
        f"at most {float(MOST_UNJUDGED):.0%} may"
    )


def _trials(number: int) -> str:
    return f"{number} trial" if number == 1 else f"{number} trials"
