"""Every field of an enumerated type, in an object that is right but for it: what `record_enumerated` asks a server.

The fields come from the schema, so that those of a new release are asked as well; what has to stand around them is
written here. The trap is an object that is wrong in another way too: its answer says nothing about the value.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from healgate.embedded.api.schema import Schema, published, schema

from .enumerated import EPHEMERAL, MARK, Kind, Obj, merged

MANY = 24  # of types with more values only the first and the last is asked

CONTAINER: Obj = {"name": "main", "image": "shop:1.4"}
LABELS = {"app": "web"}
SELECTOR = {"matchLabels": LABELS}
DATA: Obj = {"name": "data", "emptyDir": {}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
RULES = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
HOOK = {
    "name": "a.shop.example",
    "clientConfig": {"url": "https://shop.example"},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}
JSON_PATCH = {"expression": '[JSONPatch{op: "remove", path: "/spec"}]'}
MUTATION = {"patchType": "JSONPatch", "jsonPatch": JSON_PATCH}
EXPRESSIONS = {"validations": [{"expression": "true"}]}
MUTATIONS = {"mutations": [MUTATION], "reinvocationPolicy": "Never"}
CLASS = {"deviceClassName": "gpu"}
SLICE = {
    "driver": "gpu.shop.example",
    "nodeName": "node",
    "pool": {"name": "node", "generation": 1, "resourceSliceCount": 1},
}
VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISk1IQUNBUUF3RGpFTU1Bb0dBMVVFQXd3RGQyVmlNRmt3RXdZ"
    "SEtvWkl6ajBDQVFZSUtvWkl6ajBEQVFjRApRZ0FFT2lDZ2V3NytoOGRhVWtyV012NnhmenB2UnByM01CSHpWZzdMdGxSUnl4RnVQ"
    "aWxYampZSFQxWWlmUThUCktOLzRzdzZMOHV6a0xHd1hKUGtQaTJEY01LQUFNQW9HQ0NxR1NNNDlCQU1DQTBrQU1FWUNJUURUdW1D"
    "K2g0UlgKTnVMWjlwOUJQOEk1Sm4yTFZxR0hzWmNidlBJY2dJUW9ZUUloQU90anBMbHBDUU95TGhqS3BLS2xVenU2UStwRQpuKzUw"
    "aVJ1bWMrN0tQUU4xCi0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo="
)


def _template(policy: str = "Always") -> Obj:
    spec = {"containers": [CONTAINER], **({"restartPolicy": policy} if policy != "Always" else {})}
    return {"metadata": {"labels": LABELS}, "spec": spec}


# A whole object of each kind.
BODIES: dict[str, Obj] = {
    "v1 Pod": _template(),
    EPHEMERAL: {"spec": {"containers": [CONTAINER], "volumes": [DATA], "hostUsers": False, "os": {"name": "linux"}}},
    "v1 PodTemplate": {"template": _template()},
    "v1 ReplicationController": {"spec": {"selector": LABELS, "template": _template()}},
    "apps/v1 Deployment": {"spec": {"selector": SELECTOR, "template": _template()}},
    "apps/v1 ReplicaSet": {"spec": {"selector": SELECTOR, "template": _template()}},
    "apps/v1 DaemonSet": {"spec": {"selector": SELECTOR, "template": _template()}},
    "apps/v1 StatefulSet": {"spec": {"selector": SELECTOR, "serviceName": "web", "template": _template()}},
    "batch/v1 Job": {"spec": {"template": _template("Never")}},
    "batch/v1 CronJob": {
        "spec": {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": _template("Never")}}},
    },
    "v1 Service": {"spec": {"selector": LABELS, "ports": [{"port": 80}]}},
    "v1 Endpoints": {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]},
    "v1 Node": {},
    "v1 ResourceQuota": {"spec": {"hard": {"pods": "1"}}},
    "v1 PersistentVolume": {
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/data"},
            "persistentVolumeReclaimPolicy": "Retain",
        }
    },
    "v1 PersistentVolumeClaim": {"spec": CLAIM},
    "networking.k8s.io/v1 NetworkPolicy": {"spec": {"podSelector": {}}},
    "networking.k8s.io/v1 Ingress": {
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    },
    "policy/v1 PodDisruptionBudget": {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    "storage.k8s.io/v1 StorageClass": {"provisioner": "disks.shop.example"},
    "storage.k8s.io/v1 VolumeAttachment": {
        "spec": {"attacher": "disks.shop.example", "nodeName": "node", "source": {"persistentVolumeName": "a"}},
    },
    "scheduling.k8s.io/v1 PriorityClass": {"value": 1},
    "node.k8s.io/v1 RuntimeClass": {"handler": "runc"},
    "discovery.k8s.io/v1 EndpointSlice": {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]},
    "certificates.k8s.io/v1 CertificateSigningRequest": {
        "spec": {"signerName": "shop.example/a", "usages": ["client auth"], "request": REQUEST},
    },
    "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration": {"webhooks": [HOOK]},
    "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration": {"webhooks": [HOOK]},
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy": {
        "spec": {"matchConstraints": {"resourceRules": RULES}, **EXPRESSIONS},
    },
    "admissionregistration.k8s.io/v1 MutatingAdmissionPolicy": {
        "spec": {"matchConstraints": {"resourceRules": RULES}, **MUTATIONS},
    },
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding": {
        "spec": {"policyName": "a", "validationActions": ["Deny"]},
    },
    "admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding": {"spec": {"policyName": "a"}},
    "apiextensions.k8s.io/v1 CustomResourceDefinition": {
        "spec": {
            "group": "shop.example",
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
            "versions": [VERSION],
        }
    },
    "resource.k8s.io/v1 ResourceClaim": {"spec": {"devices": {"requests": [{"name": "a", "exactly": CLASS}]}}},
    "resource.k8s.io/v1 ResourceClaimTemplate": {
        "spec": {"spec": {"devices": {"requests": [{"name": "a", "exactly": CLASS}]}}},
    },
    "resource.k8s.io/v1 ResourceSlice": {"spec": {**SLICE, "devices": [{"name": "a"}]}},
}
# Where the pod's spec is in it, if not in `spec.template.spec`.
PODS = {
    "v1 Pod": "spec",
    EPHEMERAL: "spec",
    "v1 PodTemplate": "template.spec",
    "batch/v1 CronJob": "spec.jobTemplate.spec.template.spec",
}
# Where the name is not free, or an object is there.
NAMES = {EPHEMERAL: "debugged", "apiextensions.k8s.io/v1 CustomResourceDefinition": "gadgets.shop.example"}

# What an object of a type needs, wherever it stands on the way to the field, or on the way through one of its own.
PARTS: dict[str, Obj] = {
    "Container": CONTAINER,
    "EphemeralContainer": {**CONTAINER, "name": "debug"},
    "Container.volumeMounts": {"securityContext": {"privileged": True}},
    "EphemeralContainer.volumeMounts": {"securityContext": {"privileged": True}},
    "PersistentVolumeClaim": {"metadata": {"name": "data"}},
    "HTTPGetAction": {"port": 80},
    "ContainerPort": {"containerPort": 80},
    "VolumeMount": {"name": "data", "mountPath": "/data"},
    "NodeSelectorRequirement": {"key": "zone", "values": ["1"]},
    "PreferredSchedulingTerm": {"weight": 1},
    "Toleration": {"key": "zone"},
    "TopologySpreadConstraint": {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
    "Volume": {"name": "other"},
    "AzureDiskVolumeSource": {"diskName": "a", "diskURI": "https://disks.shop.example/a"},
    "HostPathVolumeSource": {"path": "/data"},
    "ImageVolumeSource": {"reference": "shop:1.4"},
    "PersistentVolumeClaimSpec": CLAIM,
    "PersistentVolumeSpec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]},
    "ServicePort": {"port": 80},
    "EndpointAddress": {"ip": "10.0.0.1"},
    "EndpointSubset": {"addresses": [{"ip": "10.0.0.1"}]},
    "EndpointPort": {"port": 80},
    "Taint": {"key": "zone"},
    "NetworkPolicyPort": {"port": 80},
    "HTTPIngressPath": {"path": "/", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
    "ScopedResourceSelectorRequirement": {"scopeName": "PriorityClass", "operator": "Exists"},
    "MutatingWebhook": HOOK,
    "ValidatingWebhook": HOOK,
    "RuleWithOperations": RULES[0],
    "NamedRuleWithOperations": RULES[0],
    "Mutation": MUTATION,
    "PodFailurePolicyRule": {"action": "Ignore"},
    "PodFailurePolicyOnExitCodesRequirement": {"values": [1]},
    "CustomResourceDefinitionVersion": VERSION,
    "JSONSchemaProps": {"type": "object"},
    "ValidationRule": {"rule": "true"},
    "DeviceRequest": {"name": "a"},
    "DeviceSubRequest": {"name": "b", **CLASS},
    "ExactDeviceRequest": CLASS,
    "DeviceToleration": {"key": "zone"},
    "DeviceTaint": {"key": "zone"},
    "Device": {"name": "a"},
    "DeviceCounterConsumption": {"counterSet": "a"},
    "VolumeAttachmentSpec": {"attacher": "disks.shop.example", "nodeName": "node"},
}
# What it needs elsewhere, a merge patch of the object or of the pod's spec in it: where kind and path match.
INDEXED = {"completions": 1, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
# None takes away.
DISK = {"csi": {"driver": "disks.shop.example", "volumeHandle": "a"}, "capacity": None}
ELSEWHERE: list[tuple[str, Obj]] = [
    (r"volumeMounts", {"~": {"volumes": [DATA]}}),
    (r"stopSignal", {"~": {"os": {"name": "linux"}}}),
    (r"dnsPolicy", {"~": {"dnsConfig": {"nameservers": ["10.0.0.1"]}}}),
    (r"procMount", {"~": {"hostUsers": False}}),
    (r"externalTrafficPolicy", {"spec": {"type": "NodePort"}}),
    (r"PersistentVolume spec\.azureDisk", {"spec": {"hostPath": None}}),
    (r"VolumeAttachment", {"spec": {"source": {"persistentVolumeName": None, "inlineVolumeSpec": DISK}}}),
    (r"ResourceSlice spec\.nodeSelector", {"spec": {"nodeName": None}}),
    (r"ResourceSlice spec\.devices\.nodeSelector", {"spec": {"nodeName": None, "perDeviceNodeSelection": True}}),
    (r"/v1 Job .*=(FailIndex|Indexed)", {"spec": INDEXED}),
    (r"/v1 CronJob .*=(FailIndex|Indexed)", {"spec": {"jobTemplate": {"spec": INDEXED}}}),
    (r"ResourceQuota .*=VolumeAttributesClass", {"spec": {"hard": {"pods": None, "persistentvolumeclaims": "1"}}}),
]
# What the element or struct that a field holds needs beside what its type does.
INSIDE: dict[str, Obj] = {
    "NodeSelectorTerm.matchFields": {"key": "metadata.name"},
    "PodSpec.initContainers": {"name": "first", "restartPolicy": "Always"},
}
# What it needs beside it: for a type and field, or for one value of it.
BESIDE: dict[str, Obj] = {
    "PodFailurePolicyRule.action": {"onExitCodes": {"operator": "In", "values": [1]}},
    "PodFailurePolicyRule.action=FailIndex": {},
    "NodeSelectorRequirement.operator=Exists": {"values": None},
    "NodeSelectorRequirement.operator=DoesNotExist": {"values": None},
    "Toleration.operator=Gt": {"value": "1", "effect": "NoSchedule"},
    "Toleration.operator=Lt": {"value": "1", "effect": "NoSchedule"},
    "Toleration.effect": {"operator": "Exists"},
    "AppArmorProfile.type=Localhost": {"localhostProfile": "a"},
    "SeccompProfile.type=Localhost": {"localhostProfile": "a"},
    "AzureDiskVolumeSource.kind=Managed": {"diskURI": "/subscriptions/a"},
    "ServiceSpec.type=ExternalName": {"externalName": "shop.example"},
    "ScopedResourceSelectorRequirement.operator=In": {"values": ["a"]},
    "ScopedResourceSelectorRequirement.operator=NotIn": {"values": ["a"]},
    "EndpointSlice.addressType=IPv6": {"endpoints": [{"addresses": ["2001:db8::1"]}]},
    "EndpointSlice.addressType=FQDN": {"endpoints": [{"addresses": ["web.shop.example"]}]},
    "Mutation.patchType=ApplyConfiguration": {
        "jsonPatch": None,
        "applyConfiguration": {"expression": "Object{}"},
    },
    "DeviceToleration.effect": {"operator": "Exists"},
}
# What is not asked of a kind, by the kind, path and value, and why.
LEFT_OUT: dict[str, str] = {
    r"matchFields\.operator=(DoesNotExist|Exists|Gt|Lt)$": "a server takes In and NotIn of one name, no more",
    r"v1 Service .*=(IPv6|RequireDualStack)$": "it depends on the addresses that the cluster has",
    r"inlineVolumeSpec\.(?!accessModes)": "a volume in an attachment has rules of its own",
    r"Mutating\w+ .*\.resourceRules\.operations": "said twice of a policy that changes objects",
    r"ephemeralcontainers .*(stopSignal|ports\.protocol)": "what such a container may not have at all",
    r"v1 ReplicationController .*\.restartPolicy": "the embedded server does not look at its template",
    r"CustomResourceDefinition": "the server calls the schema by the place where an older version had it",
}


@dataclass(frozen=True)
class Step:
    """One field on the way: the type that has it, its name and its shape."""

    owner: str
    name: str
    shape: str


@dataclass(frozen=True)
class Question:
    """One value of one field: `patch` turns the body of `kind` into what is sent, MARK where the value goes."""

    kind: str
    patch: Obj
    value: str


def kinds() -> dict[str, Kind]:
    """All kinds that have such a field."""
    found: dict[str, Kind] = {}
    for version, rows in published()["resources"].items():
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for kind, plural, _, namespaced, _ in rows:
            url = f"{root}{'/namespaces/default' if namespaced else ''}/{plural}"
            for name in (f"{version} {kind}", *([EPHEMERAL] if kind == "Pod" else [])):
                if next(_ways(name), None) is not None:
                    found[name] = _kind(name, url)
    return found


def _kind(name: str, url: str) -> Kind:
    """KeyError for one that is new: it needs a body."""
    version, kind = name.partition("/ephemeral")[0].split()
    about = {"apiVersion": version, "kind": kind, "metadata": {"name": NAMES.get(name, "web")}}
    body = merged(about, BODIES[name])
    pod = PODS.get(name) or ("spec.template.spec" if "template" in body.get("spec", {}) else "")
    return Kind(url, body, pod)


def questions(kinds: dict[str, Kind]) -> Iterator[Question]:
    enums = published()["enums"]
    for name, kind in kinds.items():
        for steps in _ways(name):
            path, last = ".".join(step.name for step in steps), steps[-1]
            members = [one for one in enums[last.owner][last.name] if one]
            if len(members) > MANY:
                members = [members[0], members[-1]]
            for value in ("x", members[-1].swapcase(), *members):
                if not any(re.search(pattern, f"{name} {path}={value}") for pattern in LEFT_OUT):
                    yield Question(name, _patch(name, kind.pod, path, steps, value), value)


def _ways(kind: str) -> Iterator[tuple[Step, ...]]:
    types = schema()
    for steps in _below(types, types.type_of(*kind.partition("/ephemeral")[0].split()), (), frozenset()):
        if any(step.name == "ephemeralContainers" for step in steps) == (kind == EPHEMERAL):
            yield steps


def _below(types: Schema, owner: str, before: tuple[Step, ...], above: frozenset[str]) -> Iterator[tuple[Step, ...]]:
    """The steps to every such field that a client sets, each type entered but once."""
    if owner in above or not types.known(owner):
        return
    for name in types.fields(owner):
        field = types.field(owner, name)
        assert field is not None
        here = (*before, Step(owner, name, field.shape))
        if name in ("metadata", "status"):
            continue
        if name in types.enumerated(owner):
            yield here
        elif field.shape in ("struct", "list"):
            yield from _below(types, field.of, here, above | {owner})


def _patch(kind: str, pod: str, path: str, steps: tuple[Step, ...], value: str) -> Obj:
    patch = _nested(steps, value)
    if pod and path.startswith(f"{pod}."):
        for name in pod.split("."):
            patch = patch[name]
        patch = {"~": patch}
    for pattern, more in ELSEWHERE:
        if re.search(pattern, f"{kind} {path}={value}"):
            patch = merged(patch, more)
    return patch


def _nested(steps: tuple[Step, ...], value: str) -> Obj:
    step, *rest = steps
    short = step.owner.rpartition(".")[2]
    place = f"{short}.{step.name}"
    part = copy.deepcopy({**PARTS.get(short, {}), **PARTS.get(place, {})})
    inner: Any = MARK
    if rest:
        inner = {**_nested(tuple(rest), value), **INSIDE.get(place, {})}
    else:
        part |= {**BESIDE.get(place, {}), **BESIDE.get(f"{place}={value}", {})}
    part[step.name] = [inner] if step.shape == "list" else inner
    return part
