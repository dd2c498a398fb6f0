"""What stands in the columns of `kubectl get`, by kind and column.

Which columns a kind has, and what they are called, is published (`tools/schema`); only what is in them is said here.
"""

from __future__ import annotations

from typing import Any

from . import cells, podcells
from .cells import Cells
from .objects import at

Obj = dict[str, Any]

_WORKLOAD: Cells = {**cells.names_of(cells.TEMPLATE), "Selector": cells.selector}
_BINDING: Cells = {
    "Role": cells.subjects,
    "Users": cells.users("User"),
    "Groups": cells.users("Group"),
    "ServiceAccounts": cells.users("ServiceAccount"),
}
_POLICY: Cells = {
    "Validations": cells.count_of("spec.validations"),
    "Mutations": cells.count_of("spec.mutations"),
    "ParamKind": cells.param_kind,
}
_POLICY_BINDING: Cells = {"PolicyName": cells.value_of("spec.policyName", ""), "ParamRef": cells.param_ref}

# In all kinds, unless a kind says otherwise.
COMMON: Cells = {"Name": cells.name_of, "Age": cells.age, "Created At": cells.value_of("metadata.creationTimestamp")}

CELLS: dict[str, Cells] = {
    "Pod": {
        "Ready": podcells.ready,
        "Status": podcells.status,
        "Restarts": lambda obj, now: podcells.restarts(obj, now, cells.duration),
        "IP": cells.value_of("status.podIP"),
        "Node": cells.value_of("spec.nodeName"),
        "Nominated Node": cells.value_of("status.nominatedNodeName"),
        "Readiness Gates": podcells.gates,
    },
    "PodTemplate": {
        **cells.names_of("template.spec.containers"),
        "Pod Labels": lambda obj, _: cells.pairs(at(obj, "template.metadata.labels")),
    },
    "Deployment": {
        "Ready": cells.ready_of,
        "Up-to-date": cells.value_of("status.updatedReplicas", 0),
        "Available": cells.value_of("status.availableReplicas", 0),
        **_WORKLOAD,
    },
    "ReplicaSet": {
        "Desired": cells.value_of("spec.replicas", 0),
        "Current": cells.value_of("status.replicas", 0),
        "Ready": cells.value_of("status.readyReplicas", 0),
        **_WORKLOAD,
    },
    "ReplicationController": {
        "Desired": cells.value_of("spec.replicas", 0),
        "Current": cells.value_of("status.replicas", 0),
        "Ready": cells.value_of("status.readyReplicas", 0),
        **cells.names_of(cells.TEMPLATE),
        "Selector": lambda obj, _: cells.pairs(at(obj, "spec.selector")),
    },
    "StatefulSet": {"Ready": cells.ready_of, **cells.names_of(cells.TEMPLATE)},
    "DaemonSet": {
        "Desired": cells.value_of("status.desiredNumberScheduled", 0),
        "Current": cells.value_of("status.currentNumberScheduled", 0),
        "Ready": cells.value_of("status.numberReady", 0),
        "Up-to-date": cells.value_of("status.updatedNumberScheduled", 0),
        "Available": cells.value_of("status.numberAvailable", 0),
        "Node Selector": lambda obj, _: cells.pairs(at(obj, "spec.template.spec.nodeSelector")),
        **_WORKLOAD,
    },
    "ControllerRevision": {"Controller": cells.controller, "Revision": cells.value_of("revision", 0)},
    "Job": {"Status": cells.job_status, "Completions": cells.completions, "Duration": cells.job_duration, **_WORKLOAD},
    "CronJob": {
        "Schedule": cells.value_of("spec.schedule"),
        "Timezone": cells.value_of("spec.timeZone"),
        "Suspend": lambda obj, _: "True" if at(obj, "spec.suspend") else "False",
        "Active": cells.count_of("status.active"),
        "Last Schedule": lambda obj, now: (
            cells.since(t, now) if (t := at(obj, "status.lastScheduleTime")) else cells.NONE
        ),
        **cells.names_of("spec.jobTemplate.spec.template.spec.containers"),
        "Selector": lambda obj, _: cells.selector_text(at(obj, "spec.jobTemplate.spec.selector")),
    },
    "Service": {
        "Type": cells.value_of("spec.type"),
        "Cluster-IP": cells.value_of("spec.clusterIP"),
        "External-IP": cells.external,
        "Port(s)": cells.ports,
        "Selector": lambda obj, _: cells.pairs(at(obj, "spec.selector")),
    },
    "Endpoints": {"Endpoints": cells.endpoints},
    "EndpointSlice": {
        "AddressType": cells.value_of("addressType"),
        "Ports": cells.slice_ports,
        "Endpoints": cells.slice_addresses,
    },
    "Node": {
        "Status": cells.node_status,
        "Roles": cells.node_roles,
        "Version": cells.value_of("status.nodeInfo.kubeletVersion", ""),
        "Internal-IP": cells.node_address("InternalIP"),
        "External-IP": cells.node_address("ExternalIP"),
        "OS-Image": cells.value_of("status.nodeInfo.osImage", "<unknown>"),
        "Kernel-Version": cells.value_of("status.nodeInfo.kernelVersion", "<unknown>"),
        "Container-Runtime": cells.value_of("status.nodeInfo.containerRuntimeVersion", "<unknown>"),
    },
    "Event": {
        "Last Seen": cells.event_seen(False),
        "Type": cells.value_of("type", ""),
        "Reason": cells.value_of("reason", ""),
        "Object": cells.event_object,
        "Subobject": cells.value_of("involvedObject.fieldPath", ""),
        "Source": cells.event_source,
        "Message": lambda obj, _: (obj.get("message") or "").strip(),
        "First Seen": cells.event_seen(True),
        "Count": lambda obj, _: at(obj, "series.count") or obj.get("count") or 1,
    },
    "Namespace": {"Status": cells.value_of("status.phase", "")},
    "Secret": {"Type": cells.value_of("type", ""), "Data": cells.data_count},
    "ConfigMap": {"Data": cells.data_count},
    "HorizontalPodAutoscaler": {
        "Reference": cells.target,
        "Targets": cells.hpa_targets,
        "MinPods": cells.value_of("spec.minReplicas", "<unset>"),
        "MaxPods": cells.value_of("spec.maxReplicas", 0),
        "Replicas": cells.value_of("status.currentReplicas", 0),
    },
    "PodDisruptionBudget": {
        "Min Available": cells.value_of("spec.minAvailable", "N/A"),
        "Max Unavailable": cells.value_of("spec.maxUnavailable", "N/A"),
        "Allowed Disruptions": cells.value_of("status.disruptionsAllowed", 0),
    },
    "PersistentVolumeClaim": {
        "Status": podcells.phase_or_terminating,
        "Volume": cells.value_of("spec.volumeName", ""),
        "Capacity": cells.value_of("status.capacity.storage", ""),
        "Access Modes": cells.access_modes,
        "StorageClass": cells.value_of("spec.storageClassName", ""),
        "VolumeAttributesClass": cells.value_of("spec.volumeAttributesClassName", "<unset>"),
        "VolumeMode": cells.value_of("spec.volumeMode", ""),
    },
    "PersistentVolume": {
        "Capacity": cells.value_of("spec.capacity.storage", ""),
        "Access Modes": cells.access_modes,
        "Reclaim Policy": cells.value_of("spec.persistentVolumeReclaimPolicy", ""),
        "Status": podcells.phase_or_terminating,
        "Claim": cells.claim_of,
        "StorageClass": cells.value_of("spec.storageClassName", ""),
        "VolumeAttributesClass": cells.value_of("spec.volumeAttributesClassName", "<unset>"),
        "Reason": cells.value_of("status.reason", ""),
        "VolumeMode": cells.value_of("spec.volumeMode", ""),
    },
    "StorageClass": {
        "Name": cells.name_and_default("storageclass.kubernetes.io/is-default-class"),
        "Provisioner": cells.value_of("provisioner", ""),
        "ReclaimPolicy": cells.value_of("reclaimPolicy", "Delete"),
        "VolumeBindingMode": cells.value_of("volumeBindingMode", "Immediate"),
        "AllowVolumeExpansion": cells.flag_of("allowVolumeExpansion"),
    },
    "VolumeAttributesClass": {"DriverName": cells.value_of("driverName", "")},
    "VolumeAttachment": {
        "Attacher": cells.value_of("spec.attacher", ""),
        "PV": cells.value_of("spec.source.persistentVolumeName", ""),
        "Node": cells.value_of("spec.nodeName", ""),
        "Attached": cells.flag_of("status.attached"),
    },
    "CSIDriver": {
        "AttachRequired": cells.flag_of("spec.attachRequired", True),
        "PodInfoOnMount": cells.flag_of("spec.podInfoOnMount"),
        "StorageCapacity": cells.flag_of("spec.storageCapacity"),
        "TokenRequests": lambda obj, _: (
            ",".join(one.get("audience", "") for one in at(obj, "spec.tokenRequests") or ()) or "<unset>"
        ),
        "RequiresRepublish": cells.flag_of("spec.requiresRepublish"),
        "Modes": lambda obj, _: ",".join(at(obj, "spec.volumeLifecycleModes") or ()) or cells.NONE,
    },
    "CSINode": {"Drivers": cells.count_of("spec.drivers")},
    "CSIStorageCapacity": {
        "StorageClassName": cells.value_of("storageClassName", ""),
        "Capacity": cells.value_of("capacity", "<unset>"),
    },
    "Lease": {"Holder": cells.value_of("spec.holderIdentity", "")},
    "ResourceQuota": {"Request": cells.quota("requests"), "Limit": cells.quota("limits")},
    "PriorityClass": {
        "Value": cells.value_of("value", 0),
        "Global-Default": cells.flag_of("globalDefault"),
        "PreemptionPolicy": cells.value_of("preemptionPolicy", ""),
    },
    "RuntimeClass": {"Handler": cells.value_of("handler", "")},
    "Ingress": {
        "Class": cells.value_of("spec.ingressClassName"),
        "Hosts": cells.rules_hosts,
        "Address": cells.balancer,
        "Ports": lambda obj, _: "80, 443" if at(obj, "spec.tls") else "80",
    },
    "IngressClass": {
        "Name": cells.name_and_default("ingressclass.kubernetes.io/is-default-class"),
        "Controller": cells.value_of("spec.controller", ""),
        "Parameters": cells.parameters,
    },
    "IPAddress": {"ParentRef": cells.parent},
    "ServiceCIDR": {"CIDRs": lambda obj, _: ",".join(at(obj, "spec.cidrs") or ())},
    "NetworkPolicy": {"Pod-Selector": lambda obj, _: cells.selector_text(at(obj, "spec.podSelector"))},
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "CertificateSigningRequest": {
        "SignerName": cells.value_of("spec.signerName"),
        "Requestor": cells.value_of("spec.username", ""),
        "RequestedDuration": lambda obj, _: (
            cells.duration(s) if (s := at(obj, "spec.expirationSeconds")) else cells.NONE
        ),
        "Condition": cells.signed,
    },
    "MutatingWebhookConfiguration": {"Webhooks": cells.count_of("webhooks")},
    "ValidatingWebhookConfiguration": {"Webhooks": cells.count_of("webhooks")},
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
        "Node": cells.value_of("spec.nodeName", "<unset>"),
        "Driver": cells.value_of("spec.driver", ""),
        "Pool": cells.value_of("spec.pool.name", ""),
    },
    "FlowSchema": {
        "PriorityLevel": cells.value_of("spec.priorityLevelConfiguration.name", ""),
        "MatchingPrecedence": cells.value_of("spec.matchingPrecedence", 0),
        "DistinguisherMethod": cells.value_of("spec.distinguisherMethod.type"),
        "MissingPL": cells.condition_of("Dangling", "?"),
    },
    "PriorityLevelConfiguration": {
        "Type": cells.value_of("spec.type", ""),
        "NominalConcurrencyShares": cells.value_of("spec.limited.nominalConcurrencyShares"),
        "Queues": cells.value_of("spec.limited.limitResponse.queuing.queues"),
        "HandSize": cells.value_of("spec.limited.limitResponse.queuing.handSize"),
        "QueueLengthLimit": cells.value_of("spec.limited.limitResponse.queuing.queueLengthLimit"),
    },
    # There are none to be shown: nothing is behind them any more.
    "ComponentStatus": {
        "Status": cells.value_of("none"),
        "Message": cells.value_of("none"),
        "Error": cells.value_of("none"),
    },
    "APIService": {"Service": cells.service, "Available": cells.available},
}
