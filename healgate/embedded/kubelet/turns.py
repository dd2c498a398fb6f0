"""In which order the containers of a pod that ends are told to stop.

The ordinary ones at once, the sidecars behind them, last one first. The trap is that only TERM waits: every container
has its Killing event and its stop hook in the moment the pod is to end, and waits on its own grace.
"""

from __future__ import annotations

from typing import Any

from ..clock import Clock
from .restart import init_containers, is_sidecar
from .tasks import Signal, Steps

Obj = dict[str, Any]


class Turns:
    """Who of a pod's running containers goes before whom."""

    def __init__(self, clock: Clock, pod: Obj, running: set[str]) -> None:
        self._clock = clock
        self._left = running
        self._moved = Signal()
        self._before: dict[str, set[str]] = {}
        ordinary = {one["name"] for one in pod["spec"]["containers"]}
        later: set[str] = set()
        for sidecar in filter(is_sidecar, reversed(init_containers(pod))):
            self._before[sidecar["name"]] = ordinary | later
            later = {sidecar["name"]}

    def over(self, name: str) -> None:
        self._left.discard(name)
        self._moved.give()

    def wait(self, name: str, seconds: float) -> Steps[None]:
        """Until all that go first are gone, but for no longer than this."""
        until = self._clock.now() + seconds
        before = self._before.get(name, set())
        while before & self._left and self._clock.now() < until:
            yield (self._moved, until - self._clock.now())
