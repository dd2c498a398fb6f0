"""The relist: how a kubelet learns what its runtime did, and when.

Once a second on a fixed grid, and at once after a sync that went well. Nothing ticks here: a relist is put on
the agenda only when something changed or somebody waits for a newer cache. The trap is to tell a pod worker of a
change at the instant it happens: the second that passes decides whether a crash is seen as such or as a start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..clock.clock import Timer
from .records import EMPTY, PodRecord, Snapshot
from .tasks import Signal

Obj = dict[str, Any]

# How long it takes from the wish to a relist apart from the grid.
RELIST_TAKES = 0.003


class Relister:
    """One pod's cache of the runtime."""

    def __init__(
        self, clock: Clock, record: PodRecord, phase: float, period: float, tell: Callable[[list[str]], None]
    ) -> None:
        self._clock = clock
        self._record = record
        self._phase = phase
        self._period = period
        self._tell = tell  # called with the names of containers that died, if anything started or died
        self._timer: Timer | None = None
        self._known: dict[str, str] = {}
        self.snapshot: Snapshot = EMPTY
        self.renewed = Signal()

    def changed(self) -> None:
        """Something happened in the runtime; the next regular relist will see it."""
        if self._timer is None:
            self._timer = self._clock.call_at(self._next_regular(), self._regular)

    def as_of(self) -> float:
        """How fresh the snapshot is: a regular relist that found nothing to change counts too."""
        return max(self.snapshot.time, self._next_regular() - self._period)

    def _next_regular(self) -> float:
        steps = math.floor((self._clock.now() - self._phase) / self._period) + 1
        return self._phase + steps * self._period

    def on_demand(self) -> None:
        """Look again at once, apart from the grid."""
        self._clock.call_later(RELIST_TAKES, self._relist)

    def _regular(self) -> None:
        self._timer = None
        self._relist()

    def _relist(self) -> None:
        """Take a snapshot and tell what is new in it."""
        snapshot = self._record.snapshot(self._clock.now())
        known: dict[str, str] = {seen.id: seen.state for seen in snapshot.containers}
        if snapshot.sandbox:
            known["sandbox"] = "running"
        news = False
        died: list[str] = []
        for id, state in known.items():
            before = self._known.get(id)
            if before == state or state == "created":
                continue
            news = True
            if state == "exited":
                died.append(next(seen.name for seen in snapshot.containers if seen.id == id))
        if "sandbox" in self._known and "sandbox" not in known:
            news = True
        self._known = known
        self.snapshot = snapshot
        self.renewed.give()
        if news:
            self._tell(died)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
