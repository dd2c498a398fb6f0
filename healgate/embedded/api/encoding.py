"""Objects as bytes, made once per revision and spliced into whatever carries them.

Lists, single answers and watchers use the same bytes, which are kept for the objects that somebody asked for. All else
(a kind in another version, a table, metadata alone) is made on demand. The trap is to keep something for every object
that changes: in a large cluster most are never read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from ..store import Change, Store
from ..store.encoded import dumps
from .conversion import view
from .resources import Resource

Obj = dict[str, Any]
Key = tuple[str, str, str]


# Objects whose bytes are kept; then it begins anew.
KEPT = 20_000
# Changes whose bytes are kept for watchers that lag behind.
LAGGING = 2000


class Encoder:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._made: dict[Key, tuple[Obj, bytes]] = {}
        self._told: deque[Change] = deque()

    def of(self, resource: Resource, obj: Obj) -> bytes:
        """A stored object, or one that was converted already, as this resource shows it."""
        if obj["apiVersion"] != resource.api_version:
            return dumps(view(resource, obj))
        meta = obj["metadata"]
        key = (resource.storage, meta.get("namespace", ""), meta.get("name", ""))
        made = self._made.get(key)
        if made is not None and made[0] is obj:
            return made[1]
        if self._store.get(*key) is not obj:
            return dumps(obj)
        encoded = dumps(obj)
        self._keep(key, obj, encoded)
        return encoded

    def of_change(self, resource: Resource, change: Change) -> bytes:
        """As of any object; a watcher that comes late finds what the first one had made."""
        obj = change.object
        if obj["apiVersion"] != resource.api_version:
            return dumps(view(resource, obj))
        meta = obj["metadata"]
        key = (resource.storage, meta.get("namespace", ""), meta["name"])
        made = self._made.get(key)
        if made is not None and made[0] is obj:
            return made[1]
        if not change.is_encoded:
            self._told.append(change)
            if len(self._told) > LAGGING:
                self._told.popleft().forget()
        if self._store.get(*key) is obj:
            self._keep(key, obj, change.encoded)
        return change.encoded

    def _keep(self, key: Key, obj: Obj, encoded: bytes) -> None:
        if len(self._made) >= KEPT:
            self._made.clear()
        self._made[key] = (obj, encoded)

    def items(self, resource: Resource, objects: Iterable[Obj]) -> bytes:
        """The elements of a list; those of built-in kinds do not repeat apiVersion and kind."""
        if resource.custom:
            return b",".join(self.of(resource, obj) for obj in objects)
        prefix = f'{{"apiVersion":"{resource.api_version}","kind":"{resource.kind}",'.encode()
        skip = len(prefix)
        parts: list[bytes] = []
        for obj in objects:
            encoded = self.of(resource, obj)
            parts.append(b"{" + encoded[skip:] if encoded.startswith(prefix) else encoded)
        return b",".join(parts)
