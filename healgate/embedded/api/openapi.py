"""OpenAPI v3 as far as clients read it: kubectl checks that PATCH knows fieldValidation, and merges by its types."""

from __future__ import annotations

from typing import Any

from .resources import Resource, Resources
from .schema import Field, release, schema

Obj = dict[str, Any]

_PREFIX = "#/components/schemas/"
_PLAIN: dict[str, Obj] = {
    "str": {"type": "string"},
    "int": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "double"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte"},
}
# Scalars that are types of their own.
_SCALARS: dict[str, tuple[str, Obj]] = {
    "quantity": (
        "io.k8s.apimachinery.pkg.api.resource.Quantity",
        {"oneOf": [{"type": "string"}, {"type": "number"}]},
    ),
    "intstr": (
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
        {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    ),
    "time": ("io.k8s.apimachinery.pkg.apis.meta.v1.Time", {"type": "string", "format": "date-time"}),
    "micro": ("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", {"type": "string", "format": "date-time"}),
}


def index(table: Resources) -> Obj:
    paths: Obj = {}
    for group, versions in table.groups().items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={table.generation:08X}"}
    return {"paths": paths}


def document(table: Resources, group: str, version: str) -> Obj | None:
    found = table.groups().get(group, {}).get(version)
    if found is None:
        return None
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    schemas: Obj = {}
    paths: Obj = {}
    for resource in found:
        name = _component(resource, schemas)
        base = f"{root}/namespaces/{{namespace}}" if resource.namespaced else root
        paths[f"{base}/{resource.plural}"] = _collection(resource, name)
        paths[f"{base}/{resource.plural}/{{name}}"] = _item(resource, name)
    info = {"title": "Kubernetes", "version": release()}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _kind(resource: Resource) -> Obj:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _component(resource: Resource, schemas: Obj) -> str:
    """Put the kind's schema, and all that it mentions, among the document's; return its name."""
    types = schema()
    type_name = types.type_of(resource.api_version, resource.kind)
    if type_name == "any":
        name = ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])
        body = dict(resource.custom.schema or {}) if resource.custom else {"type": "object"}
        schemas[name] = {**body, "x-kubernetes-group-version-kind": [_kind(resource)]}
        return name
    for one in types.types_below(type_name):
        if one not in schemas:
            schemas[one] = _struct(one)
    schemas.update(_SCALARS.values())
    marks = schemas[type_name].setdefault("x-kubernetes-group-version-kind", [])
    marks.append(_kind(resource))
    return type_name


def _struct(name: str) -> Obj:
    types = schema()
    body: Obj = {"type": "object", "properties": {}}
    for key in types.fields(name):
        field = types.field(name, key)
        assert field is not None
        body["properties"][key] = _property(field)
    if types.required(name):
        body["required"] = types.required(name)
    if not body["properties"]:
        del body["properties"]
    return body


def _reference(type_name: str) -> Obj:
    if schema().known(type_name):
        return {"default": {}, "allOf": [{"$ref": _PREFIX + type_name}]}
    if type_name in _SCALARS:
        return {"allOf": [{"$ref": _PREFIX + _SCALARS[type_name][0]}]}
    if type_name.startswith("["):
        return {"type": "array", "items": _reference(type_name[1:])}
    return dict(_PLAIN.get(type_name, {}))


def _property(field: Field) -> Obj:
    if field.shape == "list":
        found: Obj = {"type": "array", "items": _reference(field.of)}
        if field.merge_key is not None:
            found["x-kubernetes-patch-strategy"] = "merge,retainKeys" if field.retain_keys else "merge"
        if field.merge_key:
            found["x-kubernetes-patch-merge-key"] = field.merge_key
        if field.list_keys is None:
            found["x-kubernetes-list-type"] = "atomic"
        else:
            found["x-kubernetes-list-type"] = "map" if field.list_keys else "set"
            if field.list_keys:
                found["x-kubernetes-list-map-keys"] = list(field.list_keys)
        return found
    if field.shape == "map":
        found = {"type": "object", "additionalProperties": _reference(field.of)}
    else:
        found = _reference(field.of if field.shape != "any" else "any")
    if field.retain_keys:
        found["x-kubernetes-patch-strategy"] = "retainKeys"
    if field.atomic:
        found["x-kubernetes-map-type"] = "atomic"
    return found


def _query(*names: str) -> list[Obj]:
    return [{"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in names]


def _operation(resource: Resource, action: str, name: str, *params: str) -> Obj:
    content = {"application/json": {"schema": {"$ref": _PREFIX + name}}}
    return {
        "responses": {"200": {"description": "OK", "content": content}},
        "parameters": _query(*params),
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _kind(resource),
    }


_WRITES = ("dryRun", "fieldManager", "fieldValidation")


def _collection(resource: Resource, name: str) -> Obj:
    return {
        "get": _operation(resource, "list", name, "labelSelector", "fieldSelector", "limit", "continue", "watch"),
        "post": _operation(resource, "post", name, *_WRITES),
    }


def _item(resource: Resource, name: str) -> Obj:
    return {
        "get": _operation(resource, "get", name),
        "put": _operation(resource, "put", name, *_WRITES),
        "patch": _operation(resource, "patch", name, *_WRITES, "force"),
        "delete": _operation(resource, "delete", name, "dryRun", "gracePeriodSeconds", "propagationPolicy"),
    }
