"""Recordings of a real cluster as a watch would have shown them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from healgate.evidence import Obj, Seen

TRACES = Path(__file__).parents[1] / "fidelity" / "traces"
BEGAN = 1_790_000_000.0
_API = {"Deployment": "apps/v1", "ReplicaSet": "apps/v1", "Job": "batch/v1"}
_STAMP = re.compile(r"^T([+-]\d+)s$")


def recording(case: str) -> list[Seen]:
    """The changes of one case; its objects were applied at BEGAN."""
    data = json.loads((TRACES / f"{case}.json").read_text())
    return list(_changes(data["timeline"]))


def _changes(timeline: list[Obj]) -> Iterator[Seen]:
    known: dict[tuple[str, str], Obj] = {}
    for number, entry in enumerate(timeline):
        time = BEGAN + entry["t"]
        if entry["kind"] == "Event":
            yield Seen(time, entry["type"], _event(entry, number))
            continue
        key = (entry["kind"], entry["name"])
        before = known.get(key, {"metadata": {}, "spec": {}, "status": {}})
        meta = {**before["metadata"], **_stamped(entry.get("metadata", {}))}
        meta = {**meta, "name": entry["name"], "uid": f"{entry['kind']}/{entry['name']}"}
        meta["ownerReferences"] = [{**o, "uid": f"{o['kind']}/{o['name']}"} for o in meta.get("ownerReferences", [])]
        obj = {
            "apiVersion": _API.get(entry["kind"], "v1"),
            "kind": entry["kind"],
            "metadata": meta,
            "spec": _stamped(entry["spec"]) if entry.get("spec") else before["spec"],
            "status": _stamped(entry["status"]) if entry.get("status") else before["status"],
        }
        known[key] = obj
        yield Seen(time, entry["type"], obj)


def _event(entry: Obj, number: int) -> Obj:
    about, _, field = entry["about"].partition(" ")
    kind, _, name = about.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"event-{number}", "uid": f"Event/{number}"},
        "involvedObject": {"kind": kind, "name": name, **({"fieldPath": field} if field else {})},
        "reason": entry["reason"],
        "type": entry["eventType"],
        "message": entry["message"],
        "lastTimestamp": _stamp(entry.get("lastTimestamp")),
    }


def _stamped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stamped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_stamped(inner) for inner in value]
    return _stamp(value)


def _stamp(value: Any) -> Any:
    found = _STAMP.match(value) if isinstance(value, str) else None
    if found is None:
        return value
    return datetime.fromtimestamp(BEGAN + int(found[1]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
