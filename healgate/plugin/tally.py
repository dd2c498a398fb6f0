"""Counting, in the process that the person started: every trial that was asked for ends as one row.

Rows come on the reports. A worker that dies sends none, and Allure or a file of rows would simply be shorter by a
trial, so what is expected is counted too: a trial whose process died becomes an ERROR row here, and one that never
ran is missing and named. When all is over this writes the tables, the Allure results and the baseline, and lets the
gate decide.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from .. import record
from ..numbers.baseline import Baseline
from ..record import TrialRecord, sorted_records
from ..words import ExitStatus, Verdict
from .closing import Closed, close_run, nothing_ran, read_before
from .collect import Collection, trial_of
from .folder import Folder, fingerprint
from .options import Options
from .progress import Progress
from .session import ROW, TRIALS
from .summary import show

_LONGEST_MESSAGE = 500
# What xdist calls the moment at which a worker died in a test.
CRASHED = "???"


class Tally:
    def __init__(self, config: pytest.Config, options: Options, folder: Folder, collection: Collection) -> None:
        self.config = config
        self.options = options
        self.folder = folder
        self.collection = collection
        self.rows: dict[str, TrialRecord] = {}
        self.expected: dict[str, None] = {}
        self.others_failed = 0
        self.already = 0
        self.begun = False
        self.baseline: Baseline | None = None
        self.closed: Closed | None = None
        self.progress = Progress(config)
        config.stash[TRIALS].watcher = self._watch

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Before any worker starts: everything that a person may have got wrong, then whether the folder is free."""
        self.collection.load_all()
        if self.config.option.collectonly:
            return
        healer = self.config.stash[TRIALS].healer
        self.collection.check()
        asked = {name: fingerprint(scenario) for name, scenario in self.collection.scenarios.items()}
        self.baseline = read_before(self.options, asked)
        self.config.add_cleanup(self.folder.release)
        with self.folder.room():
            self.folder.prepare(healer.label, asked)
        if self.options.resume:
            self.expected = dict.fromkeys(self.folder.expected())
            self.rows = dict(sorted(self.folder.kept().items()))
            self.already = len(self.rows)

    def pytest_report_header(self) -> list[str]:
        options = self.options
        lines = [
            f"healgate: healer {options.healer}, cluster {options.cluster}, seed {options.seed}, "
            f"{options.trials} {'trial' if options.trials == 1 else 'trials'} of each scenario"
            + (f", budgets x {options.budget_scale:g}" if options.budget_scale != 1 else "")
            + f", results in {self._short(self.folder.path)}"
        ]
        if self.already:
            lines.append(f"healgate: going on after {self.already} finished trials; they are not run again")
        return lines

    def _short(self, path: os.PathLike[str]) -> str:
        relative = os.path.relpath(path, self.config.invocation_params.dir)
        return str(path) if relative.startswith("..") else relative

    # -- what is expected

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._expect(ids)

    def _expect(self, nodeids: Iterable[str]) -> None:
        """Before the first trial begins, so that a killed run tells what it lacks."""
        before = len(self.expected)
        trials = [trial for nodeid in nodeids if (trial := trial_of(nodeid)) is not None]
        self.expected.update((f"{scenario}-t{trial}", None) for scenario, trial in trials)
        if not trials or self.config.option.collectonly:
            return
        with self.folder.room():
            if not self.begun:
                self.folder.begin()
                self.begun = True
            if len(self.expected) > before:
                self.folder.expect(self.expected)

    # -- what comes

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.others_failed += report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        trial = trial_of(report.nodeid)
        if trial is None:
            self.others_failed += report.failed
            return
        name = f"{trial[0]}-t{trial[1]}"
        if (row := getattr(report, ROW, None)) is not None:
            # Whatever comes after a trial's first row, it does not run until it passes.
            self.rows.setdefault(name, TrialRecord.from_dict(json.loads(row)))
        elif report.skipped and name not in self.rows:
            self.expected.pop(name, None)
        elif report.failed and name in self.rows:
            self.others_failed += report.when != CRASHED
        elif report.failed and (row := self._written(name, report)) is not None:
            self.rows[name] = row
        elif report.failed:
            self._lost(name, *trial, report)
        self._watch()

    def _written(self, name: str, report: pytest.TestReport) -> TrialRecord | None:
        """A worker may die after it has written the row and before it could say so: that trial is finished."""
        return self.folder.finished().get(name) if report.when == CRASHED else None

    def _lost(self, name: str, scenario: str, trial: int, report: pytest.TestReport) -> None:
        """A trial that ended without a row: the process that ran it died, or something around it broke."""
        known = next(iter(self.rows.values()), None)
        loaded = self.collection.scenarios.get(scenario)
        row = TrialRecord(
            scenario=scenario,
            trial=trial,
            seed=self.options.seed,
            healer=self.config.stash[TRIALS].healer.label,
            cluster=self.options.cluster,
            kubernetes=known.kubernetes if known else "",
            timing=known.timing if known else "",
            crash_class=str(loaded.default.crash_class) if loaded else "",
            verdict=Verdict.ERROR,
            message=_said(report)[:_LONGEST_MESSAGE],
        )
        self.rows[name] = row
        with suppress(OSError):  # it is written again, with all others, at the end
            record.append(self.folder.trials, row.line())

    def _watch(self, trial: str = "", step: str = "") -> None:
        now = f"{trial}: {step}" if trial else ""
        self.progress.tell((row.verdict for row in self.rows.values()), self.already, len(self.expected), now)

    # -- the end

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None]:
        """Around pytest's own writers, so that a full disk ends them with a message too."""
        if self.config.option.collectonly:
            return (yield)
        if not self.begun:
            self.closed = nothing_ran(self.config.stash[TRIALS].healer.label, self.options)
            session.exitstatus = self._status(exitstatus)
            with self._without_our_junit():
                return (yield)
        rows = sorted_records(self.rows.values())
        healer = self.config.stash[TRIALS].healer.label
        self.closed = close_run(healer, rows, self.expected, self.options, self.folder, self.baseline)
        session.exitstatus = self._status(exitstatus)
        try:
            result = yield
        except OSError as problem:
            result = None
            self.closed = replace(self.closed, unwritten=self.closed.unwritten or str(problem))
        if self.closed.unwritten:
            session.exitstatus = ExitStatus.CANNOT_JUDGE
        return result

    def _status(self, exitstatus: int) -> int:
        if self.closed is None:
            return exitstatus
        if self.closed.decision is not None:
            exitstatus = final_status(exitstatus, self.closed.decision.status, self.others_failed)
        return self.closed.saved.status(exitstatus)

    @contextmanager
    def _without_our_junit(self) -> Iterator[None]:
        """pytest's writer would put an empty file over the one that an earlier run left."""
        xml = self.config.stash.get(xml_key, None)
        if xml is None or self.config.option.xmlpath != str(self.folder.junit):
            yield
            return
        xml.logfile = os.devnull
        yield
        self.config.pluginmanager.unregister(xml)
        del self.config.stash[xml_key]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None]:
        result = yield
        if self.closed is not None:
            show(terminalreporter, self.closed, self._short(self.folder.path), self.others_failed)
        return result


def final_status(pytest_status: int, gate: int, others_failed: int) -> int:
    """The gate decides over trials. A test of the person's own that failed is never hidden by it, nor is an
    interrupted run or a usage error."""
    if pytest_status == pytest.ExitCode.NO_TESTS_COLLECTED:
        return gate or pytest_status
    if pytest_status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return pytest_status
    if gate == ExitStatus.PASSED and others_failed:
        return int(pytest.ExitCode.TESTS_FAILED)
    return gate


def _said(report: pytest.TestReport) -> str:
    """What happened, in a line: of a traceback the exception, of a dead worker what xdist says."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return " ".join(text.split()) or "the trial ended without a result"
