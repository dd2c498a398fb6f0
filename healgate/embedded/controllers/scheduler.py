"""The scheduler: a node for every pod that has none, or the reason why not.

Pods that fit nowhere wait until something changes that could make room, and five minutes at most. The trap
is to look at one pod again for every change in the cluster: only deletions, nodes and claims can help it.
"""

from __future__ import annotations

from ..api.errors import ApiError
from ..api.registry import Registry
from ..clock import Clock
from ..clock.clock import stamp
from ..events import SchedulerRecorder
from ..store.store import Change, Obj
from . import placement
from .neighbours import Neighbours
from .objects import being_deleted, beyond_its_containers, condition, is_terminal
from .queue import WorkQueue
from .volumes import CLAIMS, choose_node, claims_of, unready_claims

SCHEDULER = "default-scheduler"

FIRST_BACKOFF, LAST_BACKOFF = 1.0, 10.0
FLUSH = 300.0


class Scheduler:
    """Binds pods to nodes."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self.registry = registry
        self.store = registry.store
        self.clock = clock
        self.queue = WorkQueue(clock, "scheduler", self.sync)
        self.recorder = SchedulerRecorder(registry, clock)
        self._loads = placement.Loads()
        self._neighbours = Neighbours(self.store)
        # Pods that fit nowhere, with the number of tries: what may help them wakes them.
        self._waiting: dict[tuple[str, str], int] = {}

    def start(self) -> None:
        self.store.subscribe("pods", self._pod_changed, beyond_its_containers)
        self.store.subscribe("nodes", self._node_changed)
        self.store.subscribe(CLAIMS, self._claim_changed)
        for pod in self.store.list("pods"):
            self._loads.note(pod, gone=False)
            self._neighbours.note(pod, gone=False)
            self._consider(pod)

    def _pod_changed(self, change: Change) -> None:
        pod, before = change.object, change.before
        gone = change.type == "DELETED"
        self._neighbours.note(pod, gone=gone)
        if before is None or gone or _weighs(before) != _weighs(pod):
            self._loads.note(pod, gone=gone)
            if gone or is_terminal(pod):
                self._wake()
        if before is None or before["spec"] is not pod["spec"]:
            self._consider(pod)

    def _node_changed(self, change: Change) -> None:
        before, node = change.before, change.object
        if before is None or _offers(before) != _offers(node):
            self._wake()

    def _claim_changed(self, change: Change) -> None:
        if change.type != "DELETED":
            self._wake()

    def _wake(self) -> None:
        for (namespace, name), tries in self._waiting.items():
            self.queue.add(namespace, name, min(FIRST_BACKOFF * 2.0 ** (tries - 1), LAST_BACKOFF))

    def _consider(self, pod: Obj) -> None:
        spec, meta = pod["spec"], pod["metadata"]
        if not spec.get("nodeName") and spec.get("schedulerName", SCHEDULER) == SCHEDULER and not is_terminal(pod):
            self.queue.add(meta["namespace"], meta["name"])

    def sync(self, namespace: str, name: str) -> None:
        pod = self.registry.find("pods", namespace, name)
        if pod is None or pod["spec"].get("nodeName") or being_deleted(pod) or is_terminal(pod):
            self._waiting.pop((namespace, name), None)
            return
        if pod["spec"].get("schedulingGates"):
            self._mark(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")
            return
        nodes = self.store.list("nodes")
        problem = self._claims_problem(pod, len(nodes))
        if problem is None:
            refused = self._refusals(pod, nodes)
            fitting = [node for node in nodes if not refused[node["metadata"]["name"]]]
            if fitting:
                self._place(pod, fitting)
                return
            hopeless = [node["metadata"]["name"] for node in nodes if not self._loads.fits_empty(pod["spec"], node)]
            problem = placement.explain(refused, len(nodes), hopeless)
        self._refuse(pod, problem)

    def _refusals(self, pod: Obj, nodes: list[Obj]) -> dict[str, list[str]]:
        named = {node["metadata"]["name"]: node for node in nodes}
        found = {}
        for name, node in named.items():
            reasons = placement.refusals(pod["spec"], node, self._loads)
            if not reasons and (alone := self._neighbours.refusal(pod, node, named)):
                reasons = [alone]
            found[name] = reasons
        return found

    def _claims_problem(self, pod: Obj, nodes: int) -> str | None:
        for claim in claims_of(pod):
            if self.store.get(CLAIMS, pod["metadata"]["namespace"], claim) is None:
                return f'0/{nodes} nodes are available: persistentvolumeclaim "{claim}" not found. not found'
        if any(not lazy for _, lazy in unready_claims(self.registry, pod)):
            return f"0/{nodes} nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        return None

    def _place(self, pod: Obj, nodes: list[Obj]) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        chosen = str(self._loads.lightest(nodes)["metadata"]["name"])
        unbound = [claim for claim, _ in unready_claims(self.registry, pod)]
        if unbound:
            # Claims that wait for their first consumer: their change wakes us when they are bound.
            for claim in unbound:
                choose_node(self.registry, namespace, claim, chosen)
            self._waiting.setdefault((namespace, name), 1)
            return
        self._waiting.pop((namespace, name), None)
        try:
            self.registry.bind(namespace, name, chosen)
        except ApiError:
            return
        message = f"Successfully assigned {namespace}/{name} to {chosen}"
        self.recorder.event(pod, "Normal", "Scheduled", message, "Binding")

    def _refuse(self, pod: Obj, problem: str) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self._waiting[namespace, name] = self._waiting.get((namespace, name), 0) + 1
        self._mark(pod, "Unschedulable", problem)
        self.recorder.event(pod, "Warning", "FailedScheduling", problem, "Scheduling")
        self.queue.add(namespace, name, FLUSH)

    def _mark(self, pod: Obj, reason: str, message: str) -> None:
        old = condition(pod, "PodScheduled")
        if old is not None and (old.get("reason"), old.get("message")) == (reason, message):
            return
        since = old["lastTransitionTime"] if old and old["status"] == "False" else stamp(self.clock.now())
        fresh = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        meta = pod["metadata"]

        def edit(current: Obj) -> Obj:
            status = current.get("status", {})
            others = [one for one in status.get("conditions") or () if one["type"] != "PodScheduled"]
            return {**current, "status": {**status, "conditions": [*others, fresh]}}

        self.registry.change("pods", meta["namespace"], meta["name"], edit)


def _weighs(pod: Obj) -> tuple[object, ...]:
    return pod["spec"].get("nodeName"), is_terminal(pod), id(pod["spec"].get("containers"))


def _offers(node: Obj) -> tuple[object, ...]:
    status = node.get("status", {})
    return node.get("spec"), node["metadata"].get("labels"), status.get("allocatable"), status.get("capacity")
