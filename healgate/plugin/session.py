"""Where trials run: in the main thread of the only process, or of each xdist worker.

Whoever runs a trial writes it down the moment it ends, evidence first: a row in trials.jsonl is a promise that the
rest is there, and a run that is killed keeps what it finished. A trial that has a row already (--resume, or a plugin
that repeats failed tests) is not run again; its item passes or fails by that row, so a resumed run ends as the whole
run would have ended. The trap is the import of the engine: it must wait for the first trial, since pytest collects in
many runs that never have one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from .. import record
from ..problems import HarnessError, HealerFailure, UsageProblem
from ..record import TrialRecord
from ..reports import junit, story, told
from ..words import Verdict
from .collect import ScenarioFile
from .folder import Folder
from .keeper import running_of
from .options import Options

if TYPE_CHECKING:
    from ..clusters.seam import Cluster
    from ..drivers import HealerSpec

TRIALS: pytest.StashKey[Trials] = pytest.StashKey()
RECORD: pytest.StashKey[TrialRecord] = pytest.StashKey()

# The row of a trial on its report, as text: what a report carries from a worker to the controller must be plain.
ROW = "healgate_row"

_T = TypeVar("_T")
Watcher = Callable[[str, str], None]


class Trials:
    """Runs trials with one healer on one cluster."""

    def __init__(self, config: pytest.Config, options: Options, folder: Folder) -> None:
        config.stash[TRIALS] = self
        self.config = config
        self.options = options
        self.folder = folder
        self.watcher: Watcher = lambda _trial, _step: None
        self._finished: dict[str, TrialRecord] | None = None
        self._cluster: Cluster | None = None
        self._healer: HealerSpec | None = None

    @property
    def finished(self) -> dict[str, TrialRecord]:
        if self._finished is None:
            self._finished = self.folder.finished() if self.options.resume else {}
        return self._finished

    @property
    def healer(self) -> HealerSpec:
        if self._healer is None:
            from ..drivers import find_healer

            self._healer = _usage(lambda: find_healer(self.options.healer))
        return self._healer

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            from ..clusters import open_cluster

            given = [running] if (running := running_of(self.config)) is not None else []
            self._cluster = _usage(lambda: open_cluster(self.options.cluster, *given))
        return self._cluster

    def perform(self, item: pytest.Item, scenario: str, trial: int) -> None:
        """One item: run the trial or take its row, and end as its verdict says."""
        __tracebackhide__ = True
        name = f"{scenario}-t{trial}"
        if name not in self.finished:
            self.finished[name] = self._run(item, trial)
        row = self.finished[name]
        if RECORD not in item.stash:
            item.stash[RECORD] = row
            item.user_properties.extend(junit.properties(row))
        if row.verdict is Verdict.FAIL:
            raise HealerFailure(self._explain(row))
        if row.verdict is not Verdict.PASS:
            raise HarnessError(self._explain(row))

    def _run(self, item: pytest.Item, trial: int) -> TrialRecord:
        from ..trial import run_trial

        assert isinstance(item.parent, ScenarioFile)
        scenario = item.parent.scenario
        outcome = run_trial(
            scenario,
            trial,
            seed=self.options.seed,
            cluster=self.cluster,
            healer=self.healer,
            budget_scale=self.options.budget_scale,
            keep=self.options.keep,
            tell=lambda step, _: self.watcher(f"{scenario.id}-t{trial}", str(step)),
        )
        # The message also goes through pipes and to a terminal.
        message = record.writable(outcome.record.message)
        row = replace(outcome.record, evidence=self.folder.evidence(scenario.id, trial), message=message)
        tale = story.tell(outcome.evidence, outcome.plan, row, self.options.budget_scale)
        try:
            story.write(self.folder.path / row.evidence, tale)
            record.append(self.folder.trials, row.line())
            record.append(self.folder.costs, outcome.cost.line())
        except OSError as problem:
            return _unwritten(row, problem)
        return row

    def _explain(self, row: TrialRecord) -> str:
        reason = row.reason if row.reason else row.verdict
        text = f"{reason}: {row.message}"
        if row.evidence:
            path = self.folder.path / row.evidence
            with suppress(UsageProblem):  # an earlier run's may be gone
                text += f"\n{told.course(story.read(path))}"
            text = f"{text.rstrip()}\nevidence: {path}"
        return text

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """After everything was said and written: what --keep left standing can be looked into."""
        if self.options.keep and self._cluster is not None and not hasattr(config, "workerinput"):
            self._cluster.look_into(print)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the row on the report, and show a verdict's message without the harness's own frames."""
        report = yield
        row = item.stash.get(RECORD, None)
        if row is not None and call.when == "call":
            setattr(report, ROW, row.line())
            if call.excinfo is not None and isinstance(call.excinfo.value, HealerFailure | HarnessError):
                shown = call.excinfo.getrepr(style="value")
                if shown.reprcrash is not None:  # the line in pytest's short summary
                    shown.reprcrash.message = " ".join(str(call.excinfo.value).splitlines()[0].split())
                report.longrepr = shown
        return report


def _unwritten(row: TrialRecord, problem: OSError) -> TrialRecord:
    """A verdict whose evidence nobody can look at is none. Without evidence, --resume runs the trial again."""
    message = f"its result could not be written: {problem}. Make room, then run again with --resume."
    return replace(row, verdict=Verdict.ERROR, reason=None, graded=(), evidence="", message=message)


def _usage(find: Callable[[], _T]) -> _T:
    """Somebody's mistake, as pytest says such things."""
    try:
        return find()
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None
