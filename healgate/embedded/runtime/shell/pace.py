"""How fast a loop of the shell goes round.

On a real machine a loop that never waits takes its share of a processor while time goes by. Here nothing takes time but
what says so, and such a loop would hold the clock for ever. So whoever goes round much faster than processes can be
started has to wait now and then, longer each time. The trap is a loop that only counts: it must come to its end, and
up to some thousand rounds take no time at all.
"""

from __future__ import annotations

from collections.abc import Callable

# So many rounds before anybody asks, and after each wait.
ROUNDS, ROUNDS_MORE = 10_000, 100
# Seconds: what a round of a loop that does something takes at least, and the waits of one that does not.
A_ROUND = 0.001
FIRST_WAIT, LONGEST_WAIT = 0.01, 60.0


class Pace:
    """The rounds of one loop."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._start(ROUNDS, now(), FIRST_WAIT)

    def _start(self, rounds: int, since: float, wait: float) -> None:
        self._rounds = self._left = rounds
        self._since = since
        self._wait = wait

    def round(self) -> float:
        """Another round begins: how long it has to wait before that."""
        self._left -= 1
        if self._left:
            return 0.0
        now, wait = self._now(), self._wait
        if now - self._since >= self._rounds * A_ROUND:
            self._start(ROUNDS, now, FIRST_WAIT)
            return 0.0
        self._start(ROUNDS_MORE, now + wait, min(2 * wait, LONGEST_WAIT))
        return wait
