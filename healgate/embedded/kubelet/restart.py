"""Whether a container that is not running shall run, and what kind of container it is."""

from __future__ import annotations

from typing import Any

from .records import Seen

Obj = dict[str, Any]


def is_sidecar(container: Obj) -> bool:
    """An init container that runs all the pod's life."""
    return container.get("restartPolicy") == "Always"


def init_containers(pod: Obj) -> list[Obj]:
    return pod["spec"].get("initContainers") or []


def ephemeral_containers(pod: Obj) -> list[Obj]:
    """Put beside the others by somebody who looks for a fault: run once, and no part of what the pod is for."""
    return pod["spec"].get("ephemeralContainers") or []


def all_containers(pod: Obj) -> list[Obj]:
    """Those that the pod is made of."""
    return [*init_containers(pod), *pod["spec"]["containers"]]


def whatever_runs(pod: Obj) -> list[Obj]:
    return [*all_containers(pod), *ephemeral_containers(pod)]


def field_path(pod: Obj, name: str) -> str:
    """How an event says which container it is about."""
    for section in ("initContainers", "ephemeralContainers"):
        for container in pod["spec"].get(section) or ():
            if container["name"] == name:
                return f"spec.{section}{{{name}}}"
    return f"spec.containers{{{name}}}"


# The action of a rule by which one container's end restarts all of its pod.
ALL = "RestartAllContainers"


def _action(container: Obj, exit_code: int) -> str:
    """What the first rule that knows this code asks for; "" if none does."""
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or {}
        listed = exit_code in (codes.get("values") or ())
        if listed if codes.get("operator") == "In" else not listed:
            return str(rule.get("action", ""))
    return ""


def restarts_all(container: Obj, exit_code: int) -> bool:
    return _action(container, exit_code) == ALL


def may_restart_all(pod: Obj) -> bool:
    rules = (rule for one in all_containers(pod) for rule in one.get("restartPolicyRules") or ())
    return any(rule.get("action") == ALL for rule in rules)


def restartable(pod: Obj, container: Obj, exit_code: int) -> bool:
    """What the policies say about a container that ended with this code; the narrowest that speaks decides."""
    if _action(container, exit_code) in ("Restart", ALL):
        return True
    policy = container.get("restartPolicy") or pod["spec"].get("restartPolicy") or "Always"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def should_restart(pod: Obj, container: Obj, newest: Seen | None) -> bool:
    """Whether the next sync is to start it, judged by its newest run."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    if newest is None or newest.state == "created":
        return True
    if newest.state == "running" or newest.exit is None:
        return False
    return restartable(pod, container, newest.exit.code)


def definition(container: Obj) -> str:
    """What of a container may change in place and then calls for a new run."""
    return str(container.get("image", ""))
