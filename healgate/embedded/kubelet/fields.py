"""What a pod may ask about itself: fieldRef and resourceFieldRef, for environment and downward volumes alike."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from ..api.quantities import parse

if TYPE_CHECKING:
    from ..store import Store

Obj = dict[str, Any]

_KEYED = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")


class FieldError(Exception):
    """The reference names nothing."""


def allocatable(store: Store, pod: Obj) -> Obj:
    """What the pod's node has for pods."""
    node = store.get("nodes", "", pod["spec"].get("nodeName") or "") or {}
    return (node.get("status") or {}).get("allocatable") or {}


def field_value(store: Store, pod: Obj, source: Obj, container: Obj | None = None, ip: str = "") -> str:
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
    return _resource(container, reference, allocatable(store, pod))


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


def _resource(container: Obj, reference: Obj, room: Obj) -> str:
    """What is not limited may come to have all that the node has."""
    kind, _, resource = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    otherwise = room.get(resource, 0) if kind == "limits" else 0
    value = parse((resources.get(kind) or {}).get(resource, otherwise))
    divisor = parse(reference.get("divisor") or 1)
    return str(math.ceil(value / (divisor or parse(1))))
