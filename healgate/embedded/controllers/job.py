"""Jobs: run to completion, or fail for good after so many tries.

A pod counts once. It carries a finalizer until its uid has been written into the status and the count
raised, so that neither a deleted pod is forgotten nor one is counted twice; the trap is to count pods
that happen to exist. The template is immutable: what heals a Job is another Job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..api.errors import ApiError
from ..clock.clock import stamp
from ..store.store import Change, Obj
from . import jobs
from .controller import PodController
from .indexes import Indexes, failures_before, is_indexed
from .objects import (
    being_deleted,
    controller_of,
    find_condition,
    is_active,
    is_ready,
    is_terminating,
    phase,
    template_pod,
    with_metadata,
)
from .replicaset import terminates_namespace

FINALIZER = jobs.TRACKING

# Changes of pods and of the status are looked at together, a second after the first.
BATCH = 1.0


@dataclass
class _Course:
    """Its pods as they stand after what this sync has done so far."""

    active: int
    ready: int
    terminating: int


class Jobs(PodController):
    resource = "jobs.batch"
    kind = "Job"
    component = "job-controller"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._failures: dict[str, jobs.Failures] = {}  # by the Job's uid

    def own_changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self._failures.pop(change.object["metadata"]["uid"], None)
            for pod in self.controlled(change.object, "pods"):
                self._untrack(pod)
            return
        before = change.before
        news = before is None or before["metadata"]["generation"] != change.object["metadata"]["generation"]
        self.enqueue(change.object, 0.0 if news else BATCH)

    def owner_dirty(self, namespace: str, name: str, change: Change) -> None:
        job = self.store.get(self.resource, namespace, name)
        reference = controller_of(change.object)
        owned = reference is not None and job is not None and reference["uid"] == job["metadata"]["uid"]
        adoptable = reference is None and job is not None and not being_deleted(job)
        if owned or adoptable:
            self.queue.add(namespace, name, BATCH)
        elif change.type != "DELETED" and FINALIZER in change.object["metadata"].get("finalizers", ()):
            self._untrack(change.object)

    def sync(self, namespace: str, name: str) -> None:
        job = self.registry.find(self.resource, namespace, name)
        if job is None:
            return
        if jobs.finished(job) is not None:
            self._failures.pop(job["metadata"]["uid"], None)
            for pod in self.controlled(job, "pods"):
                self._untrack(pod)
            self._expire(job)
            return
        pods = self.claim(job)
        status = dict(job.get("status", {}))
        suspended = bool(job["spec"].get("suspend"))
        if not suspended:
            status.setdefault("startTime", stamp(self.clock.now()))
        active = [pod for pod in pods if is_active(pod)]
        indexes = _indexes(job, pods, active)
        if indexes is not None:
            indexes.show(status)
        tally = jobs.Tally(job, pods, indexes)
        uid = job["metadata"]["uid"]
        known = self._failures.get(uid, jobs.Failures())
        failures = known.after(tally.new["succeeded"], tally.new["failed"])
        verdict = jobs.verdict_on(job, status, tally, pods, self.clock.now(), indexes)
        ready, terminating = sum(map(is_ready, active)), sum(map(is_terminating, pods))
        course = _Course(len(active), ready, terminating)
        problem: ApiError | None = None
        if verdict is not None:
            self._delete(job, active, course)
        else:
            problem = None if being_deleted(job) else self._manage(job, active, tally, indexes, failures, course)
            if jobs.completed(job, tally, course.active):
                verdict = jobs.SUCCESS
            elif not being_deleted(job):
                status = self._mark_suspension(job, status, suspended)
        self._limit_time(job, status)
        status.update(active=course.active, ready=course.ready, terminating=course.terminating)
        self._settle(job, status, tally, verdict, waiting=bool(course.active or course.terminating))
        self._failures[uid] = failures
        if problem is not None:
            raise problem

    # -- pods

    def _manage(
        self,
        job: Obj,
        active: list[Obj],
        tally: jobs.Tally,
        indexes: Indexes | None,
        failures: jobs.Failures,
        course: _Course,
    ) -> ApiError | None:
        """As many pods as it should have; what went wrong."""
        if job["spec"].get("suspend"):
            self._drop(job, active, course)
            return None
        wanted = jobs.wanted(job, tally, len(active))
        if len(active) > wanted:
            self._drop(job, sorted(active, key=is_ready)[: len(active) - wanted], course)
            return None
        if job["spec"].get("podReplacementPolicy") == "Failed":
            wanted -= course.terminating
        if len(active) >= wanted:
            return None
        now = self.clock.now()
        by_index = indexes is not None and indexes.limit is not None
        wait = 0.0 if by_index else failures.wait(now)
        chosen: list[int | None] = [None] * (wanted - len(active))
        if indexes is not None:
            waits = {index: _index_wait(indexes, index, now) for index in indexes.next(len(chosen))}
            chosen = [index for index, left in waits.items() if left <= 0]
            wait = wait if chosen or not waits else min(waits.values())
        if wait > 0:
            self.enqueue(job, wait)
            return None
        return self._create(job, chosen[: self.ration(job, len(chosen))], indexes, course)

    def _create(self, job: Obj, chosen: list[int | None], indexes: Indexes | None, course: _Course) -> ApiError | None:
        pod = template_pod(job, job["spec"]["template"])
        pod = with_metadata(pod, finalizers=[*pod["metadata"].get("finalizers", ()), FINALIZER])
        for index in chosen:
            try:
                one = pod if indexes is None or index is None else indexes.pod(pod, index)
                created = self.registry.create("pods", one)
            except ApiError as problem:
                if not terminates_namespace(problem):
                    self.event(job, "Warning", "FailedCreate", f"Error creating: {problem.message}")
                return problem
            course.active += 1
            self.event(job, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        return None

    def _drop(self, job: Obj, pods: list[Obj], course: _Course) -> None:
        """Delete pods that are not wanted any more: nobody is to count them."""
        for pod in pods:
            self._untrack(pod)
        self._delete(job, pods, course)

    def _delete(self, job: Obj, pods: list[Obj], course: _Course) -> None:
        for pod in pods:
            meta = pod["metadata"]
            self.registry.delete("pods", meta["namespace"], meta["name"], uid=meta["uid"])
            self.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}")
            course.active -= 1
            course.terminating += 1
            course.ready -= is_ready(pod)

    def _untrack(self, pod: Obj) -> None:
        if FINALIZER not in pod["metadata"].get("finalizers", ()):
            return

        def edit(current: Obj) -> Obj:
            kept = [one for one in current["metadata"].get("finalizers", ()) if one != FINALIZER]
            return with_metadata(current, finalizers=kept or None)

        self.registry.change("pods", pod["metadata"]["namespace"], pod["metadata"]["name"], edit)

    # -- status

    def _mark_suspension(self, job: Obj, status: dict[str, Any], suspended: bool) -> dict[str, Any]:
        conditions = list(status.get("conditions") or ())
        old = find_condition(conditions, "Suspended")
        word = "Suspended" if suspended else "Resumed"
        if (old is not None and old["status"] == "True") == suspended:
            return status
        fresh = self._condition("Suspended", "True" if suspended else "False", f"Job{word}", f"Job {word.lower()}")
        self.event(job, "Normal", word, f"Job {word.lower()}")
        status = {**status, "conditions": [*(one for one in conditions if one["type"] != "Suspended"), fresh]}
        if suspended:
            status.pop("startTime", None)
        else:
            status["startTime"] = stamp(self.clock.now())
        return status

    def _settle(
        self, job: Obj, status: dict[str, Any], tally: jobs.Tally, verdict: jobs.Verdict | None, *, waiting: bool
    ) -> None:
        """Write what was counted: uids first, then without finalizers, then as numbers."""
        counted = tally.count(verdict)
        status["uncountedTerminatedPods"] = tally.uncounted()
        conditions = list(status.get("conditions") or ())
        if verdict is not None and find_condition(conditions, verdict.interim) is None:
            conditions.append(self._condition(verdict.interim, "True", verdict.reason, verdict.message))
        status["conditions"] = conditions
        written = self._write(job, status)
        for pod in counted:
            self._untrack(pod)
        if written is None:
            return
        for field in ("succeeded", "failed"):
            status[field] = status.get(field, 0) + len(status["uncountedTerminatedPods"].get(field, ()))
        status["uncountedTerminatedPods"] = {}
        if verdict is not None and not waiting:
            final = self._condition(verdict.final, "True", verdict.reason, verdict.message)
            status["conditions"] = [*conditions, final]
            if verdict.final == "Complete":
                status["completionTime"] = stamp(self.clock.now())
        self._write(job, status)
        if verdict is not None and not waiting:
            if verdict.final == "Complete":
                self.event(job, "Normal", "Completed", "Job completed")
            else:
                self.event(job, "Warning", verdict.reason, verdict.message)
            self._expire(job)

    def _condition(self, kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
        now = stamp(self.clock.now())
        return {
            "type": kind,
            "status": status,
            "lastProbeTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }

    def _write(self, job: Obj, status: dict[str, Any]) -> Obj | None:
        """Zero counts and empty lists are left out, but for those that are pointers in the API."""
        kept = {
            key: value
            for key, value in status.items()
            if value or key in ("ready", "terminating", "uncountedTerminatedPods", "failedIndexes")
        }
        meta = job["metadata"]
        return self.registry.set_status(self.resource, meta["namespace"], meta["name"], kept, only_if_uid=meta["uid"])

    # -- time

    def _limit_time(self, job: Obj, status: dict[str, Any]) -> None:
        left = jobs.time_left(job, status, self.clock.now())
        if left is not None and left > 0:
            self.enqueue(job, left)

    def _expire(self, job: Obj) -> None:
        """ttlSecondsAfterFinished."""
        meta = job["metadata"]
        current = self.registry.find(self.resource, meta["namespace"], meta["name"])
        if current is None or being_deleted(current):
            return
        left = jobs.ttl_left(current, self.clock.now())
        if left is None:
            return
        if left > 0:
            self.enqueue(current, left)
        else:
            self.registry.delete(
                self.resource, meta["namespace"], meta["name"], propagation="Foreground", uid=meta["uid"]
            )


def _indexes(job: Obj, pods: list[Obj], active: list[Obj]) -> Indexes | None:
    if not is_indexed(job):
        return None
    tracked = [pod for pod in pods if jobs.is_tracked(pod)]
    ended = [pod for pod in tracked if phase(pod) == "Succeeded" or jobs.has_failed(job, pod)]
    return Indexes(job, active, ended, jobs.given_up(job, tracked))


def _index_wait(indexes: Indexes, index: int, now: float) -> float:
    """Seconds until an index that has failed may be tried again; each waits for itself."""
    last = indexes.delayed.get(index)
    return 0.0 if last is None else jobs.Failures(failures_before(last) + 1, jobs.ended_at(last)).wait(now)
