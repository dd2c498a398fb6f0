"""What all controllers have in common: the api they write through, the clock, a queue, and who their pods are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from ..api.registry import Registry
from ..api.selectors import selects
from ..clock import Clock
from ..events import Recorder
from ..store.store import Change, Obj, Question
from .objects import (
    being_deleted,
    controller_of,
    labels_of,
    owner_reference,
    owners,
    with_metadata,
)
from .queue import WorkQueue


class Controller(ABC):
    """One reconcile loop over one resource."""

    resource: str
    kind: str
    component: str

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self.registry = registry
        self.store = registry.store
        self.clock = clock
        self.queue = WorkQueue(clock, self.component, self.sync)
        self.recorder = Recorder(registry, clock, self.component)
        self._writing = False

    @abstractmethod
    def sync(self, namespace: str, name: str) -> None:
        """Bring one object of the resource closer to what it asks for."""

    def start(self) -> None:
        self.store.subscribe(self.resource, self.own_changed)
        for obj in self.store.list(self.resource):
            self.enqueue(obj)

    def own_changed(self, change: Change) -> None:
        if not self._writing:
            self.enqueue(change.object)

    def write_status(self, obj: Obj, status: Obj) -> None:
        """Put what a sync has computed; another sync would find nothing more to do, so this wakes nobody here."""
        meta = obj["metadata"]
        self._writing = True
        try:
            self.registry.set_status(self.resource, meta["namespace"], meta["name"], status, only_if_uid=meta["uid"])
        finally:
            self._writing = False

    def enqueue(self, obj: Obj, after: float = 0.0) -> None:
        meta = obj["metadata"]
        self.queue.add(meta.get("namespace", ""), meta["name"], after)

    def event(self, about: Obj, kind: str, reason: str, message: str) -> None:
        self.recorder.event(about, kind, reason, message)

    # -- what belongs to whom

    def follow(self, resource: str, matters: Question | None = None) -> None:
        """Have the controlling owner synced when one of its dependents changes."""
        self.store.subscribe(resource, self.dependent_changed, matters)

    def dependent_changed(self, change: Change) -> None:
        owners: dict[str, None] = {}
        for state in (change.object, change.before):
            reference = controller_of(state) if state is not None else None
            if reference is not None and reference["kind"] == self.kind:
                owners[reference["name"]] = None
        namespace = change.object["metadata"].get("namespace", "")
        for name in owners:
            self.owner_dirty(namespace, name, change)
        if not owners and controller_of(change.object) is None:
            for owner in self.store.list(self.resource, namespace):
                if selects(owner.get("spec", {}).get("selector"), labels_of(change.object)):
                    self.owner_dirty(namespace, owner["metadata"]["name"], change)

    def owner_dirty(self, namespace: str, name: str, change: Change) -> None:  # noqa: ARG002 - for those who look
        self.queue.add(namespace, name)

    def controlled(self, owner: Obj, resource: str) -> list[Obj]:
        """What this owner controls, by name."""
        return self.store.owned(owner["metadata"]["uid"], resource, as_controller=True)


class Orphans:
    """Objects of one resource that nobody controls, by namespace, kept so that claiming need not list all."""

    def __init__(self, registry: Registry, resource: str) -> None:
        self._store = registry.store
        self._resource = resource
        self._names: dict[str, dict[str, None]] = {}
        self._store.subscribe(resource, self._changed, _owners_move)
        for obj in self._store.list(resource):
            self._note(obj, gone=False)

    def of(self, namespace: str) -> list[Obj]:
        found = (self._store.get(self._resource, namespace, name) for name in self._names.get(namespace, ()))
        return [obj for obj in found if obj is not None]

    def _changed(self, change: Change) -> None:
        self._note(change.object, gone=change.type == "DELETED")

    def _note(self, obj: Obj, *, gone: bool) -> None:
        meta = obj["metadata"]
        if gone or controller_of(obj) is not None:
            self._names.get(meta["namespace"], {}).pop(meta["name"], None)
        else:
            self._names.setdefault(meta["namespace"], {})[meta["name"]] = None


def _owners_move(change: Change) -> bool:
    if change.status_only:
        return False
    before = change.before
    return change.type == "DELETED" or before is None or owners(before) is not owners(change.object)


class Dependents:
    """One resource's changes, handed to those controllers alone whose kind may own what changed.

    Most changes are of no owner's business, which is found out once for all of them. The trap is what nobody controls,
    or nobody any more: that may be for anybody to adopt.
    """

    def __init__(self, registry: Registry, resource: str, matters: Question) -> None:
        self._followers: list[Controller] = []
        registry.store.subscribe(resource, self._changed, matters)

    def tell(self, controller: Controller) -> None:
        self._followers.append(controller)

    def _changed(self, change: Change) -> None:
        owner = controller_of(change.object)
        former = controller_of(change.before) if change.before is not None else None
        kinds = [reference["kind"] for reference in (owner, former) if reference is not None]
        for controller in self._followers:
            if owner is None or controller.kind in kinds:
                controller.dependent_changed(change)


# Pods that a controller makes in one sync, and how many a second its client lets it send for longer than that.
BURST = 500
CLIENT_RATE = 20.0


class PodController(Controller):
    """A controller whose dependents are pods."""

    def __init__(self, registry: Registry, clock: Clock, orphans: Orphans, dependents: Dependents) -> None:
        super().__init__(registry, clock)
        self.orphans = orphans
        self._dependents = dependents
        self._resting: dict[str, float] = {}  # uid of an owner -> when its next burst may come

    def start(self) -> None:
        super().start()
        self._dependents.tell(self)

    def ration(self, owner: Obj, missing: int) -> int:
        """How many of the missing pods may be made in this sync; the rest have to wait for a controller's client.

        Somebody scales to a million, and without this no time would pass until they were all there.
        """
        uid, now = owner["metadata"]["uid"], self.clock.now()
        rest = self._resting.get(uid, now) - now
        if rest > 0:
            self.enqueue(owner, rest)
            return 0
        self._resting.pop(uid, None)
        if missing <= BURST:
            return missing
        self._resting[uid] = now + BURST / CLIENT_RATE
        self.enqueue(owner, BURST / CLIENT_RATE)
        return BURST

    def claim(self, owner: Obj) -> list[Obj]:
        return claim(self, owner, "pods", self.orphans)


def claim(controller: Controller, owner: Obj, resource: str, orphans: Orphans) -> list[Obj]:
    """The owner's objects: those it controls and still selects, and orphans that it may adopt. Others are let go."""
    selector = owner["spec"].get("selector")
    claimed: list[Obj] = []
    stays = not being_deleted(owner)
    for obj in controller.controlled(owner, resource):
        if selects(selector, labels_of(obj)):
            claimed.append(obj)
        elif stays:
            _release(controller, owner, resource, obj)
    if stays:
        for obj in orphans.of(owner["metadata"]["namespace"]):
            if not being_deleted(obj) and selects(selector, labels_of(obj)):
                adopted = _adopt(controller, owner, resource, obj)
                if adopted is not None:
                    claimed.append(adopted)
    return claimed


def _adopt(controller: Controller, owner: Obj, resource: str, obj: Obj) -> Obj | None:
    reference = owner_reference(owner)

    def edit(current: Obj) -> Obj:
        if controller_of(current) is not None or current["metadata"]["uid"] != obj["metadata"]["uid"]:
            return current
        return with_metadata(current, ownerReferences=[*current["metadata"].get("ownerReferences", ()), reference])

    changed: Obj | None = controller.registry.change(
        resource, obj["metadata"]["namespace"], obj["metadata"]["name"], edit
    )
    held = controller_of(changed) if changed is not None else None
    return changed if held is not None and held["uid"] == reference["uid"] else None


def _release(controller: Controller, owner: Obj, resource: str, obj: Obj) -> None:
    uid = owner["metadata"]["uid"]

    def edit(current: Obj) -> Obj:
        kept: list[dict[str, Any]] = [
            reference for reference in current["metadata"].get("ownerReferences", ()) if reference["uid"] != uid
        ]
        return with_metadata(current, ownerReferences=kept or None)

    controller.registry.change(resource, obj["metadata"]["namespace"], obj["metadata"]["name"], edit)
