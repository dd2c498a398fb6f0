"""Answers that go on: watches, and logs that are followed.

Whoever transports one takes what is ready when told that something is, and stops it when the client went.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..clock import Clock, Timer
from .messages import ApiAnswer


class Stream:
    status = 200

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = {**headers, "Transfer-Encoding": "chunked"}
        self.closed = False
        self.on_ready: Callable[[], None] | None = None
        # Made into bytes only when somebody takes them.
        self._lines: deque[Callable[[], bytes]] = deque()

    def take(self) -> list[bytes]:
        """The lines that are ready now."""
        lines = [line() for line in self._lines]
        self._lines.clear()
        return lines

    @property
    def pending(self) -> bool:
        return bool(self._lines)

    def stop(self) -> None:
        """The client went away."""
        self.on_ready = None
        self._lines.clear()
        self._close()

    def _close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._release()
        if self.on_ready is not None:
            self.on_ready()

    def _release(self) -> None:
        """Let go of what made lines."""


# How often a followed log is looked at; a kubelet is told by the file system, at about this pace.
LOOK_SECONDS = 0.5


class LogStream(Stream):
    """A log from where it is now until its container ends."""

    def __init__(self, clock: Clock, first: bytes, more: Callable[[int], tuple[bytes, bool]]) -> None:
        """`more` gives what came after so many bytes of the whole log, and whether that was the last of it."""
        super().__init__({"Content-Type": "text/plain"})
        self._clock = clock
        self._more = more
        self._timer: Timer | None = None
        if first:
            self._lines.append(lambda: first)
        self._at = len(more(0)[0])
        self._look()

    def _look(self) -> None:
        fresh, ended = self._more(self._at)
        if fresh:
            self._at += len(fresh)
            self._lines.append(lambda: fresh)
        if ended:
            self._close()
            return
        self._timer = self._clock.call_later(LOOK_SECONDS, self._look)
        if fresh and self.on_ready is not None:
            self.on_ready()

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


Answer = ApiAnswer | Stream
