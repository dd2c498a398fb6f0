"""The clock driven by an event loop: virtual time runs as real time does, or faster by a factor.

The trap is a burst. After a busy second, or at a high factor, more is due than fits between two requests, so the
agenda is worked off in slices and requests get their turn in between.
"""

from __future__ import annotations

import asyncio

from ..clock import Clock

# How long, in real seconds, the agenda may keep the loop for itself.
SLICE = 0.02


class Pace:
    """Lives in one event loop; everything that touches the cluster must run in there."""

    def __init__(self, clock: Clock, warp: float, loop: asyncio.AbstractEventLoop) -> None:
        self.warp = warp
        self._clock = clock
        self._loop = loop
        self._began = loop.time()
        self._origin = clock.now()
        self._next: asyncio.TimerHandle | None = None

    def catch_up(self) -> None:
        """Run what is due now, and come back when the next is."""
        target = self._origin + (self._loop.time() - self._began) * self.warp
        enough = self._loop.time() + SLICE
        while (due := self._clock.next_due()) is not None and due <= target:
            if self._loop.time() > enough:
                self._rearm(0.0)
                return
            self._clock.step()
        self._clock.run_until(target)
        if due is None:
            self.stop()
        else:
            self._rearm((due - target) / self.warp)

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _rearm(self, seconds: float) -> None:
        """Every request comes by here: an alarm that rings too early is cheaper than another one each time."""
        # Never sooner than another callback's turn, never so late that the loop's limit is passed.
        when = self._loop.time() + min(seconds, 3600.0)
        if self._next is None or self._next.when() > when:
            self.stop()
            self._next = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._next = None
        self.catch_up()
