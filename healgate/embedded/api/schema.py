"""The types of the built-in kinds: which fields exist, and how lists and maps merge.

Strategic merge, server-side apply, strict field validation and OpenAPI all walk an object along its type, so the
walk is here once: `Schema.field` answers for one step. Where the type is not known (a custom resource, a free-form
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


class Schema:
    """The types of one set of kinds."""

    def __init__(self, kinds: dict[str, str], types: dict[str, list[Any]], merge: Obj) -> None:
        self._kinds = kinds
        self._types = types
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
        if declared.startswith("{"):
            return Field("map", declared[1:], atomic=path in self._atomic_fields)
        if declared in self._types and self._types[declared][0]:
            return Field("struct", declared, retain_keys=path in self._retain, atomic=declared in self._atomic)
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

    def unknown_fields(self, type_name: str, obj: Any, path: str = "") -> list[str]:
        """Dotted paths of what the type does not have, as a strict decoder lists them."""
        if not isinstance(obj, dict) or type_name not in self._types:
            return []
        found: list[str] = []
        for name, value in obj.items():
            below = f"{path}.{name}" if path else name
            one = self.field(type_name, name)
            if one is None:
                found.append(below)
            elif one.shape == "struct":
                found += self.unknown_fields(one.of, value, below)
            elif one.shape == "list" and isinstance(value, list):
                for index, element in enumerate(value):
                    found += self.unknown_fields(one.of, element, f"{below}[{index}]")
            elif one.shape == "map" and isinstance(value, dict):
                for key, element in value.items():
                    found += self.unknown_fields(one.of, element, f"{below}.{key}")
        return found

    def mistyped(self, type_name: str, obj: Any, path: str = "") -> str:
        """The first value that a typed decoder would choke on, in its words; empty if there is none."""
        if type_name not in self._types:
            return ""
        if not isinstance(obj, dict):
            return _complaint(obj, path, "object")
        for name, value in obj.items():
            one = self.field(type_name, name)
            if one is None or value is None or one.shape == "any":
                continue
            below = f"{path}.{name}" if path else name
            wrong = self._mistyped_field(one, value, below)
            if wrong:
                return wrong
        return ""

    def _mistyped_field(self, one: Field, value: Any, path: str) -> str:
        if one.shape == "struct":
            return self.mistyped(one.of, value, path)
        if one.shape == "plain":
            return _mismatch(one.of, value, path)
        if not isinstance(value, list if one.shape == "list" else dict):
            return _complaint(value, path, "array" if one.shape == "list" else "map")
        elements: list[Any] = value if isinstance(value, list) else list(value.values())
        for element in elements:
            wrong = self.mistyped(one.of, element, path) if self.known(one.of) else _mismatch(one.of, element, path)
            if wrong:
                return wrong
        return ""


def _mismatch(kind: str, value: Any, path: str) -> str:
    fits = {
        "str": isinstance(value, str | int | float) and not isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "bool": isinstance(value, bool),
    }
    if fits.get(kind, True):
        # Quantities may be written as numbers; other strings may not, and the models do not tell them apart.
        if kind == "str" and not isinstance(value, str) and not _is_quantity(path):
            return _complaint(value, path, "string")
        return ""
    return _complaint(value, path, {"str": "string", "int": "int32", "bool": "bool"}[kind])


_AMOUNTS = ("limits", "requests", "hard", "capacity", "allocatable", "usage", "default", "defaultRequest", "max", "min")
_AMOUNT = ("sizeLimit", "divisor", "averageValue", "value")


def _is_quantity(path: str) -> bool:
    """Whether a number may stand where the models say string."""
    parts = path.split(".")
    return any(part in _AMOUNTS for part in parts) or (parts[-1] in _AMOUNT and parts[-2:-1] != ["env"])


def _complaint(value: Any, path: str, wanted: str) -> str:
    kinds = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
    got = kinds.get(type(value), "null")
    return f"json: cannot unmarshal {got} into Go struct field .{path} of type {wanted}"


@cache
def schema() -> Schema:
    """The built-in kinds; read on first use, because not every run needs it."""
    folder = files(__package__)
    types = json.loads(lzma.decompress(folder.joinpath("schema.json.xz").read_bytes()))
    merge = json.loads(folder.joinpath("merge.json").read_text("utf-8"))
    return Schema(types["kinds"], types["types"], merge)
