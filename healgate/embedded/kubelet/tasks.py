"""Work that takes time on the virtual clock, written as generators.

A pod sync waits for pulls, mounts, starts and dying processes; as callbacks it could not be read against the
kubelet that it models. A task yields how long to wait, or a signal, or both. The trap is a wait that nobody can
end: whoever waits on behalf of a pod must use `Interrupt`, so that a deletion gets through.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from ..clock import Clock
from ..clock.clock import Timer

T = TypeVar("T")


class Signal:
    """Wakes everybody who waits, each time it is given."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    @property
    def awaited(self) -> bool:
        return bool(self._waiting)

    def give(self) -> None:
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def wait(self, wake: Callable[[], None]) -> None:
        self._waiting.append(wake)

    def unwait(self, wake: Callable[[], None]) -> None:
        if wake in self._waiting:
            self._waiting.remove(wake)


Wait = float | Signal | tuple[Signal, float]
Steps = Generator[Wait, None, T]


class Task:
    """Runs a generator to its end on the clock."""

    __slots__ = ("_clock", "_done", "_signal", "_steps", "_timer")

    def __init__(self, clock: Clock, steps: Steps[None], done: Callable[[], None] | None = None) -> None:
        self._clock = clock
        self._steps = steps
        self._done = done
        self._timer: Timer | None = None
        self._signal: Signal | None = None
        self._advance()

    def _advance(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._signal is not None:
            self._signal.unwait(self._advance)
            self._signal = None
        try:
            wait = next(self._steps)
        except StopIteration:
            if self._done is not None:
                self._done()
            return
        if isinstance(wait, tuple):
            self._signal, seconds = wait
            self._signal.wait(self._advance)
            self._timer = self._clock.call_later(seconds, self._advance)
        elif isinstance(wait, Signal):
            self._signal = wait
            wait.wait(self._advance)
        else:
            self._timer = self._clock.call_later(wait, self._advance)


def together(clock: Clock, parts: list[Steps[None]]) -> Steps[None]:
    """Run several at once; over when the last one is."""
    left = len(parts)
    over = Signal()

    def one_less() -> None:
        nonlocal left
        left -= 1
        if not left:
            over.give()

    for part in parts:
        Task(clock, part, one_less)
    while left:
        yield over


class Interrupted(Exception):
    """The pod is to go: whatever its worker waits for has become pointless."""


class Interrupt:
    """Waits that a deletion ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._signal = Signal()
        self.given = False

    def give(self) -> None:
        self.given = True
        self._signal.give()

    def nudge(self) -> None:
        """End the present wait without meaning that the pod is to go."""
        self._signal.give()

    def sleep_or_nudge(self, seconds: float) -> Steps[None]:
        if not self.given:
            yield (self._signal, seconds)
        if self.given:
            raise Interrupted

    def sleep(self, seconds: float) -> Steps[None]:
        until = self._clock.now() + seconds
        while not self.given:
            left = until - self._clock.now()
            if left <= 0:
                return
            yield (self._signal, left)
        raise Interrupted
