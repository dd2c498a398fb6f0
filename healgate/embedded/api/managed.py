"""stub"""

from __future__ import annotations

from typing import Any

from .resources import Resource

Obj = dict[str, Any]


def track(res: Resource, old: Obj | None, new: Obj, manager: str, subresource: str, now: float) -> None:
    return None


def forget_missing(entries: Any, new: Obj) -> Any:
    return entries
