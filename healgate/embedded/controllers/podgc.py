"""Pods that nobody will ever clear up: those whose node has vanished, and ended ones when there are too many.

It looks every 20 seconds, and here only while there may be something. A node counts as vanished after 40 seconds, since
one that is made anew at once is the same one. The trap is the phase: a pod of a vanished node has no kubelet that could
end it, so it is marked as failed before it goes, or its controllers would take it for one that still ran.
"""

from __future__ import annotations

from ..api.errors import ApiError
from ..api.registry import Registry
from ..clock import Clock
from ..clock.clock import stamp
from ..store.store import Change, Obj
from .objects import beyond_its_containers, is_terminal

PERIOD = 20.0
QUARANTINE = 40.0
# Ended pods that may lie about in the whole cluster.
THRESHOLD = 12_500


class PodCollector:
    def __init__(self, registry: Registry, clock: Clock, threshold: int = THRESHOLD) -> None:
        self._registry = registry
        self._store = registry.store
        self._clock = clock
        self._threshold = threshold
        self._began = clock.now()
        self._ended: dict[str, None] = {}  # uids of the pods that have ended
        self._absent: dict[str, float] = {}  # node -> when it was first missed
        self._waiting = False

    def start(self) -> None:
        self._store.subscribe("pods", self._pod_changed, beyond_its_containers)
        self._store.subscribe("nodes", self._node_changed)
        for pod in self._store.list("pods"):
            self._note(pod)

    def _pod_changed(self, change: Change) -> None:
        pod, before = change.object, change.before
        if change.type == "DELETED":
            self._ended.pop(pod["metadata"]["uid"], None)
        elif before is None or before["spec"] is not pod["spec"] or is_terminal(before) != is_terminal(pod):
            self._note(pod)

    def _note(self, pod: Obj) -> None:
        if is_terminal(pod):
            self._ended[pod["metadata"]["uid"]] = None
        if len(self._ended) > self._threshold or self._is_orphan(pod):
            self._look_soon()

    def _node_changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self._look_soon()

    def _is_orphan(self, pod: Obj) -> bool:
        node = pod["spec"].get("nodeName")
        return bool(node) and self._store.get("nodes", "", node) is None

    def _look_soon(self) -> None:
        if not self._waiting:
            self._waiting = True
            looks = (self._clock.now() - self._began) // PERIOD + 1
            self._clock.call_at(self._began + looks * PERIOD, self._look)

    def _look(self) -> None:
        self._waiting = False
        pods = self._store.list("pods")
        self._collect_ended(pods)
        orphans = [pod for pod in pods if self._is_orphan(pod)]
        now = self._clock.now()
        missed = {pod["spec"]["nodeName"]: None for pod in orphans}
        self._absent = {node: self._absent.get(node, now) for node in missed}
        for pod in orphans:
            if now - self._absent[pod["spec"]["nodeName"]] >= QUARANTINE:
                self._delete(pod, "PodGC: node no longer exists")
        if orphans or len(self._ended) > self._threshold:
            self._look_soon()

    def _collect_ended(self, pods: list[Obj]) -> None:
        """Those that are too many: the evicted first, then the oldest."""
        spare = len(self._ended) - self._threshold
        if spare <= 0:
            return
        ended = [pod for pod in pods if is_terminal(pod)]
        ended.sort(key=_order)
        for pod in ended[:spare]:
            self._delete(pod)

    def _delete(self, pod: Obj, why: str = "") -> None:
        meta = pod["metadata"]
        if not is_terminal(pod):
            shown = {
                "type": "DisruptionTarget",
                "status": "True",
                "lastProbeTime": None,
                "lastTransitionTime": stamp(self._clock.now()),
                "reason": "DeletionByPodGC",
                "message": why,
            }
            status = pod.get("status") or {}
            others = [one for one in status.get("conditions") or () if one["type"] != shown["type"]]
            failed = {**status, "phase": "Failed", "conditions": [*others, shown]}
            self._registry.set_status("pods", meta["namespace"], meta["name"], failed, only_if_uid=meta["uid"])
        try:
            self._registry.delete("pods", meta["namespace"], meta["name"], grace=0, uid=meta["uid"])
        except ApiError:
            return  # somebody was faster


def _order(pod: Obj) -> tuple[bool, str, str]:
    meta = pod["metadata"]
    return pod["status"].get("reason") != "Evicted", meta["creationTimestamp"], meta["name"]
