"""What `kubectl get` prints: kinds rendered as rows by the server.

Ages are the server's, so they are of the virtual clock. Columns stand in data; a cell that is more than a path has
a function here. The one with rules of its own, the pod's STATUS, is in podcells.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..clock import seconds_of
from . import podcells
from .objects import at
from .resources import Resource

Obj = dict[str, Any]
Cell = Callable[[Obj, float], Any]
Column = tuple[str, str, int, Cell]  # name, type, priority (1: only with -o wide), cell

NONE = "<none>"


def duration(seconds: float) -> str:
    """Two units at most, as kubectl shows ages: 5s, 3m50s, 12m, 3h5m, 2d4h, 17d."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    if whole < 120:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 10:
        return f"{minutes}m" + (f"{whole % 60}s" if whole % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    hours = whole // 3600
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y" + (f"{days % 365}d" if years < 8 and days % 365 else "")


def since(stamp: Any, now: float) -> str:
    return duration(now - seconds_of(stamp)) if stamp else "<unknown>"


def age(obj: Obj, now: float) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def _path(path: str, missing: Any = NONE) -> Cell:
    def cell(obj: Obj, _: float) -> Any:
        value = at(obj, path)
        return missing if value is None or value == "" else value

    return cell


def _count(path: str) -> Cell:
    return lambda obj, _: len(at(obj, path) or ())


def _name(obj: Obj, _: float) -> str:
    return str(obj["metadata"]["name"])


def pairs(labels: Any) -> str:
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) if labels else NONE


def selector_text(selector: Any) -> str:
    if not selector:
        return NONE
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(one.get("values") or ())
        word = {"In": f"{one['key']} in ({values})", "NotIn": f"{one['key']} notin ({values})"}
        parts.append(word.get(one["operator"], one["key"] if one["operator"] == "Exists" else f"!{one['key']}"))
    return ",".join(parts) or NONE


def _selector(obj: Obj, _: float) -> str:
    return selector_text(at(obj, "spec.selector"))


def _containers(path: str, key: str) -> Cell:
    return lambda obj, _: ",".join(str(one.get(key)) for one in at(obj, path) or ()) or NONE


def _names(path: str) -> list[Column]:
    return [
        ("Containers", "string", 1, _containers(path, "name")),
        ("Images", "string", 1, _containers(path, "image")),
    ]


NAME: Column = ("Name", "string", 0, _name)
AGE: Column = ("Age", "string", 0, age)
_TEMPLATE = "spec.template.spec.containers"


def _ready(obj: Obj, _: float) -> str:
    wanted = at(obj, "spec.replicas")
    return f"{at(obj, 'status.readyReplicas') or 0}/{wanted if wanted is not None else 0}"


def _completions(obj: Obj, _: float) -> str:
    done = at(obj, "status.succeeded") or 0
    if (wanted := at(obj, "spec.completions")) is not None:
        return f"{done}/{wanted}"
    parallel = at(obj, "spec.parallelism") or 1
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job_status(obj: Obj, _: float) -> str:
    true = {one["type"] for one in at(obj, "status.conditions") or () if one["status"] == "True"}
    if "Complete" in true:
        return "Complete"
    if "Failed" in true:
        return "Failed"
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    for condition, word in (("Suspended", "Suspended"), ("FailureTarget", "FailureTarget")):
        if condition in true:
            return word
    return "SuccessCriteriaMet" if "SuccessCriteriaMet" in true else "Running"


def _job_duration(obj: Obj, now: float) -> str:
    start, end = at(obj, "status.startTime"), at(obj, "status.completionTime")
    if not start:
        return ""
    return duration((seconds_of(end) if end else now) - seconds_of(start))


def _ports(obj: Obj, _: float) -> str:
    parts = []
    for port in at(obj, "spec.ports") or ():
        outside = f":{port['nodePort']}" if port.get("nodePort") else ""
        parts.append(f"{port['port']}{outside}/{port.get('protocol', 'TCP')}")
    return ",".join(parts) or NONE


def _external(obj: Obj, _: float) -> str:
    kind = at(obj, "spec.type")
    if kind == "ExternalName":
        return str(at(obj, "spec.externalName"))
    if kind == "LoadBalancer":
        found = at(obj, "status.loadBalancer.ingress") or ()
        return ",".join(one.get("ip") or one.get("hostname", "") for one in found) or "<pending>"
    return ",".join(at(obj, "spec.externalIPs") or ()) or NONE


def _endpoints(obj: Obj, _: float) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else NONE


def _slice_addresses(obj: Obj, _: float) -> str:
    found = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else "<unset>"


def _slice_ports(obj: Obj, _: float) -> str:
    return ",".join(str(one.get("port", "*")) for one in obj.get("ports") or ()) or "<unset>"


def _node_status(obj: Obj, _: float) -> str:
    ready = next((one for one in at(obj, "status.conditions") or () if one["type"] == "Ready"), None)
    words = [("Ready" if ready["status"] == "True" else "NotReady") if ready else "Unknown"]
    if at(obj, "spec.unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(obj: Obj, _: float) -> str:
    prefix = "node-role.kubernetes.io/"
    roles = [key[len(prefix) :] for key in obj["metadata"].get("labels") or {} if key.startswith(prefix)]
    return ",".join(sorted(roles)) or NONE


def _node_address(kind: str) -> Cell:
    def cell(obj: Obj, _: float) -> str:
        found = [one["address"] for one in at(obj, "status.addresses") or () if one["type"] == kind]
        return str(found[0]) if found else NONE

    return cell


def _event_seen(first: bool) -> Cell:
    def cell(obj: Obj, now: float) -> str:
        begun = obj.get("firstTimestamp") or obj.get("eventTime")
        latest = at(obj, "series.lastObservedTime") or obj.get("lastTimestamp") or begun
        if first:
            return since(begun, now)
        count = at(obj, "series.count") or obj.get("count") or 1
        return f"{since(latest, now)} (x{count} over {since(begun, now)})" if count > 1 else since(latest, now)

    return cell


def _event_object(obj: Obj, _: float) -> str:
    about = obj.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _event_source(obj: Obj, _: float) -> str:
    source = obj.get("source") or {}
    parts = [source.get("component") or obj.get("reportingComponent", ""), source.get("host", "")]
    return ", ".join(part for part in parts if part)


def _target(obj: Obj, _: float) -> str:
    one = at(obj, "spec.scaleTargetRef") or {}
    return f"{one.get('kind')}/{one.get('name')}"


def _hpa_targets(obj: Obj, _: float) -> str:
    current = {at(one, "resource.name"): one for one in at(obj, "status.currentMetrics") or ()}
    parts: list[str] = []
    for metric in at(obj, "spec.metrics") or ():
        name = at(metric, "resource.name")
        if name is None:
            parts.append("<unknown>")
            continue
        seen = at(current.get(name, {}), "resource.current") or {}
        if (wanted := at(metric, "resource.target.averageUtilization")) is not None:
            value = seen.get("averageUtilization")
            parts.append(f"{name}: {f'{value}%' if value is not None else '<unknown>'}/{wanted}%")
        else:
            parts.append(
                f"{name}: {seen.get('averageValue', '<unknown>')}/{at(metric, 'resource.target.averageValue')}"
            )
    return ", ".join(parts) or NONE


def _modes(obj: Obj, _: float) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    modes = at(obj, "status.accessModes") or (
        at(obj, "spec.accessModes") if "capacity" in (obj.get("spec") or {}) else ()
    )
    return ",".join(short.get(one, one) for one in modes or ())


def _claim(obj: Obj, _: float) -> str:
    claim = at(obj, "spec.claimRef") or {}
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _quota(section: str) -> Cell:
    def cell(obj: Obj, _: float) -> str:
        hard, used = at(obj, "status.hard") or at(obj, "spec.hard") or {}, at(obj, "status.used") or {}
        names = [one for one in sorted(hard) if one.startswith("limits.") == (section == "limits")]
        return ", ".join(f"{one}: {used.get(one, 0)}/{hard[one]}" for one in names)

    return cell


def _rules_hosts(obj: Obj, _: float) -> str:
    return ",".join(one.get("host", "*") for one in at(obj, "spec.rules") or ()) or "*"


def _balancer(obj: Obj, _: float) -> str:
    found = at(obj, "status.loadBalancer.ingress") or ()
    return ",".join(one.get("ip") or one.get("hostname", "") for one in found)


def _data(obj: Obj, _: float) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


def _subjects(obj: Obj, _: float) -> str:
    role = obj.get("roleRef") or {}
    return f"{role.get('kind')}/{role.get('name')}"


def _workload_tail() -> list[Column]:
    return [AGE, *_names(_TEMPLATE), ("Selector", "string", 1, _selector)]


COLUMNS: dict[str, list[Column]] = {
    "pods": [
        NAME,
        ("Ready", "string", 0, podcells.ready),
        ("Status", "string", 0, podcells.status),
        ("Restarts", "string", 0, lambda obj, now: podcells.restarts(obj, now, duration)),
        AGE,
        ("IP", "string", 1, _path("status.podIP")),
        ("Node", "string", 1, _path("spec.nodeName")),
        ("Nominated Node", "string", 1, _path("status.nominatedNodeName")),
        ("Readiness Gates", "string", 1, podcells.gates),
    ],
    "deployments.apps": [
        NAME,
        ("Ready", "string", 0, _ready),
        ("Up-to-date", "integer", 0, _path("status.updatedReplicas", 0)),
        ("Available", "integer", 0, _path("status.availableReplicas", 0)),
        *_workload_tail(),
    ],
    "replicasets.apps": [
        NAME,
        ("Desired", "integer", 0, _path("spec.replicas", 0)),
        ("Current", "integer", 0, _path("status.replicas", 0)),
        ("Ready", "integer", 0, _path("status.readyReplicas", 0)),
        *_workload_tail(),
    ],
    "statefulsets.apps": [NAME, ("Ready", "string", 0, _ready), AGE, *_names(_TEMPLATE)],
    "daemonsets.apps": [
        NAME,
        ("Desired", "integer", 0, _path("status.desiredNumberScheduled", 0)),
        ("Current", "integer", 0, _path("status.currentNumberScheduled", 0)),
        ("Ready", "integer", 0, _path("status.numberReady", 0)),
        ("Up-to-date", "integer", 0, _path("status.updatedNumberScheduled", 0)),
        ("Available", "integer", 0, _path("status.numberAvailable", 0)),
        ("Node Selector", "string", 0, lambda obj, _: pairs(at(obj, "spec.template.spec.nodeSelector"))),
        *_workload_tail(),
    ],
    "jobs.batch": [
        NAME,
        ("Status", "string", 0, _job_status),
        ("Completions", "string", 0, _completions),
        ("Duration", "string", 0, _job_duration),
        *_workload_tail(),
    ],
    "cronjobs.batch": [
        NAME,
        ("Schedule", "string", 0, _path("spec.schedule")),
        ("Timezone", "string", 0, _path("spec.timeZone")),
        ("Suspend", "boolean", 0, lambda obj, _: "True" if at(obj, "spec.suspend") else "False"),
        ("Active", "integer", 0, _count("status.active")),
        (
            "Last Schedule",
            "string",
            0,
            lambda obj, now: since(t, now) if (t := at(obj, "status.lastScheduleTime")) else NONE,
        ),
        AGE,
        *_names("spec.jobTemplate.spec.template.spec.containers"),
        ("Selector", "string", 1, lambda obj, _: selector_text(at(obj, "spec.jobTemplate.spec.selector"))),
    ],
    "services": [
        NAME,
        ("Type", "string", 0, _path("spec.type")),
        ("Cluster-IP", "string", 0, _path("spec.clusterIP")),
        ("External-IP", "string", 0, _external),
        ("Port(s)", "string", 0, _ports),
        AGE,
        ("Selector", "string", 1, lambda obj, _: pairs(at(obj, "spec.selector"))),
    ],
    "endpoints": [NAME, ("Endpoints", "string", 0, _endpoints), AGE],
    "endpointslices.discovery.k8s.io": [
        NAME,
        ("AddressType", "string", 0, _path("addressType")),
        ("Ports", "string", 0, _slice_ports),
        ("Endpoints", "string", 0, _slice_addresses),
        AGE,
    ],
    "nodes": [
        NAME,
        ("Status", "string", 0, _node_status),
        ("Roles", "string", 0, _node_roles),
        AGE,
        ("Version", "string", 0, _path("status.nodeInfo.kubeletVersion", "")),
        ("Internal-IP", "string", 1, _node_address("InternalIP")),
        ("External-IP", "string", 1, _node_address("ExternalIP")),
        ("OS-Image", "string", 1, _path("status.nodeInfo.osImage", "<unknown>")),
        ("Kernel-Version", "string", 1, _path("status.nodeInfo.kernelVersion", "<unknown>")),
        ("Container-Runtime", "string", 1, _path("status.nodeInfo.containerRuntimeVersion", "<unknown>")),
    ],
    "events": [
        ("Last Seen", "string", 0, _event_seen(False)),
        ("Type", "string", 0, _path("type", "")),
        ("Reason", "string", 0, _path("reason", "")),
        ("Object", "string", 0, _event_object),
        ("Subobject", "string", 1, _path("involvedObject.fieldPath", "")),
        ("Source", "string", 1, _event_source),
        ("Message", "string", 0, lambda obj, _: (obj.get("message") or "").strip()),
        ("First Seen", "string", 1, _event_seen(True)),
        ("Count", "integer", 1, lambda obj, _: at(obj, "series.count") or obj.get("count") or 1),
        ("Name", "string", 1, _name),
    ],
    "namespaces": [NAME, ("Status", "string", 0, _path("status.phase", "")), AGE],
    "secrets": [NAME, ("Type", "string", 0, _path("type", "")), ("Data", "integer", 0, _data), AGE],
    "configmaps": [NAME, ("Data", "integer", 0, _data), AGE],
    "serviceaccounts": [NAME, AGE],
    "horizontalpodautoscalers.autoscaling": [
        NAME,
        ("Reference", "string", 0, _target),
        ("Targets", "string", 0, _hpa_targets),
        ("MinPods", "integer", 0, _path("spec.minReplicas", "<unset>")),
        ("MaxPods", "integer", 0, _path("spec.maxReplicas", 0)),
        ("Replicas", "integer", 0, _path("status.currentReplicas", 0)),
        AGE,
    ],
    "poddisruptionbudgets.policy": [
        NAME,
        ("Min Available", "string", 0, _path("spec.minAvailable", "N/A")),
        ("Max Unavailable", "string", 0, _path("spec.maxUnavailable", "N/A")),
        ("Allowed Disruptions", "integer", 0, _path("status.disruptionsAllowed", 0)),
        AGE,
    ],
    "persistentvolumeclaims": [
        NAME,
        ("Status", "string", 0, podcells.phase_or_terminating),
        ("Volume", "string", 0, _path("spec.volumeName", "")),
        ("Capacity", "string", 0, _path("status.capacity.storage", "")),
        ("Access Modes", "string", 0, _modes),
        ("StorageClass", "string", 0, _path("spec.storageClassName", "")),
        ("VolumeAttributesClass", "string", 0, _path("spec.volumeAttributesClassName", "<unset>")),
        AGE,
        ("VolumeMode", "string", 1, _path("spec.volumeMode", "")),
    ],
    "persistentvolumes": [
        NAME,
        ("Capacity", "string", 0, _path("spec.capacity.storage", "")),
        ("Access Modes", "string", 0, _modes),
        ("Reclaim Policy", "string", 0, _path("spec.persistentVolumeReclaimPolicy", "")),
        ("Status", "string", 0, podcells.phase_or_terminating),
        ("Claim", "string", 0, _claim),
        ("StorageClass", "string", 0, _path("spec.storageClassName", "")),
        ("VolumeAttributesClass", "string", 0, _path("spec.volumeAttributesClassName", "<unset>")),
        ("Reason", "string", 0, _path("status.reason", "")),
        AGE,
        ("VolumeMode", "string", 1, _path("spec.volumeMode", "")),
    ],
    "leases.coordination.k8s.io": [NAME, ("Holder", "string", 0, _path("spec.holderIdentity", "")), AGE],
    "resourcequotas": [
        NAME,
        ("Request", "string", 0, _quota("requests")),
        ("Limit", "string", 0, _quota("limits")),
        AGE,
    ],
    "ingresses.networking.k8s.io": [
        NAME,
        ("Class", "string", 0, _path("spec.ingressClassName")),
        ("Hosts", "string", 0, _rules_hosts),
        ("Address", "string", 0, _balancer),
        ("Ports", "string", 0, lambda obj, _: "80, 443" if at(obj, "spec.tls") else "80"),
        AGE,
    ],
    "rolebindings.rbac.authorization.k8s.io": [NAME, ("Role", "string", 0, _subjects), AGE],
    "clusterrolebindings.rbac.authorization.k8s.io": [NAME, ("Role", "string", 0, _subjects), AGE],
    "roles.rbac.authorization.k8s.io": [NAME, ("Created At", "string", 0, _path("metadata.creationTimestamp"))],
    "clusterroles.rbac.authorization.k8s.io": [NAME, ("Created At", "string", 0, _path("metadata.creationTimestamp"))],
    "customresourcedefinitions.apiextensions.k8s.io": [
        NAME,
        ("Created At", "string", 0, _path("metadata.creationTimestamp")),
    ],
}


def columns_of(resource: Resource) -> list[Column]:
    found = COLUMNS.get(resource.storage)
    if found is not None:
        return found
    if resource.custom and resource.custom.columns:
        return [NAME, *(_custom_column(one) for one in resource.custom.columns)]
    return [NAME, AGE]


def _custom_column(column: Obj) -> Column:
    path = column["jsonPath"]
    is_date = column.get("type") == "date"

    def cell(obj: Obj, now: float) -> Any:
        value = json_path(obj, path)
        if value is None:
            return None
        if is_date:
            return since(value, now)
        return value if isinstance(value, str | int | float | bool) else json.dumps(value, separators=(",", ":"))

    return (column["name"], column.get("type", "string"), column.get("priority", 0), cell)


def json_path(obj: Any, path: str) -> Any:
    """The part of JSONPath that printer columns use: `.a.b`, `[0]`, `[?(@.type=="Ready")]`."""
    for name, index, key, value in podcells.PATH_STEP.findall(path):
        if name:
            obj = obj.get(name.replace("\\.", ".")) if isinstance(obj, dict) else None
        elif isinstance(obj, list) and index:
            obj = obj[int(index)] if int(index) < len(obj) else None
        elif isinstance(obj, list):
            obj = next((one for one in obj if str(one.get(key)) == value), None)
        else:
            return None
    return obj


def definitions(resource: Resource) -> list[Obj]:
    found: list[Obj] = []
    for name, kind, priority, _ in columns_of(resource):
        shape = "name" if name == "Name" and resource.storage != "events" else ""
        found.append({"name": name, "type": kind, "format": shape, "description": "", "priority": priority})
    return found


def row(resource: Resource, obj: Obj, now: float, include: str) -> Obj:
    """One row; `include` is the request's includeObject."""
    cells = [cell(obj, now) for _, _, _, cell in columns_of(resource)]
    shown: Any = None
    if include == "Object":
        shown = obj
    elif include != "None":
        shown = partial(obj)
    return {"cells": cells, "object": shown}


def partial(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def table(resource: Resource, objects: list[Obj], now: float, include: str, meta: Obj, header: bool = True) -> Obj:
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": definitions(resource) if header else None,
        "rows": [row(resource, one, now, include) for one in objects],
    }
