"""Defaults of a pod's spec, and of a pod: the part of defaulting that templates share.

The order of the rules follows the server's: requests are taken from limits before the quality-of-service class
is computed, and image pull policy depends on the tag as written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import quantities

Obj = dict[str, Any]


def containers_of(spec: Obj) -> Iterator[Obj]:
    """Every container of a spec, init containers first."""
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()
    yield from spec.get("ephemeralContainers") or ()


def pod_of_template(pod: Obj) -> Obj:
    """A pod whose spec is a stored template's, with copies of all that admission and defaults write into."""
    spec = dict(pod["spec"])
    for section in ("initContainers", "containers"):
        if section in spec:
            spec[section] = [_own_container(container) for container in spec[section]]
    return {**pod, "spec": spec}


def _own_container(container: Obj) -> Obj:
    resources = container.get("resources") or {}
    own = {name: dict(amounts) if isinstance(amounts, dict) else amounts for name, amounts in resources.items()}
    return {**container, "resources": own}


def default_pod_spec(spec: Obj) -> None:
    for container in containers_of(spec):
        _container(container, bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or ():
        _volume(volume)
    spec.setdefault("restartPolicy", "Always")
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    spec.setdefault("dnsPolicy", "ClusterFirst")
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")


def default_pod(obj: Obj) -> None:
    """What a pod is given that the spec in a template is not."""
    spec = obj.setdefault("spec", {})
    for container in containers_of(spec):
        resources = container.get("resources")
        if resources and resources.get("limits"):
            requests = resources.setdefault("requests", {})
            for name, limit in resources["limits"].items():
                requests.setdefault(name, limit)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    if spec.get("hostNetwork"):
        spec["dnsPolicy"] = spec.get("dnsPolicy", "ClusterFirst")
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")
    status.setdefault("qosClass", qos_class(spec))


def _pull_policy(image: str) -> str:
    if "@" in image:
        return "IfNotPresent"
    last = image.rpartition("/")[2]
    tag = last.partition(":")[2] or "latest"
    return "Always" if tag == "latest" else "IfNotPresent"


def _container(container: Obj, host_network: bool) -> None:
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if host_network:
            port.setdefault("hostPort", port.get("containerPort"))
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
    container.setdefault("resources", {})
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(kind):
            _probe(container[kind])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _handler(hook)
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = _pull_policy(container.get("image") or "")


def _handler(handler: Obj) -> None:
    get = handler.get("httpGet")
    if get is not None:
        get.setdefault("path", "/")
        get.setdefault("scheme", "HTTP")
    grpc = handler.get("grpc")
    if grpc is not None:
        grpc.setdefault("service", "")


PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def _probe(probe: Obj) -> None:
    _handler(probe)
    for name, value in PROBE.items():
        if not probe.get(name):
            probe[name] = value


def _volume(volume: Obj) -> None:
    if len(volume) == 1 and "name" in volume:
        volume["emptyDir"] = {}
    for kind in ("secret", "configMap", "downwardAPI", "projected"):
        source = volume.get(kind)
        if source is not None and source.get("defaultMode") is None:
            source["defaultMode"] = 420
    if volume.get("hostPath") is not None:
        volume["hostPath"].setdefault("type", "")
    items = list((volume.get("downwardAPI") or {}).get("items") or ())
    for source in (volume.get("projected") or {}).get("sources") or ():
        token = source.get("serviceAccountToken")
        if token is not None:
            token.setdefault("expirationSeconds", 3600)
        items += (source.get("downwardAPI") or {}).get("items") or ()
    for item in items:
        if item.get("fieldRef") is not None:
            item["fieldRef"].setdefault("apiVersion", "v1")
    claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if claim is not None:
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, of cpu and memory alone."""
    if spec.get("resources"):
        sets = [spec["resources"]]
    else:
        sets = [
            c.get("resources") or {} for c in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
        ]
    guaranteed, any_set = True, False
    for resources in sets:
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in ("cpu", "memory"):
            request, limit = _amount(requests.get(name)), _amount(limits.get(name))
            if request or limit:
                any_set = True
            if not limit or request != limit:
                guaranteed = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _amount(text: Any) -> Any:
    try:
        return quantities.parse(text) if text is not None else 0
    except ValueError:
        return 0
