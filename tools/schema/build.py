"""What all sources say together, as one document and as the bytes of the data file."""

from __future__ import annotations

import json
import lzma
from typing import Any, Protocol

from . import discovery, gotypes, printers, protobuf
from .enums import Enums
from .openapi import Types

Obj = dict[str, Any]

# Kinds that are sent or answered though they are no resource.
_BESIDE = ("v1 DeleteOptions", "v1 Status")


class Source(Protocol):
    version: str

    def openapi(self) -> list[Obj]: ...
    def discovery(self) -> list[Obj]: ...
    def protobuf(self) -> list[str]: ...
    def structs(self) -> list[tuple[str, str]]: ...
    def printers(self) -> str: ...


def build(source: Source) -> Obj:
    resources = discovery.resources(source.discovery())
    types = Types()
    for document in source.openapi():
        types.add(document)
    types.keep([kind for kind in [*_kinds(resources), *_BESIDE] if kind in types.kinds])
    known: dict[str, list[protobuf.Row]] = {}
    for text in source.protobuf():
        known.update(protobuf.messages(text))
    zeros: dict[str, frozenset[str]] = {}
    enums = Enums()
    for package, text in source.structs():
        zeros.update(gotypes.meaningful(package, text))
        enums.add(package, text)
    columns = printers.columns(source.printers())
    served = {row[0] for rows in resources.values() for row in rows}
    return {
        "release": source.version,
        "resources": resources,
        "kinds": types.kinds,
        "types": types.types,
        "merge": {
            "lists": types.lists,
            "retain": types.retain,
            "atomic": types.atomic,
            "atomic_fields": types.atomic_fields,
        },
        "defaults": types.defaults,
        "enums": enums.fields(list(types.types)),
        "protobuf": protobuf.Sources(known, zeros).numbers(types.types),
        "columns": {kind: columns[kind] for kind in sorted(columns) if kind in served},
    }


def _kinds(resources: dict[str, list[list[Any]]]) -> set[str]:
    found: set[str] = set()
    for version, rows in resources.items():
        for kind, *_, more in rows:
            found.add(f"{version} {kind}")
            found.update(one if " " in one else f"{version} {one}" for one in more.get("subs", {}).values())
    return found


def packed(document: Obj) -> bytes:
    """The same bytes for the same document."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
