"""Small operations on plain JSON objects that everything here needs.

The trap they guard against is sharing: what came from a caller is copied once, on its way in, and afterwards
only the changed path is.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


# Times that a server writes as null when it does not know them.
_NULLABLE = frozenset({"lastProbeTime", "firstTimestamp", "lastTimestamp", "eventTime", "startedAt", "finishedAt"})


# How deep an object may be nested, here; a real server goes to 10,000, and nothing that a cluster is for goes to 50.
DEEPEST = 200
TOO_DEEP = f"exceeded max depth: objects are nested {DEEPEST} deep at most on the embedded cluster"


def is_reachable(value: Any, deepest: int = DEEPEST) -> bool:
    """Whether all of it can be walked to, and so be copied, compared and said again."""
    if isinstance(value, dict):
        return deepest > 0 and all(is_reachable(one, deepest - 1) for one in value.values())
    if isinstance(value, list):
        return deepest > 0 and all(is_reachable(one, deepest - 1) for one in value)
    return True


# Most of what is copied is text and numbers, which are taken as they are, without a call for each.
_HOLDS = (dict, list, tuple)


def clean_copy(value: Any) -> Any:
    """A deep copy without null members: a server's typed decoding forgets them too."""
    if isinstance(value, dict):
        return {
            key: clean_copy(one) if isinstance(one, _HOLDS) else one
            for key, one in value.items()
            if one is not None or key in _NULLABLE
        }
    if isinstance(value, _HOLDS):
        return [clean_copy(one) for one in value]
    return value


def deep_copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: deep_copy(one) if isinstance(one, _HOLDS) else one for key, one in value.items()}
    if isinstance(value, list):
        return [deep_copy(one) if isinstance(one, _HOLDS) else one for one in value]
    return value


def at(obj: Any, path: str) -> Any:
    """The value at a dotted path, None where anything on the way is missing."""
    for key in path.split("."):
        if not isinstance(obj, dict):
            return None
        obj = obj.get(key)
    return obj


def with_at(obj: Obj, path: str, value: Any) -> Obj:
    """The object with another value at a dotted path, copied along that path only."""
    key, _, rest = path.partition(".")
    if rest:
        below = obj.get(key)
        value = with_at(below if isinstance(below, dict) else {}, rest, value)
    return {**obj, key: value}


def without(obj: Obj, *keys: str) -> Obj:
    return {key: value for key, value in obj.items() if key not in keys}
