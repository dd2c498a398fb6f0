"""What a DELETE means for an object: at once, after finalizers, or after a grace period.

A deleted object leaves in up to three steps, each visible to watchers: marked with a deletionTimestamp, marked
again with no grace left, gone. The trap is the pod: even a forced deletion writes the mark before the object goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..clock import seconds_of, stamp
from .resources import Resource

Obj = dict[str, Any]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`marked` is a new state to store (None: leave as it is); `gone`: remove afterwards."""

    marked: Obj | None
    gone: bool


def _finalizers(resource: Resource, meta: Obj, propagation: str | None) -> list[str]:
    """The object's finalizers as the propagation policy wants them."""
    present = list(meta.get("finalizers", ()))
    others = [name for name in present if name not in (FOREGROUND, ORPHAN)]
    if propagation == "Foreground":
        return [*others, FOREGROUND]
    if propagation == "Orphan" or (propagation is None and resource.orphan and FOREGROUND not in present):
        return [*others, ORPHAN]
    if propagation == "Background":
        return others
    return present


def _grace(pod: Obj, asked: int | None) -> int:
    spec = pod.get("spec", {})
    period = asked if asked is not None else spec.get("terminationGracePeriodSeconds", 30)
    if period < 0:
        period = 1
    if not spec.get("nodeName") or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    return int(period)


def begin(resource: Resource, obj: Obj, now: float, grace: int | None, propagation: str | None) -> Verdict:
    meta = obj["metadata"]
    finalizers = _finalizers(resource, meta, propagation)
    period = _grace(obj, grace) if resource.key == "pods" else 0
    marked = dict(meta)
    if finalizers:
        marked["finalizers"] = finalizers
    else:
        marked.pop("finalizers", None)
    held = bool(finalizers) or _holds(resource, obj)
    if "deletionTimestamp" not in meta:
        if resource.key != "pods" and not held:
            return Verdict(None, True)
        marked["deletionTimestamp"] = stamp(now + period)
        marked["deletionGracePeriodSeconds"] = period
        if "generation" in meta:
            marked["generation"] = meta["generation"] + 1
    else:
        left = meta.get("deletionGracePeriodSeconds", 0)
        if period < left and (grace is not None or period == 0):
            marked["deletionTimestamp"] = stamp(seconds_of(meta["deletionTimestamp"]) - left + period)
            marked["deletionGracePeriodSeconds"] = period
        else:
            period = left
    changed = {**obj, "metadata": marked}
    if resource.key == "namespaces" and obj.get("status", {}).get("phase") != "Terminating":
        changed["status"] = {**obj.get("status", {}), "phase": "Terminating"}
    gone = not held and period == 0
    return Verdict(None if changed == obj else changed, gone)


def _holds(resource: Resource, obj: Obj) -> bool:
    """A namespace stays until /finalize has emptied its own list, which is not that of its metadata."""
    return resource.key == "namespaces" and bool(obj.get("spec", {}).get("finalizers"))


def finished(resource: Resource, obj: Obj) -> bool:
    """Whether an object that was just written has nothing left to wait for."""
    meta = obj["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds") and not _holds(resource, obj)
