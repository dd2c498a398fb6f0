"""What the reference healer makes of a symptom, where more than one thing happened to the same container."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from healers.reference.access import Access
from healers.reference.diagnosis import Diagnosis, diagnose
from healers.reference.symptoms import Symptom

POD = {"metadata": {"name": "backend-1", "namespace": "shop", "uid": "1"}, "spec": {}}
NO_DATABASE = "ERROR cannot reach database: dial tcp database:5432: connect: connection refused"


def killed(at: float) -> dict[str, Any]:
    return {
        "reason": "Killing",
        "message": "Container api failed liveness probe, will be restarted",
        "involvedObject": {"fieldPath": "spec.containers{api}"},
        "lastTimestamp": datetime.fromtimestamp(at, UTC).isoformat(),
    }


def told(symptom: Symptom, *events: dict[str, Any], log: str, served: bool) -> Diagnosis:
    endpoints = [{"endpoints": [{"conditions": {"ready": served}}]}]
    access = Access.__new__(Access)
    access.events_about = lambda _pod: list(events)  # type: ignore[method-assign]
    access.log = lambda _pod, _container: log  # type: ignore[method-assign]
    access.discovery = SimpleNamespace(list_namespaced_endpoint_slice=lambda *_, **__: _answer(endpoints))
    return diagnose(access, symptom)


def _answer(items: list[Any]) -> Any:
    return SimpleNamespace(data=json.dumps({"items": items}))


def crashed(code: int = 1) -> Symptom:
    return Symptom(POD, "api", "crash", code, "Error", began=100)


@pytest.mark.parametrize(
    ("at", "code", "crash_class"),
    [
        (99, 1, "exit"),
        (100, 1, "failing-probe"),
        (120, 1, "failing-probe"),
        (99, 137, "failing-probe"),
        (99, 143, "failing-probe"),
        (99, 0, "failing-probe"),
    ],
)
def test_a_probe_is_to_blame_for_the_run_that_it_had_killed(at: float, code: int, crash_class: str) -> None:
    """Seen on a busy node: killed once while it started, and then every crash of it was blamed on the probe.

    And the other way round: of a program that ends in peace when told to, the last kill's event was missing.
    """
    assert told(crashed(code), killed(at), log="panic: boom", served=True).crash_class == crash_class


@pytest.mark.parametrize(("code", "unexplained"), [(0, True), (143, True), (137, True), (1, False)])
def test_who_was_told_to_end_is_not_explained_by_its_log(code: int, unexplained: bool) -> None:
    assert told(crashed(code), log="INFO shutting down", served=True).unexplained is unexplained
    if code != 137:  # who is killed cannot have written why
        assert not told(crashed(code), log=NO_DATABASE, served=False).unexplained


@pytest.mark.parametrize("symptom", [crashed(), Symptom(POD, "api", "unready")], ids=lambda symptom: str(symptom.what))
@pytest.mark.parametrize(("served", "crash_class"), [(False, "dependency"), (True, "failing-probe")])
def test_who_fails_its_probes_while_it_waits_for_another_is_its_victim(
    symptom: Symptom, served: bool, crash_class: str
) -> None:
    assert told(symptom, killed(110), log=NO_DATABASE, served=served).crash_class == crash_class
