"""Strategic merge: a merge patch that knows which lists are keyed.

Directives are handled where they stand: `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/<field>` and
`$setElementOrder/<field>`. kubectl apply sends the last with every list that it touches, so ignoring it would
leave containers and variables in the order of their first appearance.
"""

from __future__ import annotations

from typing import Any

from .errors import bad_request
from .schema import ANY, Field, Schema

Obj = dict[str, Any]

PATCH = "$patch"
RETAIN = "$retainKeys"
ORDER = "$setElementOrder/"
DELETE = "$deleteFromPrimitiveList/"


def strategic_merge(schema: Schema, type_name: str, target: Obj, patch: Obj) -> Obj:
    """The patched object; shares with `target` what the patch does not name."""
    mode = patch.get(PATCH)
    if mode == "replace":
        return {key: value for key, value in patch.items() if key != PATCH}
    if mode == "delete":
        return {}
    if mode not in (None, "merge"):
        raise bad_request(f"Unknown patch type found: map[$patch:{mode}]")
    result = dict(target)
    keep = patch.get(RETAIN)
    if isinstance(keep, list):
        result = {key: value for key, value in result.items() if key in keep}
    orders: dict[str, list[Any]] = {}
    for key, value in patch.items():
        if key in (PATCH, RETAIN):
            continue
        if key.startswith(ORDER):
            orders[key[len(ORDER) :]] = value
        elif key.startswith(DELETE):
            name = key[len(DELETE) :]
            result[name] = [one for one in result.get(name) or () if one not in value]
        elif value is None:
            result.pop(key, None)
        else:
            field = schema.field(type_name, key) or ANY
            result[key] = _value(schema, field, result.get(key), value)
    for name, order in orders.items():
        if isinstance(result.get(name), list):
            field = schema.field(type_name, name) or ANY
            result[name] = _ordered(field, result[name], order)
    return result


def _value(schema: Schema, field: Field, old: Any, new: Any) -> Any:
    if isinstance(new, dict):
        below = field.of if field.shape == "struct" else "any"
        merged = strategic_merge(schema, below, old if isinstance(old, dict) else {}, new)
        if field.shape == "map" and schema.known(field.of):
            before = old if isinstance(old, dict) else {}
            for key in [key for key, one in new.items() if isinstance(one, dict)]:
                merged[key] = strategic_merge(schema, field.of, before.get(key) or {}, new[key])
        return merged
    if isinstance(new, list) and field.shape == "list" and field.merge_key is not None:
        return _list(schema, field, old if isinstance(old, list) else [], new)
    return _without_directives(new)


def _without_directives(value: Any) -> Any:
    """A replaced list may still carry `$patch: replace` as its first element."""
    if isinstance(value, list):
        return [one for one in value if not (isinstance(one, dict) and set(one) == {PATCH})]
    return value


def _list(schema: Schema, field: Field, old: list[Any], new: list[Any]) -> list[Any]:
    if {PATCH: "replace"} in new:
        return [one for one in new if one != {PATCH: "replace"}]
    key = field.merge_key
    if not key:
        return old + [one for one in new if one not in old]
    result = list(old)
    for element in new:
        if not isinstance(element, dict):
            raise bad_request("expected an object in a list merged by key")
        if key not in element:
            raise bad_request(f"map: {element} does not contain declared merge key: {key}")
        index = next((i for i, one in enumerate(result) if one.get(key) == element[key]), None)
        if element.get(PATCH) == "delete":
            if index is not None:
                result = [one for one in result if one.get(key) != element[key]]
        elif index is None:
            result.append(strategic_merge(schema, field.of, {}, element))
        else:
            result[index] = strategic_merge(schema, field.of, result[index], element)
    return result


def _ordered(field: Field, items: list[Any], order: list[Any]) -> list[Any]:
    """Elements that the order names in its order; the others stay where they were, relative to their neighbours."""
    key = field.merge_key

    def name(element: Any) -> Any:
        return element.get(key) if isinstance(element, dict) and key else element

    wanted = [name(one) for one in order]
    named = sorted((one for one in items if name(one) in wanted), key=lambda one: wanted.index(name(one)))
    result: list[Any] = []
    position = 0
    for element in items:
        if name(element) in wanted:
            result.append(named[position])
            position += 1
        else:
            result.append(element)
    return result
