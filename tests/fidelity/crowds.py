"""How many pods of one workload were alive at once.

Two pods are compared each by itself, and in times that leave room for slow nodes. So a controller that makes the new
one before the old one has ended would pass: what is wrong then is neither, but that both are there. The trap is a
crowd by chance, of one that ends as another begins: hence two counts, and what lies between them proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from .tracks import Recording

ENDED = ("Succeeded", "Failed")

# Seconds by which a pod may have ended sooner, had chance wanted so.
SOONER = 0.5


@dataclass(frozen=True)
class Crowd:
    """The most pods at once: so many for certain, so many counting those that were about to end."""

    least: int
    most: int
    since: float

    def differs(self, other: Crowd) -> bool:
        return self.least > other.most or other.least > self.most

    def __str__(self) -> str:
        return f"{self.most} at once (since {self.since:.1f} s)"


NOBODY = Crowd(0, 0, 0.0)


def crowds(recording: Recording, names: Mapping[str, str], until: float) -> dict[str, Crowd]:
    """Per workload. A pod that has ended is none, whether it has been removed or not."""
    began, ended = _lives(recording, until)
    most = _most(began, ended, names, 0.0)
    least = _most(began, ended, names, SOONER)
    return {
        workload: Crowd(least.get(workload, (0, 0.0))[0], count, since) for workload, (count, since) in most.items()
    }


def _lives(recording: Recording, until: float) -> tuple[dict[str, float], dict[str, float]]:
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for entry in recording["timeline"]:
        if entry["kind"] != "Pod" or entry["t"] > until:
            continue
        if entry["type"] == "ADDED":
            began.setdefault(entry["name"], entry["t"])
        if entry["type"] == "DELETED" or (entry.get("status") or {}).get("phase") in ENDED:
            ended.setdefault(entry["name"], entry["t"])
    return began, ended


def _most(
    began: dict[str, float], ended: dict[str, float], names: Mapping[str, str], sooner: float
) -> dict[str, tuple[int, float]]:
    found: dict[str, tuple[int, float]] = {}
    for moment in began.values():
        alive = [one for one in began if began[one] <= moment < ended.get(one, float("inf")) - sooner]
        for workload, count in Counter(names.get(one, one).partition("#")[0] for one in alive).items():
            if count > found.get(workload, (0, 0.0))[0]:
                found[workload] = count, moment
    return found
