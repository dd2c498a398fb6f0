"""The API server's clock, as far as it can be told from here.

Everything that decides a verdict must be of one clock. What the server stamps (creations, ends, conditions) is its own,
to whole seconds; requests, claims and changes pass here and need a finer time on the same clock. Each answer has a
Date, also cut to whole seconds: so at some moment between sending and receiving it, the server's clock stood within
that second. Two answers narrow the difference between the clocks, a few hundred settle it to milliseconds. The trap is
a correction where there is nothing to correct: as long as no answer contradicts it, our own clock is right.
"""

from __future__ import annotations

import threading
import time
from email.utils import parsedate_to_datetime


class ServerTime:
    """Seconds since 1970 as the server counts them; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Our clock never jumps: it is read once, and then counted on.
        self._begun = time.time() - time.monotonic()
        self._least = float("-inf")
        self._most = float("inf")

    def now(self) -> float:
        return self.local() + self.ahead

    def local(self) -> float:
        return self._begun + time.monotonic()

    @property
    def ahead(self) -> float:
        """By how much the server's clock is ahead of ours, at the least that fits all answers."""
        return min(max(0.0, self._least), self._most)

    def learn(self, date: str | None, sent: float, received: float) -> None:
        """From an answer's Date header; the times are those of `local`."""
        if not date:
            return
        try:
            second = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        with self._lock:
            least, most = second - received, second + 1.0 - sent
            if least > self._most or most < self._least:  # a clock was set: begin anew
                self._least, self._most = least, most
            else:
                self._least, self._most = max(self._least, least), min(self._most, most)
