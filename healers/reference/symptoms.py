"""What is wrong with a pod, read from its status alone: detection.

A counter is not a crash: 26 restarts from last month are history, one restart is an accident, and a pod that is
being deleted may exit as it likes. What counts is a state that is bad now, or restarts that come again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

Obj = dict[str, Any]

CANNOT_PULL = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
CANNOT_CONFIGURE = {"CreateContainerConfigError", "CreateContainerError"}
CANNOT_START = {"RunContainerError", "PostStartHookError"}

# How long a container may take to be created, and a running one be unready, before that is a symptom. On a busy node
# many a pod fails a probe or two and is well again by itself.
PATIENCE = 45.0
# Restarts that are further apart than this do not belong to one crash loop.
LOOP_WITHIN = 600.0


@dataclass(frozen=True)
class Symptom:
    """One container of one pod that is not well."""

    pod: Obj
    container: str
    what: str  # pull, config, start, mount, crash, unready
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    began: float = 0.0  # the run that ended


def seconds(stamp: str | None) -> float:
    return datetime.fromisoformat(stamp).timestamp() if stamp else 0.0


def find_symptom(pod: Obj, now: float) -> Symptom | None:
    """The worst that a pod shows, or None."""
    if "deletionTimestamp" in pod["metadata"]:
        return None
    status = pod.get("status", {})
    found = [symptom for c in status.get("containerStatuses", []) if (symptom := _of_container(pod, c, now))]
    for container in status.get("initContainerStatuses", []):
        # An init container that runs is never ready; only one that ends badly is a symptom.
        if (symptom := _of_container(pod, container, now)) and symptom.what != "unready":
            found.insert(0, symptom)
    for symptom in found:
        if symptom.what != "unready":
            return symptom
    return found[0] if found else None


def waits(pod: Obj) -> bool:
    """May it come to show a symptom by time alone, because something of it has not become ready?"""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    status = pod.get("status", {})
    containers = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
    return not containers or any(not c.get("ready") and "terminated" not in c["state"] for c in containers)


def _of_container(pod: Obj, container: Obj, now: float) -> Symptom | None:
    name = container["name"]
    waiting = container["state"].get("waiting")
    ended = container["state"].get("terminated") or container.get("lastState", {}).get("terminated")
    if waiting:
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        for what, reasons in (("pull", CANNOT_PULL), ("config", CANNOT_CONFIGURE), ("start", CANNOT_START)):
            if reason in reasons:
                return Symptom(pod, name, what, reason=reason, message=message)
        if reason == "ContainerCreating" and now - seconds(pod["metadata"]["creationTimestamp"]) >= PATIENCE:
            return Symptom(pod, name, "mount", reason=reason)
    if ended and _loops(container, ended, now):
        return _crash(pod, name, ended)
    running = container["state"].get("running")
    if running and not container.get("ready"):
        since = max(seconds(running["startedAt"]), _unready_since(pod))
        if now - since >= PATIENCE:
            # What the kernel said of the run before explains more than a probe can.
            killed = ended and ended.get("reason") == "OOMKilled" and _lately(ended, now)
            return _crash(pod, name, ended) if killed else Symptom(pod, name, "unready")
    return None


def _crash(pod: Obj, container: str, ended: Obj) -> Symptom:
    code, reason, message = ended["exitCode"], ended.get("reason", ""), ended.get("message", "")
    return Symptom(pod, container, "crash", code, reason, message, seconds(ended.get("startedAt")))


def _unready_since(pod: Obj) -> float:
    for condition in pod["status"].get("conditions", []):
        if condition["type"] == "ContainersReady" and condition["status"] != "True":
            return seconds(condition.get("lastTransitionTime"))
    return 0.0


def ready_for(pod: Obj, now: float) -> float | None:
    """How long it has been ready; None when it is not."""
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return now - seconds(condition["lastTransitionTime"])
    return None


def _loops(container: Obj, ended: Obj, now: float) -> bool:
    """Does it crash again and again, now?"""
    waiting = container["state"].get("waiting", {}).get("reason")
    if waiting == "CrashLoopBackOff":
        return True
    restarts: int = container["restartCount"]
    if "terminated" in container["state"]:
        failed: bool = ended["exitCode"] != 0
        return failed and restarts >= 1
    # It runs at the moment: two deaths close to each other, the last one recent, are a loop.
    return restarts >= 2 and _lately(ended, now)


def _lately(ended: Obj, now: float) -> bool:
    return now - seconds(ended.get("finishedAt")) < LOOP_WITHIN / 2
