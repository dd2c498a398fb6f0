"""What a Deployment's status says of its rollout.

Pure functions. The trap is the progress deadline: it judges only a rollout that has not finished yet, so
pods that crash after they once were available turn Available to False and never Progressing.
"""

from __future__ import annotations

from typing import Any

from ..clock.clock import seconds_of, stamp
from ..store.store import Obj
from .objects import find_condition
from .rollout import asked, counted, max_unavailable


def deadline(deployment: Obj) -> int | None:
    """progressDeadlineSeconds; the largest int32 means none."""
    seconds: int | None = deployment["spec"].get("progressDeadlineSeconds")
    return None if seconds is None or seconds >= 2**31 - 1 else seconds


def make_condition(kind: str, status: str, reason: str, message: str, now: float) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": stamp(now),
        "lastTransitionTime": stamp(now),
        "reason": reason,
        "message": message,
    }


def put_condition(conditions: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """With the condition last, as the real controller leaves it; unchanged if status and reason are the same."""
    old = find_condition(conditions, new["type"])
    if old is not None and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return conditions
    if old is not None and old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*drop_condition(conditions, new["type"]), new]


def with_condition(
    conditions: list[dict[str, Any]], kind: str, status: str, reason: str, message: str, now: float
) -> list[dict[str, Any]]:
    """Of a condition that is made only if it says something else; most syncs leave all as it is."""
    old = find_condition(conditions, kind)
    if old is not None and old["status"] == status and old["reason"] == reason:
        return conditions
    return put_condition(conditions, make_condition(kind, status, reason, message, now))


def drop_condition(conditions: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in conditions if one["type"] != kind]


def counts(deployment: Obj, sets: list[Obj], new: Obj | None, now: float) -> dict[str, Any]:
    """The status but for the Progressing condition."""
    available = counted(sets, "availableReplicas")
    current = [new] if new is not None else []
    fields = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": counted(sets, "replicas"),
        "updatedReplicas": counted(current, "replicas"),
        "readyReplicas": counted(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(asked(sets) - available, 0),
    }
    status: dict[str, Any] = {field: value for field, value in fields.items() if value}
    if all("terminatingReplicas" in one.get("status", {}) for one in sets):
        status["terminatingReplicas"] = counted(sets, "terminatingReplicas")
    old = deployment.get("status", {})
    if "collisionCount" in old:
        status["collisionCount"] = old["collisionCount"]
    enough = available >= deployment["spec"]["replicas"] - max_unavailable(deployment)
    word = "has" if enough else "does not have"
    status["conditions"] = with_condition(
        list(old.get("conditions") or ()),
        "Available",
        "True" if enough else "False",
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        f"Deployment {word} minimum availability.",
        now,
    )
    return status


def is_complete(deployment: Obj, status: dict[str, Any]) -> bool:
    wanted: int = deployment["spec"]["replicas"]
    return bool(
        status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    )


def has_progressed(deployment: Obj, status: dict[str, Any]) -> bool:
    old = deployment.get("status", {})

    def outdated(one: dict[str, Any]) -> int:
        return int(one.get("replicas", 0) - one.get("updatedReplicas", 0))

    return outdated(status) < outdated(old) or any(
        status.get(field, 0) > old.get(field, 0) for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def has_timed_out(deployment: Obj, status: dict[str, Any], now: float) -> bool:
    found = find_condition(status["conditions"], "Progressing")
    limit = deadline(deployment)
    if found is None or limit is None or found["reason"] == "NewReplicaSetAvailable":
        return False
    if found["reason"] == "ProgressDeadlineExceeded":
        return True
    return seconds_of(found["lastUpdateTime"]) + limit < now


def progressed(deployment: Obj, sets: list[Obj], new: Obj | None, now: float) -> dict[str, Any]:
    """The whole status of a Deployment that is rolling out or has rolled out."""
    status = counts(deployment, sets, new, now)
    found = find_condition(status["conditions"], "Progressing")
    finished = (
        found is not None
        and found["reason"] == "NewReplicaSetAvailable"
        and status.get("replicas", 0) == status.get("updatedReplicas", 0)
    )
    if deadline(deployment) is None:
        status["conditions"] = drop_condition(status["conditions"], "Progressing")
    elif not finished:
        status["conditions"] = _progress(deployment, status, new, now)
    failure = _failure(sets, new, now)
    if failure is None:
        status["conditions"] = drop_condition(status["conditions"], "ReplicaFailure")
    else:
        status["conditions"] = put_condition(status["conditions"], failure)
    return status


def _progress(deployment: Obj, status: dict[str, Any], new: Obj | None, now: float) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = status["conditions"]
    found = find_condition(conditions, "Progressing")
    kind, subject = ("ReplicaSet", new) if new is not None else ("Deployment", deployment)
    what = f'{kind} "{subject["metadata"]["name"]}"'
    if is_complete(deployment, status):
        message = f"{what} has successfully progressed."
        return with_condition(conditions, "Progressing", "True", "NewReplicaSetAvailable", message, now)
    if has_progressed(deployment, status):
        # Always renewed, even for the same reason: lastUpdateTime is what the deadline counts from.
        fresh = make_condition("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.", now)
        if found is not None and found["status"] == "True":
            fresh["lastTransitionTime"] = found["lastTransitionTime"]
        return [*drop_condition(conditions, "Progressing"), fresh]
    if has_timed_out(deployment, status, now):
        message = f"{what} has timed out progressing."
        return with_condition(conditions, "Progressing", "False", "ProgressDeadlineExceeded", message, now)
    return conditions


def _failure(sets: list[Obj], new: Obj | None, now: float) -> dict[str, Any] | None:
    for one in [*([new] if new is not None else []), *sets]:
        failure = find_condition(one.get("status", {}).get("conditions") or (), "ReplicaFailure")
        if failure is not None:
            moved = make_condition("ReplicaFailure", failure["status"], failure["reason"], failure["message"], now)
            return {**moved, "lastTransitionTime": failure["lastTransitionTime"]}
    return None


def until_deadline(deployment: Obj, status: dict[str, Any], now: float) -> float | None:
    """How long until a rollout without progress must be looked at again."""
    limit = deadline(deployment)
    found = find_condition(status["conditions"], "Progressing")
    if limit is None or found is None or is_complete(deployment, status):
        return None
    if found["reason"] in ("ProgressDeadlineExceeded", "NewReplicaSetAvailable"):
        return None
    # A second more: the condition's time has lost its fraction.
    return max(seconds_of(found["lastUpdateTime"]) + limit - now, 0.0) + 1.0
