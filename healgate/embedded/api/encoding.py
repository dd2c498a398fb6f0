"""Objects as bytes, made once per revision and spliced into whatever carries them.

The store's latest Change of an object already keeps its JSON for watchers; lists and single answers use the same
bytes. Everything else (a kind in another version, a table, metadata alone) is made on demand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..store import Change, Store
from .conversion import view
from .messages import dumps
from .resources import Resource

Obj = dict[str, Any]
Key = tuple[str, str, str]


class Encoder:
    def __init__(self, store: Store) -> None:
        self._latest: dict[Key, Change] = {}
        store.subscribe("*", self._note)

    def _note(self, change: Change) -> None:
        meta = change.object["metadata"]
        key = (change.resource, meta.get("namespace", ""), meta["name"])
        if change.type == "DELETED":
            self._latest.pop(key, None)
        else:
            self._latest[key] = change

    def of(self, resource: Resource, obj: Obj) -> bytes:
        """A stored object, or one that was converted already, as this resource shows it."""
        meta = obj["metadata"]
        change = self._latest.get((resource.storage, meta.get("namespace", ""), meta.get("name", "")))
        if change is not None and change.object is obj and obj["apiVersion"] == resource.api_version:
            return change.encoded
        return dumps(view(resource, obj))

    def of_change(self, resource: Resource, change: Change) -> bytes:
        if change.object["apiVersion"] == resource.api_version:
            return change.encoded
        return dumps(view(resource, change.object))

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
