"""Whether a release may pass: 0 passed, 1 regressed, 6 cannot judge, and why.

One unlucky trial is no regression, and a number that could not have shown one is no pass. So each scenario is first
asked whether it can be judged at all, and only then whether it got worse. The trap is a run that looks green because
its trials died: what is missing, crashed or invalid ends in "cannot judge". What is shown to be worse stays shown,
so 1 goes before 6, and 6 before 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..record import TrialRecord, sorted_records
from ..words import ExitStatus, Verdict
from .baseline import Baseline, Before, named, told, verdict_of
from .rates import fisher_drop, holm
from .summary import Line, Summary, scenario_of, summarise

LEVEL = Fraction(5, 100)
# The share of INVALID and ERROR above which the rest says too little, of one scenario's trials and of all.
MOST_UNJUDGED = Fraction(10, 100)
_MOST_TRIALS = 100_000


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
        return name not in self.unclear

    # -- against a rate

    def ask_for(self, rate: float) -> None:
        for line in self.summary.lines:
            if line.rate is None:
                if self._usable(line.name):
                    self._cannot(line.name, f"{line.name}: no trial of it could be judged")
            elif line.rate < rate and self._usable(line.name):
                interval = f"95 % interval {line.low:.0%} to {line.high:.0%}"
                self.worse.append(
                    f"{line.name}: {line.passed}/{line.judged} passed ({line.rate:.1%}, {interval}), "
                    f"below --min-pass-rate {rate:g}"
                )

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
        self._test([(line, before) for line, before in pairs if before.k])  # below nothing there is no drop
        self._note_differences(baseline, sorted(set(lines) - set(baseline.scenarios)))
        self._list_flipped(baseline)

    def _test(self, pairs: Sequence[tuple[Line, Before]]) -> None:
        family = len(pairs)
        scope = f"Holm over {family} scenarios, " if family > 1 else ""
        adjusted = holm([fisher_drop(before.k, before.n, line.passed, line.judged) for line, before in pairs])
        for (line, before), p in zip(pairs, adjusted, strict=True):
            counts = f"{line.name}: {before.k}/{before.n} in the baseline, {line.passed}/{line.judged} now"
            if p < LEVEL:
                self.worse.append(f"{counts}: a significant drop (p = {float(p):.2g}, {scope}below {float(LEVEL):g})")
            elif not _would_show(before, line.judged, family):
                self._cannot(
                    line.name,
                    f"{counts}: with {_trials(line.judged)} not even 0/{line.judged} would be a significant drop "
                    f"({scope}p below {float(LEVEL):g}); {_enough(before, family)}",
                )

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


def _would_show(before: Before, n: int, family: int) -> bool:
    """Whether a drop to nothing would be significant, were it the only one."""
    return fisher_drop(before.k, before.n, 0, n) * family < LEVEL


def _enough(before: Before, family: int) -> str:
    """The number of trials that would do. More trials always help, so it is found by halving."""
    low, high = 1, _MOST_TRIALS
    if not _would_show(before, high, family):
        return f"no number of trials up to {high} would do with this baseline: make one with more trials"
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _would_show(before, middle, family) else (middle + 1, high)
    return f"{low} trials would do with this baseline (--trials {low})"


def _too_many(line: Line) -> bool:
    return line.unjudged > MOST_UNJUDGED * line.trials


def _unjudged(line: Line) -> str:
    return (
        f"{line.unjudged} of {_trials(line.trials)} could not be judged ({line.invalid} INVALID, {line.errors} ERROR); "
        f"at most {float(MOST_UNJUDGED):.0%} may"
    )


def _trials(number: int) -> str:
    return f"{number} trial" if number == 1 else f"{number} trials"
