"""EndpointSlices (and the old Endpoints): which pods stand behind a Service, and which of them may be called.

The trap is a pod being deleted: it stays in the slice, neither ready nor gone, until it ends.
"""

from __future__ import annotations

from typing import Any

from ..clock.clock import stamp
from ..store.store import Change, Obj
from .controller import Controller
from .objects import (
    annotations_of,
    being_deleted,
    is_ready,
    is_terminal,
    labels_of,
    owner_reference,
    readiness,
    with_metadata,
)

SLICES = "endpointslices.discovery.k8s.io"
MANAGED_BY = "endpointslice-controller.k8s.io"
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"

# Ports, and the pods that have them.
Group = tuple[list[Obj], list[Obj]]

# A slice holds at most so many endpoints.
LIMIT = 100


class Endpoints(Controller):
    resource = "services"
    kind = "Service"
    component = "endpoint-slice-controller"

    def start(self) -> None:
        super().start()
        self.store.subscribe("pods", self._pod_changed)

    def _pod_changed(self, change: Change) -> None:
        pod, before = change.object, change.before
        if before is not None and change.type == "MODIFIED" and not _differ(before, pod):
            return
        labels = [labels_of(state).items() for state in (pod, before) if state is not None]
        for service in self.store.list(self.resource, pod["metadata"]["namespace"]):
            selector = service.get("spec", {}).get("selector")
            if selector and any(selector.items() <= one for one in labels):
                self.enqueue(service)

    def sync(self, namespace: str, name: str) -> None:
        service = self.registry.find(self.resource, namespace, name)
        if service is None or not service["spec"].get("selector") or being_deleted(service):
            return
        selector = service["spec"]["selector"]
        pods = [
            pod
            for pod in self.store.list("pods", namespace)
            if selector.items() <= labels_of(pod).items()
            and pod.get("status", {}).get("podIP")
            and not is_terminal(pod)
        ]
        groups = _by_ports(service, pods)
        self._write_slices(service, groups)
        self._write_endpoints(service, groups)

    # -- discovery.k8s.io

    def _write_slices(self, service: Obj, groups: list[Group]) -> None:
        slices = [one for one in self.controlled(service, SLICES) if not being_deleted(one)]
        groups = groups or [([], [])]
        wanted = [(ports, group[at : at + LIMIT]) for ports, group in groups for at in range(0, len(group) or 1, LIMIT)]
        for index, (ports, group) in enumerate(wanted):
            endpoints = [_endpoint(service, pod) for pod in group]
            if index < len(slices):
                self._rewrite(slices[index], endpoints, ports)
            else:
                self.registry.create(SLICES, self._slice(service, endpoints, ports))
        for spare in slices[len(wanted) :]:
            self.registry.delete(SLICES, spare["metadata"]["namespace"], spare["metadata"]["name"])

    def _slice(self, service: Obj, endpoints: list[Obj], ports: list[Obj]) -> Obj:
        meta = service["metadata"]
        labels = {
            **labels_of(service),
            "endpointslice.kubernetes.io/managed-by": MANAGED_BY,
            "kubernetes.io/service-name": meta["name"],
        }
        if service["spec"].get("clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "generateName": f"{meta['name']}-",
                "namespace": meta["namespace"],
                "labels": labels,
                "annotations": {TRIGGER: meta["creationTimestamp"]},
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": ports,
        }

    def _rewrite(self, old: Obj, endpoints: list[Obj], ports: list[Obj]) -> None:
        if old.get("endpoints") == endpoints and old.get("ports") == ports:
            return
        marks = {**annotations_of(old), TRIGGER: stamp(self.clock.now())}

        def edit(current: Obj) -> Obj:
            return {**with_metadata(current, annotations=marks), "endpoints": endpoints, "ports": ports}

        self.registry.change(SLICES, old["metadata"]["namespace"], old["metadata"]["name"], edit)

    # -- v1

    def _write_endpoints(self, service: Obj, groups: list[Group]) -> None:
        meta = service["metadata"]
        subsets = [_subset(service, group, ports) for ports, group in groups]
        subsets = [one for one in subsets if len(one) > 1]
        old = self.registry.find("endpoints", meta["namespace"], meta["name"])
        labels = {**labels_of(service), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        if old is None:
            own = {"name": meta["name"], "namespace": meta["namespace"], "labels": labels}
            self.registry.add(
                "endpoints", {"apiVersion": "v1", "kind": "Endpoints", "metadata": own, "subsets": subsets}
            )
        elif (old.get("subsets") or []) != subsets:
            marks = {**annotations_of(old), TRIGGER: stamp(self.clock.now())}
            self.registry.change(
                "endpoints",
                meta["namespace"],
                meta["name"],
                lambda now: {**with_metadata(now, annotations=marks), "subsets": subsets},
            )

    def own_changed(self, change: Change) -> None:
        if change.type != "DELETED":
            super().own_changed(change)
            return
        meta = change.object["metadata"]
        if self.store.get("endpoints", meta["namespace"], meta["name"]) is not None:
            self.registry.delete("endpoints", meta["namespace"], meta["name"])


def _differ(before: Obj, pod: Obj) -> bool:
    """Whether a service may have to be written anew."""
    if being_deleted(before) != being_deleted(pod) or labels_of(before) != labels_of(pod):
        return True
    return before.get("status") is not pod.get("status") and _shown(before) != _shown(pod)


def _shown(pod: Obj) -> tuple[Any, ...]:
    ready = readiness(pod)
    since = ready.get("lastTransitionTime") if ready is not None and ready["status"] == "True" else "never"
    return since, is_terminal(pod), pod.get("status", {}).get("podIP")


def _by_ports(service: Obj, pods: list[Obj]) -> list[Group]:
    """Pods in groups with the same resolved ports: a port's name may mean another number in each."""
    groups: list[Group] = []
    for pod in pods:
        ports = [found for port in service["spec"].get("ports") or () if (found := _resolve(port, pod)) is not None]
        for known, group in groups:
            if known == ports:
                group.append(pod)
                break
        else:
            groups.append((ports, [pod]))
    return groups


def _resolve(port: Obj, pod: Obj) -> Obj | None:
    target = port.get("targetPort", port["port"])
    number: int | None = target if isinstance(target, int) else None
    if number is None:
        named = (
            one["containerPort"]
            for container in pod["spec"]["containers"]
            for one in container.get("ports") or ()
            if one.get("name") == target
        )
        number = next(named, None)
    if not number:
        number = port["port"] if not isinstance(target, str) else None
    if number is None:
        return None
    return {"name": port.get("name", ""), "protocol": port.get("protocol", "TCP"), "port": number}


def _endpoint(service: Obj, pod: Obj) -> Obj:
    serving, terminating = is_ready(pod), being_deleted(pod)
    everyone = bool(service["spec"].get("publishNotReadyAddresses"))
    endpoint: Obj = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": everyone or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": _target(pod),
    }
    if pod["spec"].get("nodeName"):
        endpoint["nodeName"] = pod["spec"]["nodeName"]
    if pod["spec"].get("hostname") and pod["spec"].get("subdomain") == service["metadata"]["name"]:
        endpoint["hostname"] = pod["spec"]["hostname"]
    return endpoint


def _target(pod: Obj) -> Obj:
    meta = pod["metadata"]
    return {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}


def _subset(service: Obj, pods: list[Obj], ports: list[Obj]) -> Obj:
    ready: list[Obj] = []
    waiting: list[Obj] = []
    for pod in pods:
        if being_deleted(pod):
            continue
        address = {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName"), "targetRef": _target(pod)}
        everyone = service["spec"].get("publishNotReadyAddresses")
        (ready if is_ready(pod) or everyone else waiting).append(address)
    subset: Obj = {}
    if ready:
        subset["addresses"] = ready
    if waiting:
        subset["notReadyAddresses"] = waiting
    return {**subset, "ports": [{k: v for k, v in port.items() if k != "name" or v} for port in ports]}
