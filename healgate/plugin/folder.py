"""The one folder that everything a run writes goes into.

It is emptied before the first trial, and stays as it is where none comes. The trap is somebody's folder that is not
ours: only what an earlier run left is taken away, by name, and only where `run.json` or `trials.jsonl` shows that there
was one. The other trap is company: a second run in the same folder, or workers that outlive their run by the trial that
they are in when it is killed. So every process of a run holds the folder while it lives, and a run begins when nobody
else does. A lock of the kernel's: of a killed process nothing stays behind.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .. import record
from ..problems import UsageProblem
from ..record import TrialRecord
from ..scenario.catalogue import LoadedScenario
from ..words import Verdict
from .options import Options

ALLURE = "allure-results"
JUNIT = "junit.xml"
_OURS = (record.TRIALS, record.COSTS, record.RATES, record.EVIDENCE, record.RUN, ALLURE, JUNIT)
# How long, in real seconds, a run waits for the last workers of one that was killed.
PATIENCE = 20.0
# What makes two halves one run. Names as the options have them.
_SAME = ("seed", "healer", "cluster", "timing", "budget-scale")


class Folder:
    """--out."""

    def __init__(self, options: Options) -> None:
        self.path = options.out
        self.options = options
        self._held: int | None = None
        self._asked: dict[str, Any] = {}

    @property
    def trials(self) -> Path:
        return self.path / record.TRIALS

    @property
    def costs(self) -> Path:
        return self.path / record.COSTS

    @property
    def rates(self) -> Path:
        return self.path / record.RATES

    @property
    def allure(self) -> Path:
        return self.path / ALLURE

    @property
    def junit(self) -> Path:
        return self.path / JUNIT

    def evidence(self, scenario: str, trial: int) -> str:
        """Relative to the folder, as it stands in the record."""
        return f"{record.EVIDENCE}/{scenario}-t{trial}.json"

    def prepare(self, healer: str, fingerprints: Mapping[str, str]) -> None:
        """See that the run may write here, with --resume that it is a part of the one before, and keep others out. What
        is there stays until there is something to run."""
        run = {
            "seed": self.options.seed,
            "healer": healer,
            "cluster": self.options.cluster,
            # Another cluster has its own, which nobody chooses here.
            "timing": self.options.timing if self.options.cluster == "kind" else "",
            "budget-scale": self.options.budget_scale,
            "scenarios": dict(fingerprints),
        }
        self._see_that_it_is_ours()
        self._begin_alone()
        self._asked = self._continued(run) if self.options.resume else run
        self.hold()

    def begin(self) -> None:
        """Take away what is not of this run. Once, before any trial."""
        if self.options.resume:
            _cut_torn_line(self.trials)
            _cut_torn_line(self.costs)
            self._forget_unfinished()
        else:
            self._empty()
        self._write_run(self._asked)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Before any trial: a folder that takes nothing ends the run, with a word about it."""
        try:
            yield
        except OSError as problem:
            raise pytest.UsageError(f"--out {self.path}: expected a folder to write into; {problem}") from None

    def hold(self) -> None:
        """While this process lives, no other run begins here."""
        if self._held is None:
            self._held = os.open(self.path, os.O_RDONLY)
        _lock(self._held, fcntl.LOCK_SH)

    def release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def expect(self, trials: Iterable[str]) -> None:
        """Write down what the run is to have in the end: what is missing must show wherever the folder is read."""
        run = self._run()
        run["expected"] = list(trials)
        self._write_run(run)

    def expected(self) -> list[str]:
        """Also what the run that is resumed was asked for."""
        trials: list[str] = self._asked.get("expected", [])
        return trials

    def fingerprints(self) -> dict[str, str]:
        """Of all scenarios that this run, and the part of it that is resumed, was asked about."""
        scenarios: dict[str, str] = self._run()["scenarios"]
        return scenarios

    def forget_allure(self) -> None:
        """Results have names of chance: those of a run that is resumed would stand beside their own copies."""
        shutil.rmtree(self.allure, ignore_errors=True)

    def finished(self) -> dict[str, TrialRecord]:
        """The trials with a result, by id: the first one written counts."""
        try:
            rows = record.read_trials(self.trials) if self.trials.exists() else []
        except UsageProblem as problem:
            raise pytest.UsageError(str(problem)) from None
        return {row.id: row for row in reversed(rows)}

    def kept(self) -> dict[str, TrialRecord]:
        """Those that --resume does not run again. A row without evidence stands for a process that died in the middle
        of a trial: that one was never run."""
        return {name: row for name, row in self.finished().items() if row.verdict is not Verdict.ERROR or row.evidence}

    def _forget_unfinished(self) -> None:
        kept = self.kept()
        if len(kept) < len(self.finished()):
            self.write_rows(kept.values())

    def write_rows(self, rows: Iterable[TrialRecord]) -> None:
        _write_whole(self.trials, "".join(row.line() for row in rows))

    def _run(self) -> dict[str, Any]:
        return record.read_run(self.path / record.RUN)

    def _write_run(self, run: Mapping[str, Any]) -> None:
        _write_whole(self.path / record.RUN, json.dumps(run, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    def _begin_alone(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.path))
            self._held = os.open(self.path, os.O_RDONLY)
        except OSError as problem:
            raise pytest.UsageError(f"--out {self.path}: expected a folder to write into; {problem.strerror}") from None
        deadline = time.monotonic() + PATIENCE
        while not _lock(self._held, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                self.release()
                raise pytest.UsageError(
                    f"--out {self.path}: another run is writing there. Wait for its end, or choose another --out."
                )
            time.sleep(0.05)

    def _see_that_it_is_ours(self) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise pytest.UsageError(f"--out {self.path}: expected a folder; found a file")
        found = sorted(path.name for path in self.path.iterdir())
        if found and record.RUN not in found and record.TRIALS not in found:
            raise pytest.UsageError(
                f"--out {self.path}: expected no folder yet, an empty one or that of an earlier run; found {found[0]}"
                f"{' and more' if len(found) > 1 else ''}. It would be overwritten: choose another --out."
            )

    def _empty(self) -> None:
        for name in _OURS:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _continued(self, run: dict[str, Any]) -> dict[str, Any]:
        path = self.path / record.RUN
        if not path.exists():
            if self.trials.exists():
                raise pytest.UsageError(
                    f"--resume: {self.path} holds trials and no {path.name}, so nobody knows of which healer they are. "
                    "Give another --out, or begin anew without --resume."
                )
            return run
        try:
            before = self._run()
        except UsageProblem as problem:
            raise pytest.UsageError(f"{problem}. Without --resume the folder is begun anew.") from None
        for name in _SAME:
            if before.get(name) != run[name]:
                raise pytest.UsageError(
                    f"--resume: {self.path} holds a run with {name} {before.get(name)!r}, this one has {run[name]!r}. "
                    "Give the same as before, or another --out."
                )
        known = before.get("scenarios", {})
        changed = [name for name, digest in run["scenarios"].items() if known.get(name, digest) != digest]
        if changed:
            raise pytest.UsageError(
                f"--resume: {', '.join(changed)} changed since the run in {self.path} began. "
                "Begin anew without --resume."
            )
        return {**before, **run, "scenarios": {**known, **run["scenarios"]}}


def _lock(descriptor: int, how: int) -> bool:
    """False: somebody else holds it. Where a file system knows no locks, everybody is believed to be alone."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _write_whole(path: Path, text: str) -> None:
    """In one step: whoever is killed here leaves what was there before."""
    new = path.with_suffix(".new")
    try:
        new.write_text(text, encoding="utf-8", errors="backslashreplace")  # which JSON reads back as it was
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _cut_torn_line(path: Path) -> None:
    """A kill may leave half a line; what is appended next would be glued to it."""
    if path.exists():
        whole = path.read_bytes()
        if not whole.endswith(b"\n"):
            os.truncate(path, whole.rfind(b"\n") + 1)


def fingerprint(scenario: LoadedScenario) -> str:
    """Of the scenario file and of the workload that it breaks: two runs with the same one asked the same."""
    total = hashlib.sha256(scenario.path.read_bytes())
    for path in sorted(scenario.workload_folder.rglob("*.yaml")):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()[:16]
