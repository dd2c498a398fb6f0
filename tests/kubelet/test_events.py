"""What a recorder folds, combines and leaves out."""

from __future__ import annotations

import re

import pytest

from healgate.embedded.api.registry import Registry
from healgate.embedded.clock import Clock
from healgate.embedded.events import Recorder, SchedulerRecorder
from healgate.embedded.store import Store

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "web", "namespace": "default", "uid": "u-1", "resourceVersion": "7"},
}


class Office:
    def __init__(self) -> None:
        self.clock = Clock()
        self.registry = Registry(Store(self.clock), self.clock)
        if self.registry.find("namespaces", None, "default") is None:
            self.registry.create("namespaces", {"metadata": {"name": "default"}})
        self.recorder = Recorder(self.registry, self.clock, "kubelet", "node-1")

    def all(self) -> list[dict]:
        return self.registry.list("events", "default")

    def tell(self, message: str = "m", type: str = "Warning", times: int = 1, every: float = 0.0) -> None:
        for _ in range(times):
            self.recorder.event(POD, type, "Unhealthy", message, "spec.containers{main}")
            self.clock.run_for(every)


@pytest.fixture
def office() -> Office:
    return Office()


def test_one_event_as_a_kubelet_writes_it(office: Office):
    office.tell()
    (event,) = office.all()
    assert re.fullmatch(r"web\.[0-9a-f]{16}", event["metadata"]["name"])
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "default",
        "name": "web",
        "uid": "u-1",
        "apiVersion": "v1",
        "resourceVersion": "7",
        "fieldPath": "spec.containers{main}",
    }
    assert event["source"] == {"component": "kubelet", "host": "node-1"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "node-1")
    assert (event["count"], event["type"], event["eventTime"]) == (1, "Warning", None)
    assert event["firstTimestamp"] == event["lastTimestamp"]


def test_repeats_amend_the_same_object(office: Office):
    office.tell(times=3, every=10.0)
    (event,) = office.all()
    assert event["count"] == 3
    assert event["firstTimestamp"] < event["lastTimestamp"]


def test_after_twenty_five_it_goes_quiet_and_then_the_count_jumps(office: Office):
    office.tell(times=40, every=1.0)
    assert office.all()[0]["count"] == 25
    office.clock.run_for(300.0)
    office.tell()
    assert office.all()[0]["count"] == 41


def test_the_silence_is_per_object_and_type(office: Office):
    office.tell(times=40)
    office.tell("n", type="Normal")
    assert {event["message"] for event in office.all()} == {"m", "n"}


def test_a_new_reason_may_never_be_seen(office: Office):
    office.tell(times=25)
    office.recorder.event(POD, "Warning", "BackOff", "new")
    assert [event["reason"] for event in office.all()] == ["Unhealthy"]


def test_ten_different_messages_are_combined(office: Office):
    for number in range(15):
        office.tell(f"attempt {number}")
    messages = [event["message"] for event in office.all()]
    assert len(messages) == 10
    combined = [event for event in office.all() if event["message"].startswith("(combined")]
    assert [event["message"] for event in combined] == ["(combined from similar events): attempt 14"]
    assert combined[0]["count"] == 6


def test_an_event_is_gone_an_hour_after_its_last_write(office: Office):
    office.tell(times=2, every=600.0)
    office.clock.run_for(3500.0 - 600.0)
    assert office.all()
    office.clock.run_for(200.0)
    assert not office.all()
    office.tell()
    assert office.all()[0]["count"] == 3, "a recorder remembers longer than the server"


def test_the_schedulers_events_are_a_series(office: Office):
    recorder = SchedulerRecorder(office.registry, office.clock)
    for _ in range(3):
        recorder.event(POD, "Warning", "FailedScheduling", "0/1 nodes are available", "Scheduling")
    (event,) = office.all()
    assert event["series"]["count"] == 2
    assert event["eventTime"].endswith("Z")
    assert (event["firstTimestamp"], event["action"], event["source"]) == (None, "Scheduling", {})
    assert event["reportingComponent"] == "default-scheduler"


def test_a_namespace_that_is_going_away_silences_quietly(office: Office):
    office.recorder.event({**POD, "metadata": {**POD["metadata"], "namespace": "nowhere"}}, "Normal", "X", "y")
    assert not office.all()
