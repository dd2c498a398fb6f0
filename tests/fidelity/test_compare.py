"""A comparison that cannot fail compares nothing: every kind of deviation must be found, and jitter must not be."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .compare import Difference, differences
from .tracks import Recording

TRACES = Path(__file__).parent / "traces"
NAMES = sorted(path.stem for path in TRACES.glob("*.json"))


def load(name: str) -> Recording:
    recording: Recording = json.loads((TRACES / f"{name}.json").read_text("utf-8"))
    return recording


def changed(name: str, change: Callable[[Recording], None]) -> list[Difference]:
    recording = load(name)
    run = copy.deepcopy(recording)
    change(run)
    assert run != recording
    return differences(recording, run)


def entries(run: Recording, kind: str) -> Iterator[dict[str, Any]]:
    return (entry for entry in run["timeline"] if entry["kind"] == kind)


def containers(run: Recording) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for entry in entries(run, "Pod"):
        for status in entry.get("status", {}).get("containerStatuses", ()):
            yield entry, status


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_like_itself(name: str) -> None:
    assert differences(load(name), load(name)) == []


def test_a_missing_state_is_found() -> None:
    def drop(run: Recording) -> None:
        gone = [e for e, s in containers(run) if "CrashLoopBackOff" in str(s["state"]) and "5m0s" in str(s["state"])]
        run["timeline"] = [entry for entry in run["timeline"] if entry not in gone]

    found = changed("exit-1", drop)
    assert found
    assert "back-off 5m0s" in str(found[0])


def test_another_exit_code_is_found() -> None:
    def change(run: Recording) -> None:
        for _, status in containers(run):
            if "terminated" in status["state"]:
                status["state"]["terminated"]["exitCode"] = 2

    found = changed("exit-1", change)
    assert any("code=2" in one.seen for one in found)


def test_another_reason_is_found() -> None:
    def change(run: Recording) -> None:
        for _, status in containers(run):
            if "waiting" in status["state"] and status["state"]["waiting"]["reason"] == "ImagePullBackOff":
                status["state"]["waiting"]["reason"] = "ErrImagePull"

    assert changed("image-404", change)


def test_another_message_is_found() -> None:
    def change(run: Recording) -> None:
        for _, status in containers(run):
            if "waiting" in status["state"] and "message" in status["state"]["waiting"]:
                status["state"]["waiting"]["message"] += "!"

    assert changed("missing-secret-env", change)


def test_a_restart_too_many_is_found() -> None:
    def change(run: Recording) -> None:
        for entry, status in containers(run):
            if entry["t"] > 300:
                status["restartCount"] += 1

    assert changed("exit-1", change)


def test_a_container_that_stays_ready_is_found() -> None:
    def change(run: Recording) -> None:
        for _, status in containers(run):
            status["ready"] = True

    assert changed("readiness-fail", change)


@pytest.mark.parametrize(("old", "new"), [("Warning", "Normal"), ("Normal", "Warning")])
def test_an_event_of_another_type_is_found(old: str, new: str) -> None:
    def change(run: Recording) -> None:
        for entry in entries(run, "Event"):
            if entry["eventType"] == old:
                entry["eventType"] = new

    found = changed("exit-1", change)
    assert any(one.why == "no such event" for one in found)


def test_an_event_with_another_text_is_found() -> None:
    def change(run: Recording) -> None:
        for entry in entries(run, "Event"):
            entry["message"] = entry["message"].replace("Back-off restarting failed", "Back-off starting failed")

    assert changed("exit-1", change)


def test_an_event_about_something_else_is_found() -> None:
    def change(run: Recording) -> None:
        for entry in entries(run, "Event"):
            entry["about"] = entry["about"].removesuffix(" spec.containers{main}")

    assert changed("exit-1", change)


def test_an_event_too_many_is_found() -> None:
    def change(run: Recording) -> None:
        first = next(entry for entry in entries(run, "Event") if entry["reason"] == "BackOff")
        run["timeline"].append({**first, "reason": "Killing", "message": "Stopping container main"})
        run["timeline"].sort(key=lambda entry: entry["t"])

    found = changed("exit-1", change)
    assert [one.why for one in found] == ["an event too many"]


def test_events_in_another_order_are_found() -> None:
    def change(run: Recording) -> None:
        for entry in entries(run, "Event"):
            if entry["reason"] == "Scheduled":
                entry["t"] = 12.0
        run["timeline"].sort(key=lambda entry: entry["t"])

    assert [one.why for one in changed("exit-1", change)] == ["in another order"]


def later(run: Recording, after: float, seconds: float) -> None:
    for entry in run["timeline"]:
        if entry["t"] > after:
            entry["t"] += seconds


@pytest.mark.parametrize("seconds", [-40.0, 35.0])
def test_a_restart_at_the_wrong_time_is_found(seconds: float) -> None:
    # The start after the back-off of 160 s, which began at 195 s, and everything behind it.
    found = changed("exit-1", lambda run: later(run, 300.0, seconds))
    assert any("back-off of 160 s" in one.why for one in found)


def test_a_restart_within_the_jitter_is_not() -> None:
    assert changed("exit-1", lambda run: later(run, 300.0, 15.0)) == []


def test_a_progress_deadline_at_the_wrong_time_is_found() -> None:
    def change(run: Recording) -> None:
        for entry in run["timeline"]:
            if entry["t"] > 600 and entry["kind"] == "Deployment":
                entry["t"] -= 90
        run["timeline"].sort(key=lambda entry: entry["t"])

    found = changed("rollout-bad-image", change)
    assert [one.where for one in found] == ["Deployment/app status"]


def test_a_probe_that_kills_late_is_found() -> None:
    found = changed("liveness-deadlock", lambda run: later(run, 120.0, 12.0))
    assert found


CANCELED = "code = Canceled desc = context canceled"


def test_whether_a_probe_was_due_as_its_pod_went_makes_no_difference() -> None:
    def drop(run: Recording) -> None:
        run["timeline"] = [one for one in run["timeline"] if CANCELED not in str(one.get("message"))]

    assert changed("min-ready", drop) == []


def test_a_probe_that_is_cut_off_while_its_pod_stays_is_found() -> None:
    def move(run: Recording) -> None:
        for event in entries(run, "Event"):
            if CANCELED in event["message"]:
                event["t"] = 20.0
        run["timeline"].sort(key=lambda entry: entry["t"])

    assert any(CANCELED in one.seen for one in changed("min-ready", move))


def test_a_brief_state_may_be_missing() -> None:
    def drop(run: Recording) -> None:
        brief = [e for e, s in containers(run) if "running" in s["state"] and e["t"] > 30]
        assert brief
        run["timeline"] = [entry for entry in run["timeline"] if entry not in brief]

    assert changed("exit-1", drop) == []


def test_a_first_kill_for_memory_may_be_read_either_way() -> None:
    def change(run: Recording) -> None:
        for _, status in containers(run):
            if status["restartCount"] == 0 and "terminated" in status["state"]:
                assert status["state"]["terminated"]["reason"] == "OOMKilled"
                status["state"]["terminated"]["reason"] = "Error"

    assert changed("fix-oom", change) == []


def test_a_later_kill_for_memory_may_not() -> None:
    def change(run: Recording) -> None:
        for _, status in containers(run):
            if status["restartCount"] > 2 and "terminated" in status["state"]:
                status["state"]["terminated"]["reason"] = "Error"

    assert changed("oom-after-2s", change)


def test_a_condition_that_stays_is_found() -> None:
    def change(run: Recording) -> None:
        for entry in entries(run, "Pod"):
            for one in entry.get("status", {}).get("conditions", ()):
                if one["type"] == "Ready":
                    one["reason"] = "ContainersReady"

    assert changed("missing-secret-env", change)


def test_another_phase_is_found() -> None:
    def change(run: Recording) -> None:
        for entry in entries(run, "Pod"):
            if entry.get("status", {}).get("phase") == "Pending":
                entry["status"]["phase"] = "Running"

    assert changed("image-404", change)


def test_another_number_of_replicas_is_found() -> None:
    def change(run: Recording) -> None:
        for entry in entries(run, "Deployment"):
            if entry.get("status", {}).get("updatedReplicas") == 1:
                entry["status"]["updatedReplicas"] = 2

    assert any(one.where == "Deployment/app status" for one in changed("rollout-bad-image", change))


def test_a_job_that_never_fails_is_found() -> None:
    def drop(run: Recording) -> None:
        for entry in entries(run, "Job"):
            entry.get("status", {}).pop("conditions", None)

    assert changed("job-fails", drop)


def test_a_pod_that_is_not_removed_is_found() -> None:
    def drop(run: Recording) -> None:
        run["timeline"] = [one for one in run["timeline"] if (one["kind"], one["type"]) != ("Pod", "DELETED")]

    assert any("gone" in one.expected for one in changed("config-change", drop))


def test_a_pod_too_many_is_found() -> None:
    def add(run: Recording) -> None:
        first = next(entries(run, "Pod"))
        run["timeline"].append({**first, "t": 400.0, "name": first["name"][:-5] + "zzzzz"})
        run["timeline"].sort(key=lambda entry: entry["t"])

    assert changed("exit-1", add)


def test_a_pod_that_does_not_wait_for_the_old_ones_end_is_found() -> None:
    def hurry(run: Recording) -> None:
        second = [entry for entry in entries(run, "Pod") if entry["type"] == "ADDED"][1]
        second["t"] -= 1.0
        run["timeline"].sort(key=lambda entry: entry["t"])

    assert [one.why for one in changed("ds-rollout", hurry)] == ["another crowd"]


def test_another_log_is_found() -> None:
    def change(run: Recording) -> None:
        for command in run["commands"]:
            command["stdout"] = command["stdout"].replace("fatal", "lethal")

    found = changed("exit-1", change)
    assert {one.where.partition(" of ")[0] for one in found} == {"logs", "logs --previous"}


def test_a_log_that_is_refused_otherwise_is_found() -> None:
    def change(run: Recording) -> None:
        for command in run["commands"]:
            command["stderr"] = command["stderr"].replace("is waiting to start", "waits")

    assert changed("image-404", change)


def test_a_command_with_another_outcome_is_found() -> None:
    def change(run: Recording) -> None:
        for command in run["commands"]:
            if command["kubectl"][0] == "patch":
                command["rc"] = 0

    found = changed("job-fails", change)
    assert found[0].where.startswith("kubectl patch job")


def test_names_drawn_otherwise_make_no_difference() -> None:
    recording = load("rollout-bad-image")
    text = json.dumps(recording)
    for old, new in (("5c46d9f9d7", "xxxxxxxxxx"), ("6bk6g", "zzzzz"), ("10.244.0.150", "10.1.2.3")):
        assert old in text
        text = text.replace(old, new)
    assert differences(recording, json.loads(text)) == []


def test_pods_of_one_owner_may_change_places() -> None:
    recording = load("config-change")
    text = json.dumps(recording)
    for old, new in (("jrsl6", "?????"), ("jz2bd", "jrsl6"), ("?????", "jz2bd")):
        text = text.replace(old, new)
    swapped = json.loads(text)
    assert swapped != recording
    assert differences(recording, swapped) == []


def test_that_nothing_more_came_is_compared_too() -> None:
    """A recording that goes quiet early says how long it was watched, or a run that hangs would pass for slow."""
    recording = json.loads((TRACES / "native-sidecar-job.json").read_text())
    hangs = copy.deepcopy(recording)
    hangs["timeline"] = [entry for entry in recording["timeline"] if entry["t"] < 9.5]
    assert differences(recording, hangs)
    unwatched = {key: value for key, value in recording.items() if key != "watched"}
    assert len(differences(unwatched, hangs)) < len(differences(recording, hangs))
