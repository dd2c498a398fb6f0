"""Dotted paths into objects: `spec.template.spec.containers[api].image`, `data[.dockerconfigjson]`, `[*]` for all.

In brackets stands a list item's name, or a key that a dot would split. Looking up never fails: what is not there is
simply not among what is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_PART = re.compile(r"\[([^\]]+)\]|([^.\[\]]+)")


@lru_cache(maxsize=1024)
def parts(path: str) -> tuple[str, ...]:
    return tuple(found[1] or found[2] for found in _PART.finditer(path))


def look_up(value: Any, path: str) -> list[Any]:
    """Every value at the path; more than one only where it says `[*]`."""
    keys = parts(path)
    # Most paths lead through objects alone, and there are hundreds of them in a judgement.
    for at, key in enumerate(keys):
        if key == "*" or not isinstance(value, dict):
            return _look_further([value], keys[at:])
        if key not in value:
            return []
        value = value[key]
    return [value]


def _look_further(found: list[Any], keys: tuple[str, ...]) -> list[Any]:
    for key in keys:
        found = [below for one in found for below in _below(one, key)]
    return found


def _below(value: Any, key: str) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values() if key == "*" else (value[key],) if key in value else ()
    if isinstance(value, list):
        return value if key == "*" else [item for index, item in enumerate(value) if _is_called(key, index, item)]
    return ()


def _is_called(key: str, index: int, item: Any) -> bool:
    return (isinstance(item, dict) and item.get("name") == key) or str(index) == key
