"""Whose a StatefulSet's claims are: what `persistentVolumeClaimRetentionPolicy` says becomes their owner.

Nobody deletes a claim for the policy's sake; the garbage collector does, once the owner is gone. So a claim that may
go with the set is the set's, and one that may go with its pod becomes the pod's when the pod is about to be scaled
away, not before: a pod that is merely replaced keeps its data. The trap is a claim that names an earlier owner of the
same name. It is on its way out, and nobody may build on it.
"""

from __future__ import annotations

from ..store.store import Obj
from .objects import owner_reference

DELETE = "Delete"


def goes_with_scaling(owner: Obj) -> bool:
    return _policy(owner, "whenScaled") == DELETE


def _policy(owner: Obj, when: str) -> str:
    return str((owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}).get(when, "Retain"))


def owners_of_claim(claim: Obj, owner: Obj, pod: Obj, *, scaled_away: bool) -> list[Obj]:
    """The owner references that the claim of a pod should have."""
    now: list[Obj] = claim["metadata"].get("ownerReferences") or []
    kept = [one for one in now if not (_named(one, owner) or _named(one, pod))]
    if any(_earlier(one, owner) or _earlier(one, pod) for one in now):
        return now  # its owner is gone, and so will it be
    if any(one.get("controller") for one in kept) and _has_policy(owner):
        return kept  # somebody else looks after it
    if goes_with_scaling(owner) and scaled_away:
        return [*kept, owner_reference(pod)]
    if _policy(owner, "whenDeleted") == DELETE:
        return [*kept, owner_reference(owner)]
    return kept


def is_stale(claim: Obj, pod: str) -> bool:
    """It belongs to an earlier pod of the name, so it goes, and the new pod waits for that."""
    references = claim["metadata"].get("ownerReferences") or ()
    return any(one["kind"] == "Pod" and one["name"] == pod for one in references)


def _has_policy(owner: Obj) -> bool:
    return DELETE in (_policy(owner, "whenScaled"), _policy(owner, "whenDeleted"))


def _named(reference: Obj, obj: Obj) -> bool:
    """The reference is to something of that name, this or an earlier one."""
    return (reference["apiVersion"], reference["kind"], reference["name"]) == (
        obj["apiVersion"],
        obj["kind"],
        obj["metadata"]["name"],
    )


def _earlier(reference: Obj, obj: Obj) -> bool:
    return _named(reference, obj) and bool(reference["uid"] != obj["metadata"]["uid"])
