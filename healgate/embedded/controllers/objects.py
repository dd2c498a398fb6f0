"""What every controller asks of objects: who controls this, does it match, is it ready.

Objects are frozen (see the store): everything here reads, or returns new dictionaries.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ..clock.clock import seconds_of
from ..store.store import Change, Obj


def owner_reference(owner: Obj) -> dict[str, Any]:
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Obj) -> dict[str, Any] | None:
    for reference in obj["metadata"].get("ownerReferences", ()):
        if reference.get("controller"):
            return reference  # type: ignore[no-any-return]
    return None


def being_deleted(obj: Obj) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def labels_of(obj: Obj) -> dict[str, str]:
    found: dict[str, str] = obj["metadata"].get("labels") or {}
    return found


def annotations_of(obj: Obj) -> dict[str, str]:
    found: dict[str, str] = obj["metadata"].get("annotations") or {}
    return found


def with_metadata(obj: Obj, **changes: Any) -> Obj:
    """A copy with these metadata fields; None removes one."""
    meta = {**obj["metadata"], **changes}
    return {**obj, "metadata": {key: value for key, value in meta.items() if value is not None}}


# -- conditions


def condition(obj: Obj, kind: str) -> dict[str, Any] | None:
    return find_condition(obj.get("status", {}).get("conditions") or (), kind)


def find_condition(conditions: Iterable[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    for found in conditions:
        if found["type"] == kind:
            return found
    return None


# -- pods


# Asked of every pod by every controller at every turn, hence without a call more than it takes.


def phase(pod: Obj) -> str:
    status = pod.get("status")
    return str(status.get("phase", "")) if status else ""


def is_terminal(pod: Obj) -> bool:
    status = pod.get("status")
    return bool(status and status.get("phase") in ("Succeeded", "Failed"))


def is_active(pod: Obj) -> bool:
    status = pod.get("status")
    over = status and status.get("phase") in ("Succeeded", "Failed")
    return not over and "deletionTimestamp" not in pod["metadata"]


def is_terminating(pod: Obj) -> bool:
    return being_deleted(pod) and not is_terminal(pod)


def readiness(pod: Obj) -> dict[str, Any] | None:
    status = pod.get("status")
    for found in (status.get("conditions") if status else None) or ():
        if found["type"] == "Ready":
            return found  # type: ignore[no-any-return]
    return None


def is_ready(pod: Obj) -> bool:
    status = pod.get("status")
    for found in (status.get("conditions") if status else None) or ():
        if found["type"] == "Ready":
            return bool(found["status"] == "True")
    return False


def ready_since(pod: Obj) -> float | None:
    found = readiness(pod)
    if found is None or found["status"] != "True" or not found.get("lastTransitionTime"):
        return None
    return seconds_of(found["lastTransitionTime"])


def is_available(pod: Obj, min_ready: int, now: float) -> bool:
    if not is_ready(pod):
        return False
    if not min_ready:
        return True
    since = ready_since(pod)
    return since is not None and since + min_ready <= now


def restarts(pod: Obj) -> int:
    return max((status["restartCount"] for status in pod.get("status", {}).get("containerStatuses") or ()), default=0)


_OWNERS_FIELDS = ("deletionTimestamp", "labels", "ownerReferences", "finalizers")


@lru_cache(1)
def beyond_its_containers(change: Change) -> bool:
    """Whether a pod's change is more than another state of its containers, which is most of all changes.

    Asked by many controllers of the same change.
    """
    if change.type != "MODIFIED" or change.before is None:
        return True
    before, after = change.before, change.object
    if phase(before) != phase(after):
        return True
    return not change.status_only and (before["spec"] is not after["spec"] or _owner_sees(before, after))


def matters_to_owner(change: Change) -> bool:
    """Whether a pod's change can move a count in its owner; a loop's waiting states cannot."""
    if change.type != "MODIFIED" or change.before is None:
        return True
    before, after = change.before, change.object
    if phase(before) != phase(after) or readiness(before) != readiness(after):
        return True
    return not change.status_only and _owner_sees(before, after)


def _owner_sees(before: Obj, after: Obj) -> bool:
    old, new = before["metadata"], after["metadata"]
    return [old.get(field) for field in _OWNERS_FIELDS] != [new.get(field) for field in _OWNERS_FIELDS]


def template_pod(owner: Obj, template: Obj) -> Obj:
    """The pod that a controller asks for; its name is the api's to complete."""
    meta = template.get("metadata") or {}
    pod_meta: dict[str, Any] = {
        "generateName": f"{owner['metadata']['name']}-",
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(meta.get("labels") or {}),
        "ownerReferences": [owner_reference(owner)],
    }
    if meta.get("annotations"):
        pod_meta["annotations"] = dict(meta["annotations"])
    if meta.get("finalizers"):
        pod_meta["finalizers"] = list(meta["finalizers"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": pod_meta, "spec": template["spec"]}


# -- numbers


def scaled(value: int | str, total: int, *, up: bool) -> int:
    """An IntOrString, a percentage resolved against `total`."""
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        return int(value)
    part = int(value[:-1]) * total
    return math.ceil(part / 100) if up else part // 100


def owners(obj: Obj) -> Any:
    return obj["metadata"].get("ownerReferences", ())
