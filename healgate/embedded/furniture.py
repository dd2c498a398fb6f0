"""What stands in a cluster before anybody deploys anything: namespaces, the node, the API's own service.

Dull on purpose. A healer reads all of it, and whatever is unusual here would tell it where it is.
"""

from __future__ import annotations

from typing import Any

from .api.schema import release
from .clock.clock import stamp

Obj = dict[str, Any]

NODE = "worker-1"
NODE_ADDRESS = "172.18.0.2"
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

_CAPACITY = {
    "cpu": "4",
    "ephemeral-storage": "102625208Ki",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    "memory": "16384088Ki",
    "pods": "110",
}


def furniture(now: float) -> list[tuple[str, Obj]]:
    """(resource, object) in the order in which they are created."""
    return [
        *(("namespaces", _namespace(name)) for name in NAMESPACES),
        ("nodes", _node(now)),
        ("services", _api_service()),
        ("endpointslices.discovery.k8s.io", _api_endpoints()),
    ]


def _namespace(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _node(now: float) -> Obj:
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": NODE,
        "kubernetes.io/os": "linux",
    }
    annotations = {
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": labels, "annotations": annotations},
        "spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": NODE_ADDRESS},
                {"type": "Hostname", "address": NODE},
            ],
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY,
            "conditions": _conditions(stamp(now)),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "6f1c2a0e-0d2b-4c0e-9a57-2f8f6f0c8a11",
                "containerRuntimeVersion": "containerd://2.2.1",
                "kernelVersion": "6.1.0-37-amd64",
                "kubeProxyVersion": "",
                "kubeletVersion": release(),
                "machineID": "9b8f3f8f5f0b4f5f8f3d4c2d0f6f7a10",
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "systemUUID": "3c2f1f9e-6a55-4a7b-8c58-1b0f8a5d7e42",
            },
        },
    }


def _conditions(since: str) -> list[Obj]:
    told = (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    )
    return [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": since,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in told
    ]


def with_heartbeat(status: Obj, now: float) -> Obj:
    """A node's status as its kubelet posts it every few minutes."""
    conditions = [{**one, "lastHeartbeatTime": stamp(now)} for one in status["conditions"]]
    return {**status, "conditions": conditions}


def _api_service() -> Obj:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {
            "clusterIP": "10.96.0.1",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    }


def _api_endpoints() -> Obj:
    labels = {"kubernetes.io/service-name": "kubernetes"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
    }
