"""What the reference healer does where it is not sure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from healers.reference import healer as module
from healers.reference.diagnosis import Diagnosis
from healers.reference.healer import PUZZLED_AT_MOST, Healer, Incident
from healers.reference.symptoms import Symptom, seconds

OWNER = {"kind": "Deployment", "metadata": {"name": "node-agent", "namespace": "platform", "uid": "1"}}
UNEXPLAINED = Diagnosis("exit", "exit", note="attempting to acquire leader lease platform/node-agent...")
ELECTION = Diagnosis("dependency", "election", "10.0.0.9:7445")


class Words:
    """The report, as a list."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __getattr__(self, word: str) -> Any:
        return lambda *_, **__: self.said.append(word)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(value=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.value))
    return clock


NO_REMEDY = module.remedies.Remedy("no sound remedy")


def looks(monkeypatch: pytest.MonkeyPatch, *, finds: Diagnosis, would: module.remedies.Remedy = NO_REMEDY) -> None:
    monkeypatch.setattr(module, "diagnose", lambda _access, _symptom: finds)
    monkeypatch.setattr(module.remedies, "choose", lambda *_: would)


def test_a_crash_that_nothing_explains_is_looked_at_again(now: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    """Seen on kind: the log that it got was of a run two seconds old, and it called a human where nothing was due."""
    words = Words()
    healer = Healer(None, words)
    incident = Incident(OWNER, Symptom({}, "controller", "crash", 1), now.value, now.value)
    looks(monkeypatch, finds=UNEXPLAINED)
    healer.treat(incident)
    now.value += PUZZLED_AT_MOST - 1
    healer.treat(incident)
    assert words.said == []
    now.value += 2
    healer.treat(incident)
    assert words.said == ["classified", "escalated"]


def test_one_that_is_explained_by_then_is_not(now: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    words = Words()
    healer = Healer(None, words)
    incident = Incident(OWNER, Symptom({}, "controller", "crash", 1), now.value, now.value)
    looks(monkeypatch, finds=UNEXPLAINED)
    healer.treat(incident)
    looks(monkeypatch, finds=ELECTION)
    healer.treat(incident)
    assert words.said == ["classified", "escalated"]
    assert incident.diagnosis == ELECTION


def test_who_was_stopped_by_nobody_knows_whom_is_looked_at_again(now: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    """Seen on kind: the kubelet's word for why it killed came after the state, and it rolled back an "exit"."""
    words, done = Words(), []
    healer = Healer(None, words)
    incident = Incident(OWNER, Symptom({}, "controller", "crash", 0), now.value, now.value)
    roll_back = module.remedies.Remedy("roll back", lambda: done.append("rolled back"))
    looks(monkeypatch, finds=Diagnosis("exit", "exit", unexplained=True), would=roll_back)
    healer.treat(incident)
    assert (words.said, done) == ([], [])
    looks(monkeypatch, finds=Diagnosis("failing-probe", "liveness"), would=roll_back)
    healer.treat(incident)
    assert incident.diagnosis == Diagnosis("failing-probe", "liveness")
    assert (words.said, done) == (["classified"], ["rolled back"])


CREATED = "2026-11-21T12:00:00Z"
CREATING = {
    "metadata": {"name": "backend-1", "namespace": "platform", "uid": "2", "creationTimestamp": CREATED},
    "status": {
        "containerStatuses": [
            {"name": "api", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}
        ]
    },
}


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([], None),
        ([{"reason": "Pulling", "message": "Pulling image"}], None),
        ([{"reason": "FailedMount", "message": 'MountVolume.SetUp failed: secret "tls" not found'}], "mount"),
        ([{"reason": "FailedCreatePodSandBox", "message": "Failed to create pod sandbox"}], "mount"),
    ],
)
def test_a_pod_that_is_long_created_is_sick_only_if_something_failed(events: list[Any], found: str | None) -> None:
    """Seen on a busy node: forty seconds of ContainerCreating, which a rollback then "healed"."""
    healer = Healer(None, Words())
    healer.access = SimpleNamespace(events_about=lambda _pod: events)  # type: ignore[assignment]
    symptom = healer.symptom_of(CREATING, seconds(CREATED) + 60)
    assert (symptom and symptom.what) == found


@pytest.mark.parametrize(("later", "tries"), [(200.0, ["restart"]), (2000.0, [])])
def test_what_falls_ill_again_was_not_healed(now: SimpleNamespace, later: float, tries: list[str]) -> None:
    """Else whoever does not see the cause goes on restarting for ever, one incident after the other."""
    healer = Healer(None, Words())
    first = healer.opened(OWNER, Symptom({}, "agent", "crash", 1), now.value)
    first.attempts.append("restart")
    healer.incidents[first.key] = first
    healer.pods["1"] = {"metadata": {"uid": "1", "namespace": "platform", "name": "node-agent"}}
    healer.examine = lambda _pod: None  # type: ignore[method-assign]
    healer.well = lambda _incident: True  # type: ignore[method-assign]
    healer.memory.remember = lambda *_: None  # type: ignore[method-assign]
    now.value += 100.0
    healer.look_again()
    assert (healer.incidents, healer.report.said) == ({}, ["remediated"])
    now.value = 1000.0 + later
    assert healer.opened(OWNER, Symptom({}, "agent", "crash", 1), now.value).attempts == tries
