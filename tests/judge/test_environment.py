"""Who puts a setting right has mended nothing while the containers run on with another one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from healgate.evidence import Recovery, Ref
from healgate.judge import Judgement
from healgate.words import CrashClass, Reason, Verdict, Word

from .some_evidence import BACKEND, BACKEND_POD, START, Trial, obj

DATA = Ref("ConfigMap", "data")
WHOLE: dict[str, Any] = {"envFrom": [{"configMapRef": {"name": "data"}}]}
ENTRY: dict[str, Any] = {
    "env": [{"name": "L", "valueFrom": {"configMapKeyRef": {"name": "data", "key": "LEVEL"}}}],
}
RIGHT = [{"object": "ConfigMap/data", "path": "data.LEVEL", "matches": "^info|debug$"}]


def made(container: dict[str, Any]) -> Trial:
    """A setting is broken, and a healer that says the right things is about to mend it."""
    trial = Trial()
    for field, value in container.items():
        trial.had(BACKEND_POD, f"spec.containers[api].{field}", value)
    trial.had(DATA, "data", {"LEVEL": "info", "SIZE": "1"})
    trial.changes(DATA, 60, "data", {"LEVEL": "shout", "SIZE": "1"})
    trial.says(Word.DETECTED, 75)
    trial.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    return trial


def writes(trial: Trial, at: float, level: str, size: str = "1") -> None:
    trial.patches(DATA, at, "data", {"LEVEL": level, "SIZE": size})


def starts(trial: Trial, at: float, state: str = "running", pod: Ref = BACKEND_POD) -> None:
    stamp = datetime.fromtimestamp(int(START + at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"name": "api", "restartCount": 1, "state": {state: {"startedAt": stamp}}}
    trial.changes(pod, at, "status", {"containerStatuses": [status]})


def judged(trial: Trial, right: list[dict[str, Any]] = RIGHT) -> Judgement:
    trial.patches(BACKEND, 85, "spec.template.metadata", {"annotations": {"restarted": "now"}})
    trial.works(105)
    return trial.judged(right=right)


@pytest.mark.parametrize("container", [WHOLE, ENTRY])
@pytest.mark.parametrize("state", ["running", "terminated"])
def test_what_started_on_a_guess_and_runs_on_is_not_mended(container: dict[str, Any], state: str) -> None:
    trial = made(container)
    writes(trial, 80, "loud")
    starts(trial, 90, state)
    writes(trial, 100, "info")
    found = judged(trial)
    assert found.reason is Reason.NOT_REMEDIATED
    assert "api of Pod/backend-1-a was started with another LEVEL than ConfigMap/data has now" in found.message


def test_a_neighbour_that_started_on_a_guess_is_not_mended_either() -> None:
    trial = made(WHOLE)
    neighbour = Ref("Pod", "other-1-a")
    trial.had(neighbour, "spec.containers[api].envFrom", WHOLE["envFrom"])
    writes(trial, 80, "loud")
    starts(trial, 90, pod=neighbour)
    writes(trial, 100, "info")
    assert "api of Pod/other-1-a was started with another LEVEL" in judged(trial).message


@pytest.mark.parametrize("container", [WHOLE, ENTRY])
def test_what_was_started_again_after_the_guess_is_mended_then(container: dict[str, Any]) -> None:
    trial = made(container)
    writes(trial, 80, "loud")
    starts(trial, 90)
    writes(trial, 100, "info")
    starts(trial, 104)
    trial.evidence.recoveries.append(Recovery(START + 95, START + 101, "its pods were replaced", gently=True))
    found = judged(trial)
    assert found.verdict is Verdict.PASS, found.message
    assert found.times.recover == 34  # while it was rolled it served on, and not rightly yet


def test_a_setting_of_which_the_scenario_says_nothing_counts_as_well() -> None:
    trial = made(WHOLE)
    writes(trial, 80, "info", size="0")
    starts(trial, 90)
    writes(trial, 100, "info")
    found = judged(trial)
    assert found.reason is Reason.NOT_REMEDIATED
    assert "with another SIZE than" in found.message


@pytest.mark.parametrize(
    ("at", "level", "why"),
    [
        (50, "", "it started before the break"),
        (90, "debug", "another value that is right as well"),
        (90, "shout", "what the break left, which this container does not mind"),
        (99, "loud", "in the second of the write, as far as can be told"),
    ],
)
def test_what_started_on_a_right_value_need_not_start_again(at: float, level: str, why: str) -> None:
    trial = made(WHOLE)
    if level:
        writes(trial, 80, level)
    starts(trial, at)
    writes(trial, 100, "info")
    found = judged(trial)
    assert found.verdict is Verdict.PASS, (why, found.message)


def test_a_secret_that_was_gone_and_came_back_the_same_never_changed() -> None:
    trial = made({"env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "data", "key": "password"}}}]})
    secret = Ref("Secret", "data")
    trial.had(secret, "data", {"password": "eA=="})
    before = trial.now[secret]
    starts(trial, 30)
    trial.goes(secret, 60)
    writes(trial, 80, "info")
    trial.appears(before, 90)
    found = judged(trial, [*RIGHT, {"object": "Secret/data", "path": "data[password]", "present": True}])
    assert found.verdict is Verdict.PASS, found.message


@pytest.mark.parametrize(
    "over", [{"value": "info"}, {"valueFrom": {"configMapKeyRef": {"name": "data", "key": "SIZE"}}}]
)
def test_what_stands_over_a_value_of_the_source_is_none_of_it(over: dict[str, Any]) -> None:
    trial = made({**WHOLE, "env": [{"name": "LEVEL", **over}]})
    writes(trial, 80, "loud")
    starts(trial, 90)
    writes(trial, 100, "info")
    found = judged(trial)
    assert found.verdict is Verdict.PASS, found.message


@pytest.mark.parametrize("asked", ["^info|debug$", "^\\w+$"])
def test_what_started_without_an_entry_runs_on_without_it(asked: str) -> None:
    trial = made(WHOLE)
    trial.patches(DATA, 80, "data", {"SIZE": "1"})
    starts(trial, 90)
    writes(trial, 100, "info")
    right = [{"object": "ConfigMap/data", "path": "data.LEVEL", "matches": asked}]
    assert "was started with another LEVEL than" in judged(trial, right).message


def test_what_is_right_in_another_object_is_not_right_in_this_one() -> None:
    trial = made(WHOLE)
    stood = {Ref("ConfigMap", "other"): obj("ConfigMap", "other", data={"LEVEL": "loud"})}
    trial.now |= stood
    trial.evidence.baseline = {**trial.evidence.baseline, **stood}
    writes(trial, 80, "loud")
    starts(trial, 90)
    writes(trial, 100, "info")
    found = judged(trial, [{"object": "ConfigMap/other", "path": "data.LEVEL", "matches": "^loud$"}])
    assert "was started with another LEVEL than" in found.message


def test_a_status_that_makes_no_sense_makes_no_error() -> None:
    trial = made(WHOLE)
    writes(trial, 80, "info")
    for stamp in ("yesterday", 5, None):
        status = {"name": "api", "restartCount": 0, "state": {"running": {"startedAt": stamp}}}
        trial.changes(BACKEND_POD, 90, "status", {"containerStatuses": [status]})
    found = judged(trial)
    assert found.verdict is Verdict.PASS, found.message
