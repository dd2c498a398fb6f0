"""Who wrote which field: `metadata.managedFields`.

Kept for every write that names a manager, that is for requests; the parts of the control plane write without a
name, because nobody asks who owns a status and keeping count would cost more than the write.
"""

from __future__ import annotations

from typing import Any

from ..clock import stamp
from . import fieldsets
from .customtypes import typed
from .objects import without
from .resources import Resource
from .schema import ANY, Field

Obj = dict[str, Any]

MAX_UPDATERS = 10


def entry(res: Resource, manager: str, operation: str, subresource: str, fields: Obj, now: float) -> Obj:
    found = {
        "manager": manager,
        "operation": operation,
        "apiVersion": res.api_version,
        "time": stamp(now),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if subresource:
        found["subresource"] = subresource
    return found


def same_writer(one: Obj, manager: str, operation: str, subresource: str) -> bool:
    return (one["manager"], one["operation"], one.get("subresource", "")) == (manager, operation, subresource)


def owned(res: Resource, new: Obj) -> Obj:
    """The fields of a new object: all are its creator's."""
    types, type_name = typed(res)
    return fieldsets.of_object(types, type_name, _tracked(new, ""))


def track(res: Resource, old: Obj, new: Obj, manager: str, subresource: str, now: float) -> None:
    """Give the writer of `new` what it changed since `old`, and take that from everybody else. Edits `new`."""
    types, type_name = typed(res)
    after = _tracked(new, subresource)
    entries: list[Obj] = list(old["metadata"].get("managedFields", ()))
    root = Field("struct", type_name) if types.known(type_name) else ANY
    won, gone = fieldsets.difference(types, root, _tracked(old, subresource), after)
    if won or gone:
        entries = [{**one, "fieldsV1": fieldsets.minus(fieldsets.minus(one["fieldsV1"], gone), won)} for one in entries]
        entries = [one for one in entries if one["fieldsV1"]]
    if won:
        mine = next((one for one in entries if same_writer(one, manager, "Update", subresource)), None)
        fields = fieldsets.union(mine["fieldsV1"], won) if mine else won
        entries = [one for one in entries if one is not mine]
        entries.append(entry(res, manager, "Update", subresource, fields, now))
    entries = _merge_ancient(entries)
    if entries:
        new["metadata"]["managedFields"] = entries
    else:
        new["metadata"].pop("managedFields", None)


def _tracked(obj: Obj, subresource: str) -> Obj:
    """The part of an object that a write through this door could have changed and somebody can own."""
    if subresource == "status":
        return {"status": obj.get("status", {})}
    meta = {key: value for key, value in obj["metadata"].items() if key not in fieldsets.NOT_OWNED_META}
    return {"metadata": meta, **without(obj, "apiVersion", "kind", "metadata", "status")}


def _merge_ancient(entries: list[Obj]) -> list[Obj]:
    updaters = [one for one in entries if one["operation"] == "Update"]
    surplus = updaters[: max(0, len(updaters) - MAX_UPDATERS)]
    if not surplus:
        return entries
    fields: Obj = {}
    for one in surplus:
        fields = fieldsets.union(fields, one["fieldsV1"])
    ancient = {**surplus[-1], "manager": "ancient-changes", "fieldsV1": fields}
    return [ancient, *(one for one in entries if not any(one is old for old in surplus))]


def forget_missing(res: Resource, entries: Any, new: Obj) -> Any:
    """Drop what is owned but no longer there, as defaulting and validation may have removed it."""
    types, type_name = typed(res)
    present = fieldsets.of_object(types, type_name, new)
    kept: list[Obj] = []
    for one in entries or ():
        missing = fieldsets.minus(one["fieldsV1"], present)
        fields = fieldsets.minus(one["fieldsV1"], missing) if missing else one["fieldsV1"]
        if fields:
            kept.append({**one, "fieldsV1": fields} if missing else one)
    return kept
