"""DaemonSets: one pod on every node that will have it.

Unlike a StatefulSet, a broken pod does not hold an update up: unavailable old pods are replaced first and
do not count against maxUnavailable, so mending the template mends the pods.
"""

from __future__ import annotations

from typing import Any

from ..api.errors import ApiError
from ..store.store import Change, Obj
from . import history
from .controller import PodController
from .objects import (
    being_deleted,
    is_active,
    is_available,
    is_ready,
    is_terminal,
    labels_of,
    phase,
    scaled,
    template_pod,
)
from .placement import matches_affinity, matches_selector, tolerates

_TOLERATED = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)

# Failed daemon pods are removed under a back-off of their own.
FIRST_KILL, LAST_KILL = 1.0, 900.0


class DaemonSets(PodController):
    resource = "daemonsets.apps"
    kind = "DaemonSet"
    component = "daemonset-controller"

    def start(self) -> None:
        super().start()
        self._kills: dict[str, tuple[int, float]] = {}
        self.follow(history.RESOURCE)
        self.store.subscribe("nodes", self._node_changed)

    def _node_changed(self, change: Change) -> None:
        before = change.before
        if before is None or before["spec"] != change.object["spec"] or labels_of(before) != labels_of(change.object):
            for owner in self.store.list(self.resource):
                self.enqueue(owner)

    def sync(self, namespace: str, name: str) -> None:
        owner = self.registry.find(self.resource, namespace, name)
        if owner is None:
            return
        pods = self.claim(owner)
        update, known = history.sync_history(self, owner)
        by_node: dict[str, list[Obj]] = {}
        for pod in sorted(pods, key=_age):
            if not (being_deleted(pod) and is_terminal(pod)):
                by_node.setdefault(_node_of(pod), []).append(pod)
        nodes = [node["metadata"]["name"] for node in self.store.list("nodes") if _eligible(owner, node)]
        problem: ApiError | None = None
        if not being_deleted(owner):
            try:
                if not self._manage(owner, nodes, by_node, update):
                    self._update(owner, nodes, by_node, update)
            except ApiError as refused:
                problem = refused
        self._write(owner, nodes, by_node, update)
        hashes = {labels_of(pod).get(history.LABEL, "") for pod in pods}
        history.truncate(self, owner, known, hashes | {history.label_of(self, update)})
        if problem is not None:
            raise problem

    def _manage(self, owner: Obj, nodes: list[str], by_node: dict[str, list[Obj]], update: Obj) -> bool:
        """One pod on each node, or two while one replaces the other; whether anything had to be done for that."""
        bare: list[str] = []
        surplus = [pod for node, pods in by_node.items() if node not in nodes for pod in pods if not being_deleted(pod)]
        surging = _surge(owner, nodes) > 0
        for node in nodes:
            here = by_node.get(node, ())
            present = [pod for pod in here if not being_deleted(pod)]
            running = [pod for pod in present if not is_terminal(pod)]
            for pod in present:
                if is_terminal(pod):
                    self._kill(owner, pod, node)
            surplus += self._beside_surge(owner, running, update) if surging else running[1:]
            # Whoever may not stand beside the old one waits for its end, however long that takes.
            if not (running if surging else here):
                bare.append(node)
        for node in bare:
            self._create(owner, node, update)
        for pod in surplus:
            self._delete(owner, pod)
        return bool(bare or surplus)

    def _kill(self, owner: Obj, pod: Obj, node: str) -> None:
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']} on node {node}"
        if phase(pod) == "Succeeded":
            message = f"Found succeeded daemon pod {where}, will try to delete it"
            self.event(owner, "Normal", "SucceededDaemonPod", message)
            self._delete(owner, pod)
            return
        key = f"{owner['metadata']['uid']}/{node}"
        times, until = self._kills.get(key, (0, 0.0))
        now = self.clock.now()
        if now < until:
            self.enqueue(owner, until - now)
            return
        self._kills[key] = (times + 1, now + min(FIRST_KILL * 2.0**times, LAST_KILL))
        message = f"Found failed daemon pod {where}, will try to kill it"
        self.event(owner, "Warning", "FailedDaemonPod", message)
        self._delete(owner, pod)

    def _update(self, owner: Obj, nodes: list[str], by_node: dict[str, list[Obj]], update: Obj) -> None:
        if (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
            return
        here = {node: list(filter(is_active, by_node.get(node, ()))) for node in nodes}
        if surge := _surge(owner, nodes):
            self._update_beside(owner, here, update, surge)
        else:
            self._update_in_place(owner, here, update)

    def _update_in_place(self, owner: Obj, here: dict[str, list[Obj]], update: Obj) -> None:
        """Delete outdated pods, as many as may be missing; new ones come once they are gone."""
        allowed = scaled(_rolling(owner).get("maxUnavailable", 1), len(here), up=True)
        healthy, missing = [], 0
        for pods in here.values():
            if not pods:
                missing += 1
            for pod in pods[:1]:
                if not self._available(owner, pod):
                    missing += 1
                    if not self._is_new(pod, update):
                        self._delete(owner, pod)
                elif not self._is_new(pod, update):
                    healthy.append(pod)
        for pod in healthy[: max(allowed - missing, 0)]:
            self._delete(owner, pod)

    def _update_beside(self, owner: Obj, here: dict[str, list[Obj]], update: Obj, surge: int) -> None:
        """Put a new pod beside an outdated one, on so many nodes at once, and delete the old one when it is there."""
        candidates = []
        for node, pods in here.items():
            new = [pod for pod in pods if self._is_new(pod, update)]
            old = [pod for pod in pods if not self._is_new(pod, update)]
            if len(new) > 1 or len(old) > 1:
                surge -= 1
            elif new and old:
                if self._available(owner, new[0]):
                    self._delete(owner, old[0])
                else:
                    surge -= 1
            elif old and self._available(owner, old[0]):
                candidates.append(node)
            elif old:
                self._create(owner, node, update)
        for node in candidates[: max(surge, 0)]:
            self._create(owner, node, update)

    def _beside_surge(self, owner: Obj, running: list[Obj], update: Obj) -> list[Obj]:
        """Who is one too many where two may stand side by side: the old one, while the new one is not there yet."""
        new = [pod for pod in running if self._is_new(pod, update)]
        old = [pod for pod in running if not self._is_new(pod, update)]
        surplus = [*new[1:], *old[1:]]
        if new and old and (not is_ready(old[0]) or self._available(owner, new[0])):
            surplus.append(old[0])
        return surplus

    def _is_new(self, pod: Obj, update: Obj) -> bool:
        return labels_of(pod).get(history.LABEL) == history.label_of(self, update)

    def _available(self, owner: Obj, pod: Obj) -> bool:
        return is_available(pod, owner["spec"].get("minReadySeconds", 0), self.clock.now())

    # -- pods

    def _create(self, owner: Obj, node: str, update: Obj) -> None:
        pod = template_pod(owner, owner["spec"]["template"])
        labels = {
            **pod["metadata"]["labels"],
            history.LABEL: history.label_of(self, update),
            "pod-template-generation": str(owner["metadata"]["generation"]),
        }
        spec = pod["spec"]
        field = {"key": "metadata.name", "operator": "In", "values": [node]}
        affinity = spec.get("affinity") or {}
        required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        node_affinity = {
            **(affinity.get("nodeAffinity") or {}),
            "requiredDuringSchedulingIgnoredDuringExecution": required,
        }
        spec = {
            **spec,
            "affinity": {**affinity, "nodeAffinity": node_affinity},
            "tolerations": [*(spec.get("tolerations") or ()), *tolerations()],
        }
        try:
            pod = {**pod, "metadata": {**pod["metadata"], "labels": labels}, "spec": spec}
            created = self.registry.create("pods", pod)
        except ApiError as problem:
            self.event(owner, "Warning", "FailedCreate", f"Error creating: {problem.message}")
            raise
        self.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")

    def _delete(self, owner: Obj, pod: Obj) -> None:
        meta = pod["metadata"]
        self.registry.delete("pods", meta["namespace"], meta["name"], uid=meta["uid"])
        self.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    # -- status

    def _write(self, owner: Obj, nodes: list[str], by_node: dict[str, list[Obj]], update: Obj) -> None:
        """A node shows as its oldest pod does, even while that one goes."""
        mine = [by_node[node][0] for node in nodes if node in by_node]
        available = sum(self._available(owner, pod) for pod in mine)
        optional = {
            "updatedNumberScheduled": sum(self._is_new(pod, update) for pod in mine),
            "numberAvailable": available,
            "numberUnavailable": len(nodes) - available,
        }
        status: dict[str, Any] = {
            "currentNumberScheduled": len(mine),
            "numberMisscheduled": sum(node not in nodes and self._node_exists(node) for node in by_node),
            "desiredNumberScheduled": len(nodes),
            "numberReady": sum(is_ready(pod) for pod in mine),
            "observedGeneration": owner["metadata"]["generation"],
            **{field: value for field, value in optional.items() if value},
        }
        meta = owner["metadata"]
        self.registry.set_status(self.resource, meta["namespace"], meta["name"], status, only_if_uid=meta["uid"])

    def _node_exists(self, name: str) -> bool:
        return self.store.get("nodes", "", name) is not None


def tolerations() -> list[dict[str, str]]:
    return [
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect} for name, effect in _TOLERATED
    ]


def _age(pod: Obj) -> tuple[bool, str, str]:
    """The oldest first, but behind those that have their node."""
    meta = pod["metadata"]
    return not pod["spec"].get("nodeName"), meta["creationTimestamp"], meta["name"]


def _rolling(owner: Obj) -> Obj:
    return (owner["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}


def _surge(owner: Obj, nodes: list[str]) -> int:
    return scaled(_rolling(owner).get("maxSurge", 0), len(nodes), up=True)


def _node_of(pod: Obj) -> str:
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    for term in (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field["values"]:
                return str(field["values"][0])
    return ""


def _eligible(owner: Obj, node: Obj) -> bool:
    spec = owner["spec"]["template"]["spec"]
    accepted = [*(spec.get("tolerations") or ()), *tolerations()]
    taints = node.get("spec", {}).get("taints") or ()
    return (
        matches_selector(spec, node)
        and matches_affinity(spec, node)
        and all(tolerates(accepted, taint) for taint in taints if taint["effect"] != "PreferNoSchedule")
    )
