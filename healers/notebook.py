"""The healing notebook of a published tutorial on self-healing OpenShift clusters, as that document writes it.

It finds pods by restart count, searches their logs for words, deletes the pod whatever the words were, and calls the
pod healed as soon as it is Running and Ready once. Only what the document leaves to the reader is filled in: which
namespaces to look at, and the in-cluster configuration, which is the client at hand. Its vocabulary is mapped to the
published classes. The coordination engine behind it always recommends `restart_pod`.
"""

from __future__ import annotations

import re
import time
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

CLASSES = {
    "OOMKilled": "oom",
    "ImagePullBackOff": "bad-image",
    "ConfigError": "bad-config",
    "HealthCheckFailed": "failing-probe",
    "DatabaseError": "dependency",
    "PermissionError": "cannot-start",
    "Unknown": "exit",
}

ERROR_PATTERNS = {
    "OOMKilled": r"(OOMKilled|Out of memory|MemoryError)",
    "ImagePullBackOff": r"(ImagePullBackOff|Failed to pull image)",
    "ConfigError": r"(ConfigError|configuration error|ConfigMap.*not found)",
    "HealthCheckFailed": r"(HealthCheckFailed|liveness probe failed)",
    "DatabaseError": r"(Connection refused|database.*error|DB.*unavailable)",
    "PermissionError": r"(Permission denied|Access denied|Forbidden)",
}


def detect_crash_loops(v1: Any, namespace: str, restart_threshold: int = 3) -> list[Any]:
    """Pods in a crash loop, by restart count."""
    found = []
    for pod in v1.list_namespaced_pod(namespace).items:
        if pod.status.container_statuses:
            restart_count = pod.status.container_statuses[0].restart_count
            if (
                restart_count >= restart_threshold
                or pod.status.phase == "Failed"
                or any(condition.reason == "CrashLoopBackOff" for condition in pod.status.conditions)
            ):
                found.append(pod)
    return found


def analyze_pod_logs(v1: Any, pod_name: str, namespace: str, lines: int = 50) -> list[str]:
    """Error types whose words occur in the log."""
    logs = v1.read_namespaced_pod_log(pod_name, namespace, tail_lines=lines)
    detected = [name for name, pattern in ERROR_PATTERNS.items() if re.search(pattern, logs, re.IGNORECASE)]
    return detected or ["Unknown"]


def restart_pod(v1: Any, pod_name: str, namespace: str) -> None:
    """Delete the pod to trigger a restart."""
    v1.delete_namespaced_pod(pod_name, namespace)


def verify_healing(v1: Any, pod_name: str, namespace: str, timeout: float = 300) -> bool:
    """Wait until the pod is Running and ready, once."""
    start = time.time()
    while time.time() - start < timeout:
        try:
            pod = v1.read_namespaced_pod(pod_name, namespace)
        except ApiException:
            return False  # the document does not say that the new pod has another name
        statuses = pod.status.container_statuses
        if pod.status.phase == "Running" and statuses and statuses[0].ready:
            return True
        time.sleep(5)
    return False


def heal(api_client: Any, report: Any) -> None:
    """One run of the notebook over every namespace that is not the system's."""
    v1: Any = client.CoreV1Api(api_client)
    for namespace in v1.list_namespace().items:
        name = namespace.metadata.name
        if name.startswith("kube-"):
            continue
        for pod in detect_crash_loops(v1, name):
            report.detected(about=f"Pod/{pod.metadata.name}")
            try:
                errors = analyze_pod_logs(v1, pod.metadata.name, name)
            except ApiException:
                errors = ["Unknown"]
            report.classified(CLASSES[errors[0]], about=f"Pod/{pod.metadata.name}")
            restart_pod(v1, pod.metadata.name, name)
            if verify_healing(v1, pod.metadata.name, name):
                report.remediated(about=f"Pod/{pod.metadata.name}")
