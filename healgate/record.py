"""What a trial leaves on disk: one line of trials.jsonl, one evidence file, one line of costs.jsonl.

A line is written by whoever ran the trial, as it ends, in one append: a run that is killed loses no finished
trial. What differs between two runs of one seed (wall and CPU time) goes to costs.jsonl, never into a record: the
trap is one such number in here, and `trials.jsonl` is no longer byte-identical.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from .handed_over import read_json
from .problems import Place, Problem, UsageProblem
from .words import Reason, Verdict

TRIALS = "trials.jsonl"
COSTS = "costs.jsonl"
RATES = "pass-rates.json"
EVIDENCE = "evidence"
RUN = "run.json"
# What is in it, and of what kind.
_RUN: dict[str, tuple[type, str]] = {
    "seed": (str, "a text"),
    "healer": (str, "a text"),
    "cluster": (str, "a text"),
    "timing": (str, "a text"),
    "budget-scale": (float, "a number"),
    "scenarios": (dict, "a mapping"),
    "expected": (list, "a list"),
}
# Half of a character, which no file and no pipe takes. Whoever reads broken bytes may hand one over in a note.
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Times:
    """Seconds from the live fault; None: it did not happen."""

    detect: float | None = None
    classify: float | None = None
    recover: float | None = None


@dataclass(frozen=True)
class TrialRecord:
    """One trial, as it is written and read back."""

    scenario: str  # "oom/limit-too-low"
    trial: int  # from 1
    seed: str
    healer: str
    cluster: str  # "embedded", "kind", "existing"
    kubernetes: str
    timing: str
    crash_class: str
    verdict: Verdict
    reason: Reason | None = None
    message: str = ""
    times: Times = field(default_factory=Times)
    graded: tuple[str, ...] = ("detected", "classified", "recovered")  # what this healer's claims allowed to grade
    parameters: dict[str, Any] = field(default_factory=dict)
    evidence: str = ""  # the evidence file, relative to the output folder

    @property
    def id(self) -> str:
        return f"{self.scenario}-t{self.trial}"

    def line(self) -> str:
        return as_json(asdict(self), sort_keys=True, separators=(",", ":")) + "\n"

    @classmethod
    def from_dict(cls, data: Any) -> TrialRecord:
        """Raises ValueError."""
        return msgspec.convert(data, cls)


@dataclass(frozen=True)
class Cost:
    """What a trial cost, in real seconds."""

    scenario: str
    trial: int
    wall: float
    cpu: float
    healer_cpu: float
    cluster_seconds: float

    def line(self) -> str:
        return json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}) + "\n"


def as_json(value: object, **how: Any) -> str:
    """JSON in which people can read every language. What is read back from it can be written anywhere."""
    text = json.dumps(value, ensure_ascii=False, **how)
    return _HALF.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text)


def writable(text: str) -> str:
    """A text as it can be written: halves of characters are named, as `as_json` names them."""
    return text.encode(errors="backslashreplace").decode()


def append(path: Path, line: str) -> None:
    """One write to a file opened for appending: lines of several processes never mix. Raises OSError, and then half a
    line that a full disk took is gone again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        whole = line.encode()
        written = os.write(descriptor, whole)
        if written < len(whole):
            os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR) - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)


def read_trials(path: Path) -> list[TrialRecord]:
    """All records of a file. A last line that a kill cut short is skipped; anything else that is broken is named."""
    records: list[TrialRecord] = []
    for number, text, complete in _lines(path):
        try:
            records.append(TrialRecord.from_dict(json.loads(text.decode())))
        except (ValueError, RecursionError) as error:
            if complete:
                found = text[:60].decode(errors="replace")
                problem = f"expected one trial record a line; found {found!r} ({error}). Remove the line."
                raise UsageProblem(Problem(problem, Place(str(path), number, 1))) from None
    return records


def read_run(path: Path) -> dict[str, Any]:
    """What a run was asked for. Raises UsageProblem."""
    expected = f"the {RUN} of a run"
    run = read_json(path, expected)
    if not isinstance(run, dict):
        raise UsageProblem(Problem(f"expected {expected}; found other JSON", Place(str(path))))
    for name, (kind, called) in _RUN.items():
        kinds = (int, float) if kind is float else kind
        if name in run and not isinstance(run[name], kinds):
            raise UsageProblem(Problem(f"{name}: expected {called}; found {run[name]!r}", Place(str(path))))
    return run


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Only a newline ends a line: in a message stands what Unicode calls a line's end as well, and a kill may cut a
    character in two."""
    *complete, torn = path.read_bytes().split(b"\n")
    for number, text in enumerate((*complete, torn), 1):
        if text.strip():
            yield number, text, number <= len(complete)


def sorted_records(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    return sorted(records, key=lambda record: (record.scenario, record.trial))
