"""What a sync has to do, computed from the last relist alone.

The decision is separate from the deed so that it can be read as a table. The trap is to decide while acting: a
kill that comes first would then be seen by the back-off, which must judge by the state before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .probes import PodProbes
from .records import Seen, Snapshot
from .restart import definition, ephemeral_containers, init_containers, is_sidecar, should_restart

Obj = dict[str, Any]


@dataclass(frozen=True)
class Kill:
    """A running container to stop, and why."""

    id: str
    container: Obj
    message: str
    cause: Literal["", "liveness", "startup"] = ""
    restart: bool = False  # it is to run again at once


@dataclass
class Actions:
    """The outcome: kills first, then what debugs, then one init container or all that is to start."""

    kill: list[Kill] = field(default_factory=list)
    start_ephemeral: list[Obj] = field(default_factory=list)
    start_init: list[Obj] = field(default_factory=list)
    start: list[Obj] = field(default_factory=list)
    initialized: bool = False


def compute(pod: Obj, snapshot: Snapshot, probes: PodProbes, resize_restarts: frozenset[str]) -> Actions:
    """Compare what should run with what was seen."""
    actions = Actions()
    actions.start_ephemeral = [one for one in ephemeral_containers(pod) if snapshot.newest(one["name"]) is None]
    actions.initialized = _init(actions, pod, snapshot, probes)
    if not actions.initialized:
        return actions
    for container in pod["spec"]["containers"]:
        newest = snapshot.newest(container["name"])
        if newest is None or newest.state != "running":
            if should_restart(pod, container, newest):
                actions.start.append(container)
            continue
        kill = _kill(pod, container, newest, probes, resize_restarts)
        if kill is not None:
            actions.kill.append(kill)
            if kill.restart:
                actions.start.append(container)
    return actions


def _kill(pod: Obj, container: Obj, newest: Seen, probes: PodProbes, resize_restarts: frozenset[str]) -> Kill | None:
    name = container["name"]
    restart = (container.get("restartPolicy") or pod["spec"].get("restartPolicy") or "Always") != "Never"
    cause: Literal["", "liveness", "startup"] = ""
    if definition(container) != newest.spec_image:
        message, restart = f"Container {name} definition changed", True
    elif probes.failed("liveness", newest.id):
        message, cause = f"Container {name} failed liveness probe", "liveness"
    elif probes.failed("startup", newest.id):
        message, cause = f"Container {name} failed startup probe", "startup"
    elif name in resize_restarts:
        return Kill(newest.id, container, f"Container {name} resize requires restart", restart=True)
    else:
        return None
    return Kill(newest.id, container, f"{message}, will be restarted" if restart else message, cause, restart)


def _init(actions: Actions, pod: Obj, snapshot: Snapshot, probes: PodProbes) -> bool:
    """Sidecars and init containers; whether the ordinary containers may start.

    From the last to the first: whichever has run at all shows that those before it are through, even if nothing is
    left of them.
    """
    inits = init_containers(pod)
    mains = (snapshot.newest(container["name"]) for container in pod["spec"]["containers"])
    initialized = not inits or any(newest is not None and newest.state != "exited" for newest in mains)
    start: list[Obj] = []
    past = initialized
    for number, container in reversed(list(enumerate(inits))):
        newest = snapshot.newest(container["name"])
        if newest is None or (past and not is_sidecar(container)):
            if past and is_sidecar(container):
                start.append(container)
            continue
        over = _is_through(container, newest, probes)
        if over and number + 1 == len(inits):
            initialized = True
        elif over and not past:
            start.append(inits[number + 1])
        kill = _kill_sidecar(container, newest, probes, over) if is_sidecar(container) else None
        if kill is not None:
            actions.kill.append(kill)
        if kill is not None or (not over and should_restart(pod, container, newest)):
            start.append(container)
        past = True
    actions.start_init = start[::-1] if past else inits[:1]
    return initialized


def _is_through(container: Obj, newest: Seen, probes: PodProbes) -> bool:
    """Whether those behind it may start: it has done its work, or is there to stay."""
    if is_sidecar(container):
        return newest.state == "running" and probes.started(container["name"], newest.id) is True
    return newest.exit is not None and newest.exit.code == 0


def _kill_sidecar(container: Obj, newest: Seen, probes: PodProbes, started: bool) -> Kill | None:
    """The kubelet says nothing here of starting it again, as it does of other containers."""
    name = container["name"]
    if newest.state != "running":
        return None
    if not started:
        failed = probes.failed("startup", newest.id)
        return Kill(newest.id, container, f"Init container {name} failed startup probe", "startup") if failed else None
    if definition(container) != newest.spec_image:
        return Kill(newest.id, container, f"Init container {name} definition changed")
    if probes.failed("liveness", newest.id):
        return Kill(newest.id, container, f"Init container {name} failed liveness probe", "liveness")
    return None
