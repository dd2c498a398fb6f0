"""What a sync has to do, computed from the last relist alone.

The decision is separate from the deed so that it can be read as a table. The trap is to decide while acting: a
kill that comes first would then be seen by the back-off, which must judge by the state before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .probes import PodProbes
from .records import Seen, Snapshot
from .restart import definition, init_containers, is_sidecar, should_restart

Obj = dict[str, Any]


@dataclass(frozen=True)
class Kill:
    """A running container to stop, and why."""

    id: str
    container: Obj
    message: str
    cause: Literal["", "liveness", "startup"] = ""


@dataclass
class Actions:
    """The outcome: kills first, then one init container or all that is to start."""

    kill: list[Kill] = field(default_factory=list)
    start_init: list[Obj] = field(default_factory=list)
    start: list[Obj] = field(default_factory=list)
    initialized: bool = False


def compute(pod: Obj, snapshot: Snapshot, probes: PodProbes, resize_restarts: frozenset[str]) -> Actions:
    """Compare what should run with what was seen."""
    actions = Actions()
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
            if kill.message.endswith(", will be restarted"):
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
        message, restart = f"Container {name} resize requires restart", True
    else:
        return None
    return Kill(newest.id, container, f"{message}, will be restarted" if restart else message, cause)


def _init(actions: Actions, pod: Obj, snapshot: Snapshot, probes: PodProbes) -> bool:
    """Sidecars and init containers; whether the ordinary containers may start."""
    inits = init_containers(pod)
    if not inits:
        return True
    begun = any(snapshot.newest(container["name"]) is not None for container in pod["spec"]["containers"])
    for container in inits:
        newest = snapshot.newest(container["name"])
        if is_sidecar(container):
            if newest is None or newest.state != "running":
                if should_restart(pod, container, newest, init=True):
                    actions.start_init.append(container)
                if not begun:
                    return False
                continue
            kill = _kill(pod, container, newest, probes, frozenset())
            if kill is not None:
                message = kill.message.replace("Container ", "Init container ", 1)
                actions.kill.append(Kill(kill.id, container, message, kill.cause))
                actions.start_init.append(container)
            if not begun and not probes.started(container["name"], newest.id):
                return False
            continue
        if begun:
            continue
        if newest is not None and newest.exit is not None and newest.exit.code == 0:
            continue
        if (newest is None or newest.state != "running") and should_restart(pod, container, newest, init=True):
            actions.start_init.append(container)
        return False
    return True
