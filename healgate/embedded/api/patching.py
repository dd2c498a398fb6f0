"""stub"""

from __future__ import annotations

from typing import Any

from .resources import Resource

Obj = dict[str, Any]


def patched(
    res: Resource,
    obj: Obj,
    body: Any,
    content_type: str,
    manager: str,
    subresource: str,
    force: bool,
    now: float,
) -> Obj:
    raise NotImplementedError
