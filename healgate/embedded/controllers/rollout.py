"""The arithmetic of a Deployment: hashes, revisions, how many of which.

Pure functions over frozen objects. The trap is to find the new ReplicaSet by its name: it is the one whose
template equals the Deployment's, whatever it is called, which is how a rollback finds its old one again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from functools import lru_cache

from ..api.metadata import ALPHABET
from ..store.store import Obj
from .objects import annotations_of, scaled

HASH_LABEL = "pod-template-hash"

_PREFIX = "deployment.kubernetes.io/"
REVISION = _PREFIX + "revision"
HISTORY = _PREFIX + "revision-history"
DESIRED = _PREFIX + "desired-replicas"
MAXIMUM = _PREFIX + "max-replicas"
OWN_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
)
HISTORY_LENGTH = 2000


def template_hash(template: Obj, collisions: int = 0) -> str:
    """Stable over the canonical template. A real cluster's value depends on Go's types and cannot be had here."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{text}/{collisions}".encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:10])


def same_template(one: Obj, other: Obj) -> bool:
    """Asked of the same two by every sync of a Deployment: the answer is kept with what it is about."""
    key = (id(one), id(other))
    known = _compared.get(key)
    if known is None or known[0] is not one or known[1] is not other:
        if len(_compared) >= COMPARED:
            _compared.clear()
        known = _compared[key] = (one, other, _without_hash(one) == _without_hash(other))
    return known[2]


COMPARED = 4096
_compared: dict[tuple[int, int], tuple[Obj, Obj, bool]] = {}


def _without_hash(template: Obj) -> Obj:
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH_LABEL}
    kept = {key: value for key, value in meta.items() if key != "labels" and value}
    return {**template, "metadata": {**kept, **({"labels": labels} if labels else {})}}


def by_age(sets: Iterable[Obj]) -> list[Obj]:
    """Oldest first."""
    return sorted(sets, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))


def find_new(deployment: Obj, sets: Iterable[Obj]) -> Obj | None:
    wanted = deployment["spec"]["template"]
    return next((one for one in by_age(sets) if same_template(one["spec"]["template"], wanted)), None)


# -- revisions


def revision(obj: Obj) -> int:
    try:
        return int(annotations_of(obj).get(REVISION, "0"))
    except ValueError:
        return 0


def revised(deployment: Obj, replica_set: Obj, wanted: int, *, existing: bool) -> dict[str, str]:
    """The annotations of the new ReplicaSet; one that becomes current again gets a new number and remembers the old."""
    annotations = dict(annotations_of(replica_set))
    for key, value in annotations_of(deployment).items():
        if key not in OWN_ANNOTATIONS:
            annotations[key] = value
    if revision(replica_set) < wanted:
        if REVISION in annotations:
            numbers = [*filter(None, annotations.get(HISTORY, "").split(",")), annotations[REVISION]]
            while len(",".join(numbers)) > HISTORY_LENGTH and len(numbers) > 1:
                del numbers[0]
            annotations[HISTORY] = ",".join(numbers)
        annotations[REVISION] = str(wanted)
    if not existing:
        annotations.update(size_annotations(deployment))
    return annotations


def size_annotations(deployment: Obj) -> dict[str, str]:
    wanted = deployment["spec"]["replicas"]
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + max_surge(deployment))}


# -- bounds


def is_rolling(deployment: Obj) -> bool:
    return bool(deployment["spec"].get("strategy", {}).get("type", "RollingUpdate") == "RollingUpdate")


def _fence(deployment: Obj) -> tuple[int, int]:
    rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
    return _bounds(rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"), deployment["spec"]["replicas"])


@lru_cache(1024)
def _bounds(most: int | str, missing: int | str, wanted: int) -> tuple[int, int]:
    surge, unavailable = scaled(most, wanted, up=True), scaled(missing, wanted, up=False)
    return surge, unavailable if surge or unavailable else 1


def max_surge(deployment: Obj) -> int:
    return _fence(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Obj) -> int:
    wanted: int = deployment["spec"]["replicas"]
    return min(_fence(deployment)[1], wanted) if is_rolling(deployment) and wanted else 0


# -- counting


def asked(sets: Iterable[Obj]) -> int:
    return sum(one["spec"]["replicas"] for one in sets)


def counted(sets: Iterable[Obj], field: str) -> int:
    return sum(one.get("status", {}).get(field, 0) for one in sets)


def active(sets: Iterable[Obj]) -> list[Obj]:
    return [one for one in sets if one["spec"]["replicas"] > 0]


def new_size(deployment: Obj, sets: list[Obj], current: int) -> int:
    """How far the new ReplicaSet may grow now."""
    wanted: int = deployment["spec"]["replicas"]
    if not is_rolling(deployment):
        return wanted
    room = wanted + max_surge(deployment) - asked(sets)
    return current if room <= 0 else current + min(room, wanted - current)


def is_saturated(deployment: Obj, replica_set: Obj | None) -> bool:
    if replica_set is None:
        return False
    wanted = deployment["spec"]["replicas"]
    return bool(
        replica_set["spec"]["replicas"] == wanted
        and annotations_of(replica_set).get(DESIRED) == str(wanted)
        and counted([replica_set], "availableReplicas") == wanted
    )


def proportions(deployment: Obj, sets: list[Obj]) -> list[tuple[Obj, int]]:
    """Sizes after a scaling in mid-rollout: each active ReplicaSet keeps its share, the largest gets the rest."""
    wanted = deployment["spec"]["replicas"]
    allowed = wanted + max_surge(deployment) if wanted else 0
    to_add = allowed - asked(sets)
    ordered = by_age(sets)
    if to_add > 0:
        ordered.reverse()
    ordered.sort(key=lambda one: -one["spec"]["replicas"])
    sizes = [one["spec"]["replicas"] for one in ordered]
    added = 0
    for index, one in enumerate(ordered):
        left = to_add - added
        share = _share(deployment, one, wanted + max_surge(deployment)) if left else 0
        share = min(share, left) if to_add > 0 else max(share, left)
        sizes[index] += share
        added += share
    if sizes:
        sizes[0] = max(sizes[0] + to_add - added, 0)
    return list(zip(ordered, sizes, strict=True))


def _share(deployment: Obj, replica_set: Obj, allowed: int) -> int:
    size: int = replica_set["spec"]["replicas"]
    if not deployment["spec"]["replicas"]:
        return -size
    before = int(annotations_of(replica_set).get(MAXIMUM, "0")) or deployment.get("status", {}).get("replicas", 0)
    if not before:
        return 0
    exact = size * allowed / before
    return int(math.copysign(math.floor(abs(exact) + 0.5), exact)) - size
