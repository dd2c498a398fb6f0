"""The types of the built-in kinds: which fields exist, and how lists and maps merge.

Strategic merge, server-side apply, typed decoding and OpenAPI all walk an object along its type, so the walk is
here once: `Schema.field` answers for one step. Where the type is not known (a custom resource, a free-form
field) the answer is `ANY`: everything is allowed below, maps merge and lists are replaced as a whole.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field's shape. `of` is the type of the value, of the list's elements or of the map's values."""

    shape: str  # "list", "map", "struct", "plain", "any"
    of: str = "any"
    merge_key: str | None = None  # strategic merge: None replaces the list, "" merges it as a set
    list_keys: tuple[str, ...] | None = None  # server-side apply: None atomic, () a set
    retain_keys: bool = False
    atomic: bool = False  # server-side apply owns it as a whole


ANY = Field("any")
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class Schema:
    """The types of one set of kinds."""

    def __init__(
        self, kinds: dict[str, str], types: dict[str, list[Any]], merge: Obj, protobuf: Obj, enums: Obj
    ) -> None:
        self._kinds = kinds
        self._types = types
        self._protobuf = protobuf
        self._enums: dict[str, dict[str, list[str]]] = enums
        self._lists: dict[str, list[str | None]] = merge["lists"]
        self._retain = frozenset(merge["retain"])
        self._atomic = frozenset(merge["atomic"])
        self._atomic_fields = frozenset(merge["atomic_fields"])
        self._known: dict[tuple[str, str], Field | None] = {}

    def type_of(self, api_version: str, kind: str) -> str:
        """The type's name, "any" for a kind that is not built in."""
        return self._kinds.get(f"{api_version} {kind}", "any")

    def fields(self, type_name: str) -> dict[str, str]:
        found: dict[str, str] = self._types[type_name][0]
        return found

    def required(self, type_name: str) -> list[str]:
        found: list[str] = self._types[type_name][1]
        return found

    def known(self, type_name: str) -> bool:
        return type_name in self._types

    def enumerated(self, type_name: str) -> dict[str, list[str]]:
        """The fields of enumerated types, and their values."""
        return self._enums.get(type_name, {})

    def protobuf(self, type_name: str) -> Obj:
        """Field numbers; KeyError for a type that is never sent that way."""
        found: Obj = self._protobuf[type_name]
        return found

    def field(self, type_name: str, name: str) -> Field | None:
        """The field of a type; None if there is no such field."""
        if type_name not in self._types:
            return ANY
        key = (type_name, name)
        if key not in self._known:
            declared = self._types[type_name][0].get(name)
            self._known[key] = None if declared is None else self._describe(f"{type_name}.{name}", declared)
        return self._known[key]

    def _describe(self, path: str, declared: str) -> Field:
        if declared == "any":
            return ANY
        if declared.startswith("["):
            row = self._lists.get(path, [None, None])
            keys = None if row[1] is None else () if row[1] == "set" else tuple(row[1].split())
            return Field("list", declared[1:], row[0], keys, "retainKeys" in row)
        atomic = path in self._atomic_fields
        if declared.startswith("{"):
            return Field("map", declared[1:], atomic=atomic)
        if declared in self._types and self._types[declared][0]:
            atomic = atomic or declared in self._atomic
            return Field("struct", declared, retain_keys=path in self._retain, atomic=atomic)
        return Field("plain", declared)

    def types_below(self, type_name: str) -> list[str]:
        """A type and all that it mentions, for a document that must contain them."""
        found: dict[str, None] = {}
        todo = [type_name]
        while todo:
            name = todo.pop()
            if name in found or name not in self._types:
                continue
            found[name] = None
            todo += [kind.lstrip("[{") for kind in self._types[name][0].values()]
        return sorted(found)


@cache
def published() -> Obj:
    """What a Kubernetes release says about itself, read on first use; `tools/schema` writes the file."""
    packed = files(__package__).joinpath("kubernetes.json.xz").read_bytes()
    found: Obj = json.loads(lzma.decompress(packed))
    return found


@cache
def schema() -> Schema:
    """The built-in kinds."""
    data = published()
    return Schema(data["kinds"], data["types"], data["merge"], data["protobuf"], data["enums"])


def release() -> str:
    """The version of Kubernetes that all this is of."""
    return str(published()["release"])
