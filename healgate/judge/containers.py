"""Where pod specs are found, and the containers of two of them side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..evidence import Obj

PAIRED = ("initContainers", "containers")


def containers(pod: Obj) -> dict[tuple[str, str], Obj]:
    return {(group, container["name"]): container for group in PAIRED for container in pod.get(group, ())}


def pairs(before: Obj, now: Obj) -> Iterator[tuple[str, Obj, Obj]]:
    """Each container that is still there: its group, as it was, and as it is."""
    left = containers(now)
    return ((place[0], container, left[place]) for place, container in containers(before).items() if place in left)


def template_of(left: Obj) -> Obj:
    """Of whatever runs pods; a kind that nobody here knows may call anything its template."""
    found: Any = left.get("spec", {})
    for step in ("jobTemplate", "spec", "template") if left["kind"] == "CronJob" else ("template",):
        found = found.get(step, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) and isinstance(found.get("spec", {}), dict) else {}
