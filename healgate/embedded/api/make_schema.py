"""Writes schema.json.xz: the types of all built-in kinds, taken from the official client's models.

Run it after raising the client's version: `python -m healgate.embedded.api.make_schema`. The models know names,
types and which fields are required; how lists merge they do not know, so that stands in `merge.json`, by hand.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import kubernetes.client as models

from .resources import built_in

HERE = Path(__file__).parent
# Kinds whose model's name is not version + kind.
_IRREGULAR = {
    ("v1", "Event"): "CoreV1Event",
    ("events.k8s.io/v1", "Event"): "EventsV1Event",
    ("authentication.k8s.io/v1", "TokenRequest"): "AuthenticationV1TokenRequest",
}
_EXTRA_KINDS = (
    ("policy/v1", "Eviction"),
    ("autoscaling/v1", "Scale"),
    ("authentication.k8s.io/v1", "TokenRequest"),
    ("v1", "DeleteOptions"),
)


def _model(api_version: str, kind: str) -> str:
    version = api_version.rpartition("/")[2]
    return _IRREGULAR.get((api_version, kind), version[0].upper() + version[1:] + kind)


def _short(declared: str) -> str:
    """ "List[V1Pod]" -> "[V1Pod", "Dict[str, str]" -> "{str"."""
    if declared.startswith("List["):
        return "[" + _short(declared[5:-1])
    if declared.startswith("Dict[str, "):
        return "{" + _short(declared[10:-1])
    return {"object": "any", "datetime": "str", "bytes": "str"}.get(declared, declared)


def build() -> dict[str, Any]:
    kinds = {f"{one.api_version} {one.kind}": _model(one.api_version, one.kind) for one in built_in()}
    kinds.update((f"{version} {kind}", _model(version, kind)) for version, kind in _EXTRA_KINDS)
    types: dict[str, Any] = {}
    todo = sorted(set(kinds.values()))
    while todo:
        name = todo.pop()
        if name in types:
            continue
        model = getattr(models, name)
        fields = {model.attribute_map[key]: _short(kind) for key, kind in model.openapi_types.items()}
        required = [model.attribute_map[key] for key, one in model.model_fields.items() if one.is_required()]
        types[name] = [dict(sorted(fields.items())), sorted(required)]
        todo += [one for one in (kind.lstrip("[{") for kind in fields.values()) if one[0].isupper()]
    return {"kinds": dict(sorted(kinds.items())), "types": dict(sorted(types.items()))}


if __name__ == "__main__":
    text = json.dumps(build(), separators=(",", ":"), sort_keys=True)
    (HERE / "schema.json.xz").write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
