"""What a set of rows adds up to, per scenario; the table, the metrics and pass-rates.json all say these numbers.

The trap is a denominator: a rate is PASS of PASS and FAIL, and what could not be judged stands beside it and is never
in it. Times are those of judged trials, and only of what the healer's claims allowed to grade.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..record import TrialRecord, sorted_records
from ..words import CrashClass, Reason, Verdict
from .rates import percentile, wilson

ALL = "all"
_JUDGED = frozenset({Verdict.PASS, Verdict.FAIL})
_ACTED = frozenset({Reason.UNSAFE_ACTION, Reason.COLLATERAL_DAMAGE, Reason.FALSE_ALARM})
_ORDER = [str(word) for word in (*Reason, Verdict.INVALID, Verdict.ERROR)]


@dataclass(frozen=True)
class Took:
    """How long something took, over the trials in which it happened."""

    median: float
    p95: float
    trials: int


@dataclass(frozen=True)
class Why:
    """One way in which trials did not pass."""

    count: int
    what: str  # a reason, or INVALID or ERROR
    example: str
    trials: tuple[int, ...]


@dataclass(frozen=True)
class Line:
    """One scenario's numbers, or those of all."""

    name: str
    passed: int
    judged: int  # PASS and FAIL
    low: float
    high: float
    detect: Took | None
    classify: Took | None
    recover: Took | None
    invalid: int
    errors: int
    missing: int = 0  # trials that were asked for and left no row
    note: str = ""  # "class not graded"
    whys: tuple[Why, ...] = ()

    @property
    def rate(self) -> float | None:
        return self.passed / self.judged if self.judged else None

    @property
    def unjudged(self) -> int:
        return self.invalid + self.errors

    @property
    def trials(self) -> int:
        return self.judged + self.unjudged


@dataclass(frozen=True)
class Rate:
    """k of n with its interval."""

    k: int
    n: int
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    lines: tuple[Line, ...]  # by name
    total: Line
    false_actions: Rate | None  # trials in which nothing was due and it acted; None: there were none

    def as_dict(self) -> dict[str, Any]:
        """For pass-rates.json."""
        return {
            "scenarios": {line.name: _plain(line) for line in self.lines},
            "total": _plain(self.total),
            "false-actions": asdict(self.false_actions) if self.false_actions else None,
        }


def summarise(records: Iterable[TrialRecord], missing: Sequence[str] = ()) -> Summary:
    """`missing` are ids of trials that left no row, like oom/leak-t3."""
    rows = sorted_records(records)
    by_name: dict[str, list[TrialRecord]] = {scenario_of(trial): [] for trial in missing}
    for row in rows:
        by_name.setdefault(row.scenario, []).append(row)
    lost = [scenario_of(trial) for trial in missing]
    lines = tuple(_line(name, by_name[name], lost.count(name)) for name in sorted(by_name))
    return Summary(lines, _line(ALL, rows, len(lost)), _false_actions(rows))


def scenario_of(trial: str) -> str:
    return trial.rpartition("-t")[0]


def _line(name: str, rows: Sequence[TrialRecord], missing: int) -> Line:
    passed = _count(rows, Verdict.PASS)
    judged = passed + _count(rows, Verdict.FAIL)
    low, high = wilson(passed, judged)
    return Line(
        name,
        passed,
        judged,
        low,
        high,
        _took(rows, "detect", "detected"),
        _took(rows, "classify", "classified"),
        _took(rows, "recover", "recovered"),
        _count(rows, Verdict.INVALID),
        _count(rows, Verdict.ERROR),
        missing,
        _note(rows),
        _whys(rows),
    )


def _count(rows: Sequence[TrialRecord], verdict: Verdict) -> int:
    return sum(row.verdict is verdict for row in rows)


def _took(rows: Sequence[TrialRecord], what: str, word: str) -> Took | None:
    graded = (getattr(row.times, what) for row in rows if row.verdict in _JUDGED and word in row.graded)
    values = [value for value in graded if value is not None]
    return Took(percentile(values, 0.5), percentile(values, 0.95), len(values)) if values else None


def _note(rows: Sequence[TrialRecord]) -> str:
    """A healer that claims nothing cannot be asked for the class, and the table says so."""
    judged = [row for row in rows if row.verdict in _JUDGED]
    silent = sum("classified" not in row.graded for row in judged)
    if not silent:
        return ""
    return "class not graded" if silent == len(judged) else f"class not graded in {silent} of {len(judged)} trials"


def _whys(rows: Sequence[TrialRecord]) -> tuple[Why, ...]:
    """The most frequent first."""
    found: dict[str, list[TrialRecord]] = {}
    for row in rows:
        if row.verdict is not Verdict.PASS:
            found.setdefault(str(row.reason or row.verdict), []).append(row)
    whys = [Why(len(own), what, own[0].message, tuple(row.trial for row in own)) for what, own in found.items()]
    return tuple(sorted(whys, key=lambda why: (-why.count, _ORDER.index(why.what))))


def _false_actions(rows: Sequence[TrialRecord]) -> Rate | None:
    judged = [row for row in rows if row.crash_class == CrashClass.NOTHING and row.verdict in _JUDGED]
    if not judged:
        return None
    k = sum(row.reason in _ACTED for row in judged)
    return Rate(k, len(judged), *wilson(k, len(judged)))


def _plain(line: Line) -> dict[str, Any]:
    data = asdict(line)
    del data["name"]
    return {
        "k": data.pop("passed"),
        "n": data.pop("judged"),
        "rate": line.rate,
        **data,
        "whys": {why.what: {"count": why.count, "trials": why.trials} for why in line.whys},
    }
