"""What a Job's pods amount to: how many count, whether it is over, and when it may try again.

Pure functions over frozen objects; writing is the controller's. The trap is restartPolicy OnFailure, where
the tries are one pod's restarts and not pods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..clock.clock import seconds_of
from ..store.store import Obj
from .indexes import Indexes
from .objects import being_deleted, condition, find_condition, phase, readiness

TRACKING = "batch.kubernetes.io/job-tracking"

FIRST_BACKOFF = 10.0
LAST_BACKOFF = 600.0


@dataclass(frozen=True)
class Verdict:
    """Why a Job is over: the condition while its pods still go, and the final one."""

    interim: str
    final: str
    reason: str
    message: str


SUCCESS = Verdict("SuccessCriteriaMet", "Complete", "CompletionsReached", "Reached expected number of succeeded pods")


def _failed(reason: str, message: str) -> Verdict:
    return Verdict("FailureTarget", "Failed", reason, message)


def finished(job: Obj) -> dict[str, Any] | None:
    for kind in ("Complete", "Failed"):
        found = condition(job, kind)
        if found is not None and found["status"] == "True":
            return found
    return None


class Tally:
    """Pods that succeeded and failed, each counted once.

    A failed pod whose index may be tried again is only counted when its successor is there, which carries the count on.
    """

    def __init__(self, job: Obj, pods: list[Obj], indexes: Indexes | None) -> None:
        status = job.get("status", {})
        pending = status.get("uncountedTerminatedPods") or {}
        self._job = job
        self._indexes = indexes
        self.noted: dict[str, list[str]] = {kind: list(pending.get(kind, ())) for kind in ("succeeded", "failed")}
        self._base = {kind: status.get(kind, 0) for kind in ("succeeded", "failed")}
        known = {uid for noted in self.noted.values() for uid in noted}
        self._tracked = [pod for pod in pods if is_tracked(pod)]
        fresh = [pod for pod in self._tracked if pod["metadata"]["uid"] not in known]
        self.new = {
            "succeeded": [pod for pod in fresh if phase(pod) == "Succeeded"],
            "failed": [pod for pod in fresh if has_failed(job, pod)],
        }

    def number(self, kind: str) -> int:
        if kind == "succeeded" and self._indexes is not None:
            return len(self._indexes.completed)
        new = self.new[kind] if kind == "succeeded" else [pod for pod in self.new[kind] if self._counts(pod)]
        return int(self._base[kind] + len(self.noted[kind]) + len(new))

    def _counts(self, pod: Obj) -> bool:
        return _first_rule(self._job, pod)[0] != "Ignore"

    def count(self, verdict: Verdict | None) -> list[Obj]:
        """Note the new ones as uncounted; the pods whose finalizer may go."""
        over = verdict is not None or being_deleted(self._job)
        all_failed = verdict is not None and verdict.final == "Failed"
        delayed = self._indexes.delayed.values() if self._indexes is not None else ()
        later = {pod["metadata"]["uid"] for pod in delayed}
        counted = []
        for pod in self._tracked:
            uid, failed = pod["metadata"]["uid"], has_failed(self._job, pod)
            if not (over or phase(pod) == "Succeeded" or (failed and uid not in later)):
                continue
            counted.append(pod)
            if phase(pod) == "Succeeded" and uid not in self.noted["failed"]:
                if self._indexes is None and uid not in self.noted["succeeded"]:
                    self.noted["succeeded"].append(uid)
            elif (failed or all_failed) and uid not in self.noted["failed"] and self._counts(pod):
                self.noted["failed"].append(uid)
        return counted

    def uncounted(self) -> dict[str, list[str]]:
        return {kind: noted for kind, noted in self.noted.items() if noted}


def is_tracked(pod: Obj) -> bool:
    return TRACKING in pod["metadata"].get("finalizers", ())


def has_failed(job: Obj, pod: Obj) -> bool:
    """A pod that is deleted may never come to say so."""
    if phase(pod) == "Failed":
        return True
    replaces = job["spec"].get("podReplacementPolicy") != "Failed"
    return replaces and being_deleted(pod) and phase(pod) != "Succeeded"


@dataclass(frozen=True)
class Failures:
    """How often it has failed since it last succeeded: what decides when it may try again."""

    number: int = 0
    last: float = 0.0

    def after(self, succeeded: list[Obj], failed: list[Obj]) -> Failures:
        """With what has ended since."""
        ends = sorted(map(ended_at, failed))
        if not succeeded:
            return Failures(self.number + len(ends), ends[-1]) if ends else self
        since = max(map(ended_at, succeeded))
        later = [when for when in ends if when > since]
        return Failures(len(later), later[-1] if later else 0.0)

    def wait(self, now: float) -> float:
        """Seconds until the next pod may be made: 10, 20, 40 …"""
        if not self.number:
            return 0.0
        period: float = min(FIRST_BACKOFF * 2.0 ** (self.number - 1), LAST_BACKOFF)
        return self.last + period - now


def ended_at(pod: Obj) -> float:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    ends = [
        seconds_of(terminated["finishedAt"])
        for status in statuses
        if (terminated := status.get("state", {}).get("terminated")) is not None and terminated.get("finishedAt")
    ]
    if statuses and len(ends) == len(statuses):
        return max(ends)
    meta = pod["metadata"]
    if "deletionTimestamp" in meta:
        return seconds_of(meta["deletionTimestamp"]) - float(meta.get("deletionGracePeriodSeconds", 0))
    ready = readiness(pod)
    if ready is not None and ready["status"] == "False":
        return seconds_of(ready["lastTransitionTime"])
    return seconds_of(meta["creationTimestamp"])


def wanted(job: Obj, tally: Tally, active: int) -> int:
    parallelism = int(job["spec"].get("parallelism", 1))
    completions: int | None = job["spec"].get("completions")
    succeeded = tally.number("succeeded")
    if completions is None:
        return active if succeeded else parallelism
    return max(min(completions - succeeded, parallelism), 0)


def completed(job: Obj, tally: Tally, active: int) -> bool:
    completions: int | None = job["spec"].get("completions")
    return active == 0 and tally.number("succeeded") >= (1 if completions is None else completions)


def verdict_on(
    job: Obj, status: dict[str, Any], tally: Tally, pods: list[Obj], now: float, indexes: Indexes | None
) -> Verdict | None:
    """Whether it is over before all its pods have succeeded."""
    conditions = status.get("conditions") or ()
    for kind, final in (("SuccessCriteriaMet", "Complete"), ("FailureTarget", "Failed")):
        found = find_condition(conditions, kind)
        if found is not None:
            return Verdict(kind, final, found["reason"], found["message"])
    ruled = _ruled_out(job, tally)
    if ruled is not None:
        return ruled
    limit = job["spec"].get("backoffLimit", 6)
    if tally.number("failed") > limit or _restarted_too_often(job, pods, limit):
        return _failed("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    left = time_left(job, status, now)
    if left is not None and left <= 0:
        return _failed("DeadlineExceeded", "Job was active longer than specified deadline")
    return _verdict_on_indexes(job, indexes) if indexes is not None else None


def _verdict_on_indexes(job: Obj, indexes: Indexes) -> Verdict | None:
    if indexes.limit is not None and indexes.failed:
        most = job["spec"].get("maxFailedIndexes")
        if most is not None and len(indexes.failed) > most:
            why = "Job has exceeded the specified maximal number of failed indexes"
            return _failed("MaxFailedIndexesExceeded", why)
        if len(indexes.failed) + len(indexes.completed) >= indexes.completions:
            return _failed("FailedIndexes", "Job has failed indexes")
    for number, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        if indexes.completed and indexes.satisfy(rule):
            return Verdict("SuccessCriteriaMet", "Complete", "SuccessPolicy", f"Matched rules at index {number}")
    return None


def _restarted_too_often(job: Obj, pods: list[Obj], limit: int) -> bool:
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    tries = sum(
        one["restartCount"]
        for pod in pods
        if phase(pod) in ("Running", "Pending")
        for field in ("initContainerStatuses", "containerStatuses")
        for one in pod.get("status", {}).get(field) or ()
    )
    return bool(tries > 0 if limit == 0 else tries >= limit)


# -- podFailurePolicy


def _ruled_out(job: Obj, tally: Tally) -> Verdict | None:
    for pod in tally.new["failed"]:
        action, message = _first_rule(job, pod)
        if action == "FailJob":
            return _failed("PodFailurePolicy", message)
    return None


def given_up(job: Obj, pods: list[Obj]) -> list[Obj]:
    """Failed pods whose index is to be given up at once."""
    return [pod for pod in pods if has_failed(job, pod) and _first_rule(job, pod)[0] == "FailIndex"]


def _first_rule(job: Obj, pod: Obj) -> tuple[str, str]:
    where = f"{pod['metadata'].get('namespace')}/{pod['metadata']['name']}"
    for index, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        action = rule["action"]
        if "onExitCodes" in rule:
            for status in _container_statuses(pod):
                code = (status.get("state", {}).get("terminated") or {}).get("exitCode", 0)
                if code and _code_matches(rule["onExitCodes"], status["name"], code):
                    return action, (
                        f"Container {status['name']} for pod {where} failed with exit code {code} "
                        f"matching {action} rule at index {index}"
                    )
        for pattern in rule.get("onPodConditions") or ():
            found = condition(pod, pattern["type"])
            if found is not None and found["status"] == pattern.get("status", "True"):
                return action, f"Pod {where} has condition {pattern['type']} matching {action} rule at index {index}"
    return "Count", ""


def _container_statuses(pod: Obj) -> list[dict[str, Any]]:
    """In the order in which rules look at them."""
    status = pod.get("status", {})
    return [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]


def _code_matches(rule: dict[str, Any], container: str, code: int) -> bool:
    if rule.get("containerName") not in (None, container):
        return False
    return bool((code in rule["values"]) == (rule["operator"] == "In"))


# -- time


def time_left(job: Obj, status: dict[str, Any], now: float) -> float | None:
    """Seconds until activeDeadlineSeconds; None without one."""
    limit = job["spec"].get("activeDeadlineSeconds")
    if limit is None or job["spec"].get("suspend") or "startTime" not in status:
        return None
    return seconds_of(status["startTime"]) + float(limit) - now


def ttl_left(job: Obj, now: float) -> float | None:
    end, ttl = finished(job), job["spec"].get("ttlSecondsAfterFinished")
    if end is None or ttl is None:
        return None
    return seconds_of(end["lastTransitionTime"]) + float(ttl) - now
