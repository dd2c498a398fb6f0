"""What happened in a recording, without when: for recordings of a machine that had much else to do.

Of each workload's containers: how they ended and why they waited, unless their pod was told to go. Of each workload:
what the cluster warned of. The trap is to compare what is a matter of moments there (a look in time at a back-off, a
probe that met a process just starting): that is left out on both sides. What is compared to the second is in
`tests/fidelity`.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

# Seen or not seen by chance, where containers start slowly.
_MOMENTS = frozenset({"ContainerCreating", "PodInitializing", "CrashLoopBackOff", "ImagePullBackOff"})
_PASSING = frozenset({"Unhealthy", "BackOff", "FailedScheduling"})
# A first kill for memory may read either way.
_SAME = {("OOMKilled", 137): ("killed", 137), ("Error", 137): ("killed", 137)}


def happened(recording: Obj) -> dict[str, set[Any]]:
    """By workload and container: ends and waits; by workload: warnings."""
    owners = _owners(recording)
    found: dict[str, set[Any]] = {}
    going: set[str] = set()
    for entry in recording["timeline"]:
        if entry["kind"] == "Event":
            about = entry["about"].partition(" ")[0]
            if entry["eventType"] == "Warning" and entry["reason"] not in _PASSING:
                found.setdefault(f"{_top(about, owners)} warnings", set()).add(entry["reason"])
        elif entry["kind"] == "Pod" and entry["type"] != "DELETED":
            workload = _top(f"Pod/{entry['name']}", owners)
            if "deletionTimestamp" in entry.get("metadata", {}):
                going.add(entry["name"])
            for status in _statuses(entry) if entry["name"] not in going else ():
                for ended in _ends_and_waits(status):
                    found.setdefault(f"{workload} {status['name']}", set()).add(ended)
    return {key: value for key, value in found.items() if value}


def _ends_and_waits(status: Obj) -> list[tuple[str, int | None]]:
    ends = [(status.get(part) or {}).get("terminated") for part in ("state", "lastState")]
    found = [_SAME.get((end["reason"], end["exitCode"]), (end["reason"], end["exitCode"])) for end in ends if end]
    waits = (status.get("state") or {}).get("waiting", {}).get("reason")
    return found + ([(waits, None)] if waits and waits not in _MOMENTS else [])


def _statuses(entry: Obj) -> list[Obj]:
    status = entry.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _owners(recording: Obj) -> dict[str, str]:
    owners = {}
    for entry in recording["timeline"]:
        for owner in entry.get("metadata", {}).get("ownerReferences") or ():
            owners[f"{entry['kind']}/{entry['name']}"] = f"{owner['kind']}/{owner['name']}"
    return owners


def _top(name: str, owners: dict[str, str]) -> str:
    while name in owners:
        name = owners[name]
    return name
