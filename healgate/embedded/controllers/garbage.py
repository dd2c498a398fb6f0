"""The garbage collector: what has lost its owners goes, in the order its owners were deleted with.

An owner is a uid: another object of the same name is another owner. The trap, which envtest is known for, is
to leave this out: then deleting a Deployment leaves its pods running.
"""

from __future__ import annotations

from typing import Any

from ..api.deletion import FOREGROUND, ORPHAN
from ..api.errors import ApiError
from ..api.registry import Registry
from ..clock import Clock
from ..events import Recorder
from ..store.store import Change, Obj
from .objects import being_deleted, owners, with_metadata
from .queue import WorkQueue

# Kept out of the graph, as in a real cluster: events are many and own nothing.
IGNORED = ("events", "events.events.k8s.io")

# From the last orphan's release to the owner's end.
AFTER_ITS_DEPENDENTS = 0.08


class Garbage:
    """Follows every resource; keys are (resource and namespace, name)."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self.registry = registry
        self.store = registry.store
        self.queue = WorkQueue(clock, "garbage", self.sync)
        self.recorder = Recorder(registry, clock, "garbage-collector-controller")

    def start(self) -> None:
        self.store.subscribe("*", self._changed)
        for resource in self.store.resources():
            if resource not in IGNORED:
                for obj in self.store.list(resource):
                    self._look(resource, obj)

    def _changed(self, change: Change) -> None:
        if change.resource in IGNORED:
            return
        obj, before = change.object, change.before
        if change.type == "DELETED":
            for resource, dependent in self.store.owned_by(obj["metadata"]["uid"]):
                self._add(resource, dependent)
            for reference in obj["metadata"].get("ownerReferences", ()):
                self._wake_owner(reference, obj["metadata"].get("namespace", ""))
        elif before is None or owners(before) is not owners(obj) or being_deleted(obj):
            self._look(change.resource, obj)

    def _look(self, resource: str, obj: Obj) -> None:
        """Objects without owners that nobody deletes, which is most, cost nothing."""
        if owners(obj) or (being_deleted(obj) and obj["metadata"].get("finalizers")):
            self._add(resource, obj)

    def _add(self, resource: str, obj: Obj) -> None:
        meta = obj["metadata"]
        self.queue.add(f"{resource}/{meta.get('namespace', '')}", meta["name"])

    def _wake_owner(self, reference: dict[str, Any], namespace: str) -> None:
        found = self._owner(reference, namespace)
        if found is not None and FOREGROUND in found[1]["metadata"].get("finalizers", ()):
            self._add(*found)

    def _owner(self, reference: dict[str, Any], namespace: str) -> tuple[str, Obj] | None:
        """The owner that a reference means, if it is there with that uid."""
        resource = self.registry.resources.by_kind(reference["apiVersion"], reference["kind"])
        if resource is None:
            return None
        found = self.store.get(resource.storage, namespace if resource.namespaced else "", reference["name"])
        if found is None or found["metadata"]["uid"] != reference["uid"]:
            return None
        return resource.storage, found

    def sync(self, place: str, name: str) -> None:
        resource, _, namespace = place.partition("/")
        obj = self.store.get(resource, namespace, name)
        if obj is None:
            return
        finalizers = obj["metadata"].get("finalizers", ())
        if being_deleted(obj) and ORPHAN in finalizers:
            self._orphan(resource, obj)
        elif being_deleted(obj) and FOREGROUND in finalizers:
            self._foreground(resource, obj)
        elif owners(obj):
            self._collect(resource, obj)

    def _collect(self, resource: str, obj: Obj) -> None:
        """Delete what has only absent owners; drop references to absent or waiting ones if another is left."""
        namespace = obj["metadata"].get("namespace", "")
        solid, waiting, absent = [], [], []
        for reference in owners(obj):
            found = self._owner(reference, namespace)
            if found is None:
                absent.append(reference)
            elif being_deleted(found[1]) and FOREGROUND in found[1]["metadata"].get("finalizers", ()):
                waiting.append(reference)
            else:
                solid.append(reference)
        if solid:
            if absent or waiting:
                self._edit(resource, obj, ownerReferences=solid)
        elif waiting and (dependents := list(self.store.owned_by(obj["metadata"]["uid"]))):
            if any(FOREGROUND in one["metadata"].get("finalizers", ()) for _, one in dependents if being_deleted(one)):
                # Perhaps a circle, in which each would wait for the other for ever.
                obj = self._unblocked(resource, obj) or obj
            if not being_deleted(obj):
                self._delete(resource, obj, "Foreground")
        elif not being_deleted(obj):
            if not waiting:
                self._warn_about_namespaces(obj, absent)
            self._delete(resource, obj, self._inherited(obj))

    def _inherited(self, obj: Obj) -> str | None:
        """An object already marked orphan or foreground keeps that; otherwise its dependents follow in background."""
        finalizers = obj["metadata"].get("finalizers", ())
        if ORPHAN in finalizers:
            return "Orphan"
        return "Foreground" if FOREGROUND in finalizers else "Background"

    def _warn_about_namespaces(self, obj: Obj, references: list[dict[str, Any]]) -> None:
        namespace = obj["metadata"].get("namespace", "")
        for reference in references:
            resource = self.registry.resources.by_kind(reference["apiVersion"], reference["kind"])
            if resource is None or not resource.namespaced:
                continue
            for other in self.store.list(resource.storage):
                if other["metadata"]["uid"] == reference["uid"] and other["metadata"]["namespace"] != namespace:
                    where = f"{reference['apiVersion']}/{reference['kind']}, namespace: {namespace}"
                    what = f"name: {reference['name']}, uid: {reference['uid']}"
                    message = f'ownerRef [{where}, {what}] does not exist in namespace "{namespace}"'
                    self.recorder.event(obj, "Warning", "OwnerRefInvalidNamespace", message)

    def _unblocked(self, resource: str, obj: Obj) -> Obj | None:
        """The object with owners that need not wait for it."""
        left = [{**one, "blockOwnerDeletion": False} if one.get("blockOwnerDeletion") else one for one in owners(obj)]
        return None if left == list(owners(obj)) else self._edit(resource, obj, ownerReferences=left)

    def _blocks(self, dependent: Obj, owner: Obj) -> bool:
        uid = owner["metadata"]["uid"]
        return any(one["uid"] == uid and one.get("blockOwnerDeletion") for one in owners(dependent))

    def _foreground(self, resource: str, obj: Obj) -> None:
        blockers = 0
        for kind, dependent in self.store.owned_by(obj["metadata"]["uid"]):
            blockers += self._blocks(dependent, obj)
            self._add(kind, dependent)
        if not blockers:
            kept = [one for one in obj["metadata"]["finalizers"] if one != FOREGROUND]
            self._edit(resource, obj, finalizers=kept or None)

    def _orphan(self, resource: str, obj: Obj) -> None:
        """All dependents first, then itself a moment later: its controller has the time to see that it has none."""
        meta = obj["metadata"]
        dependents = list(self.store.owned_by(meta["uid"]))
        for kind, dependent in dependents:
            kept = [one for one in owners(dependent) if one["uid"] != meta["uid"]]
            self._edit(kind, dependent, ownerReferences=kept or None)
        if dependents:
            self.queue.add(f"{resource}/{meta.get('namespace', '')}", meta["name"], AFTER_ITS_DEPENDENTS)
            return
        kept_finalizers = [one for one in obj["metadata"]["finalizers"] if one != ORPHAN]
        self._edit(resource, obj, finalizers=kept_finalizers or None)

    def _edit(self, resource: str, obj: Obj, **changes: Any) -> Obj | None:
        meta = obj["metadata"]
        changed: Obj | None = self.registry.change(
            resource, meta.get("namespace", ""), meta["name"], lambda now: with_metadata(now, **changes)
        )
        return changed

    def _delete(self, resource: str, obj: Obj, propagation: str | None) -> None:
        meta = obj["metadata"]
        try:
            self.registry.delete(
                resource, meta.get("namespace", ""), meta["name"], propagation=propagation, uid=meta["uid"]
            )
        except ApiError as problem:
            if problem.status not in (404, 409):
                raise
