"""The status of a pod, from what the last relist saw and what the last sync could not do.

The order of things is the substance: a crash is shown as `terminated` until a *later* sync finds the reason that
an earlier one left in the cache, and only then as `waiting`. The trap is a lastTransitionTime that moves when
nothing flipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ..clock.clock import stamp
from .ending import Ending
from .records import Seen, Snapshot
from .restart import (
    all_containers,
    ephemeral_containers,
    init_containers,
    is_sidecar,
    restartable,
    restarts_all,
    should_restart,
)

Obj = dict[str, Any]

OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
DISRUPTED = "DisruptionTarget"
SHARED = ("state", "lastState", "allocatedResources", "resources")
RESIZE_CONDITIONS = ("PodResizePending", "PodResizeInProgress")
# While a rule of one container has all of them restarted, as condition and as reason.
RESTARTING = "AllContainersRestarting"
RESET = "RestartingAllContainers"
# What stands in a status until somebody says otherwise.
KEPT = ("nominatedNodeName", "reason", "message")
KUBELETS = frozenset((*OWN_CONDITIONS, *RESIZE_CONDITIONS, RESTARTING))


@dataclass(frozen=True)
class Node:
    """What of the node shows in a pod's status."""

    name: str
    address: str


@dataclass(slots=True)
class Inputs:
    """Everything a status is made of."""

    pod: Obj
    snapshot: Snapshot
    previous: Obj  # the status as published last
    reasons: Mapping[str, tuple[str, str]]  # container -> waiting reason and message, left by the last sync
    # (container, id): has a running container passed its startup probe; None before the first look at this run
    started: Callable[[str, str], bool | None]
    ready: Callable[[str, str], bool]  # (container, id): does readiness allow a started container
    resources: Mapping[str, Obj]  # container -> as allocated and actuated
    until_restarted: Mapping[str, Obj]  # container -> what it runs with until it is restarted for others
    node: Node
    now: float
    started_at: float
    fixed: dict[str, Obj]  # container -> what is the same in all its statuses; filled here
    could_restart: bool = False  # a rule of one container may have all of them restarted
    over: bool = False  # the pod's worker has ended: nothing will be restarted any more
    ending: Ending | None = None  # why the kubelet itself ended it
    resize: tuple[Obj, ...] = ()
    pod_resources: Obj | None = None
    pod_allocated: Obj | None = None
    restarting: bool = False  # all containers are to be restarted, or just have been removed for it; found by `build`


def build(inputs: Inputs) -> tuple[Obj, str]:
    """The whole status, as the kubelet writes it, and the phase that the containers are in."""
    pod = inputs.pod
    inputs.restarting = inputs.could_restart and _all_restart(inputs)
    inits = init_containers(pod)
    waiting = "PodInitializing" if inits else "ContainerCreating"
    init_statuses = _statuses(inputs, inits, "initContainerStatuses", waiting)
    statuses = _statuses(inputs, pod["spec"]["containers"], "containerStatuses", waiting)
    debugging = [
        {key: value for key, value in one.items() if key != "started"} | {"ready": False}
        for one in _statuses(inputs, ephemeral_containers(pod), "ephemeralContainerStatuses", "ContainerCreating")
    ]
    phase = _phase(inputs, init_statuses, statuses)
    ending = inputs.ending
    if ending is not None and ending.fails:
        phase = "Failed"
    conditions = _conditions(inputs, phase, init_statuses, statuses)
    if inputs.could_restart:
        conditions.append(_restarting(inputs, phase))
    if inputs.over and phase not in ("Succeeded", "Failed"):
        # Whatever had not begun when it ended has failed, but its conditions are not told anew.
        phase = "Failed"
    if inputs.over:
        _note_lost(inits, init_statuses, statuses)
    shown = phase
    if phase in ("Succeeded", "Failed") and not inputs.over:
        # A pod is not over before its containers and its sandbox are gone.
        shown = inputs.previous.get("phase") or "Pending"

    status: Obj = {key: inputs.previous[key] for key in KEPT if key in inputs.previous}
    if ending is not None and shown == "Failed":
        status["reason"], status["message"] = ending.reason, ending.message
    status["observedGeneration"] = pod["metadata"].get("generation", 1)
    status["phase"] = shown
    status["conditions"] = conditions
    status["hostIP"] = inputs.node.address
    status["hostIPs"] = [{"ip": inputs.node.address}]
    ip = inputs.snapshot.ip or (inputs.previous.get("podIP") or "")
    if ip:
        status["podIP"] = ip
        status["podIPs"] = [{"ip": ip}]
    status["startTime"] = stamp(inputs.started_at)
    if init_statuses:
        status["initContainerStatuses"] = init_statuses
    status["containerStatuses"] = sorted(statuses, key=itemgetter("name"))
    if debugging:
        status["ephemeralContainerStatuses"] = debugging
    qos = inputs.previous.get("qosClass")
    if qos:
        status["qosClass"] = qos
    if inputs.pod_allocated:
        status["allocatedResources"] = inputs.pod_allocated
    status["resources"] = inputs.pod_resources or {}
    return status, phase


def _note_lost(inits: list[Obj], init_statuses: list[Obj], statuses: list[Obj]) -> None:
    """The pod is over: nobody knows of these how they ended, or they never began."""
    lost: list[Obj] = list(statuses) if _was_initialized(inits, init_statuses, statuses) else []
    begun = [number for number, one in enumerate(init_statuses) if _has_run(one)]
    lost += init_statuses[: max(begun, default=0) + 1]
    for one in lost:
        if "terminated" not in one["state"]:
            message = "The container could not be located when the pod was terminated"
            state = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": message}
            one["state"] = {"terminated": {**state, "startedAt": None, "finishedAt": None}}


def _has_run(status: Obj) -> bool:
    return "waiting" not in status["state"] or "terminated" in status["lastState"]


def _was_initialized(inits: list[Obj], init_statuses: list[Obj], statuses: list[Obj]) -> bool:
    if not inits or any(map(_has_run, statuses)):
        return True
    last = init_statuses[-1]
    if is_sidecar(inits[-1]):
        return "running" in last["state"] and bool(last["started"])
    ends = (last["state"].get("terminated"), last["lastState"].get("terminated"))
    return any(end is not None and end["exitCode"] == 0 for end in ends)


# -- containers


def mounts(container: Obj) -> list[Obj]:
    found: list[Obj] = []
    for mount in container.get("volumeMounts") or ():
        shown = {"name": mount["name"], "mountPath": mount["mountPath"]}
        if mount.get("readOnly"):
            shown["readOnly"] = True
            shown["recursiveReadOnly"] = "Disabled"
        found.append(shown)
    return found


def _state(seen: Seen) -> Obj:
    if seen.state == "running":
        return {"running": {"startedAt": stamp(seen.started)}}
    if seen.exit is None:
        return {"waiting": {"reason": "ContainerCreating"}}
    ended: Obj = {"exitCode": seen.exit.code, "reason": seen.exit.reason}
    if seen.exit.message:
        ended["message"] = seen.exit.message
    ended["startedAt"] = stamp(seen.started)
    ended["finishedAt"] = stamp(seen.finished)
    ended["containerID"] = f"containerd://{seen.id}"
    return {"terminated": ended}


def _user(pod: Obj, container: Obj) -> Obj:
    security = {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}
    uid, gid = security.get("runAsUser", 0), security.get("runAsGroup", 0)
    return {"linux": {"uid": uid, "gid": gid, "supplementalGroups": [gid]}}


def _fixed(inputs: Inputs, container: Obj) -> Obj:
    """What neither a run nor an update changes, which is why it is one and the same in all statuses."""
    known = inputs.fixed.get(container["name"])
    if known is None:
        shown = mounts(container)
        known = {**({"volumeMounts": shown} if shown else {}), "user": _user(inputs.pod, container)}
        inputs.fixed[container["name"]] = known
    return known


def _statuses(inputs: Inputs, containers: list[Obj], section: str, waiting: str) -> list[Obj]:
    if not containers:
        return []
    previous = {one["name"]: one for one in inputs.previous.get(section) or ()}
    init = section == "initContainerStatuses"
    return [
        _container_status(inputs, container, previous.get(container["name"]), waiting, init) for container in containers
    ]


def _container_status(inputs: Inputs, container: Obj, old: Obj | None, waiting: str, init: bool) -> Obj:
    name = container["name"]
    runs = [seen for seen in inputs.snapshot.containers if seen.name == name][:2]
    if not runs:
        removed = inputs.restarting and old is not None and "waiting" not in old["state"]
        if old is not None and "terminated" in old["state"]:
            return _reset(old) if removed else old
        status: Obj = {
            "name": name,
            "state": {"waiting": {"reason": waiting}},
            "lastState": old["lastState"] if old is not None else {},
            "ready": False,
            "restartCount": old["restartCount"] if old is not None else 0,
            "image": container["image"],
            "imageID": "",
            "started": False,
        }
        fixed = _fixed(inputs, container)
        if "volumeMounts" in fixed:
            status["volumeMounts"] = fixed["volumeMounts"]
        if removed:
            return _reset(status)
        return _with_reason(inputs, container, None, status, init)

    newest = runs[0]
    running = newest.state == "running"
    started = inputs.started(name, newest.id) if running else False
    if started is None:
        # Nothing has asked this run yet: what was known of the run before it still stands.
        started = old is not None and bool(old.get("started"))
    ready = started and inputs.ready(name, newest.id)
    if init and not is_sidecar(container):
        ready = newest.exit is not None and newest.exit.code == 0
    resources = inputs.resources.get(name) or {}
    status = {
        "name": name,
        "state": _state(newest),
        # The run before stays named when its record is gone already.
        "lastState": _state(runs[1]) if len(runs) > 1 else old["lastState"] if old is not None else {},
        "ready": ready,
        "restartCount": newest.attempt,
        "image": newest.image,
        "imageID": newest.image_id,
        "containerID": f"containerd://{newest.id}",
        "started": started,
    }
    if resources.get("requests"):
        status["allocatedResources"] = resources["requests"]
    shown = inputs.until_restarted.get(name, resources)
    status["resources"] = {key: shown[key] for key in ("limits", "requests") if shown.get(key)}
    status.update(_fixed(inputs, container))
    if old is not None:
        # The store remembers many statuses: what did not change is one and the same in all of them.
        for part in SHARED:
            if part in status and status[part] == old.get(part):
                status[part] = old[part]
    return _with_reason(inputs, container, newest, status, init)


def _all_restart(inputs: Inputs) -> bool:
    """Whether a container has ended as its rule says, which stands until all of them are gone."""
    if restarting_all(inputs.previous):
        return True
    shown = [one for key in ("initContainerStatuses", "containerStatuses") for one in inputs.previous.get(key) or ()]
    ends = {one["name"]: one["state"]["terminated"]["exitCode"] for one in shown if "terminated" in one["state"]}
    for container in all_containers(inputs.pod):
        newest = inputs.snapshot.newest(container["name"])
        if newest is not None and newest.exit is not None and restarts_all(container, newest.exit.code):
            return True
        if container["name"] in ends and restarts_all(container, ends[container["name"]]):
            return True
    return False


def _restarting(inputs: Inputs, phase: str) -> Obj:
    """The one condition that does not say of which generation it is."""
    before = {one["type"]: one for one in inputs.previous.get("conditions") or ()}
    here = any(inputs.snapshot.newest(one["name"]) is not None for one in all_containers(inputs.pod))
    status, reason, message = "False", {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, ""), ""
    if not reason and inputs.restarting and here:
        status, reason = "True", "RestartAllContainersStarted"
        message = "container exited with restart policy rule"
    return _condition(before, RESTARTING, status, reason, message, None, inputs.now)


def restarting_all(status: Obj) -> bool:
    """Whether the status says that its pod's containers are to be removed and made anew."""
    return any(one["type"] == RESTARTING and one["status"] == "True" for one in status.get("conditions") or ())


def _reset(status: Obj) -> Obj:
    """Of a container that was removed so that all can begin anew: how it ended is not told."""
    why = {"reason": RESET, "message": "The container is removed because RestartAllContainers in place"}
    ended = {"exitCode": 137, **why, "startedAt": None, "finishedAt": None}
    return {
        **status,
        "state": {"waiting": why},
        "lastState": {"terminated": ended},
        "ready": False,
        "started": False,
        "restartCount": status["restartCount"] + 1,
    }


def _with_reason(inputs: Inputs, container: Obj, newest: Seen | None, status: Obj, init: bool) -> Obj:
    """A container that the last sync failed to start is waiting, whatever the runtime says."""
    reason = inputs.reasons.get(container["name"])
    if reason is None or not should_restart(inputs.pod, container, newest):
        return status
    if init and newest is not None and newest.exit is not None and newest.exit.code == 0:
        # Even of a sidecar, which is to run again.
        return status
    if "terminated" in status["state"]:
        status["lastState"] = status["state"]
    waiting = {"reason": reason[0]}
    if reason[1]:
        waiting["message"] = reason[1]
    status["state"] = {"waiting": waiting}
    return status


# -- phase


def _phase(inputs: Inputs, init_statuses: list[Obj], statuses: list[Obj]) -> str:
    pod = inputs.pod
    initializing = beside = False
    waiting = running = stopped = succeeded = 0
    again = False
    for container, status in zip(init_containers(pod), init_statuses, strict=True):
        state = status["state"]
        ended = state.get("terminated") or (status["lastState"].get("terminated") if "waiting" in state else None)
        if is_sidecar(container):
            # One that runs does not keep a pod alive whose work is done, and one that has ended says nothing of it.
            waiting += "waiting" in state and ended is None
            beside = beside or ("running" in state and not status["started"])
        elif ended is None:
            initializing = True
        elif ended["exitCode"] != 0 and not _begins_anew(pod, container, ended):
            return "Failed"

    begun = False
    for container, status in zip(pod["spec"]["containers"], statuses, strict=True):
        state = status["state"]
        ended = state.get("terminated") or (status["lastState"].get("terminated") if "waiting" in state else None)
        begun = begun or inputs.snapshot.newest(container["name"]) is not None
        if "running" in state:
            running += 1
        elif ended is None:
            waiting += 1
        else:
            stopped += 1
            succeeded += "terminated" in state and ended["exitCode"] == 0
            again = again or (not inputs.over and _begins_anew(pod, container, ended))
    if initializing or (beside and not begun) or waiting:
        return "Pending"
    if running or again:
        return "Running"
    return "Succeeded" if succeeded == stopped else "Failed"


def _begins_anew(pod: Obj, container: Obj, ended: Obj) -> bool:
    return ended.get("reason") == RESET or restartable(pod, container, ended["exitCode"])


# -- conditions


def _conditions(inputs: Inputs, phase: str, init_statuses: list[Obj], statuses: list[Obj]) -> list[Obj]:
    pod = inputs.pod
    before = {one["type"]: one for one in inputs.previous.get("conditions") or ()}
    containers_ready = _containers_ready(pod, phase, init_statuses, statuses)
    ready = _gates(pod, before, containers_ready)
    sandbox = inputs.snapshot.sandbox and not inputs.over
    verdicts: tuple[tuple[str, bool, str, str], ...] = (
        ("PodReadyToStartContainers", sandbox, "", ""),
        ("Initialized", *_initialized(pod, phase, before, init_statuses, statuses)),
        ("Ready", *ready),
        ("ContainersReady", *containers_ready),
        ("PodScheduled", True, "", ""),
    )
    generation = pod["metadata"].get("generation", 1)
    ending = inputs.ending
    told: list[Obj] = [*inputs.resize]
    if ending is not None and ending.condition:
        why = {"reason": "TerminationByKubelet", "message": ending.message}
        told.insert(0, {"type": DISRUPTED, "status": "True", **why})
    kept = KUBELETS.union(one["type"] for one in told) if told else KUBELETS
    shown = [one for one in before.values() if one["type"] not in kept]
    for one in told:
        reason, message = one.get("reason", ""), one.get("message", "")
        shown.append(_condition(before, one["type"], one["status"], reason, message, generation, inputs.now))
    for kind, holds, reason, message in verdicts:
        word = "True" if holds else "False"
        shown.append(_condition(before, kind, word, reason, message, generation, inputs.now))
    return shown


def _condition(
    before: Mapping[str, Obj], kind: str, status: str, reason: str, message: str, generation: int | None, now: float
) -> Obj:
    old = before.get(kind)
    flips = old is None or old["status"] != status
    if old is not None and not flips:
        said = (old.get("reason", ""), old.get("message", ""), old.get("observedGeneration"))
        if said == (reason, message, generation):
            return old
    since = stamp(now) if old is None or flips else old["lastTransitionTime"]
    full: Obj = {"type": kind}
    if generation is not None:
        full["observedGeneration"] = generation
    full |= {"status": status, "lastProbeTime": None, "lastTransitionTime": since}
    if reason:
        full["reason"] = reason
    if message:
        full["message"] = message
    return full


Verdict = tuple[bool, str, str]


def _initialized(
    pod: Obj, phase: str, before: Mapping[str, Obj], init_statuses: list[Obj], statuses: list[Obj]
) -> Verdict:
    """Once initialized, always initialized, even while all begins anew."""
    if phase == "Succeeded":
        return True, "PodCompleted", ""
    incomplete = [
        status["name"]
        for container, status in zip(init_containers(pod), init_statuses, strict=True)
        if not (status["started"] if is_sidecar(container) else status["ready"])
    ]
    begun = any("running" in one["state"] or "containerID" in one for one in statuses)
    if incomplete and not begun and before.get("Initialized", {}).get("status") != "True":
        return False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(incomplete)}]"
    return True, "", ""


def _containers_ready(pod: Obj, phase: str, init_statuses: list[Obj], statuses: list[Obj]) -> Verdict:
    if phase == "Succeeded":
        return False, "PodCompleted", ""
    if phase == "Failed":
        return False, "PodFailed", ""
    unready = [
        status["name"]
        for container, status in zip(init_containers(pod), init_statuses, strict=True)
        if is_sidecar(container) and not status["ready"]
    ]
    unready += [status["name"] for status in statuses if not status["ready"]]
    if unready:
        return False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return True, "", ""


def _gates(pod: Obj, before: Mapping[str, Obj], containers_ready: Verdict) -> Verdict:
    """Ready is ContainersReady and every readiness gate."""
    if not containers_ready[0]:
        return containers_ready
    problems: list[str] = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        found = before.get(kind)
        if found is None:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found["status"] != "True":
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but {found["status"]}')
    return (False, "ReadinessGatesNotReady", ", ".join(problems)) if problems else containers_ready


def set_ready(status: Obj, pod: Obj, name: str, ready: bool, now: float) -> Obj | None:
    """The status with one container's readiness changed at once, as a probe result does; None if it is so already."""
    changed = False
    lists: Obj = {}
    for key in ("initContainerStatuses", "containerStatuses"):
        shown = []
        for one in status.get(key) or ():
            if one["name"] == name and one["ready"] != ready and "running" in one["state"]:
                one = {**one, "ready": ready}
                changed = True
            shown.append(one)
        if shown:
            lists[key] = shown
    if not changed:
        return None
    inits, mains = lists.get("initContainerStatuses", []), lists.get("containerStatuses", [])
    before = {one["type"]: one for one in status["conditions"]}
    containers_ready = _containers_ready(pod, status["phase"], inits, mains)
    verdicts = {"ContainersReady": containers_ready, "Ready": _gates(pod, before, containers_ready)}
    conditions = []
    for one in status["conditions"]:
        verdict = verdicts.get(one["type"])
        if verdict is not None:
            holds, reason, message = verdict
            word = "True" if holds else "False"
            one = _condition(before, one["type"], word, reason, message, one.get("observedGeneration", 1), now)
        conditions.append(one)
    return {**status, **lists, "conditions": conditions}
