"""Field numbers out of `generated.proto` files, under the names that the fields have in JSON.

The trap is that the two do not have the same fields. Some messages hold what JSON has inline (a volume's source):
those become a table within the table. Some names differ in their capitals (`uID`). Some types are a wrapper that
JSON does not show: the reader of bodies knows them by the word that stands here after the name. A name that ends in
`!` is that of a field whose zero counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .openapi import SCALARS

Obj = dict[str, Any]

_LINE = re.compile(r"\s*(?:(optional|required|repeated)\s+)?(map<\w+,\s*([\w.]+)>|[\w.]+)\s+(\w+)\s*=\s*(\d+);")
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
# How the body's reader must treat a type that JSON shows differently.
_SPECIAL = {
    _META + "FieldsV1": "raw",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "raw",
    _EXTENSIONS + "JSON": "raw",
    _EXTENSIONS + "JSONSchemaPropsOrArray": "schemas",
    _EXTENSIONS + "JSONSchemaPropsOrBool": "schema or bool",
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": "schema or strings",
}

# Types of protobuf that have a zero which may have been left out.
_ZEROS = ("string", "bool", "int32", "int64", "double", "bytes")


@dataclass(frozen=True)
class Row:
    name: str
    number: int
    of: str  # the message's name as OpenAPI writes it, or a scalar of protobuf


def messages(text: str) -> dict[str, list[Row]]:
    """The messages of one file."""
    found: dict[str, list[Row]] = {}
    package, rows = "", None
    for line in text.splitlines():
        if line.startswith("package "):
            package = line.split()[1].rstrip(";")
        elif line.startswith("message "):
            rows = found[_full(package, line.split()[1])] = []
        elif line.startswith("}"):
            rows = None
        elif rows is not None and (match := _LINE.fullmatch(line.partition("//")[0].rstrip())):
            declared = match[3] or match[2]
            is_message = declared.startswith(".") or declared[0].isupper()
            rows.append(Row(match[4], int(match[5]), _full(package, declared) if is_message else declared))
        elif rows is not None and line.partition("//")[0].strip():
            raise ValueError(f"not understood: {line}")
    return found


def _full(package: str, name: str) -> str:
    """`.k8s.io.api.core.v1.Pod`, or `Pod` in that package, as `io.k8s.api.core.v1.Pod`."""
    path = name.lstrip(".") if name.startswith(".") else f"{package}.{name}"
    first, second, *rest = path.split(".")
    rest[0] = rest[0].replace("_", "-")
    return ".".join([second, first, *rest])


@dataclass(frozen=True)
class Sources:
    """All messages, and the fields of Go structs whose zero counts."""

    known: dict[str, list[Row]]
    meaningful: dict[str, frozenset[str]]

    def numbers(self, types: dict[str, list[Any]]) -> Obj:
        """type -> number -> JSON name, [name, treatment] or an inlined table; of every type that has a message."""
        return {name: self._table(name, types[name][0]) for name in types if name in self.known}

    def _table(self, message: str, fields: dict[str, str]) -> Obj:
        found: Obj = {}
        known, counts = self.known, self.meaningful.get(message, frozenset())
        for row in known[message]:
            name = _json_name(row.name, fields)
            if name is None:
                if row.of not in known:
                    raise ValueError(f"{message}: no JSON name for {row.name}")
                found[str(row.number)] = self._table(row.of, fields)
                continue
            treatment = _SPECIAL.get(row.of, "")
            if not treatment and row.of in known and row.of not in SCALARS and fields[name].lstrip("[{") != row.of:
                if [one.name for one in known[row.of]] != ["items"]:
                    raise ValueError(f"{message}.{name} is {fields[name]} in JSON and {row.of} in protobuf")
                treatment = "items"
            marked = name + ("!" if name in counts and row.of in _ZEROS else "")
            found[str(row.number)] = [name, treatment] if treatment else marked
        return found


def _json_name(name: str, fields: dict[str, str]) -> str | None:
    if name in fields:
        return name
    kebab = re.sub("([A-Z])", r"-\1", name).lower()
    same = [one for one in fields if one.lower() in (name.lower(), kebab, f"${name}")]
    return same[0] if same else None
