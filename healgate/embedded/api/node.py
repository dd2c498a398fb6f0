"""What the server asks of the kubelet: logs, proxying and commands of a pod's containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..runtime.seam import ExecResult, HttpAnswer

Obj = dict[str, Any]


class NodeApi(Protocol):
    """The kubelet's side of it. Every method may raise ApiError."""

    def logs(
        self,
        pod: Obj,
        container: str,
        *,
        previous: bool = False,
        tail: int | None = None,
        since_seconds: int | None = None,
        since_time: float | None = None,
        timestamps: bool = False,
        limit_bytes: int | None = None,
    ) -> bytes: ...

    def proxy(self, pod: Obj, port: int, method: str, path: str, body: bytes) -> HttpAnswer: ...

    def exec(self, pod: Obj, container: str, argv: tuple[str, ...]) -> ExecResult: ...

    def usage(self, pod: Obj) -> Mapping[str, int]:
        """Bytes of memory in use by each running container."""
