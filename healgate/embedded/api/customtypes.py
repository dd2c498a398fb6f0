"""The type of a custom resource, out of its definition's schema: what server-side apply owns and merges by.

A definition may say of a list that it is keyed or a set, and of a map that it is one value. Where it says nothing,
lists are replaced as a whole and maps merge, as everywhere.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from .resources import Custom, Resource
from .schema import OBJECT_META, Schema, published, schema

Obj = dict[str, Any]

_PLAIN = {"string": "str", "integer": "int64", "number": "float", "boolean": "bool"}
_known: WeakKeyDictionary[Custom, tuple[Schema, str]] = WeakKeyDictionary()


def typed(res: Resource) -> tuple[Schema, str]:
    """The types to walk an object of a resource by, and which of them is its own."""
    custom = res.custom
    if custom is None or not custom.schema:
        types = schema()
        return types, types.type_of(res.api_version, res.kind)
    if custom not in _known:
        _known[custom] = _built(custom.schema)
    return _known[custom]


def _built(root: Obj) -> tuple[Schema, str]:
    data = published()
    reader = _Reader()
    own = reader.declared({**root, "type": "object"}, "custom")
    if own == "any":
        reader.types[own := "custom"] = [{}, []]
    reader.types[own][0].update(apiVersion="str", kind="str", metadata=OBJECT_META)
    merge = data["merge"]
    lists = {**merge["lists"], **reader.lists}
    atomic_fields = [*merge["atomic_fields"], *reader.atomic]
    types = {**data["types"], **reader.types}
    return Schema({}, types, {**merge, "lists": lists, "atomic_fields": atomic_fields}, {}, {}), own


class _Reader:
    def __init__(self) -> None:
        self.types: dict[str, list[Any]] = {}
        self.lists: dict[str, list[str | None]] = {}
        self.atomic: list[str] = []

    def declared(self, one: Obj, path: str) -> str:
        """As the published types write it."""
        if one.get("x-kubernetes-int-or-string"):
            return "intstr"
        kind = one.get("type")
        if kind == "array" and isinstance(one.get("items"), dict):
            return "[" + self.declared(one["items"], path + "[]")
        if kind != "object":
            return _PLAIN.get(str(kind), "any")
        if isinstance(one.get("additionalProperties"), dict):
            return "{" + self.declared(one["additionalProperties"], path + "{}")
        if not one.get("properties"):
            return "any"
        fields: Obj = {}
        self.types[path] = [fields, list(one.get("required", ()))]
        for name, below in one["properties"].items():
            fields[name] = self.declared(below, f"{path}/{name}")
            self._marks(f"{path}.{name}", below)
        return path

    def _marks(self, path: str, one: Obj) -> None:
        kind = one.get("x-kubernetes-list-type")
        if kind in ("set", "map"):
            keys = " ".join(one.get("x-kubernetes-list-map-keys", ())) if kind == "map" else "set"
            self.lists[path] = [None, keys]
        if one.get("x-kubernetes-map-type") == "atomic":
            self.atomic.append(path)
