"""Changes to manifests as people write them: a patch in which containers and variables are found by name.

The same notation is used before deploying (what the healthy workload looks like in this trial) and for the break (a
strategic merge patch, done by the API server), so that a scenario has one way to say a change.
"""

from __future__ import annotations

from typing import Any


def changed(value: Any, patch: Any) -> Any:
    """The value with a patch in it: mappings are merged, null removes, lists of named things are merged by name."""
    if isinstance(value, dict) and isinstance(patch, dict):
        merged = {key: inner for key, inner in value.items() if patch.get(key, ...) is not None}
        for key, inner in patch.items():
            if inner is not None:
                merged[key] = changed(value.get(key), inner)
        return merged
    if _named(value) and _named(patch):
        known = {item["name"]: item for item in value}
        for item in patch:
            known[item["name"]] = changed(known.get(item["name"], {}), item)
        return list(known.values())
    return patch


def _named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "name" in item for item in value)
