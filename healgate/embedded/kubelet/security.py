"""Whom a container runs as, and what a kubelet itself checks of that before it makes one.

Images here do not say whom they run as, so one that is asked not to be root needs a runAsUser; what comes with a
program of its own (a workload's image) has a user of its own.
"""

from __future__ import annotations

from typing import Any

from .images import StartFailed

Obj = dict[str, Any]


def security_of(pod: Obj, container: Obj) -> Obj:
    """A container's security context; what it leaves open its pod says."""
    return {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}


def further_groups(pod: Obj) -> tuple[int, ...]:
    """What a pod's security context adds to the group of each of its containers."""
    security = pod["spec"].get("securityContext") or {}
    first = [security["fsGroup"]] if security.get("fsGroup") is not None else []
    return (*first, *(security.get("supplementalGroups") or ()))


def refuse_root(pod: Obj, container: Obj, description: str) -> None:
    """StartFailed if the container would run as root and must not."""
    security = security_of(pod, container)
    if not security.get("runAsNonRoot"):
        return
    where = f'(pod: "{description}", container: {container["name"]})'
    if security.get("runAsUser") == 0:
        raise StartFailed("CreateContainerConfigError", f"container's runAsUser breaks non-root policy {where}")
    if security.get("runAsUser") is None and container.get("command"):
        why = f"container has runAsNonRoot and image will run as root {where}"
        raise StartFailed("CreateContainerConfigError", why)
