"""Kinds that are served in two shapes but kept in one: events and horizontal pod autoscalers.

The stored shape is the one that more code reads: core/v1 for events, autoscaling/v2 for autoscalers.
Custom resources have one shape in all versions (conversion strategy None): only their apiVersion differs.
"""

from __future__ import annotations

from typing import Any

from .objects import without
from .resources import Resource

Obj = dict[str, Any]

# core/v1 name -> events.k8s.io/v1 name
_EVENT = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_EVENT_BACK = {new: old for old, new in _EVENT.items()}
CPU = "targetCPUUtilizationPercentage"


def view(resource: Resource, obj: Obj) -> Obj:
    """A stored object as this resource shows it; the object itself when there is nothing to convert."""
    if obj.get("apiVersion") == resource.api_version:
        return obj
    if resource.key == "events.events.k8s.io":
        obj = {_EVENT.get(key, key): value for key, value in obj.items()}
    elif resource.api_version == "autoscaling/v1":
        obj = _autoscaler_v1(obj)
    return {**obj, "apiVersion": resource.api_version, "kind": resource.kind}


def stored(resource: Resource, obj: Obj) -> Obj:
    """The inverse; the result may share everything below its top level with what came in."""
    if resource.key == "events.events.k8s.io":
        obj = {_EVENT_BACK.get(key, key): value for key, value in obj.items()}
    elif resource.api_version == "autoscaling/v1":
        obj = _autoscaler_v2(obj)
    return {
        "apiVersion": stored_version(resource),
        "kind": resource.kind,
        **without(obj, "apiVersion", "kind"),
    }


def stored_version(resource: Resource) -> str:
    if resource.key == "events.events.k8s.io":
        return "v1"
    if resource.group == "autoscaling":
        return "autoscaling/v2"
    if resource.custom:
        return f"{resource.group}/{resource.custom.storage_version}"
    return resource.api_version


def _autoscaler_v1(obj: Obj) -> Obj:
    spec = dict(obj.get("spec", {}))
    for metric in spec.pop("metrics", None) or ():
        target = metric.get("resource", {})
        if target.get("name") == "cpu" and "averageUtilization" in target.get("target", {}):
            spec[CPU] = target["target"]["averageUtilization"]
    spec.pop("behavior", None)
    status = without(obj.get("status", {}), "currentMetrics", "conditions")
    return {**obj, "spec": spec, "status": status}


def _autoscaler_v2(obj: Obj) -> Obj:
    spec = dict(obj.get("spec", {}))
    percent = spec.pop(CPU, None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {**obj, "spec": spec}
