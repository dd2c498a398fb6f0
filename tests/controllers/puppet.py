"""A cluster of an api, its controllers and one node on which the tests themselves are the kubelet."""

from __future__ import annotations

from typing import Any

from healgate.embedded.api.registry import Registry
from healgate.embedded.clock import Clock
from healgate.embedded.clock.clock import stamp
from healgate.embedded.controllers import Controllers
from healgate.embedded.store import Store

Obj = dict[str, Any]


class Puppet:
    """What the tests do to the cluster, and how they look at it."""

    namespace = "shop"

    def __init__(self, seed: str = "0") -> None:
        self.clock = Clock(seed)
        self.store = Store(self.clock)
        self.registry = Registry(self.store, self.clock)
        self.registry.create("nodes", node("one"))
        for name in ("default", self.namespace):
            self.registry.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        Controllers(self.registry, self.clock).start()
        self.run(1)

    def run(self, seconds: float) -> None:
        self.clock.run_for(seconds)

    def create(self, resource: str, body: Obj) -> Obj:
        return self.registry.create(resource, body, namespace=self.namespace)

    def get(self, resource: str, name: str) -> Obj:
        return self.registry.get(resource, self.namespace, name)

    def find(self, resource: str, name: str) -> Obj | None:
        return self.registry.find(resource, self.namespace, name)

    def all(self, resource: str) -> list[Obj]:
        return self.registry.list(resource, self.namespace)

    def names(self, resource: str) -> list[str]:
        return [one["metadata"]["name"] for one in self.all(resource)]

    def patch(self, resource: str, name: str, body: Obj) -> Obj:
        return self.registry.update(resource, merged(self.get(resource, name), body))

    def delete(self, resource: str, name: str, **options: Any) -> None:
        self.registry.delete(resource, self.namespace, name, **options)

    def events(self, about: str, reason: str = "") -> list[str]:
        """Messages of the events about objects whose name begins so, in order of writing."""
        found = [
            (one.get("firstTimestamp") or one["eventTime"], one["metadata"]["name"].rpartition(".")[2], one)
            for one in self.all("events")
            if one["involvedObject"]["name"].startswith(about) and reason in ("", one["reason"])
        ]
        return [one["message"] for _, _, one in sorted(found, key=lambda entry: entry[1])]

    def reasons(self, about: str) -> list[str]:
        found = [one for one in self.all("events") if one["involvedObject"]["name"] == about]
        found.sort(key=lambda one: one["metadata"]["name"].rpartition(".")[2])
        return [one["reason"] for one in found]

    # -- the kubelet

    def pods(self, phase: str = "") -> list[Obj]:
        return [one for one in self.all("pods") if phase in ("", one["status"]["phase"])]

    def ready(self, *pods: Obj, ready: bool = True, restarts: int = 0) -> None:
        for pod in pods or tuple(self.pods("Pending")):
            self.status(pod, "Running", ready=ready, restarts=restarts)

    def status(self, pod: Obj, phase: str, *, ready: bool = False, restarts: int = 0, finished: bool = False) -> None:
        name = pod["metadata"]["name"]
        current = self.get("pods", name)["status"]
        now = stamp(self.clock.now())
        word = "True" if ready else "False"
        kept = [one for one in current.get("conditions", ()) if one["type"] not in ("Ready", "ContainersReady")]
        old = [one for one in current.get("conditions", ()) if one["type"] == "Ready" and one["status"] == word]
        fresh = old[0] if old else {"type": "Ready", "status": word, "lastTransitionTime": now}
        state: Obj = {"terminated": {"exitCode": int(phase == "Failed"), "finishedAt": now}} if finished else {}
        container = {"name": "main", "restartCount": restarts, "ready": ready, "state": state}
        fields = {"phase": phase, "podIP": f"10.244.0.{len(name)}", "conditions": [*kept, fresh]}
        self.registry.set_status("pods", self.namespace, name, {**current, **fields, "containerStatuses": [container]})

    def end(self, pod: Obj, phase: str) -> None:
        self.status(pod, phase, finished=True)

    def reap(self) -> None:
        """Finish the termination of every pod that is being deleted."""
        for pod in self.pods():
            if "deletionTimestamp" in pod["metadata"]:
                self.delete("pods", pod["metadata"]["name"], grace=0)


def node(name: str, **spec: Any) -> Obj:
    room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    labels = {"kubernetes.io/hostname": name}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"capacity": room, "allocatable": room},
    }


def template(app: str = "web", image: str = "shop/web:1", **spec: Any) -> Obj:
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "main", "image": image}], **spec},
    }


def deployment(name: str = "web", replicas: int = 3, **spec: Any) -> Obj:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
            **spec,
        },
    }


def image_patch(image: str) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}


def merged(old: Any, patch: Any) -> Any:
    """A JSON merge patch."""
    if not isinstance(patch, dict) or not isinstance(old, dict):
        return patch
    return {**old, **{key: merged(old.get(key), value) for key, value in patch.items()}}
