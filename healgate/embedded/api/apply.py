"""Server-side apply: the applier states what it wants, the server knows who else owns what.

An applied value that differs from one that another manager owns is a conflict, unless forced; a field that this
manager applied before and no longer states goes away, unless somebody else owns it too. Writes that are not
applies take over what they change (`managed.track`).
"""

from __future__ import annotations

from typing import Any

from . import errors, fieldsets
from .customtypes import typed
from .managed import entry, same_writer
from .objects import clean_copy
from .resources import Resource
from .schema import ANY, Field, Schema

Obj = dict[str, Any]


def apply(res: Resource, live: Obj, config: Obj, manager: str, subresource: str, force: bool, now: float) -> Obj:
    """The live object with the configuration applied and `managedFields` brought up to date."""
    if not manager:
        cause = errors.required("fieldManager", "is required for apply patch")
        raise errors.invalid("PatchOptions", "", [cause], "meta.k8s.io")
    if (config.get("metadata") or {}).get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")
    for key in ("apiVersion", "kind"):
        if not config.get(key):
            raise errors.bad_request(f"invalid object type: {key} must be set")
    types, type_name = typed(res)
    config = clean_copy(config)
    applied = fieldsets.of_object(types, type_name, config)
    entries: list[Obj] = list(live["metadata"].get("managedFields", ()))
    mine = next((one for one in entries if same_writer(one, manager, "Apply", subresource)), None)
    others = [one for one in entries if one is not mine]
    merged: Obj = _merge(types, _root(types, type_name), live, config)
    conflicts = _conflicts(types, type_name, live, merged, applied, others)
    if conflicts and not force:
        raise errors.apply_conflict([(who, fieldsets.shown(path)) for who, path in conflicts])
    others = _yield_up(others, [path for _, path in conflicts])
    before = mine["fieldsV1"] if mine else {}
    dropped = fieldsets.minus(before, applied)
    for other in others:
        dropped = fieldsets.minus(dropped, other["fieldsV1"])
    if dropped:
        merged = fieldsets.remove(types, _root(types, type_name), merged, dropped)
    fresh = entry(res, manager, "Apply", subresource, applied, now)
    if mine is not None and mine["fieldsV1"] == applied:
        fresh = mine
    # Applied ones first, as the server sorts them.
    merged["metadata"] = {**merged["metadata"], "managedFields": [fresh, *others]}
    return merged


def _root(types: Schema, type_name: str) -> Field:
    return Field("struct", type_name) if types.known(type_name) else ANY


def _conflicts(
    types: Schema, type_name: str, live: Obj, merged: Obj, applied: fieldsets.FieldSet, others: list[Obj]
) -> list[tuple[str, tuple[str, ...]]]:
    """(owner, path) of every applied leaf whose value the apply would change though somebody else owns it."""
    changed = [
        path
        for path in fieldsets.leaves(applied)
        if path[-1] != "."
        and fieldsets.value_at(types, type_name, live, path) != fieldsets.value_at(types, type_name, merged, path)
    ]
    found: list[tuple[str, tuple[str, ...]]] = []
    for other in others:
        who = f'"{other["manager"]}"'
        if other.get("subresource"):
            who += f' with subresource "{other["subresource"]}"'
        who += f" using {other['apiVersion']}"
        found += [(who, path) for path in changed if fieldsets.has(other["fieldsV1"], path)]
    return found


def _yield_up(entries: list[Obj], paths: list[tuple[str, ...]]) -> list[Obj]:
    """Take forced fields away from those who owned them."""
    lost: fieldsets.FieldSet = {}
    for path in paths:
        below = lost
        for key in path:
            below = below.setdefault(key, {})
    left = [{**one, "fieldsV1": fieldsets.minus(one["fieldsV1"], lost)} for one in entries]
    return [one for one in left if one["fieldsV1"]]


def _merge(types: Schema, field: Field, live: Any, config: Any) -> Any:
    if isinstance(config, dict) and isinstance(live, dict) and not field.atomic:
        result = dict(live)
        for name, value in config.items():
            below = fieldsets.step(types, field, name)
            result[name] = _merge(types, below, result[name], value) if name in result else value
        return result
    if isinstance(config, list) and isinstance(live, list) and field.list_keys is not None:
        return _merge_list(types, field, live, config)
    return config


def _merge_list(types: Schema, field: Field, live: list[Any], config: list[Any]) -> list[Any]:
    """Applied elements in the applied order; others keep their place relative to those before them."""
    element = Field("struct", field.of) if types.known(field.of) else ANY
    wanted = {fieldsets.element_key(field, one): one for one in config}
    present = {fieldsets.element_key(field, one): one for one in live}
    merged = {key: _merge(types, element, present[key], one) if key in present else one for key, one in wanted.items()}
    queue = list(wanted)
    result: list[Any] = []
    for key, one in present.items():
        if key not in wanted:
            result.append(one)
        elif key in queue:
            until = queue.index(key) + 1
            result += [merged[name] for name in queue[:until]]
            queue = queue[until:]
    return result + [merged[name] for name in queue]
