"""stub"""

from __future__ import annotations

from typing import Any

from .resources import Resource

Obj = dict[str, Any]


class Definitions:
    def __init__(self, registry: Any) -> None:
        pass

    @staticmethod
    def conform(res: Resource, obj: Obj) -> None:
        return None
