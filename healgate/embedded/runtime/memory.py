"""How much memory a container has, as a function of time, and when it crosses a limit.

Usage is a sum of straight lines, so the moment of a crossing is computed instead of looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Less than this cannot hold the runtime's own first process, which then dies before the program is there.
INIT = 4 * 1024 * 1024

SUDDEN = 1e-3  # seconds: a faster rise is a step


@dataclass(frozen=True, slots=True)
class _Ramp:
    start: float
    end: float
    before: float
    after: float

    def at(self, when: float) -> float:
        if when >= self.end:
            return self.after
        return self.before + (self.after - self.before) * (when - self.start) / (self.end - self.start)

    def slope(self, when: float) -> float:
        return (self.after - self.before) / (self.end - self.start) if when < self.end else 0.0


class Memory:
    def __init__(self) -> None:
        self._ramps: dict[str, _Ramp] = {}
        self._leaks: dict[str, tuple[float, float]] = {}  # since, bytes a second

    def use(self, purpose: str, size: float, now: float, over: float = 0.0) -> None:
        held = self._ramps[purpose].at(now) if purpose in self._ramps else 0.0
        self._ramps[purpose] = _Ramp(now, now + (over if over > SUDDEN else 0.0), held, size)

    def leak(self, rate: float, now: float, purpose: str = "") -> None:
        self._leaks[purpose or f"leak {len(self._leaks)}"] = (now, rate)

    def drop(self, purpose: str) -> None:
        self._ramps.pop(purpose, None)
        self._leaks.pop(purpose, None)

    def largest(self, when: float) -> int:
        """The process that holds most; purposes begin with its number."""
        held: dict[int, float] = {1: 0.0}
        amounts = {key: ramp.at(when) for key, ramp in self._ramps.items()}
        amounts |= {key: max(0.0, when - since) * rate for key, (since, rate) in self._leaks.items()}
        for key, amount in amounts.items():
            pid, slash, _ = key.partition("/")
            if slash:
                held[int(pid)] = held.get(int(pid), 0.0) + amount
        return max(held, key=lambda pid: held[pid])

    def at(self, when: float) -> float:
        return sum(ramp.at(when) for ramp in self._ramps.values()) + sum(
            max(0.0, when - since) * rate for since, rate in self._leaks.values()
        )

    def most(self) -> float:
        """What it may come to if nobody asks for more; without end if something leaks."""
        if self._leaks:
            return float("inf")
        return sum(max(ramp.before, ramp.after) for ramp in self._ramps.values())

    def crossing(self, limit: float, now: float) -> float | None:
        """The first moment from now on at which usage exceeds the limit."""
        if self.at(now) > limit:
            return now
        bends = sorted({ramp.end for ramp in self._ramps.values() if ramp.end > now})
        start = now
        for end in (*bends, None):
            slope = sum(ramp.slope(start) for ramp in self._ramps.values()) + sum(
                rate for _, rate in self._leaks.values()
            )
            if slope > 0:
                when = start + (limit - self.at(start)) / slope
                if end is None or when < end:
                    return when
            if end is not None:
                start = end
        return None


class NodeMemory:
    """The most that all containers of a node may come to hold together, kept as they change.

    It is a bound and not a measurement, so that somebody who must know when memory gets scarce need not look
    at every container every few seconds for as long as it cannot.
    """

    def __init__(self) -> None:
        self.changed: Callable[[float], None] | None = None
        self._most: dict[int, float] = {}
        self._finite = 0.0
        self._endless = 0

    def note(self, container: int, most: float) -> None:
        """0 for one that has ended."""
        old = self._most.pop(container, 0.0)
        if most:
            self._most[container] = most
        self._count(old, -1)
        self._count(most, 1)
        if self.changed is not None and most > old:
            self.changed(float("inf") if self._endless else self._finite)

    def _count(self, most: float, sign: int) -> None:
        if most == float("inf"):
            self._endless += sign
        else:
            self._finite += sign * most
