"""Sets of fields in the form that `managedFields` shows: `{"f:spec": {"f:replicas": {}}}`.

One walk along the type decides what is a leaf: scalars, atomic lists and atomic maps are owned whole, keyed lists
by element (`k:{"name":"web"}`), sets by value (`v:"x"`). A "." says that the element or map itself is owned too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .objects import deep_copy
from .schema import ANY, OBJECT_META, Field, Schema

Obj = dict[str, Any]
FieldSet = dict[str, Any]

# What nobody can own.
_NOT_OWNED = {"apiVersion", "kind"}
NOT_OWNED_META = {
    "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
    "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName",
}  # fmt: skip


def element_key(field: Field, element: Any) -> str:
    """The path step of one element of a keyed list or set."""
    if not field.list_keys:
        return "v:" + json.dumps(element, separators=(",", ":"))
    keys = {name: element.get(name, _KEY_DEFAULTS.get(name)) for name in field.list_keys}
    return "k:" + json.dumps({k: v for k, v in keys.items() if v is not None}, separators=(",", ":"), sort_keys=True)


_KEY_DEFAULTS = {"protocol": "TCP"}


def of_object(schema: Schema, type_name: str, obj: Obj) -> FieldSet:
    """All fields of an object that somebody can own."""
    found: FieldSet = {}
    for name, value in obj.items():
        if name in _NOT_OWNED:
            continue
        if name == "metadata":
            value = {key: one for key, one in value.items() if key not in NOT_OWNED_META}
            if not value:
                continue
        found[f"f:{name}"] = of_value(schema, schema.field(type_name, name) or _loose(name), value)
    found.pop("f:metadata", None) if found.get("f:metadata") == {} else None
    return found


def _loose(name: str, known: Field = ANY) -> Field:
    """The metadata of a kind whose type is not known is known all the same."""
    return Field("struct", OBJECT_META) if name == "metadata" and known is ANY else known


def of_value(schema: Schema, field: Field, value: Any) -> FieldSet:
    if field.atomic or value is None:
        return {}
    if isinstance(value, dict) and field.shape in ("struct", "map", "any"):
        found: FieldSet = {} if field.shape == "struct" else {".": {}} if value else {}
        for name, one in value.items():
            found[f"f:{name}"] = of_value(schema, step(schema, field, name), one)
        return found
    if isinstance(value, list) and field.shape == "list" and field.list_keys is not None:
        found = {".": {}} if value else {}
        for element in value:
            below: FieldSet = {}
            if isinstance(element, dict):
                below = {".": {}, **of_value(schema, _element(schema, field), element)}
            found[element_key(field, element)] = below
        return found
    return {}


def difference(schema: Schema, field: Field, old: Any, new: Any) -> tuple[FieldSet, FieldSet]:
    """(set or changed, gone) between two values of a field, without looking into what is equal."""
    if isinstance(old, dict) and isinstance(new, dict) and not field.atomic:
        before = {f"f:{name}": value for name, value in old.items()}
        after = {f"f:{name}": value for name, value in new.items()}
        return _compared(schema, before, after, lambda key: _loose(key[2:], step(schema, field, key[2:])))
    if isinstance(old, list) and isinstance(new, list) and field.shape == "list" and field.list_keys is not None:
        before = {element_key(field, one): one for one in old}
        after = {element_key(field, one): one for one in new}
        return _compared(schema, before, after, lambda _: _element(schema, field))
    return {}, {}


def _compared(schema: Schema, before: Obj, after: Obj, below: Callable[[str], Field]) -> tuple[FieldSet, FieldSet]:
    won: FieldSet = {}
    gone: FieldSet = {}
    for key, value in after.items():
        if key not in before:
            won[key] = of_value(schema, below(key), value)
            if key.startswith("k:"):
                won[key] = {".": {}, **won[key]}
        elif before[key] != value:
            more, less = difference(schema, below(key), before[key], value)
            if more or not less:
                won[key] = more
            if less:
                gone[key] = less
    for key, value in before.items():
        if key not in after:
            gone[key] = of_value(schema, below(key), value)
            if key.startswith("k:"):
                gone[key] = {".": {}, **gone[key]}
    return won, gone


def step(schema: Schema, field: Field, name: str) -> Field:
    """The field below a struct, map or free-form value."""
    if field.shape == "struct":
        return schema.field(field.of, name) or ANY
    if field.shape == "map":
        return (
            Field("struct", field.of)
            if schema.known(field.of)
            else ANY
            if field.of == "any"
            else Field("plain", field.of)
        )
    return ANY


def _element(schema: Schema, field: Field) -> Field:
    return Field("struct", field.of) if schema.known(field.of) else ANY


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    found = dict(one)
    for key, below in other.items():
        found[key] = union(found[key], below) if key in found else deep_copy(below)
    return found


def minus(one: FieldSet, other: FieldSet) -> FieldSet:
    """Leaves of `one` that `other` does not have; branches that become empty go."""
    found: FieldSet = {}
    for key, below in one.items():
        if key not in other:
            found[key] = below
        elif below:
            rest = minus(below, other[key])
            if rest:
                found[key] = rest
    return found


def leaves(fields: FieldSet, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for key in fields:
        if fields[key]:
            found += leaves(fields[key], (*path, key))
        else:
            found.append((*path, key))
    return found


def has(fields: FieldSet, path: tuple[str, ...]) -> bool:
    """Whether the path, or an atomic field above it, is in the set."""
    for key in path:
        if key not in fields:
            return False
        fields = fields[key]
        if not fields:
            return True
    return True


def shown(path: tuple[str, ...]) -> str:
    """As conflicts print it: `.spec.template.spec.containers[name="web"].image`."""
    text = ""
    for key in path:
        kind, _, name = key.partition(":")
        if kind == "f":
            text += f".{name}"
        elif kind == "k":
            pairs = json.loads(name)
            text += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in pairs.items()) + "]"
        elif kind == "v":
            text += f"[={name}]"
    return text


def value_at(schema: Schema, type_name: str, obj: Any, path: tuple[str, ...]) -> Any:
    """The value a path leads to, `...` where there is none."""
    field = Field("struct", type_name) if schema.known(type_name) else ANY
    for key in path:
        kind, _, name = key.partition(":")
        if kind == ".":
            return obj
        if kind == "f":
            if not isinstance(obj, dict) or name not in obj:
                return ...
            field = _loose(name) if field is ANY and name == "metadata" else step(schema, field, name)
            obj = obj[name]
        else:
            found = [one for one in obj if element_key(field, one) == key] if isinstance(obj, list) else []
            if not found:
                return ...
            obj, field = found[0], _element(schema, field)
    return obj


def remove(schema: Schema, field: Field, value: Any, fields: FieldSet) -> Any:
    """The value without the leaves of a set; `...` when it is to go itself."""
    if not fields:
        return ...
    if isinstance(value, dict):
        result = dict(value)
        for key, below in fields.items():
            name = key[2:]
            if key.startswith("f:") and name in result:
                left = remove(
                    schema,
                    _loose(name) if name == "metadata" else step(schema, field, name),
                    result[name],
                    below,
                )
                if left is ...:
                    del result[name]
                else:
                    result[name] = left
        return ... if not result and "." in fields else result
    if isinstance(value, list) and field.list_keys is not None:
        kept: list[Any] = []
        for element in value:
            key = element_key(field, element)
            if key not in fields:
                kept.append(element)
                continue
            below = fields[key]
            if not below or "." in below:
                continue
            left = remove(schema, _element(schema, field), element, below)
            if left is not ...:
                kept.append(left)
        return kept if kept or "." not in fields else ...
    return value
