"""CustomResourceDefinitions: a stored definition is a served resource, from the moment it is written.

The registry's table follows the store, so discovery, routing and validation need to know nothing of definitions.
Schemas are honoured modestly: unknown fields are pruned, defaults filled in, type, required, enum, bounds and
patterns checked. Rules in CEL (`x-kubernetes-validations`) are not evaluated, and whoever brings one is told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..clock import stamp
from .errors import Cause, required, unsupported, wrong
from .objects import deep_copy
from .resources import Custom, Resource

if TYPE_CHECKING:
    from ..store import Change
    from .registry import Registry

Obj = dict[str, Any]

KEY = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class Definitions:
    """Keeps a registry's table of resources in step with the stored definitions."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._clock = registry.clock
        registry.store.subscribe(KEY, self._changed)

    def _changed(self, change: Change) -> None:
        obj = change.object
        key = obj["metadata"]["name"]
        table = self._registry.resources
        if change.type == "DELETED":
            table.remove(key)
            return
        if "deletionTimestamp" in obj["metadata"]:
            if CLEANUP in obj["metadata"].get("finalizers", ()):
                self._clock.call_later(0, self._clean_up, key)
            return
        if change.before is None or change.before.get("spec") != obj.get("spec"):
            table.remove(key)
            for resource in served(obj):
                table.add(resource)
        if not obj.get("status", {}).get("conditions"):
            self._clock.call_later(0, self._establish, key)

    def _establish(self, name: str) -> None:
        now = stamp(self._clock.now())

        def accept(obj: Obj) -> Obj:
            conditions = [
                {
                    "type": "NamesAccepted",
                    "status": "True",
                    "lastTransitionTime": now,
                    "reason": "NoConflicts",
                    "message": "no conflicts found",
                },
                {
                    "type": "Established",
                    "status": "True",
                    "lastTransitionTime": now,
                    "reason": "InitialNamesAccepted",
                    "message": "the initial names have been accepted",
                },
            ]
            status = {
                **obj.get("status", {}),
                "conditions": conditions,
                "acceptedNames": obj["spec"]["names"],
            }
            finalizers = [*obj["metadata"].get("finalizers", ()), CLEANUP]
            return {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}, "status": status}

        self._registry.change(KEY, "", name, accept)

    def _clean_up(self, name: str) -> None:
        """Delete what is left of a kind, then let its definition go, unless somebody else let it go before."""
        registry = self._registry
        if name not in registry.resources.keys:
            for one in registry.store.list(name):
                registry.store.remove(name, one["metadata"].get("namespace", ""), one["metadata"]["name"])
        for one in registry.store.list(name):
            meta = one["metadata"]
            if "deletionTimestamp" not in meta:
                registry.delete(name, meta.get("namespace", ""), meta["name"])
        if registry.store.list(name):
            self._clock.call_later(1, self._clean_up, name)
            return

        def release(obj: Obj) -> Obj:
            left = [one for one in obj["metadata"].get("finalizers", ()) if one != CLEANUP]
            return {**obj, "metadata": {**obj["metadata"], "finalizers": left}}

        registry.change(KEY, "", name, release)

    @staticmethod
    def conform(res: Resource, obj: Obj) -> None:
        """Prune and default a custom resource in place."""
        schema = res.custom.schema if res.custom else None
        if schema:
            for key in ("apiVersion", "kind", "metadata"):
                schema = {**schema, "properties": {**schema.get("properties", {}), key: {_KEEP: True}}}
            _prune(schema, obj)
            _default(schema, obj)


_KEEP = "x-kubernetes-preserve-unknown-fields"


def served(definition: Obj) -> list[Resource]:
    """The resources of a definition, the preferred version first."""
    spec = definition["spec"]
    names = spec.get("names", {})
    versions = [one for one in spec.get("versions", ()) if one.get("served")]
    storage = next((one["name"] for one in spec.get("versions", ()) if one.get("storage")), "v1")
    found: list[Resource] = []
    for version in sorted(versions, key=lambda one: _priority(one["name"])):
        subs = version.get("subresources") or {}
        custom = Custom(
            schema=(version.get("schema") or {}).get("openAPIV3Schema"),
            columns=tuple(version.get("additionalPrinterColumns") or ()),
            status="status" in subs,
            scale=subs.get("scale"),
            storage_version=storage,
        )
        kinds = {"status": names["kind"]} if custom.status else {}
        if custom.scale:
            kinds["scale"] = "autoscaling/v1 Scale"
        selectable = tuple(one["jsonPath"].lstrip(".") for one in version.get("selectableFields") or ())
        found.append(
            Resource(
                group=spec["group"],
                version=version["name"],
                kind=names["kind"],
                plural=names["plural"],
                singular=names.get("singular", names["kind"].lower()),
                namespaced=spec.get("scope") == "Namespaced",
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                subresources=dict(sorted(kinds.items())),
                fields=selectable,
                generation=True,
                locked=True,
                custom=custom,
            )
        )
    return found


def _priority(version: str) -> tuple[int, int, int, str]:
    """Stable versions first, then beta, then alpha; higher numbers first."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not match:
        return (3, 0, 0, version)
    major, stage, minor = match.groups()
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -int(major), -int(minor or 0), version)


def check_definition(new: Obj, _: Obj | None) -> list[Cause]:
    spec = new.get("spec", {})
    names = spec.get("names", {})
    found: list[Cause] = []
    expected = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if new["metadata"]["name"] != expected:
        found.append(wrong("metadata.name", new["metadata"]["name"], 'must be spec.names.plural+"."+spec.group'))
    found += [required(f"spec.names.{key}") for key in ("plural", "kind") if not names.get(key)]
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        found.append(unsupported("spec.scope", spec.get("scope", ""), ["Cluster", "Namespaced"]))
    versions = spec.get("versions") or []
    if sum(bool(one.get("storage")) for one in versions) != 1:
        why = "must have exactly one version marked as storage version"
        found.append(wrong("spec.versions", [one.get("name") for one in versions], why))
    for index, version in enumerate(versions):
        if not version.get("name"):
            found.append(required(f"spec.versions[{index}].name"))
        path = f"spec.versions[{index}].schema.openAPIV3Schema"
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        found += _check_schema(schema, path) if schema else [required(path, "schemas are required")]
    return found


def _check_schema(schema: Any, path: str) -> list[Cause]:
    """That what follows can rely on it; below `items` and `additionalProperties` nothing was typed on its way in."""
    if not isinstance(schema, dict):
        return [wrong(path, schema, "must be a schema object")]
    found = [
        wrong(f"{path}.{key}", schema[key], f"must be of type {kinds[0].__name__}")
        for key, kinds in _SCHEMA_TYPES.items()
        if not isinstance(schema.get(key, kinds[0]()), kinds) or isinstance(schema.get(key), bool)
    ]
    if found:
        return found
    if schema.get("type", "string") not in _TYPES:
        found.append(unsupported(f"{path}.type", schema["type"], sorted(_TYPES)))
    for name, below in schema.get("properties", {}).items():
        found += _check_schema(below, f"{path}.properties[{name}]")
    for key in ("items", "additionalProperties"):
        if not isinstance(schema.get(key, True), bool):
            found += _check_schema(schema[key], f"{path}.{key}")
    return found


_SCHEMA_TYPES: dict[str, tuple[type, ...]] = {
    "type": (str,),
    "pattern": (str,),
    "properties": (dict,),
    "required": (list,),
    "enum": (list,),
    "minimum": (float, int),
    "maximum": (float, int),
    "minLength": (int,),
    "maxLength": (int,),
    "minItems": (int,),
}


def unevaluated_rules(definition: Obj) -> list[str]:
    """A warning for each place whose CEL rules will let everything pass."""
    found: list[str] = []

    def look(schema: Any, path: str) -> None:
        if not isinstance(schema, dict):
            return
        if schema.get("x-kubernetes-validations"):
            found.append(f"{path}.x-kubernetes-validations: CEL rules are not evaluated by this simulated cluster")
        for name, below in (schema.get("properties") or {}).items():
            look(below, f"{path}.properties[{name}]")
        look(schema.get("items"), f"{path}.items")
        look(schema.get("additionalProperties"), f"{path}.additionalProperties")

    for index, version in enumerate((definition.get("spec") or {}).get("versions") or ()):
        look((version.get("schema") or {}).get("openAPIV3Schema"), f"spec.versions[{index}].schema.openAPIV3Schema")
    return found


# -- schemas


def _prune(schema: Obj, value: Any) -> None:
    if isinstance(value, list):
        below = schema.get("items")
        if isinstance(below, dict):
            for one in value:
                _prune(below, one)
        return
    if not isinstance(value, dict):
        return
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    for key in list(value):
        if key in properties:
            _prune(properties[key], value[key])
        elif isinstance(extra, dict):
            _prune(extra, value[key])
        elif not extra and not schema.get(_KEEP):
            del value[key]


def _default(schema: Obj, value: Any) -> None:
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for one in value:
            _default(schema["items"], one)
    if not isinstance(value, dict):
        return
    for key, below in schema.get("properties", {}).items():
        if key not in value and "default" in below:
            value[key] = deep_copy(below["default"])
        if key in value:
            _default(below, value[key])
    if isinstance(schema.get("additionalProperties"), dict):
        for one in value.values():
            _default(schema["additionalProperties"], one)


def unknown_fields(schema: Obj, value: Any, path: str = "") -> list[str]:
    """What pruning would take away, as paths."""
    found: list[str] = []
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, one in enumerate(value):
            found += unknown_fields(schema["items"], one, f"{path}[{index}]")
    if not isinstance(value, dict):
        return found
    properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
    for key, one in value.items():
        below = f"{path}.{key}" if path else key
        if not path and key in ("apiVersion", "kind", "metadata"):
            continue
        if key in properties:
            found += unknown_fields(properties[key], one, below)
        elif isinstance(extra, dict):
            found += unknown_fields(extra, one, below)
        elif not extra and not schema.get(_KEEP):
            found.append(below)
    return found


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def check_custom(res: Resource, new: Obj, old: Obj | None) -> list[Cause]:
    if not res.custom or not res.custom.schema or (old is not None and old == new):
        return []
    body = {key: value for key, value in new.items() if key not in ("apiVersion", "kind", "metadata")}
    schema = {**res.custom.schema}
    schema["required"] = [one for one in schema.get("required", ()) if one not in ("apiVersion", "kind", "metadata")]
    return _violations(schema, body, "")


def _violations(schema: Obj, value: Any, path: str) -> list[Cause]:
    where = path or "<nil>"
    wanted = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        fits = isinstance(value, int | str) and not isinstance(value, bool)
    else:
        fits = not wanted or isinstance(value, _TYPES[wanted])
        fits = fits and not (wanted in ("integer", "number") and isinstance(value, bool))
    if not fits:
        text = f'{where} in body must be of type {wanted}: "{_kind(value)}"'
        return [Cause(where, "FieldValueTypeInvalid", f'Invalid value: "{_kind(value)}": {text}')]
    found: list[Cause] = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(unsupported(where, value, [str(one) for one in schema["enum"]]))
    if isinstance(value, str):
        found += _check_text(schema, value, where)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found += _check_number(schema, value, where)
    elif isinstance(value, dict):
        for key in schema.get("required", ()):
            if key not in value:
                found.append(required(f"{path}.{key}" if path else key))
        extra = schema.get("additionalProperties")
        for key, one in value.items():
            below = schema.get("properties", {}).get(key, extra)
            if isinstance(below, dict):
                found += _violations(below, one, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            why = f"{where} in body should have at least {schema['minItems']} items"
            found.append(wrong(where, len(value), why))
        if isinstance(schema.get("items"), dict):
            for index, one in enumerate(value):
                found += _violations(schema["items"], one, f"{path}[{index}]")
    return found


def _check_text(schema: Obj, value: str, where: str) -> list[Cause]:
    found: list[Cause] = []
    if len(value) < schema.get("minLength", 0):
        why = f"{where} in body should be at least {schema['minLength']} chars long"
        found.append(wrong(where, value, why))
    if len(value) > schema.get("maxLength", len(value)):
        found.append(Cause(where, "FieldValueTooLong", f"Too long: may not be more than {schema['maxLength']} bytes"))
    if "pattern" in schema and not _may_match(schema["pattern"], value):
        found.append(wrong(where, value, f"{where} in body should match '{schema['pattern']}'"))
    return found


def _may_match(pattern: str, value: str) -> bool:
    """Go knows expressions that Python does not; such a one lets everything pass."""
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True


def _check_number(schema: Obj, value: float, where: str) -> list[Cause]:
    found: list[Cause] = []
    if value < schema.get("minimum", value):
        found.append(wrong(where, value, f"{where} in body should be greater than or equal to {schema['minimum']}"))
    if value > schema.get("maximum", value):
        found.append(wrong(where, value, f"{where} in body should be less than or equal to {schema['maximum']}"))
    return found


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return {str: "string", float: "number", list: "array", dict: "object"}.get(type(value), "null")
