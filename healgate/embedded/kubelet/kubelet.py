"""The kubelet of one node: hands pods to their workers and answers what only a node knows.

It follows the store's pods, but reacts to what a real kubelet reacts to: a new assignment, a changed spec or
label, a deletion. The trap is its own status writes, which come back as changes too and must wake nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..api.demand import demand
from ..api.errors import ApiError, bad_request
from ..api.quantities import parse
from ..clock import Clock
from ..clock.clock import stamp
from ..runtime.seam import ExecResult, HttpAnswer, Runtime
from ..store import Change
from .fields import allocatable
from .logs import chosen_run, lost, read, status_of
from .node import NodeServices
from .pods import PodWorker
from .resize import given
from .restart import whatever_runs
from .timing import STOCK, KubeletTiming

if TYPE_CHECKING:
    from ..api.registry import Registry

Obj = dict[str, Any]

# How long a change takes to reach the kubelet.
NOTICE = (0.004, 0.02)
# What others write into a status is looked at every ten seconds, and so is whether the node takes pods.
RECONCILES = (0.0, 10.0)
EXEC_TIMEOUT = 3600.0
# How long the others wait for a word of a node before they take it for lost.
GIVEN_UP = (50.0, 55.0)
PROXY_TIMEOUT = 30.0
WATCHED_METADATA = ("deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations")


class Kubelet:
    """Implements what the API server asks of a node: logs, proxy, exec, usage."""

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        runtime: Runtime,
        timing: KubeletTiming = STOCK,
        node_name: str = "node-1",
    ) -> None:
        self.registry = registry
        self.clock = clock
        self.node_name = node_name
        self.timing = timing
        self.services = NodeServices(registry, clock, runtime, timing, node_name)
        self._random = clock.random("kubelet/notice")
        self._workers = self.services.workers
        self._told_cordoned = False

    def start(self) -> None:
        self.registry.store.subscribe("pods", self._changed)
        self.registry.store.subscribe("nodes", self._node_changed)
        for pod in self.registry.store.list("pods"):
            if pod["spec"].get("nodeName") == self.node_name:
                self._later(pod)

    # -- the node

    def _node_changed(self, change: Change) -> None:
        before, node = change.before, change.object
        if before is None or change.type == "DELETED" or node["metadata"]["name"] != self.node_name:
            return
        if _cordoned(before) != _cordoned(node):
            self.clock.call_later(self._random.uniform(*RECONCILES), self._tell_cordoned)

    def _tell_cordoned(self) -> None:
        node = self.registry.store.get("nodes", "", self.node_name)
        cordoned = node is not None and _cordoned(node)
        if cordoned != self._told_cordoned:
            self._told_cordoned = cordoned
            self.services.tell_node("Normal", "NodeNotSchedulable" if cordoned else "NodeSchedulable", "")

    # -- a node that goes away

    def go_away(self) -> None:
        """Cut the node off. Its containers run on; after a while others conclude that it is gone."""
        if not self.services.away:
            self.services.away = True
            self.clock.call_later(self._random.uniform(*GIVEN_UP), self._given_up)

    def come_back(self) -> None:
        """Let the node be heard again: it tells what it has, and learns what became of its pods."""
        if not self.services.away:
            return
        self.services.away = False
        self.services.post("Ready", "True", "KubeletReady", "kubelet is posting ready status")
        for uid, worker in list(self._workers.items()):
            meta = worker.pod["metadata"]
            pod = self.registry.store.get("pods", meta["namespace"], meta["name"])
            if pod is None or pod["metadata"]["uid"] != uid:
                worker.removed()
            else:
                worker.update(pod)
        for pod in self.registry.store.list("pods"):
            if pod["spec"].get("nodeName") == self.node_name and pod["metadata"]["uid"] not in self._workers:
                self._later(pod)
        self.services.back.give()

    def _given_up(self) -> None:
        if self.services.away:
            for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready"):
                self.services.post(kind, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")

    def _reach(self, what: str) -> None:
        """Raises what the API server answers for a node that it cannot reach."""
        if self.services.away:
            where = f"{self.services.identity.address}:10250"
            text = f'Get "https://{where}/{what}": dial tcp {where}: connect: no route to host'
            raise ApiError(500, "InternalError", text)

    # -- following the store

    def _changed(self, change: Change) -> None:
        pod = change.object
        if pod["spec"].get("nodeName") != self.node_name or self.services.away:
            return
        if change.type == "DELETED":
            if pod["metadata"]["uid"] in self._workers:
                self._soon(self._removed, pod["metadata"]["uid"])
            return
        before, worker = change.before, self._workers.get(pod["metadata"]["uid"])
        if before is not None and worker is not None and (change.status_only or not _matters(before, pod)):
            if pod.get("status") is not worker.status:
                self.clock.call_later(self._random.uniform(*RECONCILES), worker.wake)
            return
        self._later(pod)

    def _later(self, pod: Obj) -> None:
        self._soon(self._deliver, pod["metadata"]["namespace"], pod["metadata"]["name"], pod["metadata"]["uid"])

    def _soon(self, call: Any, *args: Any) -> None:
        self.clock.call_later(self._random.uniform(*NOTICE), call, *args)

    def _deliver(self, namespace: str, name: str, uid: str) -> None:
        pod = self.registry.store.get("pods", namespace, name)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        worker = self._workers.get(uid)
        if worker is not None:
            worker.update(pod)
            return
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return
        if problem := self.services.memory.refuses(pod):
            self._reject(pod, "Evicted", problem)
            return
        worker = self._workers[uid] = PodWorker(self.services, pod, self._fits, self._forget)
        worker.update(pod)

    def _reject(self, pod: Obj, reason: str, message: str) -> None:
        """A pod that was bound to the node and does not get in."""
        self.services.recorder.event(pod, "Warning", reason, message)
        told = {"phase": "Failed", "reason": reason, "message": message, "startTime": stamp(self.clock.now())}
        meta = pod["metadata"]
        status = {**(pod.get("status") or {}), **told}
        self.registry.set_status("pods", meta["namespace"], meta["name"], status, only_if_uid=meta["uid"])

    def _removed(self, uid: str) -> None:
        worker = self._workers.get(uid)
        if worker is not None:
            worker.removed()

    def _forget(self, uid: str) -> None:
        self._workers.pop(uid, None)

    def _fits(self, pod: Obj) -> str:
        """Whether a resized pod has room on the node: "", "Deferred" or "Infeasible"."""
        there = allocatable(self.registry.store, pod)
        room = {name: parse(there[name]) for name in ("cpu", "memory") if name in there}
        wanted = demand(pod["spec"])
        if any(wanted.get(name, 0) > amount for name, amount in room.items()):
            return "Infeasible"
        for uid, other in self._workers.items():
            if uid != pod["metadata"]["uid"] and other.stage == "syncing":
                taken = demand(given(other.pod["spec"], other.allocation.allocated))
                room = {name: amount - taken.get(name, 0) for name, amount in room.items()}
        return "Deferred" if any(wanted.get(name, 0) > amount for name, amount in room.items()) else ""

    # -- what the API server asks of a node

    def logs(
        self,
        pod: Obj,
        container: str,
        *,
        previous: bool = False,
        tail: int | None = None,
        since_seconds: int | None = None,
        since_time: float | None = None,
        timestamps: bool = False,
        limit_bytes: int | None = None,
        stream: str | None = None,
    ) -> bytes:
        """The log of a container, both streams or one of them; raises ApiError."""
        name = pod["metadata"]["name"]
        if not any(one["name"] == container for one in whatever_runs(pod)):
            raise bad_request(f"container {container} is not valid for pod {name}")
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None and not pod["spec"].get("nodeName"):
            return b""
        self._reach(f"containerLogs/{pod['metadata']['namespace']}/{name}/{container}")
        status = worker.status if worker is not None else pod.get("status") or {}
        id = chosen_run(name, container, status_of(status, container), previous)
        if worker is None:
            return lost(id)
        since = since_time
        if since_seconds is not None:
            since = self.clock.now() - since_seconds
        return read(
            worker.record, id, tail=tail, since=since, timestamps=timestamps, limit_bytes=limit_bytes, stream=stream
        )

    def proxy(self, pod: Obj, port: int, method: str, path: str, body: bytes) -> HttpAnswer:
        """An HTTP request to a pod."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None or not worker.record.ip or self.services.away:
            return HttpAnswer(0, problem="timeout" if self.services.away else "refused")
        return self.services.runtime.http_get(
            worker.record.ip, port, path, method=method, body=body, timeout=PROXY_TIMEOUT
        )

    def exec(self, pod: Obj, container: str, argv: tuple[str, ...]) -> ExecResult:
        """Run a command in a running container; raises ApiError if it is not running."""
        worker = self._workers.get(pod["metadata"]["uid"])
        self._reach(f"exec/{pod['metadata']['namespace']}/{pod['metadata']['name']}/{container}")
        found = worker.record.newest(container) if worker is not None else None
        if found is None or not found.running or found.process is None:
            raise ApiError(500, "InternalError", f'container not found ("{container}")')
        return found.process.exec(argv, EXEC_TIMEOUT)

    def usage(self, pod: Obj) -> Mapping[str, int]:
        """Bytes of memory in use by each running container."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            return {}
        return {
            found.seen.name: found.process.memory
            for found in worker.record.containers
            if found.running and found.process is not None
        }


def _cordoned(node: Obj) -> bool:
    return bool((node.get("spec") or {}).get("unschedulable"))


def _matters(before: Obj, after: Obj) -> bool:
    if before["spec"] is not after["spec"] and before["spec"] != after["spec"]:
        return True
    old, new = before["metadata"], after["metadata"]
    return [old.get(key) for key in WATCHED_METADATA] != [new.get(key) for key in WATCHED_METADATA]
