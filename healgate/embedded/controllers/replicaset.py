"""ReplicaSets: as many active pods as asked for, whatever state they are in.

The trap is to count crash-looping pods as missing: a pod that is neither Succeeded, Failed nor being
deleted is active, however sick, and is not replaced.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ..api.errors import ApiError
from ..clock.clock import seconds_of, stamp
from ..store.store import Obj
from .controller import BURST, PodController
from .objects import (
    annotations_of,
    being_deleted,
    controller_of,
    find_condition,
    is_active,
    is_available,
    is_ready,
    is_terminating,
    labels_of,
    phase,
    ready_since,
    restarts,
    template_pod,
)

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


class ReplicaSets(PodController):
    resource = "replicasets.apps"
    kind = "ReplicaSet"
    component = "replicaset-controller"

    def sync(self, namespace: str, name: str) -> None:
        replica_set = self.registry.find(self.resource, namespace, name)
        if replica_set is None:
            return
        pods = self.claim(replica_set)
        active = [pod for pod in pods if is_active(pod)]
        problem: ApiError | None = None
        if not being_deleted(replica_set):
            problem = self._manage(replica_set, active)
        status = self._status(replica_set, pods, active, problem)
        self.write_status(replica_set, status)
        if problem is not None:
            raise problem
        min_ready = replica_set["spec"].get("minReadySeconds", 0)
        wanted = replica_set["spec"]["replicas"]
        if min_ready and status.get("readyReplicas", 0) == wanted != status.get("availableReplicas", 0):
            self.enqueue(replica_set, self._until_available(active, min_ready))

    # -- pods

    def _manage(self, replica_set: Obj, active: list[Obj]) -> ApiError | None:
        missing = replica_set["spec"]["replicas"] - len(active)
        try:
            if missing > 0:
                self._create(replica_set, self.ration(replica_set, missing))
            elif missing < 0:
                self._delete(replica_set, active, min(-missing, BURST))
        except ApiError as problem:
            return problem
        return None

    def _create(self, replica_set: Obj, count: int) -> None:
        """One by one. Slow start, the doubling batches of a real cluster, comes to: the first refusal ends it."""
        pod = template_pod(replica_set, replica_set["spec"]["template"])
        for _ in range(count):
            try:
                created = self.registry.create("pods", pod, from_template=True)
            except ApiError as problem:
                if not terminates_namespace(problem):
                    self.event(replica_set, "Warning", "FailedCreate", f"Error creating: {problem.message}")
                raise
            self.event(replica_set, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")

    def _delete(self, replica_set: Obj, active: list[Obj], count: int) -> None:
        crowds = self._pods_per_node(replica_set, active)
        for pod in deletion_order(active, crowds, self.clock.now())[:count]:
            meta = pod["metadata"]
            try:
                self.registry.delete("pods", meta["namespace"], meta["name"], uid=meta["uid"])
            except ApiError as problem:
                if problem.status == 404:
                    continue
                self.event(replica_set, "Warning", "FailedDelete", f"Error deleting: {problem.message}")
                raise
            self.event(replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    def _pods_per_node(self, replica_set: Obj, active: list[Obj]) -> dict[str, int]:
        """Active pods of this set and of those with the same owner, by node."""
        owner = controller_of(replica_set)
        related = active
        if owner is not None:
            sets = self.store.owned(owner["uid"], self.resource)
            related = [pod for one in sets for pod in self.controlled(one, "pods") if is_active(pod)]
        crowds: dict[str, int] = {}
        for pod in related:
            node = pod["spec"].get("nodeName", "")
            crowds[node] = crowds.get(node, 0) + 1
        return crowds

    def _until_available(self, active: list[Obj], min_ready: int) -> float:
        now = self.clock.now()
        waits = [since + min_ready - now for pod in active if (since := ready_since(pod)) is not None]
        return max(min((wait for wait in waits if wait > 0), default=0.0), 0.01)

    # -- status

    def _status(self, replica_set: Obj, pods: list[Obj], active: list[Obj], problem: ApiError | None) -> dict[str, Any]:
        """Counted from the pods as they were before this sync: those just made or deleted show in the next."""
        spec, old = replica_set["spec"], replica_set.get("status", {})
        labels = (spec["template"].get("metadata", {}).get("labels") or {}).items()
        now = self.clock.now()
        min_ready = spec.get("minReadySeconds", 0)
        labeled = sum([labels <= labels_of(pod).items() for pod in active])
        ready = [pod for pod in active if is_ready(pod)]
        available = sum([is_available(pod, min_ready, now) for pod in ready]) if min_ready else len(ready)
        status: dict[str, Any] = {"replicas": len(active)}
        for field, counted in (
            ("fullyLabeledReplicas", labeled),
            ("readyReplicas", len(ready)),
            ("availableReplicas", available),
        ):
            if counted:
                status[field] = counted
        # Of those that are active none is on its way out.
        status["terminatingReplicas"] = 0 if len(active) == len(pods) else sum(map(is_terminating, pods))
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        conditions = [one for one in old.get("conditions") or () if one["type"] != "ReplicaFailure"]
        if problem is not None:
            failure = find_condition(old.get("conditions") or (), "ReplicaFailure")
            conditions.append(failure or self._failure(len(active) - spec["replicas"], problem))
        if conditions:
            status["conditions"] = conditions
        return status

    def _failure(self, surplus: int, problem: ApiError) -> dict[str, Any]:
        return {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": stamp(self.clock.now()),
            "reason": "FailedCreate" if surplus < 0 else "FailedDelete",
            "message": problem.message,
        }


def terminates_namespace(problem: ApiError) -> bool:
    """A refusal because the namespace is going: nothing to report, nothing to try again for."""
    causes = (problem.details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def deletion_order(pods: list[Obj], crowds: dict[str, int], now: float) -> list[Obj]:
    """Who goes first when there are too many: the least use first, so crash-looping pods before ready ones."""

    def compare(one: Obj, other: Obj) -> int:
        mine, others = _rank(one, crowds), _rank(other, crowds)
        if mine != others:
            return -1 if mine < others else 1
        return (
            _younger(one, other, ready_since, now)
            or restarts(other) - restarts(one)
            or _younger(one, other, _created, now)
            or _by_uid(one, other)  # a real cluster's sort leaves it to chance, and so do uids
        )

    return sorted(pods, key=functools.cmp_to_key(compare))


def _rank(pod: Obj, crowds: dict[str, int]) -> tuple[Any, ...]:
    node = pod["spec"].get("nodeName", "")
    return (
        bool(node),
        {"Pending": 0, "Unknown": 1}.get(phase(pod), 2),
        is_ready(pod),
        _deletion_cost(pod),
        -crowds.get(node, 0),
    )


def _created(pod: Obj) -> float:
    return seconds_of(pod["metadata"]["creationTimestamp"])


def _younger(one: Obj, other: Obj, since: Callable[[Obj], float | None], now: float) -> int:
    """The shorter time first, in steps so large that uids decide nearly always; equal times decide nothing."""
    mine, others = since(one), since(other)
    if mine == others:
        return 0
    if mine is None or others is None:
        return -1 if mine is None else 1
    steps = _magnitude(now - mine) - _magnitude(now - others)
    return steps or _by_uid(one, other)


def _by_uid(one: Obj, other: Obj) -> int:
    return -1 if one["metadata"]["uid"] < other["metadata"]["uid"] else 1


def _magnitude(seconds: float) -> int:
    return int(math.log2(seconds * 1e9)) if seconds > 0 else -1


def _deletion_cost(pod: Obj) -> int:
    try:
        return int(annotations_of(pod).get(DELETION_COST, "0"))
    except ValueError:
        return 0
