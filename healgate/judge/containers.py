"""The containers of two pod specs, side by side."""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence import Obj

PAIRED = ("initContainers", "containers")


def containers(pod: Obj) -> dict[tuple[str, str], Obj]:
    return {(group, container["name"]): container for group in PAIRED for container in pod.get(group, ())}


def pairs(before: Obj, now: Obj) -> Iterator[tuple[str, Obj, Obj]]:
    """Each container that is still there: its group, as it was, and as it is."""
    left = containers(now)
    return ((place[0], container, left[place]) for place, container in containers(before).items() if place in left)
