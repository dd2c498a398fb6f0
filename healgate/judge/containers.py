"""Where pod specs are found, the containers of two of them side by side, and where one has its settings from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..evidence import Obj, Ref

PAIRED = ("initContainers", "containers")
SOURCES = (("ConfigMap", "configMapRef", "configMapKeyRef"), ("Secret", "secretRef", "secretKeyRef"))


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


def pod_of(left: Obj) -> Obj:
    """The pod that it is, or that it makes; of a kind that is neither, an empty one."""
    found: Any = left.get("spec") if left["kind"] == "Pod" else template_of(left).get("spec")
    return found if isinstance(found, dict) else {}


class Source(NamedTuple):
    """Where a container has settings from: a whole object (`key` is ""), or one entry of it."""

    ref: Ref
    key: str
    name: str  # of the variable; of a whole object's, what stands before each


def sources(container: Obj) -> Iterator[Source]:
    """In their order: of several with the same variable the last one counts."""
    for one in container.get("envFrom") or ():
        for kind, whole, _ in SOURCES:
            if one.get(whole):
                yield Source(Ref(kind, one[whole].get("name", "")), "", one.get("prefix") or "")
    for one in container.get("env") or ():
        for kind, _, entry in SOURCES:
            if found := (one.get("valueFrom") or {}).get(entry):
                yield Source(Ref(kind, found.get("name", "")), found.get("key", ""), one["name"])
