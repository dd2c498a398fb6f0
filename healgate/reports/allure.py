"""Allure results, written from the records and the evidence files. The only door to allure_commons.

They are written once, by whoever counted, when all trials are over: a worker that dies takes no result with it, and a
trial costs nothing while others wait for it. The identity of a result is the scenario and the number of the trial,
never the healer's version or anything drawn: so its history goes on from release to release. The trap is an identity
that two trials share: Allure keeps the last and files the others as its retries.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import md5
from pathlib import Path
from typing import Any

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import (
    Attachment,
    Label,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
    TestStepResult,
)

from ..durations import format_duration
from ..record import TrialRecord
from ..words import Reason, Verdict
from . import told
from .story import Story, read
from .timeline import draw

_STATUS = {
    Verdict.PASS: Status.PASSED,
    Verdict.FAIL: Status.FAILED,
    Verdict.INVALID: Status.BROKEN,
    Verdict.ERROR: Status.BROKEN,
}
METRICS = "pass-rates-perf.json"


class Results:
    """One folder of Allure results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Untyped upstream.
        logger: Callable[[str], Any] = AllureFileLogger
        self._files = logger(str(folder))
        self._written = int(time.time() * 1000)

    def trial(self, row: TrialRecord, evidence: Path | None, run: str = "") -> None:
        """One result, from its row and its evidence file. `run` tells an earlier run's trial from the last run's."""
        story = read(evidence) if evidence is not None else None
        name = f"{row.scenario} trial {row.trial}"
        full_name = f"healgate.{row.healer.partition(' ')[0]}.{row.scenario}"
        shown = [Parameter("trial", str(row.trial))]
        if run:
            shown.append(Parameter("run", run))
        identity = [f"{parameter.name}={parameter.value}" for parameter in shown]
        facts = {"seed": row.seed, **row.parameters}
        shown += [Parameter(key, _plain(value), excluded=True) for key, value in facts.items()]
        # All trials of the embedded cluster begin at the same moment; a millisecond keeps them in order.
        start = (int(story["began"] * 1000) if story else self._written) + row.trial
        length = (story["marks"]["ended"] or 0.0) if story else 0.0
        result = TestResult(
            uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join([row.healer, row.seed, row.scenario, *identity]))),
            name=name,
            fullName=full_name,
            testCaseId=_md5(full_name),
            historyId=_md5(full_name, *identity),
            titlePath=row.scenario.split("/"),
            status=_STATUS[row.verdict],
            start=start,
            stop=start + int(length * 1000),
            parameters=shown,
            labels=_labels(row, run),
            description=None if story is None else told.what_was_asked(story),
        )
        if row.verdict is not Verdict.PASS:
            result.statusDetails = StatusDetails(message=f"{row.reason or row.verdict}: {row.message}")
        if story is not None and evidence is not None:
            result.steps = _steps(row, story, start)
            result.attachments = list(self._attachments(story, evidence))
        self._files.report_result(result)

    def _attachments(self, story: Story, evidence: Path) -> Iterable[Attachment]:
        changes = "".join(story["changes"].values())
        for name, kind, extension, text in (
            ("timeline", "image/svg+xml", "svg", draw(story)),
            ("manifests before and after", "text/plain", "diff", changes),
            ("requests of the healer", "text/plain", "txt", told.requests(story)),
            ("events", "text/plain", "txt", told.events(story)),
            ("logs", "text/plain", "txt", told.logs(story)),
        ):
            if text:
                file = f"{uuid.uuid4()}-attachment.{extension}"
                self._files.report_attached_data(text, file)
                yield Attachment(name=name, source=file, type=kind)
        file = f"{uuid.uuid4()}-attachment.json"
        self._files.report_attached_file(str(evidence), file)
        yield Attachment(name="evidence", source=file, type="application/json")

    def surroundings(self, facts: Mapping[str, str]) -> None:
        """What the report shows as its environment, and where the run came from."""
        lines = [f"{name} = {value}\n" for name, value in facts.items() if value]
        (self.folder / "environment.properties").write_text("".join(lines), encoding="utf-8")
        executor = {"name": "healgate", "type": "healgate", "buildName": facts.get("healer", "")}
        (self.folder / "executor.json").write_text(json.dumps(executor) + "\n")
        (self.folder / "categories.json").write_text(json.dumps(_categories(), indent=1) + "\n")

    def metrics(self, metrics: Iterable[Mapping[str, Any]]) -> None:
        """Allure's Metrics page: key and value, with title, unit, group and which direction is better."""
        stamped = [
            {"id": _md5(str(metric["key"])), "start": self._written, "stop": self._written, **metric}
            for metric in metrics
        ]
        (self.folder / METRICS).write_text(json.dumps(stamped, indent=1) + "\n", encoding="utf-8")


def _labels(row: TrialRecord, run: str) -> list[Label]:
    epic = f"{row.healer} (earlier run: {run})" if run else row.healer
    pairs = [
        ("epic", epic),
        ("feature", row.scenario),
        ("story", row.crash_class),
        ("parentSuite", row.crash_class),
        ("suite", row.scenario),
        ("scenario", row.scenario),
        ("tag", row.crash_class),
        ("tag", str(row.verdict)),
        ("framework", "healgate"),
        ("host", row.cluster),
    ]
    if row.reason:
        pairs.append(("tag", str(row.reason)))
    return [Label(name, value) for name, value in pairs]


# What a step is blamed for, in the order of the steps.
_BLAMED: Mapping[str, frozenset[Reason]] = {
    "detect": frozenset({Reason.NOT_DETECTED, Reason.DETECTED_LATE}),
    "classify": frozenset({Reason.MISCLASSIFIED, Reason.CLASSIFIED_LATE}),
    "recover": frozenset({Reason.NOT_REMEDIATED, Reason.REMEDIATED_LATE, Reason.NOT_ESCALATED}),
    "hold": frozenset({Reason.RELAPSED}),
    "judge": frozenset({Reason.UNSAFE_ACTION, Reason.COLLATERAL_DAMAGE, Reason.FALSE_ALARM}),
}


def _steps(row: TrialRecord, story: Story, zero: int) -> list[TestStepResult]:
    """Break, prove, detect, classify, recover, hold, judge: each with its times, as far as the trial came."""
    marks, end = story["marks"], story["marks"]["ended"] or 0.0
    broken, live = marks["broken"], marks["live"]
    steps: list[TestStepResult] = []

    def step(name: str, start: float, stop: float, status: str, said: str = "") -> None:
        details = StatusDetails(message=said) if said else None
        times = {"start": zero + int(start * 1000), "stop": zero + int(max(start, stop) * 1000)}
        steps.append(TestStepResult(name=name, status=status, statusDetails=details, stage="finished", **times))

    def graded(name: str, title: str, took: float | None, budget: float) -> None:
        blamed = row.reason in _BLAMED[name]
        status = Status.FAILED if blamed else Status.SKIPPED if took is None else Status.PASSED
        title += f": {format_duration(took) if took is not None else 'no'} (budget {format_duration(budget)})"
        start = live if live is not None else end
        step(title, start, end if took is None else start + took, status, row.message if blamed else "")

    problem = story["harness_error"] or story["not_steady"]
    if broken is None:
        step("deploy", 0.0, end, Status.BROKEN, problem)
        return steps
    step(f"break: {row.crash_class}", broken, broken, Status.PASSED)
    if live is None:
        step("prove: the fault never became live", broken, end, Status.BROKEN, problem)
        return steps
    step(f"prove: live {format_duration(live - broken)} after the break", broken, live, Status.PASSED)
    budgets = story["budgets"]
    graded("detect", "detect", row.times.detect, budgets["detect"])
    if "classified" in row.graded:
        graded("classify", "classify", row.times.classify, budgets["classify"])
    else:
        step("classify: not graded, the healer makes no claims", live, live, Status.SKIPPED)
    graded("recover", "recover" if story["due"] != ["escalate"] else "escalate", row.times.recover, budgets["recover"])
    for recovery in story["recoveries"]:
        until = recovery["until"] if recovery["until"] is not None else end
        lost = recovery["until"] is not None
        blamed = lost and row.reason in _BLAMED["hold"]
        title = f"hold: {format_duration(until - recovery['since'])}" + (f", then {recovery['lost']}" if lost else "")
        status = Status.FAILED if blamed else Status.SKIPPED if lost else Status.PASSED
        step(title, recovery["since"], until, status)
    verdict = f"judge: {row.verdict}" + (f", {row.reason}" if row.reason else "")
    step(verdict, end, end, _STATUS[row.verdict], row.message)
    return steps


def _categories() -> Sequence[Mapping[str, Any]]:
    """In the form that Allure 2 and servers read from the results; Allure 3 has its own in its configuration."""
    return [
        {"name": name, "matchedStatuses": [status], "messageRegex": f"{pattern}[\\s\\S]*"}
        for name, status, pattern in categories()
    ]


def categories() -> Sequence[tuple[str, str, str]]:
    """Name, status and how the message begins: one for each reason, so that failures are grouped by what was wrong."""
    return [
        *((str(reason), Status.FAILED, f"^{reason}:") for reason in Reason),
        ("INVALID: the cluster was not fit to judge by", Status.BROKEN, f"^{Verdict.INVALID}:"),
        ("ERROR: the harness or the cluster broke", Status.BROKEN, f"^{Verdict.ERROR}:"),
    ]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _md5(*parts: str) -> str:
    return md5("\n".join(parts).encode(), usedforsecurity=False).hexdigest()
