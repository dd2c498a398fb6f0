"""Exponential back-off, with the two different rules by which a real kubelet forgets an entry.

A check compares the *event* (the container's finish) with the last restart, the housekeeping compares *now* with
it. The trap is to have only the documented rule: then a container that runs six minutes at the cap waits five
minutes where a real one waits about four and starts over from ten seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class _Entry:
    period: float
    updated: float


class Backoff:
    """Per key: how long to wait, and since when. Nothing here is random."""

    def __init__(self, initial: float, cap: float, *, forget: float, housekeeping: float = 0.0) -> None:
        self._initial = initial
        self._cap = cap
        self._forget = forget
        self._housekeeping = housekeeping  # how often entries are dropped by age; 0: at every look
        self._entries: dict[str, _Entry] = {}

    def waits(self, key: str, since: float, now: float) -> bool:
        """Whether something that last happened at `since` has to wait."""
        entry = self._live(key, now)
        if entry is None or since - entry.updated > self._forget:
            return False
        return now - since < entry.period

    def waits_since_update(self, key: str, now: float) -> bool:
        """The same, measured from the last failure."""
        entry = self._live(key, now)
        if entry is None or now - entry.updated > self._forget:
            return False
        return now - entry.updated < entry.period

    def next(self, key: str, since: float, now: float) -> None:
        """Another attempt begins (or has failed)."""
        entry = self._live(key, now)
        if entry is None or since - entry.updated > self._forget:
            self._entries[key] = _Entry(self._initial, now)
            return
        entry.period = min(2 * entry.period, self._cap)
        entry.updated = now

    def period(self, key: str) -> float:
        entry = self._entries.get(key)
        return entry.period if entry is not None else 0.0

    def _live(self, key: str, now: float) -> _Entry | None:
        """The entry, unless housekeeping has come by since it grew old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        swept = math.floor(now / self._housekeeping) * self._housekeeping if self._housekeeping else now
        if swept - entry.updated > self._forget:
            del self._entries[key]
            return None
        return entry


def go_duration(seconds: float) -> str:
    """As Go prints a duration: 10s, 1m20s, 5m0s, 77ms, 1.234s."""
    millis = round(seconds * 1000)
    if millis < 1000:
        return f"{millis}ms" if millis else "0s"
    whole, rest = divmod(millis, 1000)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{head}{whole}{fraction}s"
