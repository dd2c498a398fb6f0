"""What a pod may ask about itself: fieldRef and resourceFieldRef, for environment and downward volumes alike."""

from __future__ import annotations

import math
import re
from typing import Any

from ..api.quantities import parse

Obj = dict[str, Any]

_KEYED = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")
# What a container without limits is told: what the node has.
NODE_MEMORY = 8 * 2**30
NODE_CPU = 4


class FieldError(Exception):
    """The reference names nothing."""


def field_value(pod: Obj, source: Obj, container: Obj | None = None, ip: str = "") -> str:
    """The value of an item with fieldRef or resourceFieldRef."""
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"], ip)
    reference = source["resourceFieldRef"]
    name = reference.get("containerName")
    if name:
        spec = pod["spec"]
        named = [one for one in (*(spec.get("initContainers") or ()), *spec["containers"]) if one["name"] == name]
        if not named:
            raise FieldError(f"container {name} not found")
        container = named[0]
    if container is None:
        raise FieldError("no container named")
    return _resource(container, reference)


def _field(pod: Obj, path: str, ip: str) -> str:
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    keyed = _KEYED.match(path)
    if keyed:
        return str((meta.get(keyed[1]) or {}).get(keyed[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        return "\n".join(f'{key}="{value}"' for key, value in sorted((meta.get(path[9:]) or {}).items()))
    values = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta.get("namespace", ""),
        "metadata.uid": meta.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": status.get("hostIP", ""),
        "status.podIP": ip or status.get("podIP", ""),
        "status.podIPs": ip or status.get("podIP", ""),
    }
    if path not in values:
        raise FieldError(f"unsupported fieldPath: {path}")
    return str(values[path])


def _resource(container: Obj, reference: Obj) -> str:
    kind, _, resource = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    amount = (resources.get(kind) or {}).get(resource)
    if amount is not None:
        value = parse(amount)
    elif kind == "limits":
        value = parse(NODE_MEMORY if resource == "memory" else NODE_CPU)
    else:
        value = parse(0)
    divisor = parse(reference.get("divisor") or 1)
    return str(math.ceil(value / (divisor or parse(1))))
