"""The reference healer's eye: what is a symptom, and what only looks like one for a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from healers.reference.symptoms import PATIENCE, find_symptom

NOW = 1_800_000_000.0


def stamp(ago: float) -> str:
    return datetime.fromtimestamp(NOW - ago, UTC).isoformat()


def running(started: float, unready: float) -> dict[str, Any]:
    """A pod whose one container has run for `started` seconds and is not ready since `unready` seconds."""
    return {
        "metadata": {"name": "backend-1", "creationTimestamp": stamp(started)},
        "status": {
            "conditions": [{"type": "ContainersReady", "status": "False", "lastTransitionTime": stamp(unready)}],
            "containerStatuses": [
                {
                    "name": "api",
                    "ready": False,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": stamp(started)}},
                    "lastState": {},
                }
            ],
        },
    }


def test_a_container_that_has_just_died_is_not_yet_unready():
    """Seen on a real node: between the exit and the next status it ran for an hour and failed one probe."""
    assert find_symptom(running(started=3600, unready=1), NOW) is None


@pytest.mark.parametrize("unready", [PATIENCE, 600.0])
def test_one_that_stays_unready_is(unready: float):
    found = find_symptom(running(started=3600, unready=unready), NOW)
    assert found is not None
    assert found.what == "unready"


def test_one_that_fails_probes_on_a_busy_node_has_time():
    """Seen where fourteen workloads shared two cores: well pods were unready for ten seconds, and were deleted."""
    assert find_symptom(running(started=3600, unready=PATIENCE - 1), NOW) is None


def test_one_that_starts_has_time():
    assert find_symptom(running(started=PATIENCE - 1, unready=PATIENCE - 1), NOW) is None


@pytest.mark.parametrize(
    ("reason", "ago", "what"), [("OOMKilled", 60, "crash"), ("OOMKilled", 400, "unready"), ("Error", 60, "unready")]
)
def test_one_that_was_killed_for_memory_and_does_not_come_up_again_is_a_crash(reason: str, ago: float, what: str):
    """Seen on a starved node: its second run had not begun to serve after 45 s, and its probe was blamed."""
    pod = running(started=ago - 1, unready=ago)
    container = pod["status"]["containerStatuses"][0]
    container["restartCount"] = 1
    container["lastState"] = {"terminated": {"exitCode": 137, "reason": reason, "finishedAt": stamp(ago)}}
    found = find_symptom(pod, NOW)
    assert found is not None
    assert (found.what, found.reason) == (what, reason if what == "crash" else "")
