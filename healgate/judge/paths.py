"""Dotted paths into objects: `spec.template.spec.containers[api].image`, `data[.dockerconfigjson]`, `[*]` for all.

In brackets stands a list item's name, or a key that a dot would split. Looking up never fails: what is not there is
simply not among what is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_PART = re.compile(r"\[([^\]]+)\]|([^.\[\]]+)")


@lru_cache(maxsize=1024)
def parts(path: str) -> tuple[str, ...]:
    return tuple(found[1] or found[2] for found in _PART.finditer(path))


def look_up(value: Any, path: str) -> list[Any]:
    """Every value at the path; more than one only where it says `[*]`."""
    return list(_walk(value, parts(path)))


def _walk(value: Any, rest: tuple[str, ...]) -> Iterator[Any]:
    if not rest:
        yield value
        return
    key, further = rest[0], rest[1:]
    if isinstance(value, dict):
        for name in value if key == "*" else (key,) if key in value else ():
            yield from _walk(value[name], further)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if key == "*" or str(index) == key or (isinstance(item, dict) and item.get("name") == key):
                yield from _walk(item, further)
