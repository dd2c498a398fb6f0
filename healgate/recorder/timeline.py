"""Changes as a recording's entries: what changed of an object, without what no two runs share.

Names stay, since they tell who belongs to whom; ids, addresses and absolute times go. The trap is to leave out too
much: an entry must carry whatever a kubelet or a controller decided.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..evidence import Obj, Seen

# What controllers and kubelets write about workloads. Everything else is given, follows from it, or is of one cluster's
# surroundings: how volumes are provisioned, for one.
KINDS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"})
# Of these only what is told about them: a claim that gets no volume says why.
TOLD_OF = KINDS | {"PersistentVolumeClaim"}
PARTS = ("metadata", "spec", "status")

# The API server's own bookkeeping, addresses, and what is long and the same everywhere.
_DROPPED = frozenset(
    {"uid", "resourceVersion", "managedFields", "podIP", "podIPs", "hostIP", "hostIPs", "clusterIP", "clusterIPs",
     "tolerations", "volumeMounts"}
)  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_ID = re.compile(r"\b[0-9a-f]{64}\b")


class Timeline:
    """Entries in the order in which the changes were seen; `zero` is known once all objects are applied."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []

    def see(self, seen: Seen) -> None:
        kind = seen.object["kind"]
        if seen.object["involvedObject"]["kind"] in TOLD_OF if kind == "Event" else kind in KINDS:
            self._seen.append(seen)

    def entries(self, zero: float, neutral: Callable[[str], str]) -> list[Obj]:
        """`neutral` rewrites texts: the name of the namespace is not the recording's."""
        found: list[Obj] = []
        known: dict[tuple[str, str], Obj] = {}
        for seen in self._seen:
            entry = _entry(seen, zero, neutral)
            if seen.object["kind"] != "Event":
                key = (seen.object["kind"], seen.object["metadata"]["name"])
                before = known.get(key, {})
                if seen.type == "DELETED":
                    known.pop(key, None)
                else:
                    now = {part: entry[part] for part in PARTS}
                    if before == now:
                        continue
                    for part in PARTS:
                        if before.get(part) == now[part]:
                            del entry[part]
                    known[key] = now
            elif seen.type == "DELETED":
                continue
            found.append(entry)
        return found


def _entry(seen: Seen, zero: float, neutral: Callable[[str], str]) -> Obj:
    obj = seen.object
    entry: Obj = {"t": round(seen.time - zero, 2), "kind": obj["kind"], "type": seen.type}
    if obj["kind"] == "Event":
        return {**entry, **_shared(_event(obj), zero, neutral)}
    entry["name"] = obj["metadata"]["name"]
    if seen.type != "DELETED":
        for part in PARTS:
            entry[part] = _shared(obj.get(part) or {}, zero, neutral)
        for gone in ("name", "namespace"):
            entry["metadata"].pop(gone, None)
    return entry


def _event(obj: Obj) -> Obj:
    about = obj["involvedObject"]
    path = f" {about['fieldPath']}" if about.get("fieldPath") else ""
    first = obj.get("firstTimestamp") or obj.get("eventTime") or obj["metadata"]["creationTimestamp"]
    series = obj.get("series") or {}
    return {
        "reason": obj.get("reason", ""),
        "message": obj.get("message", ""),
        "count": obj.get("count") or series.get("count", 1),
        "firstTimestamp": first,
        "lastTimestamp": obj.get("lastTimestamp") or series.get("lastObservedTime") or first,
        "reportingComponent": obj.get("reportingComponent") or (obj.get("source") or {}).get("component", ""),
        "eventType": obj.get("type", ""),
        "about": f"{about['kind']}/{about['name']}{path}",
    }


def _shared(value: Any, zero: float, neutral: Callable[[str], str]) -> Any:
    """The value without what is of one run only."""
    if isinstance(value, dict):
        return {
            key: _shared(one, zero, neutral) for key, one in value.items() if key not in _DROPPED and one is not None
        }
    if isinstance(value, list):
        return [_shared(one, zero, neutral) for one in value]
    if isinstance(value, str):
        return _since(value, zero) if _TIME.fullmatch(value) else without_ids(neutral(value))
    return value


def without_ids(text: str) -> str:
    return _ID.sub("<id>", _UID.sub("<uid>", text))


def _since(stamp: str, zero: float) -> str:
    """Whole seconds; what was before anything was applied has a minus."""
    seconds = int(datetime.fromisoformat(stamp).timestamp() - int(zero))
    return f"T+{seconds}s" if seconds > 0 else f"T-{-seconds}s"
