"""One work queue per controller: a dirty key is synced once, a few virtual milliseconds later.

Level-triggered: what is queued is *that* something changed, never what. The trap is a sync that trusts the
change which woke it; with several changes folded into one, it then misses all but the last.
"""

from __future__ import annotations

from collections.abc import Callable

from ..api.errors import ApiError
from ..clock import Clock
from ..clock.clock import Timer

Key = tuple[str, str]

# client-go's rate limiter per item: 5 ms, doubled for each failure in a row, at most 1000 s.
FIRST_RETRY = 0.005
LAST_RETRY = 1000.0

# How long a controller takes to notice and act, in seconds.
LATENCY = (0.002, 0.009)


class WorkQueue:
    """Keys are (namespace, name)."""

    def __init__(self, clock: Clock, name: str, sync: Callable[[str, str], None]) -> None:
        self._clock = clock
        self._sync = sync
        self._random = clock.random(f"controllers/{name}")
        self._due: dict[Key, Timer] = {}
        self._failures: dict[Key, int] = {}

    def add(self, namespace: str, name: str, after: float = 0.0) -> None:
        """Have the key synced; the earliest of several wishes wins, so a sync must wish again for what is later."""
        when = self._clock.now() + after + self._random.uniform(*LATENCY)
        key = (namespace, name)
        waiting = self._due.get(key)
        if waiting is not None:
            if waiting.when <= when:
                return
            waiting.cancel()
        self._due[key] = self._clock.call_at(when, self._run, key)

    def add_limited(self, namespace: str, name: str) -> None:
        """Once more, later each time until a sync goes well."""
        failures = self._failures.get((namespace, name), 0)
        self._failures[namespace, name] = failures + 1
        self.add(namespace, name, min(FIRST_RETRY * 2.0**failures, LAST_RETRY))

    def _run(self, key: Key) -> None:
        del self._due[key]
        before = self._failures.get(key, 0)
        try:
            self._sync(*key)
        except ApiError:
            self.add_limited(*key)
        else:
            if self._failures.get(key, 0) == before:
                self._failures.pop(key, None)
