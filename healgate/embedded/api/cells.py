"""What stands in the columns of `kubectl get`, by kind and column.

Which columns a kind has, and what they are called, is published (`tools/schema`); only what is in them is code. A
cell that is more than a path has a function here. The one with rules of its own, the pod's STATUS, is in podcells.
Ages are the server's, so they are of the virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import seconds_of
from . import podcells
from .objects import at

Obj = dict[str, Any]
Cell = Callable[[Obj, float], Any]
Cells = dict[str, Cell]

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


def _names(path: str) -> Cells:
    return {"Containers": _containers(path, "name"), "Images": _containers(path, "image")}


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


def _controller(obj: Obj, _: float) -> str:
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner["apiVersion"].rpartition("/")[0]
            return f"{owner['kind'].lower()}{'.' if group else ''}{group}/{owner['name']}"
    return NONE


def _users(kind: str) -> Cell:
    def cell(obj: Obj, _: float) -> str:
        found = [one for one in obj.get("subjects") or () if one.get("kind") == kind]
        words = [f"{one['namespace']}/{one['name']}" if kind == "ServiceAccount" else one["name"] for one in found]
        return ", ".join(words)

    return cell


def _default(annotation: str) -> Cell:
    """The name, and whether it is what is taken when nothing is said."""

    def cell(obj: Obj, _: float) -> str:
        notes = obj["metadata"].get("annotations") or {}
        return _name(obj, 0) + (" (default)" if notes.get(annotation) == "true" else "")

    return cell


def _parameters(obj: Obj, _: float) -> str:
    found = at(obj, "spec.parameters")
    if not found:
        return NONE
    group = f".{found['apiGroup']}" if found.get("apiGroup") else ""
    return f"{found['kind']}{group}/{found['name']}"


def _parent(obj: Obj, _: float) -> str:
    found = at(obj, "spec.parentRef")
    if not found:
        return NONE
    parts = [found.get("resource", "") + ("." + found["group"] if found.get("group") else "")]
    return "/".join([*parts, *([found["namespace"]] if found.get("namespace") else []), found.get("name", "")])


def _param_kind(obj: Obj, _: float) -> str:
    found = at(obj, "spec.paramKind")
    return f"{found.get('apiVersion')}/{found.get('kind')}" if found else "<unset>"


def _param_ref(obj: Obj, _: float) -> str:
    found = at(obj, "spec.paramRef")
    if not found:
        return "<unset>"
    where = f"{found['namespace']}/" if found.get("namespace") else ""
    return where + (found.get("name") or selector_text(found.get("selector")))


def _signed(obj: Obj, _: float) -> str:
    types = {one["type"] for one in at(obj, "status.conditions") or ()}
    words = [word for word in ("Approved", "Denied", "Failed") if word in types][:1]
    if at(obj, "status.certificate"):
        words.append("Issued")
    return ",".join(words) or "Pending"


def _flag(path: str, missing: bool = False) -> Cell:
    def cell(obj: Obj, _: float) -> bool:
        value = at(obj, path)
        return missing if value is None else bool(value)

    return cell


def _condition(kind: str, missing: str) -> Cell:
    def cell(obj: Obj, _: float) -> str:
        found = [one["status"] for one in at(obj, "status.conditions") or () if one["type"] == kind]
        return found[0] if found else missing

    return cell


def _service(obj: Obj, _: float) -> str:
    found = at(obj, "spec.service")
    return f"{found['namespace']}/{found['name']}" if found else "Local"


def _available(obj: Obj, _: float) -> str:
    found = next((one for one in at(obj, "status.conditions") or () if one["type"] == "Available"), None)
    if found is None:
        return "Unknown"
    return str(found["status"]) + ("" if found["status"] == "True" else f" ({found.get('reason', '')})")


_WORKLOAD: Cells = {**_names(_TEMPLATE), "Selector": _selector}
_BINDING: Cells = {
    "Role": _subjects,
    "Users": _users("User"),
    "Groups": _users("Group"),
    "ServiceAccounts": _users("ServiceAccount"),
}
_POLICY: Cells = {
    "Validations": _count("spec.validations"),
    "Mutations": _count("spec.mutations"),
    "ParamKind": _param_kind,
}
_POLICY_BINDING: Cells = {"PolicyName": _path("spec.policyName", ""), "ParamRef": _param_ref}

# In all kinds, unless a kind says otherwise.
COMMON: Cells = {"Name": _name, "Age": age, "Created At": _path("metadata.creationTimestamp")}

CELLS: dict[str, Cells] = {
    "Pod": {
        "Ready": podcells.ready,
        "Status": podcells.status,
        "Restarts": lambda obj, now: podcells.restarts(obj, now, duration),
        "IP": _path("status.podIP"),
        "Node": _path("spec.nodeName"),
        "Nominated Node": _path("status.nominatedNodeName"),
        "Readiness Gates": podcells.gates,
    },
    "PodTemplate": {
        **_names("template.spec.containers"),
        "Pod Labels": lambda obj, _: pairs(at(obj, "template.metadata.labels")),
    },
    "Deployment": {
        "Ready": _ready,
        "Up-to-date": _path("status.updatedReplicas", 0),
        "Available": _path("status.availableReplicas", 0),
        **_WORKLOAD,
    },
    "ReplicaSet": {
        "Desired": _path("spec.replicas", 0),
        "Current": _path("status.replicas", 0),
        "Ready": _path("status.readyReplicas", 0),
        **_WORKLOAD,
    },
    "ReplicationController": {
        "Desired": _path("spec.replicas", 0),
        "Current": _path("status.replicas", 0),
        "Ready": _path("status.readyReplicas", 0),
        **_names(_TEMPLATE),
        "Selector": lambda obj, _: pairs(at(obj, "spec.selector")),
    },
    "StatefulSet": {"Ready": _ready, **_names(_TEMPLATE)},
    "DaemonSet": {
        "Desired": _path("status.desiredNumberScheduled", 0),
        "Current": _path("status.currentNumberScheduled", 0),
        "Ready": _path("status.numberReady", 0),
        "Up-to-date": _path("status.updatedNumberScheduled", 0),
        "Available": _path("status.numberAvailable", 0),
        "Node Selector": lambda obj, _: pairs(at(obj, "spec.template.spec.nodeSelector")),
        **_WORKLOAD,
    },
    "ControllerRevision": {"Controller": _controller, "Revision": _path("revision", 0)},
    "Job": {"Status": _job_status, "Completions": _completions, "Duration": _job_duration, **_WORKLOAD},
    "CronJob": {
        "Schedule": _path("spec.schedule"),
        "Timezone": _path("spec.timeZone"),
        "Suspend": lambda obj, _: "True" if at(obj, "spec.suspend") else "False",
        "Active": _count("status.active"),
        "Last Schedule": lambda obj, now: since(t, now) if (t := at(obj, "status.lastScheduleTime")) else NONE,
        **_names("spec.jobTemplate.spec.template.spec.containers"),
        "Selector": lambda obj, _: selector_text(at(obj, "spec.jobTemplate.spec.selector")),
    },
    "Service": {
        "Type": _path("spec.type"),
        "Cluster-IP": _path("spec.clusterIP"),
        "External-IP": _external,
        "Port(s)": _ports,
        "Selector": lambda obj, _: pairs(at(obj, "spec.selector")),
    },
    "Endpoints": {"Endpoints": _endpoints},
    "EndpointSlice": {"AddressType": _path("addressType"), "Ports": _slice_ports, "Endpoints": _slice_addresses},
    "Node": {
        "Status": _node_status,
        "Roles": _node_roles,
        "Version": _path("status.nodeInfo.kubeletVersion", ""),
        "Internal-IP": _node_address("InternalIP"),
        "External-IP": _node_address("ExternalIP"),
        "OS-Image": _path("status.nodeInfo.osImage", "<unknown>"),
        "Kernel-Version": _path("status.nodeInfo.kernelVersion", "<unknown>"),
        "Container-Runtime": _path("status.nodeInfo.containerRuntimeVersion", "<unknown>"),
    },
    "Event": {
        "Last Seen": _event_seen(False),
        "Type": _path("type", ""),
        "Reason": _path("reason", ""),
        "Object": _event_object,
        "Subobject": _path("involvedObject.fieldPath", ""),
        "Source": _event_source,
        "Message": lambda obj, _: (obj.get("message") or "").strip(),
        "First Seen": _event_seen(True),
        "Count": lambda obj, _: at(obj, "series.count") or obj.get("count") or 1,
    },
    "Namespace": {"Status": _path("status.phase", "")},
    "Secret": {"Type": _path("type", ""), "Data": _data},
    "ConfigMap": {"Data": _data},
    "HorizontalPodAutoscaler": {
        "Reference": _target,
        "Targets": _hpa_targets,
        "MinPods": _path("spec.minReplicas", "<unset>"),
        "MaxPods": _path("spec.maxReplicas", 0),
        "Replicas": _path("status.currentReplicas", 0),
    },
    "PodDisruptionBudget": {
        "Min Available": _path("spec.minAvailable", "N/A"),
        "Max Unavailable": _path("spec.maxUnavailable", "N/A"),
        "Allowed Disruptions": _path("status.disruptionsAllowed", 0),
    },
    "PersistentVolumeClaim": {
        "Status": podcells.phase_or_terminating,
        "Volume": _path("spec.volumeName", ""),
        "Capacity": _path("status.capacity.storage", ""),
        "Access Modes": _modes,
        "StorageClass": _path("spec.storageClassName", ""),
        "VolumeAttributesClass": _path("spec.volumeAttributesClassName", "<unset>"),
        "VolumeMode": _path("spec.volumeMode", ""),
    },
    "PersistentVolume": {
        "Capacity": _path("spec.capacity.storage", ""),
        "Access Modes": _modes,
        "Reclaim Policy": _path("spec.persistentVolumeReclaimPolicy", ""),
        "Status": podcells.phase_or_terminating,
        "Claim": _claim,
        "StorageClass": _path("spec.storageClassName", ""),
        "VolumeAttributesClass": _path("spec.volumeAttributesClassName", "<unset>"),
        "Reason": _path("status.reason", ""),
        "VolumeMode": _path("spec.volumeMode", ""),
    },
    "StorageClass": {
        "Name": _default("storageclass.kubernetes.io/is-default-class"),
        "Provisioner": _path("provisioner", ""),
        "ReclaimPolicy": _path("reclaimPolicy", "Delete"),
        "VolumeBindingMode": _path("volumeBindingMode", "Immediate"),
        "AllowVolumeExpansion": _flag("allowVolumeExpansion"),
    },
    "VolumeAttributesClass": {"DriverName": _path("driverName", "")},
    "VolumeAttachment": {
        "Attacher": _path("spec.attacher", ""),
        "PV": _path("spec.source.persistentVolumeName", ""),
        "Node": _path("spec.nodeName", ""),
        "Attached": _flag("status.attached"),
    },
    "CSIDriver": {
        "AttachRequired": _flag("spec.attachRequired", True),
        "PodInfoOnMount": _flag("spec.podInfoOnMount"),
        "StorageCapacity": _flag("spec.storageCapacity"),
        "TokenRequests": lambda obj, _: (
            ",".join(one.get("audience", "") for one in at(obj, "spec.tokenRequests") or ()) or "<unset>"
        ),
        "RequiresRepublish": _flag("spec.requiresRepublish"),
        "Modes": lambda obj, _: ",".join(at(obj, "spec.volumeLifecycleModes") or ()) or NONE,
    },
    "CSINode": {"Drivers": _count("spec.drivers")},
    "CSIStorageCapacity": {"StorageClassName": _path("storageClassName", ""), "Capacity": _path("capacity", "<unset>")},
    "Lease": {"Holder": _path("spec.holderIdentity", "")},
    "ResourceQuota": {"Request": _quota("requests"), "Limit": _quota("limits")},
    "PriorityClass": {
        "Value": _path("value", 0),
        "Global-Default": _flag("globalDefault"),
        "PreemptionPolicy": _path("preemptionPolicy", ""),
    },
    "RuntimeClass": {"Handler": _path("handler", "")},
    "Ingress": {
        "Class": _path("spec.ingressClassName"),
        "Hosts": _rules_hosts,
        "Address": _balancer,
        "Ports": lambda obj, _: "80, 443" if at(obj, "spec.tls") else "80",
    },
    "IngressClass": {
        "Name": _default("ingressclass.kubernetes.io/is-default-class"),
        "Controller": _path("spec.controller", ""),
        "Parameters": _parameters,
    },
    "IPAddress": {"ParentRef": _parent},
    "ServiceCIDR": {"CIDRs": lambda obj, _: ",".join(at(obj, "spec.cidrs") or ())},
    "NetworkPolicy": {"Pod-Selector": lambda obj, _: selector_text(at(obj, "spec.podSelector"))},
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "CertificateSigningRequest": {
        "SignerName": _path("spec.signerName"),
        "Requestor": _path("spec.username", ""),
        "RequestedDuration": lambda obj, _: duration(s) if (s := at(obj, "spec.expirationSeconds")) else NONE,
        "Condition": _signed,
    },
    "MutatingWebhookConfiguration": {"Webhooks": _count("webhooks")},
    "ValidatingWebhookConfiguration": {"Webhooks": _count("webhooks")},
    "MutatingAdmissionPolicy": _POLICY,
    "ValidatingAdmissionPolicy": _POLICY,
    "MutatingAdmissionPolicyBinding": _POLICY_BINDING,
    "ValidatingAdmissionPolicyBinding": _POLICY_BINDING,
    "ResourceClaim": {
        "State": lambda obj, _: (
            "allocated,reserved"
            if at(obj, "status.reservedFor")
            else "allocated"
            if at(obj, "status.allocation")
            else "pending"
        )
    },
    "ResourceSlice": {
        "Node": _path("spec.nodeName", "<unset>"),
        "Driver": _path("spec.driver", ""),
        "Pool": _path("spec.pool.name", ""),
    },
    "FlowSchema": {
        "PriorityLevel": _path("spec.priorityLevelConfiguration.name", ""),
        "MatchingPrecedence": _path("spec.matchingPrecedence", 0),
        "DistinguisherMethod": _path("spec.distinguisherMethod.type"),
        "MissingPL": _condition("Dangling", "?"),
    },
    "PriorityLevelConfiguration": {
        "Type": _path("spec.type", ""),
        "NominalConcurrencyShares": _path("spec.limited.nominalConcurrencyShares"),
        "Queues": _path("spec.limited.limitResponse.queuing.queues"),
        "HandSize": _path("spec.limited.limitResponse.queuing.handSize"),
        "QueueLengthLimit": _path("spec.limited.limitResponse.queuing.queueLengthLimit"),
    },
    # There are none to be shown: nothing is behind them any more.
    "ComponentStatus": {"Status": _path("none"), "Message": _path("none"), "Error": _path("none")},
    "APIService": {"Service": _service, "Available": _available},
}
