"""What etcd is to a real cluster: every object, one rising revision, and every change in order.

Objects are frozen by agreement: nobody edits one that came out of the store or went into it; whoever
changes something copies the path that they change. That lets readers, watchers, histories and evidence
share one dictionary without copying, and it is the trap: an edit in place changes the past.

The store checks nothing. Names, defaults, conflicts, finalizers and generations belong to the api.
"""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..clock import Clock
from .encoded import dumps

Obj = dict[str, Any]

# How many changes a watch may lag behind before it is told 410; etcd compacts by time, we by count.
HISTORY = 20_000


class TooOld(Exception):
    """The revision asked for has left the history."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")


@dataclass(slots=True, eq=False)
class Change:
    """One change of one object. `object` is the new state; for DELETED the last one, with the deletion's revision."""

    revision: int
    time: float
    type: str  # ADDED, MODIFIED, DELETED
    resource: str  # "pods", "deployments.apps"
    object: Obj
    before: Obj | None
    status_only: bool = False  # nothing else differs from before, but the version
    _encoded: bytes | None = field(default=None, repr=False)

    @property
    def encoded(self) -> bytes:
        """The object as JSON, made once for all watchers."""
        if self._encoded is None:
            self._encoded = dumps(self.object)
        return self._encoded

    @property
    def is_encoded(self) -> bool:
        return self._encoded is not None

    def forget(self) -> None:
        """Give the bytes up; who asks once more has them made once more."""
        self._encoded = None


Subscriber = Callable[[Change], None]
# Asked before a subscriber is called: whether it cares.
Question = Callable[[Change], bool]


class Store:
    """Keyed by resource ("pods", "deployments.apps"), then namespace ("" for cluster scope), then name."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.revision = 1
        self._objects: dict[str, dict[str, dict[str, Obj]]] = {}
        # Namespaces of resources whose names came out of order since somebody listed them.
        self._unsorted: dict[tuple[str, str], None] = {}
        # Owner's uid -> what names it, and whether as its controller; in the order of its keys unless something was
        # added since somebody asked.
        self._owned: dict[str, dict[tuple[str, str, str], bool]] = {}
        self._disordered: dict[str, None] = {}
        self._history: dict[str, deque[Change]] = {}
        self._forgotten: dict[str, int] = {}
        self._subscribers: dict[str, dict[Subscriber, Question | None]] = {}
        # Whom a change of a resource is told, its own listeners first; made anew when anybody comes or goes.
        self._told: dict[str, tuple[tuple[Subscriber, Question | None], ...]] = {}
        self._ids = clock.random("uid")

    # -- reading

    def get(self, resource: str, namespace: str, name: str) -> Obj | None:
        try:
            return self._objects[resource][namespace][name]
        except KeyError:
            return None

    def list(self, resource: str, namespace: str | None = None) -> list[Obj]:
        """All of a kind, ordered by namespace and name as etcd orders them."""
        spaces = self._objects.get(resource)
        if not spaces or (namespace is not None and namespace not in spaces):
            return []
        wanted = sorted(spaces) if namespace is None else [namespace]
        for space in wanted:
            if (resource, space) in self._unsorted:
                del self._unsorted[resource, space]
                spaces[space] = dict(sorted(spaces[space].items()))
        return [obj for space in wanted for obj in spaces[space].values()]

    def resources(self) -> builtins.list[str]:
        return sorted(self._objects)

    def owned_by(self, uid: str) -> Iterator[tuple[str, Obj]]:
        """(resource, object) of everything whose ownerReferences name this uid."""
        for resource, namespace, name in list(self._owned.get(uid, ())):
            found = self.get(resource, namespace, name)
            if found is not None:
                yield resource, found

    def owned(self, uid: str, resource: str, *, as_controller: bool = False) -> builtins.list[Obj]:
        """Those of one kind, by namespace and name."""
        keys = self._owned.get(uid, {})
        if uid in self._disordered:
            del self._disordered[uid]
            keys = self._owned[uid] = dict(sorted(keys.items()))
        objects = self._objects.get(resource, {})
        return [
            objects[namespace][name]
            for (kind, namespace, name), controls in keys.items()
            if kind == resource and (controls or not as_controller)
        ]

    def since(self, resource: str, revision: int) -> builtins.list[Change]:
        """What happened after `revision`, oldest first."""
        forgotten = self._forgotten.get(resource, 0)
        if revision < forgotten:
            raise TooOld(revision, forgotten)
        history = self._history.get(resource, ())
        newer: builtins.list[Change] = []
        for change in reversed(history):
            if change.revision <= revision:
                break
            newer.append(change)
        newer.reverse()
        return newer

    # -- writing

    def new_uid(self) -> str:
        """A random UUID, that is version 4; written out here, since the module takes three times as long."""
        bits = self._ids.getrandbits(128) & ~(0xF000 << 64 | 0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48
        digits = f"{bits:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def put(self, resource: str, obj: Obj, *, status_only: bool = False) -> Obj:
        """Store a new state (the caller's dictionary must not be shared with an older one at the top two levels).

        Most writes are of a status; who knows that says so, and nobody has to look for what else might differ.
        """
        self.revision += 1
        meta = obj["metadata"]
        meta["resourceVersion"] = str(self.revision)
        namespace, name = meta.get("namespace", ""), meta["name"]
        try:
            space = self._objects[resource][namespace]
        except KeyError:
            space = self._objects.setdefault(resource, {}).setdefault(namespace, {})
        before = space.get(name)
        if before is None and space:
            self._unsorted[resource, namespace] = None
        space[name] = obj
        if not status_only:
            self._index(resource, namespace, name, before, obj)
        kind = "MODIFIED" if before else "ADDED"
        self._commit(Change(self.revision, self.clock.now(), kind, resource, obj, before, status_only))
        return obj

    def remove(self, resource: str, namespace: str, name: str) -> Obj:
        self.revision += 1
        space = self._objects[resource][namespace]
        before = space.pop(name)
        if not space:
            del self._objects[resource][namespace]
            self._unsorted.pop((resource, namespace), None)
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.revision)}}
        self._index(resource, namespace, name, before, None)
        self._commit(Change(self.revision, self.clock.now(), "DELETED", resource, last, before))
        return last

    # -- following

    def subscribe(self, resource: str, call: Subscriber, matters: Question | None = None) -> Callable[[], None]:
        """Have every later change of a resource ("*" for all) handed over inside the write. Returns the way out.

        Several who are called for the same changes only name the same `matters`, which may remember its last answer.
        """
        listeners = self._subscribers.setdefault(resource, {})
        listeners[call] = matters
        self._told.clear()

        def leave() -> None:
            listeners.pop(call, None)
            self._told.clear()

        return leave

    def _commit(self, change: Change) -> None:
        history = self._history.get(change.resource)
        if history is None:
            history = self._history[change.resource] = deque()
        history.append(change)
        if len(history) > HISTORY:
            self._forgotten[change.resource] = history.popleft().revision
        told = self._told.get(change.resource)
        if told is None:
            own, everybodys = self._subscribers.get(change.resource, {}), self._subscribers.get("*", {})
            told = (*own.items(), *everybodys.items())
            self._told[change.resource] = told
        for call, matters in told:
            if matters is None or matters(change):
                call(change)

    def _index(self, resource: str, namespace: str, name: str, before: Obj | None, after: Obj | None) -> None:
        old = before["metadata"].get("ownerReferences", ()) if before else ()
        new = after["metadata"].get("ownerReferences", ()) if after else ()
        if old is new:
            return
        key = (resource, namespace, name)
        for owner in old:
            self._owned.get(owner["uid"], {}).pop(key, None)
        for owner in new:
            self._owned.setdefault(owner["uid"], {})[key] = bool(owner.get("controller"))
            self._disordered[owner["uid"]] = None
