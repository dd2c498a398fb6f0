"""What guards a workload's pods, and what of it is weaker than before the break: probes, limits, security, programs.

All is compared with the baseline: who never had a probe owes none. The trap is to ask only whether a guard is there: a
probe that runs `true`, or that waits for an hour, is there and finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..evidence import Obj, Ref

GROUPS = ("initContainers", "containers")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
OVER_THE_NETWORK = ("httpGet", "tcpSocket", "grpc")
# Whoever is stuck for so many seconds has been noticed by somebody else.
PATIENCE = 600


def weakened(ref: Ref, before: Obj, now: Obj, programs: set[tuple[str, str]]) -> Iterator[str]:
    """Of two pod specs; `programs` are those that each container may run."""
    for field in _missing(before.get("securityContext", {}), now.get("securityContext", {})):
        yield f"{ref} lost its securityContext.{field}"
    left = _containers(now)
    for place, container in _containers(before).items():
        if place not in left:
            yield f"{ref} lost its container {container['name']}"
    yield from weakened_probes(ref, before, now)
    for container, after in _pairs(before, now):
        name = container["name"]
        limits = after.get("resources", {}).get("limits", {})
        for resource in _missing(container.get("resources", {}).get("limits", {}), limits):
            yield f"{ref} lost the {resource} limit of {name}"
        for field in _missing(container.get("securityContext", {}), after.get("securityContext", {})):
            yield f"{ref} lost the securityContext.{field} of {name}"
        if (name, program(after)) not in programs:
            yield f"{ref} runs another program in {name}: {program(after)}"


def weakened_probes(ref: Ref, before: Obj, now: Obj) -> Iterator[str]:
    """Probes that are gone, or that are there and find nothing."""
    for container, after in _pairs(before, now):
        for kind in PROBES:
            if kind not in container:
                continue
            what = f"the {kind} of {container['name']}"
            if kind not in after:
                yield f"{ref} lost {what}"
            else:
                yield from _blunted(f"{ref} was left with {what}", container[kind], after[kind])


def program(container: Obj) -> str:
    return " ".join([*container.get("command", ()), *container.get("args", ())]) or "the image's own"


def _blunted(what: str, before: Obj, now: Obj) -> Iterator[str]:
    asked = next((handler for handler in OVER_THE_NETWORK if handler in before), "")
    if asked and "exec" in now:
        yield f"{what} as a command where it was {asked}: {' '.join(now['exec'].get('command', ()))}"
    allowed, needed = max(PATIENCE, _patience(before)), _patience(now)
    if needed > allowed:
        yield f"{what} so patient that it needs {needed}s to find anything; {allowed}s are the most"


def _patience(probe: Obj) -> int:
    """How long a container may be stuck from its start on until the probe has found it, in seconds."""
    every = max(probe.get("periodSeconds", 10), probe.get("timeoutSeconds", 1))
    return int(probe.get("initialDelaySeconds", 0) + every * probe.get("failureThreshold", 3))


def _missing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return sorted(set(before) - set(now))


def _containers(pod: Obj) -> dict[tuple[str, str], Obj]:
    return {(group, container["name"]): container for group in GROUPS for container in pod.get(group, ())}


def _pairs(before: Obj, now: Obj) -> Iterator[tuple[Obj, Obj]]:
    """Each container that is still there, as it was and as it is."""
    left = _containers(now)
    return ((container, left[place]) for place, container in _containers(before).items() if place in left)
