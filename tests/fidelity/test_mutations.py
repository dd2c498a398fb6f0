"""A simulation that is broken on purpose is caught by a recording: ten and more ways, each by one that shows it.

The trap that this is against: a comparison with so much patience, and so many draws, that a wrong cluster passes.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from healgate.embedded import cluster, events
from healgate.embedded.api.registry import Registry
from healgate.embedded.controllers import progress
from healgate.embedded.kubelet import backoff, containers, images, kubelet, pods, status
from healgate.embedded.kubelet.records import PodRecord
from healgate.embedded.kubelet.timing import KubeletTiming
from healgate.embedded.runtime import container as runs
from healgate.embedded.runtime.seam import Exit

from .compare import Difference, compare
from .reading import read

TRACES = Path(__file__).parent / "traces"
DRAWS = 3
Patch = pytest.MonkeyPatch


def caught(name: str) -> list[Difference]:
    return compare(read(TRACES / f"{name}.json"), DRAWS)


def changed(patch: Patch, owner: Any, name: str, change: Callable[[Any], Any]) -> None:
    """A function of the simulation whose answer is changed."""
    real = getattr(owner, name)
    patch.setattr(owner, name, lambda *args, **options: change(real(*args, **options)))


def told(patch: Patch, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Events that are told otherwise, or not at all."""
    real = events.Recorder.event

    def event(self: Any, about: Any, type: str, reason: str, message: str, field_path: str = "") -> None:
        other = change({"type": type, "reason": reason, "message": message, "field_path": field_path})
        if other is not None:
            real(self, about, **other)

    patch.setattr(events.Recorder, "event", event)


def test_a_wrong_reason(monkeypatch: Patch) -> None:
    changed(monkeypatch, runs, "_exit", lambda end: Exit(end.code, "Failed") if end.code else end)
    assert caught("exit-1")


def test_a_wrong_exit_code(monkeypatch: Patch) -> None:
    changed(monkeypatch, runs, "_exit", lambda end: Exit(end.code + 1, end.reason) if end.code == 1 else end)
    assert caught("init-exit-1")


def test_a_missing_event(monkeypatch: Patch) -> None:
    told(monkeypatch, lambda one: None if one["reason"] == "BackOff" else one)
    assert caught("exit-1")


def test_an_event_of_the_wrong_type(monkeypatch: Patch) -> None:
    told(monkeypatch, lambda one: {**one, "type": "Warning"} if one["message"].startswith("Back-off pulling") else one)
    assert caught("image-404")


def test_an_event_about_the_pod_alone(monkeypatch: Patch) -> None:
    told(monkeypatch, lambda one: {**one, "field_path": ""} if one["reason"] == "Unhealthy" else one)
    assert caught("readiness-fail")


def test_events_that_change_places(monkeypatch: Patch) -> None:
    other = {"Created": "Started", "Started": "Created"}
    swap = {"Container created": "Container started", "Container started": "Container created"}
    told(
        monkeypatch,
        lambda one: {
            **one,
            "reason": other.get(one["reason"], one["reason"]),
            "message": swap.get(one["message"], one["message"]),
        },
    )
    assert caught("exit-1")


def test_a_restart_count_off_by_one(monkeypatch: Patch) -> None:
    changed(monkeypatch, status, "_container_status", lambda one: {**one, "restartCount": one["restartCount"] + 1})
    assert caught("flaky-recovers")


def test_a_missing_condition(monkeypatch: Patch) -> None:
    changed(
        monkeypatch,
        status,
        "_conditions",
        lambda found: [one for one in found if one["type"] != "PodReadyToStartContainers"],
    )
    assert caught("missing-secret-volume")


def test_a_back_off_twice_as_long(monkeypatch: Patch) -> None:
    changed(monkeypatch, backoff.Backoff, "period", lambda period: 2 * period)
    assert caught("exit-1")


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_starts_that_come_at_the_wrong_time(monkeypatch: Patch, factor: float) -> None:
    real = backoff.Backoff.waits

    def waits(self: Any, key: str, since: float, now: float) -> bool:
        return real(self, key, since, since + (now - since) / factor)

    monkeypatch.setattr(backoff.Backoff, "waits", waits)
    assert caught("exit-1")


def test_pulls_that_come_too_often(monkeypatch: Patch) -> None:
    changed(monkeypatch, backoff.Backoff, "waits_since_update", lambda _: False)
    assert caught("image-404")


def test_a_message_of_another_form(monkeypatch: Patch) -> None:
    monkeypatch.setattr(pods, "go_duration", lambda seconds: f"{seconds:g}s")
    assert caught("exit-1")


def test_a_message_without_its_last_word(monkeypatch: Patch) -> None:
    real = images.StartFailed.__init__

    def shortened(self: Any, reason: str, message: str, *rest: Any, **options: Any) -> None:
        real(self, reason, message.removesuffix(" not found"), *rest, **options)

    monkeypatch.setattr(images.StartFailed, "__init__", shortened)
    assert caught("missing-secret-env")


def test_a_log_line_that_is_lost(monkeypatch: Patch) -> None:
    changed(monkeypatch, kubelet, "read", lambda body: b"\n".join(body.split(b"\n")[1:]))
    assert caught("exit-1")


def test_a_previous_log_that_is_kept_for_too_long(monkeypatch: Patch) -> None:
    monkeypatch.setattr(PodRecord, "remove_old_dead", lambda *_: None)
    assert caught("exit-1")


def test_a_crash_that_shows_its_back_off_at_once(monkeypatch: Patch) -> None:
    monkeypatch.setattr(cluster, "STOCK", KubeletTiming(visibility="legacy"))
    assert caught("exit-1")


def test_a_probe_that_kills_one_failure_later(monkeypatch: Patch) -> None:
    real = Registry.create

    def create(self: Any, resource: Any, obj: Any, **options: Any) -> Any:
        obj = deepcopy(obj)  # what equal bodies say is read once, and belongs to all clusters of the process
        for one in obj.get("spec", {}).get("containers", ()):
            probe = one.get("livenessProbe")
            if probe:
                probe["failureThreshold"] = probe.get("failureThreshold", 3) + 1
        return real(self, resource, obj, **options)

    monkeypatch.setattr(Registry, "create", create)
    assert caught("liveness-http-refused")


def test_a_kill_that_takes_no_notice_of_grace(monkeypatch: Patch) -> None:
    changed(monkeypatch, pods, "grace_of", lambda _: 60.0)
    monkeypatch.setattr(containers, "grace_of", lambda *_: 60.0)
    assert caught("liveness-ignores-term")


def test_a_container_that_is_ready_too_early(monkeypatch: Patch) -> None:
    changed(monkeypatch, status, "_container_status", lambda one: {**one, "ready": "running" in one["state"]})
    assert caught("readiness-fail")


def test_a_last_state_that_is_forgotten(monkeypatch: Patch) -> None:
    changed(monkeypatch, status, "_container_status", lambda one: {**one, "lastState": {}})
    assert caught("exit-1")


def test_a_deployment_that_times_out_early(monkeypatch: Patch) -> None:
    changed(monkeypatch, progress, "deadline", lambda seconds: seconds and seconds - 120)
    assert caught("rollout-bad-image")


def test_a_job_that_tries_once_more(monkeypatch: Patch) -> None:
    real = Registry.create

    def create(self: Any, resource: Any, obj: Any, **options: Any) -> Any:
        if obj.get("kind") == "Job":
            obj = {**obj, "spec": {**obj["spec"], "backoffLimit": obj["spec"].get("backoffLimit", 6) + 1}}
        return real(self, resource, obj, **options)

    monkeypatch.setattr(Registry, "create", create)
    assert caught("job-fails")


def test_an_eviction_that_leaves_a_failed_pod(monkeypatch: Patch) -> None:
    changed(monkeypatch, status, "_phase", lambda phase: "Failed" if phase == "Succeeded" else phase)
    assert caught("emptydir-eviction")
