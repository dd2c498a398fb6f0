"""Types out of OpenAPI v3 documents: what fields a kind has, and how its lists and maps merge.

A field's type is one word: `str`, `int`, a scalar with rules of its own (`quantity`, `time`), the name of another
type, `[` or `{` before the type of a list's elements or a map's values, `any` for what is not described.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Obj = dict[str, Any]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
SCALARS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intstr",
    _META + "Time": "time",
    _META + "MicroTime": "micro",
    _META + "FieldsV1": "any",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    _EXTENSIONS + "JSON": "any",
    _EXTENSIONS + "JSONSchemaPropsOrArray": "any",
    _EXTENSIONS + "JSONSchemaPropsOrBool": "any",
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": "any",
}
_REF = "#/components/schemas/"
_PLAIN = {
    ("string", ""): "str",
    ("string", "byte"): "bytes",
    ("string", "date-time"): "time",
    ("integer", "int32"): "int",
    ("integer", "int64"): "int64",
    ("integer", ""): "int64",
    ("number", "double"): "float",
    ("boolean", ""): "bool",
}
# Defaults that say nothing: the value that a field without one has anyway.
_EMPTY: tuple[Any, ...] = ("", 0, False, {}, [])


@dataclass
class Types:
    """All that the documents say, in the form of the data file."""

    types: dict[str, list[Any]] = field(default_factory=dict)  # name -> [fields, required]
    kinds: dict[str, str] = field(default_factory=dict)  # "apps/v1 Deployment" -> type
    lists: dict[str, list[str | None]] = field(default_factory=dict)  # "type.field" -> [merge key, list keys, strategy]
    retain: list[str] = field(default_factory=list)
    atomic: list[str] = field(default_factory=list)
    atomic_fields: list[str] = field(default_factory=list)
    defaults: dict[str, Any] = field(default_factory=dict)

    def add(self, document: Obj) -> None:
        for name, schema in document["components"]["schemas"].items():
            if name not in SCALARS and name not in self.types:
                self._type(name, schema)

    def _type(self, name: str, schema: Obj) -> None:
        if schema.get("type", "object") != "object":
            raise ValueError(f"{name} is no object and no known scalar")
        fields: dict[str, str] = {}
        for key, one in sorted(schema.get("properties", {}).items()):
            fields[key] = self._declared(one)
            self._marks(f"{name}.{key}", one)
        self.types[name] = [fields, sorted(schema.get("required", []))]
        if schema.get("x-kubernetes-map-type") == "atomic":
            self.atomic.append(name)
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            version = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
            self.kinds[f"{version} {kind['kind']}"] = name

    def _declared(self, schema: Obj) -> str:
        if "allOf" in schema:
            (only,) = schema["allOf"]
            return self._declared(only)
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix(_REF)
            return SCALARS.get(name, name)
        kind = schema.get("type", "")
        if kind == "array":
            return "[" + self._declared(schema["items"])
        if kind == "object":
            return "{" + self._declared(schema["additionalProperties"]) if "additionalProperties" in schema else "any"
        if not kind:
            return "any"
        return _PLAIN[kind, schema.get("format", "")]

    def _marks(self, path: str, schema: Obj) -> None:
        strategies = schema.get("x-kubernetes-patch-strategy", "").split(",")
        if schema.get("type") == "array":
            merge = schema.get("x-kubernetes-patch-merge-key", "") if "merge" in strategies else None
            kind = schema.get("x-kubernetes-list-type", "atomic")
            keys = {"atomic": None, "set": "set", "map": " ".join(schema.get("x-kubernetes-list-map-keys", ()))}[kind]
            if merge is not None or keys is not None:
                self.lists[path] = [merge, keys, *(["retainKeys"] if "retainKeys" in strategies else [])]
        elif "retainKeys" in strategies:
            self.retain.append(path)
        if schema.get("x-kubernetes-map-type") == "atomic":
            self.atomic_fields.append(path)
        if schema.get("default") not in (None, *_EMPTY):
            self.defaults[path] = schema["default"]

    def keep(self, wanted: list[str]) -> None:
        """Only these kinds, and the types that they mention."""
        self.kinds = {kind: self.kinds[kind] for kind in sorted(wanted)}
        todo, kept = list(self.kinds.values()), set[str]()
        while todo:
            name = todo.pop()
            if name not in kept and name in self.types:
                kept.add(name)
                todo += [one.lstrip("[{") for one in self.types[name][0].values()]
        self.types = {name: self.types[name] for name in sorted(kept)}
        self.atomic = sorted(kept & set(self.atomic))

        def owned(path: str) -> bool:
            return path.rpartition(".")[0] in kept

        self.lists = {path: self.lists[path] for path in sorted(self.lists) if owned(path)}
        self.defaults = {path: self.defaults[path] for path in sorted(self.defaults) if owned(path)}
        self.retain = sorted(filter(owned, self.retain))
        self.atomic_fields = sorted(filter(owned, self.atomic_fields))
