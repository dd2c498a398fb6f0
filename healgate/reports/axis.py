"""A time axis that gives its room to where something happens.

A trial breaks within seconds, is repaired within a minute and is then held for ten: on one linear scale everything
that matters would be a smudge at the left. So the axis has up to three stretches, each linear, with a visible break
between them: before the break, the crash and its repair, and the hold.
"""

from __future__ import annotations

from dataclasses import dataclass

_STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)


@dataclass(frozen=True)
class Stretch:
    """Times and the pixels they are drawn at."""

    start: float
    end: float
    left: float
    right: float

    def x(self, time: float) -> float:
        if self.end <= self.start:
            return self.left
        return self.left + (time - self.start) / (self.end - self.start) * (self.right - self.left)


@dataclass(frozen=True)
class Axis:
    stretches: tuple[Stretch, ...]

    @classmethod
    def over(cls, start: float, busy: tuple[float, float], end: float, left: float, right: float) -> Axis:
        """`busy` is the stretch that gets most of the room; what is short stays on its scale."""
        first, last = max(start, busy[0]), min(end, max(busy))
        long = max(last - first, 1.0)
        width = right - left
        before = _share(first - start, long, 0.1)
        after = _share(end - last, long, 0.22)
        one = width / (1 + before + after)
        edges = [left, left + before * one, right - after * one, right]
        times = [start, first, last, max(end, last)]
        stretches = [
            Stretch(times[i], times[i + 1], edges[i], edges[i + 1]) for i in range(3) if edges[i + 1] > edges[i]
        ]
        return cls(tuple(stretches))

    def x(self, time: float) -> float:
        """Times outside the axis are drawn at its ends."""
        stretches = self.stretches
        time = min(max(time, stretches[0].start), stretches[-1].end)
        for stretch in stretches:
            if time <= stretch.end:
                return stretch.x(time)
        return stretches[-1].right

    @property
    def breaks(self) -> list[float]:
        """Where the scale changes, in pixels."""
        return [stretch.right for stretch in self.stretches[:-1]]

    def ticks(self, zero: float, room: float) -> list[tuple[float, float]]:
        """(pixel, seconds since `zero`), at least `room` pixels apart."""
        ticks: list[tuple[float, float]] = []
        for stretch in self.stretches:
            span = stretch.end - stretch.start
            if span <= 0 or stretch.right - stretch.left < room:
                continue
            step = next((s for s in _STEPS if s / span * (stretch.right - stretch.left) >= room), _STEPS[-1])
            count = int((stretch.start - zero) // step)
            while zero + count * step <= stretch.end:
                time = zero + count * step
                x = stretch.x(time)
                if time >= stretch.start and (not ticks or x - ticks[-1][0] >= room * 0.9):
                    ticks.append((x, count * step))
                count += 1
        return ticks


def _share(length: float, long: float, most: float) -> float:
    """How much room beside the busy stretch (which has 1): its own length, but never more than `most`."""
    return min(max(length, 0.0) / long, most)
