"""Discrete-event time.

Every timestamp, timer, back-off and jitter of the embedded cluster comes from here, so that a trial is
a pure function of its seed. The trap is a second source of either: code that asks `time.time()` or the
module-level `random` makes two runs with one seed differ.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

# A Saturday noon: no daylight-saving change, no month end. Only its being constant matters.
EPOCH = datetime(2026, 5, 16, 12, 0, 0, tzinfo=UTC).timestamp()


def _nothing() -> None:
    """What a cancelled timer calls."""


class Timer:
    """One entry of the agenda; `cancel` is safe at any time, also after it fired."""

    __slots__ = ("_args", "_call", "live", "when")

    def __init__(self, when: float, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.when = when
        self.live = True  # neither fired nor cancelled
        self._call = call
        self._args = args

    def cancel(self) -> None:
        self.live = False
        self._call, self._args = _nothing, ()  # it may stay on the agenda for long

    def fire(self) -> None:
        """For the clock, of one that is live."""
        self.live = False
        self._call(*self._args)


class Clock:
    """Virtual time in seconds since 1970, and the agenda of what happens when."""

    def __init__(self, seed: str = "0", epoch: float = EPOCH) -> None:
        self.epoch = epoch
        self._now = epoch
        # Plain tuples, which compare without a call; the second number decides between timers of one instant.
        self._agenda: list[tuple[float, int, Timer]] = []
        self._order = 0
        self._seed = seed

    def now(self) -> float:
        return self._now

    def random(self, purpose: str) -> random.Random:
        """A stream of its own per purpose: a new consumer must not shift everybody else's draws."""
        return random.Random(f"{self._seed}/{purpose}")

    def call_at(self, when: float, call: Callable[..., Any], *args: Any) -> Timer:
        self._order += 1
        if when < self._now:
            when = self._now
        timer = Timer(when, call, args)
        heapq.heappush(self._agenda, (when, self._order, timer))
        return timer

    def call_later(self, seconds: float, call: Callable[..., Any], *args: Any) -> Timer:
        return self.call_at(self._now + seconds, call, *args)

    def next_due(self) -> float | None:
        """When the next entry fires; None if nothing is on the agenda."""
        agenda = self._agenda
        while agenda and not agenda[0][2].live:
            heapq.heappop(agenda)
        return agenda[0][0] if agenda else None

    def step(self) -> bool:
        """Jump to the next entry and run it; False if there was none."""
        agenda = self._agenda
        while agenda:
            when, _, timer = heapq.heappop(agenda)
            if timer.live:
                self._now = when
                timer.fire()
                return True
        return False

    def run_until(self, when: float) -> None:
        """Run all that is due up to and including `when`, and stand there."""
        # `step` would look twice at every entry, and there are millions.
        agenda = self._agenda
        while agenda and agenda[0][0] <= when:
            due, _, timer = heapq.heappop(agenda)
            if timer.live:
                self._now = due
                timer.fire()
        self._now = max(self._now, when)

    def run_for(self, seconds: float) -> None:
        self.run_until(self._now + seconds)


def stamp(when: float) -> str:
    """A Kubernetes Time: whole seconds, UTC."""
    return _stamp(int(when))


# Much happens in one second, and is read again and again.
@lru_cache(4096)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19] + "Z"


def micro_stamp(when: float) -> str:
    """A Kubernetes MicroTime."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds")[:26] + "Z"


def nano_stamp(when: float) -> str:
    """As container logs write it: nine fractional digits."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds")[:26] + "000Z"


@lru_cache(4096)
def seconds_of(text: str) -> float:
    """The inverse of the three above."""
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()
