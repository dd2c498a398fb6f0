"""What `kubectl get` prints: objects as rows, made by the server."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

from . import podcells
from .cells import Cell, since
from .columns import CELLS, COMMON
from .resources import Resource
from .schema import published

Obj = dict[str, Any]


class Column(NamedTuple):
    name: str
    type: str
    format: str
    priority: int  # 1: only with -o wide
    cell: Cell


# What the release has no printer for, as servers show it all the same.
_UNPUBLISHED: dict[str, list[list[Any]]] = {
    "APIService": [
        ["Name", "string", "name", 0],
        ["Service", "string", "", 0],
        ["Available", "string", "", 0],
        ["Age", "string", "", 0],
    ]
}
_PLAIN = [["Name", "string", "name", 0], ["Created At", "date", "", 0]]
_CUSTOM = [["Name", "string", "name", 0], ["Age", "date", "", 0]]


def columns_of(resource: Resource) -> tuple[Column, ...]:
    if resource.custom is None:
        return _published(resource.kind)
    if not resource.custom.columns:
        return _filled(_CUSTOM, "")
    name = Column("Name", "string", "name", 0, COMMON["Name"])
    return (name, *(_custom_column(one) for one in resource.custom.columns))


@cache
def _published(kind: str) -> tuple[Column, ...]:
    rows = published()["columns"].get(kind) or _UNPUBLISHED.get(kind) or _PLAIN
    return _filled(rows, kind)


def _filled(rows: list[list[Any]], kind: str) -> tuple[Column, ...]:
    cells = {**COMMON, **CELLS.get(kind, {})}
    return tuple(Column(name, type_, form, priority, cells[name]) for name, type_, form, priority in rows)


def _custom_column(column: Obj) -> Column:
    path = column["jsonPath"]
    is_date = column.get("type") == "date"

    def cell(obj: Obj, now: float) -> Any:
        value = json_path(obj, path)
        if value is None:
            return None
        if is_date:
            return since(value, now)
        return value if isinstance(value, str | int | float | bool) else json.dumps(value, separators=(",", ":"))

    given = column.get("format", ""), column.get("priority", 0), cell
    return Column(column["name"], column.get("type", "string"), *given)


def json_path(obj: Any, path: str) -> Any:
    """The part of JSONPath that printer columns use: `.a.b`, `[0]`, `[?(@.type=="Ready")]`."""
    for name, index, key, value in podcells.PATH_STEP.findall(path):
        if name:
            obj = obj.get(name.replace("\\.", ".")) if isinstance(obj, dict) else None
        elif isinstance(obj, list) and index:
            obj = obj[int(index)] if int(index) < len(obj) else None
        elif isinstance(obj, list):
            obj = next((one for one in obj if str(one.get(key)) == value), None)
        else:
            return None
    return obj


def definitions(resource: Resource) -> list[Obj]:
    return [
        {"name": one.name, "type": one.type, "format": one.format, "description": "", "priority": one.priority}
        for one in columns_of(resource)
    ]


def row(resource: Resource, obj: Obj, now: float, include: str) -> Obj:
    """One row; `include` is the request's includeObject."""
    cells = [one.cell(obj, now) for one in columns_of(resource)]
    shown: Any = None
    if include == "Object":
        shown = obj
    elif include != "None":
        shown = partial(obj)
    return {"cells": cells, "object": shown}


def partial(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def table(resource: Resource, objects: list[Obj], now: float, include: str, meta: Obj, header: bool = True) -> Obj:
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": definitions(resource) if header else None,
        "rows": [row(resource, one, now, include) for one in objects],
    }
