"""The cells of a pod's row: READY, STATUS, RESTARTS, readiness gates.

STATUS is no field of a pod. It is computed from phase, reason, init containers and containers in a fixed order,
and everything that people know as a pod's state (CrashLoopBackOff, Init:0/1, Terminating) comes out of this.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..clock import seconds_of

Obj = dict[str, Any]

# name | [index] | [?(@.key=="value")]
PATH_STEP = re.compile(r"\.((?:\\\.|[^.\[])+)|\[(\d+)\]|\[\?\(@\.([\w-]+)==[\"']([^\"']*)[\"']\)\]")


def _sidecars(pod: Obj) -> set[str]:
    containers = pod["spec"].get("initContainers") or ()
    return {one["name"] for one in containers if one.get("restartPolicy") == "Always"}


def _condition(pod: Obj, kind: str) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == kind and one["status"] == "True" for one in conditions)


def ready(pod: Obj, _: float) -> str:
    sidecars = _sidecars(pod)
    status = pod.get("status", {})
    counted = [one for one in status.get("initContainerStatuses") or () if one["name"] in sidecars]
    counted += status.get("containerStatuses") or ()
    running = sum(bool(one.get("ready") and "running" in (one.get("state") or {})) for one in counted)
    running = running if counted else 0
    return f"{running}/{len(pod['spec'].get('containers') or ()) + len(sidecars)}"


def _ended(terminated: Obj) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _initializing(pod: Obj) -> str:
    """What to show while init containers run; empty when they are done."""
    sidecars = _sidecars(pod)
    total = len(pod["spec"].get("initContainers") or ())
    for index, one in enumerate(pod.get("status", {}).get("initContainerStatuses") or ()):
        state = one.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if one["name"] in sidecars and one.get("started"):
            continue
        if terminated is not None:
            return "Init:" + _ended(terminated)
        reason = (waiting or {}).get("reason", "")
        if reason and reason != "PodInitializing":
            return f"Init:{reason}"
        return f"Init:{index}/{total}"
    return ""


def status(pod: Obj, _: float) -> str:
    state = pod.get("status", {})
    phase = state.get("phase", "")
    shown = state.get("reason") or phase
    if any(
        one["type"] == "PodScheduled" and one.get("reason") == "SchedulingGated"
        for one in state.get("conditions") or ()
    ):
        shown = "SchedulingGated"
    initializing = _initializing(pod)
    if initializing:
        shown = initializing
    if not initializing or _condition(pod, "Initialized"):
        shown = _containers(pod, shown)
    if "deletionTimestamp" in pod["metadata"]:
        if state.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    return str(shown)


def _containers(pod: Obj, shown: str) -> str:
    has_running = False
    error = ""
    for one in reversed(pod.get("status", {}).get("containerStatuses") or ()):
        state = one.get("state") or {}
        waiting, terminated = state.get("waiting"), state.get("terminated")
        if waiting is not None and waiting.get("reason"):
            shown = waiting["reason"]
        elif terminated is not None:
            shown = _ended(terminated)
            if terminated.get("exitCode", 0) != 0:
                error = shown
        elif one.get("ready") and "running" in state:
            has_running = True
    if shown == "Completed" and has_running:
        if _condition(pod, "Ready"):
            return "Running"
        return error or "NotReady"
    return shown


def restarts(pod: Obj, now: float, duration: Callable[[float], str]) -> str:
    sidecars = _sidecars(pod)
    state = pod.get("status", {})
    mains = list(state.get("containerStatuses") or ())
    inits = list(state.get("initContainerStatuses") or ())
    counted = inits if _initializing(pod) and not _condition(pod, "Initialized") else mains
    counted = counted if counted is inits else mains + [one for one in inits if one["name"] in sidecars]
    total = sum(one.get("restartCount", 0) for one in counted)
    ends = [((one.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for one in counted]
    latest = max((seconds_of(one) for one in ends if one), default=None)
    if total and latest is not None:
        return f"{total} ({duration(now - latest)} ago)"
    return str(total)


def gates(pod: Obj, _: float) -> str:
    wanted = pod["spec"].get("readinessGates") or ()
    if not wanted:
        return "<none>"
    return f"{sum(_condition(pod, one['conditionType']) for one in wanted)}/{len(wanted)}"


def phase_or_terminating(obj: Obj, _: float) -> str:
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    return str(obj.get("status", {}).get("phase", ""))
