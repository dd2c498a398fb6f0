"""What the runtime would answer if asked: one record per container run, and a snapshot of them.

A kubelet never acts on what is, only on what its last relist saw. The trap is to read the live record where a
real kubelet reads its cache: the second kill by a liveness probe then backs off at once, which it must not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ..runtime.seam import Exit, Process
from .tasks import Signal

State = Literal["created", "running", "exited"]


class Seen(NamedTuple):
    """One container run as a relist finds it."""

    id: str
    name: str
    attempt: int
    state: State
    image: str  # as the runtime resolved it
    image_id: str
    spec_image: str  # as the pod named it: a change of it restarts
    created: float
    started: float = 0.0
    finished: float = 0.0
    exit: Exit | None = None


class Container:
    """One run, alive or dead, with its log."""

    __slots__ = ("ended", "process", "seen")

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.process: Process | None = None
        self.ended = Signal()

    @property
    def running(self) -> bool:
        return self.seen.state == "running"

    def started(self, process: Process, now: float) -> None:
        self.process = process
        self.seen = self.seen._replace(state="running", started=now)

    def finished(self, exit: Exit, now: float) -> None:
        """It ended; whoever waits for `ended` is to be told by the caller."""
        started = self.seen.started if exit.started else 0.0
        self.seen = self.seen._replace(state="exited", exit=exit, started=started, finished=now)


class Snapshot(NamedTuple):
    """A pod as the last relist saw it; containers newest first."""

    time: float
    sandbox: bool
    ip: str
    containers: tuple[Seen, ...]

    def newest(self, name: str) -> Seen | None:
        for seen in self.containers:
            if seen.name == name:
                return seen
        return None

    def newest_dead(self, name: str) -> Seen | None:
        for seen in self.containers:
            if seen.name == name and seen.state == "exited":
                return seen
        return None


EMPTY = Snapshot(float("-inf"), False, "", ())


@dataclass
class PodRecord:
    """Everything the runtime keeps for one pod."""

    uid: str
    ip: str = ""
    sandbox: bool = False
    containers: list[Container] = field(default_factory=list)  # newest first
    # The number that the next run of a container has of which nothing else is left.
    next_attempts: dict[str, int] = field(default_factory=dict)

    def snapshot(self, now: float) -> Snapshot:
        return Snapshot(
            now, self.sandbox, self.ip if self.sandbox else "", tuple([found.seen for found in self.containers])
        )

    def by_id(self, id: str) -> Container | None:
        for found in self.containers:
            if found.seen.id == id:
                return found
        return None

    def newest(self, name: str) -> Container | None:
        for found in self.containers:
            if found.seen.name == name:
                return found
        return None

    def next_attempt(self, name: str, newest: Seen | None) -> int:
        """By the newest run that a relist has seen."""
        return newest.attempt + 1 if newest is not None else self.next_attempts.get(name, 0)

    def remove(self, name: str) -> None:
        """Nothing of this container is left, but what its runs were called."""
        newest = self.newest(name)
        if newest is not None:
            self.next_attempts[name] = newest.seen.attempt + 1
            self.containers = [found for found in self.containers if found.seen.name != name]

    def remove_old_dead(self, name: str) -> None:
        """Only the newest dead run keeps its log."""
        seen = False
        left: list[Container] = []
        for found in self.containers:
            if found.seen.name == name and found.seen.state == "exited":
                if seen:
                    continue
                seen = True
            left.append(found)
        self.containers = left
