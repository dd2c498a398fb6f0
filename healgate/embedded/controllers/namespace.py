"""Namespaces: furnished when they appear, emptied before they go.

The trap is order: pods first, with their grace period, and nothing new may be created meanwhile (the api
refuses that), so that a namespace is Terminating for as long as its slowest pod.
"""

from __future__ import annotations

from typing import Any

from ..api.errors import ApiError
from ..clock.clock import stamp
from ..store.store import Change, Obj
from .controller import Controller
from .objects import being_deleted, find_condition

ROOT_CA = "kube-root-ca.crt"

# While something is left, look again this often besides at every removal.
RECHECK = 5.0

_CLEAR = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


class Namespaces(Controller):
    resource = "namespaces"
    kind = "Namespace"
    component = "namespace-controller"

    def start(self) -> None:
        super().start()
        self.store.subscribe("*", self._content_changed)

    def _content_changed(self, change: Change) -> None:
        namespace = change.object["metadata"].get("namespace")
        if change.type != "DELETED" or not namespace:
            return
        owner = self.store.get(self.resource, "", namespace)
        if owner is not None and (being_deleted(owner) or change.resource in ("serviceaccounts", "configmaps")):
            self.queue.add("", namespace)

    def sync(self, namespace: str, name: str) -> None:
        found = self.registry.find(self.resource, namespace, name)
        if found is None:
            return
        if being_deleted(found):
            self._empty(found)
        else:
            self._furnish(name)

    def _furnish(self, name: str) -> None:
        for resource, obj in (("serviceaccounts", _account()), ("configmaps", _root_ca())):
            if self.store.get(resource, name, obj["metadata"]["name"]) is None:
                self.registry.add(resource, {**obj, "metadata": {**obj["metadata"], "namespace": name}})

    def _empty(self, namespace: Obj) -> None:
        name = namespace["metadata"]["name"]
        pods = self.store.list("pods", name)
        if pods:
            self._delete("pods", pods)
        else:
            for resource in self.store.resources():
                self._delete(resource, self.store.list(resource, name))
        counts = {resource: len(self.store.list(resource, name)) for resource in self.store.resources()}
        left = {resource: count for resource, count in counts.items() if count}
        self._report(namespace, left)
        if left:
            self.queue.add("", name, RECHECK)
            return

        def edit(current: Obj) -> Obj:
            return {**current, "spec": {**current.get("spec", {}), "finalizers": []}}

        self.registry.change(self.resource, "", name, edit)

    def _delete(self, resource: str, objects: list[Obj]) -> None:
        for obj in objects:
            meta = obj["metadata"]
            if being_deleted(obj):
                continue
            try:
                self.registry.delete(resource, meta["namespace"], meta["name"], propagation="Background")
            except ApiError as problem:
                if problem.status != 404:
                    raise

    def _report(self, namespace: Obj, left: dict[str, int]) -> None:
        name = namespace["metadata"]["name"]
        known = namespace.get("status", {}).get("conditions") or []
        conditions = [self._condition(known, kind, left, name) for kind in _CLEAR]
        status = {**namespace.get("status", {}), "phase": "Terminating", "conditions": conditions}
        self.registry.set_status(self.resource, "", name, status)

    def _condition(self, known: list[dict[str, Any]], kind: str, left: dict[str, int], name: str) -> dict[str, Any]:
        reason, message = _CLEAR[kind]
        status = "False"
        if kind == "NamespaceContentRemaining" and left:
            status, reason = "True", "SomeResourcesRemain"
            parts = [f"{resource} has {count} resource instances" for resource, count in sorted(left.items())]
            message = f"Some resources are remaining: {', '.join(parts)}"
        held = self._finalizers(left, name) if kind == "NamespaceFinalizersRemaining" and left else {}
        if held:
            status, reason = "True", "SomeFinalizersRemain"
            parts = [f"{finalizer} in {count} resource instances" for finalizer, count in sorted(held.items())]
            message = f"Some content in the namespace has finalizers remaining: {', '.join(parts)}"
        old = find_condition(known, kind)
        since = old["lastTransitionTime"] if old and old["status"] == status else stamp(self.clock.now())
        return {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}

    def _finalizers(self, left: dict[str, int], name: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for resource in left:
            for obj in self.store.list(resource, name):
                for finalizer in obj["metadata"].get("finalizers", ()):
                    counts[finalizer] = counts.get(finalizer, 0) + 1
        return counts


def _account() -> Obj:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}


def _root_ca() -> Obj:
    """A certificate that nobody verifies with: there is no TLS inside the simulated cluster."""
    about = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": ROOT_CA, "annotations": {"kubernetes.io/description": about}},
        "data": {"ca.crt": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"},
    }
