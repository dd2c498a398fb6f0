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
    """Pods that succeeded and failed, each counted once."""

    def __init__(self, job: Obj, pods: list[Obj]) -> None:
        status = job.get("status", {})
        pending = status.get("uncountedTerminatedPods") or {}
        self._job = job
        self._pods = pods
        self._noted: dict[str, list[str]] = {kind: list(pending.get(kind, ())) for kind in ("succeeded", "failed")}
        self._base = {kind: status.get(kind, 0) for kind in ("succeeded", "failed")}
        known = {uid for noted in self._noted.values() for uid in noted}
        self.new: dict[str, list[Obj]] = {"succeeded": [], "failed": []}
        for pod in pods:
            if TRACKING in pod["metadata"].get("finalizers", ()) and pod["metadata"]["uid"] not in known:
                if phase(pod) == "Succeeded":
                    self.new["succeeded"].append(pod)
                elif self._has_failed(pod):
                    self.new["failed"].append(pod)

    def _has_failed(self, pod: Obj) -> bool:
        if phase(pod) == "Failed":
            return True
        return self._job["spec"].get("podReplacementPolicy") != "Failed" and being_deleted(pod)

    def number(self, kind: str) -> int:
        return int(self._base[kind] + len(self._noted[kind]) + len(self.new[kind]))

    def count(self, finishing: bool) -> list[Obj]:
        """Note the new ones as uncounted; the pods whose finalizer may go."""
        counted = [pod for kind in ("succeeded", "failed") for pod in self.new[kind]]
        for kind, pods in self.new.items():
            self._noted[kind].extend(pod["metadata"]["uid"] for pod in pods)
        known = {uid for noted in self._noted.values() for uid in noted}
        for pod in self._pods:
            tracked = TRACKING in pod["metadata"].get("finalizers", ())
            if tracked and pod not in counted and (finishing or pod["metadata"]["uid"] in known):
                counted.append(pod)
                if pod["metadata"]["uid"] not in known:
                    self._noted["failed"].append(pod["metadata"]["uid"])
        return counted

    def uncounted(self) -> dict[str, list[str]]:
        return {kind: noted for kind, noted in self._noted.items() if noted}

    def backoff(self, now: float) -> float:
        """Seconds until the next pod may be made: 10, 20, 40 … after each failure since the last success."""
        ended = sorted(
            (ended_at(pod), phase(pod) == "Succeeded")
            for pod in self._pods
            if phase(pod) in ("Succeeded", "Failed") or self._has_failed(pod)
        )
        failures, last = 0, 0.0
        for when, succeeded in ended:
            failures, last = (0, 0.0) if succeeded else (failures + 1, when)
        if not failures:
            return 0.0
        wait: float = min(FIRST_BACKOFF * 2.0 ** (failures - 1), LAST_BACKOFF)
        return last + wait - now


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


def wanted(job: Obj, tally: Tally, active: int, indexes: Indexes | None = None) -> int:
    parallelism = int(job["spec"].get("parallelism", 1))
    if indexes is not None:
        return min(indexes.left, parallelism)
    completions: int | None = job["spec"].get("completions")
    succeeded = tally.number("succeeded")
    if completions is None:
        return active if succeeded else parallelism
    return max(min(completions - succeeded, parallelism), 0)


def completed(job: Obj, tally: Tally, active: int, indexes: Indexes | None = None) -> bool:
    if indexes is not None:
        return active == 0 and len(indexes.completed) >= indexes.completions
    completions: int | None = job["spec"].get("completions")
    succeeded = tally.number("succeeded")
    return active == 0 and succeeded >= (1 if completions is None else completions)


def failure(
    job: Obj, status: dict[str, Any], tally: Tally, pods: list[Obj], now: float, indexes: Indexes | None = None
) -> Verdict | None:
    conditions = status.get("conditions") or ()
    for kind, final in (("FailureTarget", "Failed"), ("SuccessCriteriaMet", "Complete")):
        found = find_condition(conditions, kind)
        if found is not None:
            return Verdict(kind, final, found["reason"], found["message"])
    ruled = _ruled_out(job, tally)
    if ruled is not None:
        return ruled
    limit = job["spec"].get("backoffLimit", 6)
    if _counted_failures(job, tally) > limit or _restarted_too_often(job, pods, limit):
        return _failed("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if indexes is not None and indexes.limit is not None:
        most = job["spec"].get("maxFailedIndexes")
        if most is not None and len(indexes.failed) > most:
            why = "Job has exceeded the specified maximal number of failed indexes"
            return _failed("MaxFailedIndexesExceeded", why)
        if not indexes.left and indexes.failed:
            return _failed("FailedIndexes", "Job has failed indexes")
    left = time_left(job, status, now)
    if left is not None and left <= 0:
        return _failed("DeadlineExceeded", "Job was active longer than specified deadline")
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


def _counted_failures(job: Obj, tally: Tally) -> int:
    ignored = sum(_first_rule(job, pod)[0] == "Ignore" for pod in tally.new["failed"])
    return tally.number("failed") - ignored


def given_up(job: Obj, pods: list[Obj]) -> list[Obj]:
    """Failed pods whose index is to be given up at once."""
    return [pod for pod in pods if phase(pod) == "Failed" and _first_rule(job, pod)[0] == "FailIndex"]


def _first_rule(job: Obj, pod: Obj) -> tuple[str, str]:
    where = f"{pod['metadata'].get('namespace')}/{pod['metadata']['name']}"
    for index, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        action = rule["action"]
        if "onExitCodes" in rule:
            for status in pod.get("status", {}).get("containerStatuses") or ():
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
