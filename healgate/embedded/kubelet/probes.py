"""Probe workers: when a probe runs, how its results are counted, and what follows.

One worker per container and kind, on a grid that begins with the pod, not with the container. The trap is cost:
a worker that cannot change anything (no container yet, on hold, waiting for startup) sleeps until the pod's
status changes instead of ticking, and one that would only hear again what it has published sleeps until the runtime
answers otherwise. Both wake on their grid, so nobody can tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any, Literal

from ..clock import Clock
from ..clock.clock import Timer, seconds_of
from ..runtime.seam import Runtime
from .prober import CUT_OFF, Attempt, attempt
from .records import PodRecord
from .restart import all_containers

Obj = dict[str, Any]
Kind = Literal["liveness", "readiness", "startup"]

KINDS: tuple[tuple[Kind, str], ...] = (
    ("startup", "startupProbe"),
    ("readiness", "readinessProbe"),
    ("liveness", "livenessProbe"),
)
# Results. A readiness probe starts out failing, a liveness probe succeeding, a startup probe unknown.
INITIAL: dict[Kind, bool | None] = {"liveness": True, "readiness": False, "startup": None}
# How long a poked worker takes to have asked.
POKE = 0.018
# How often the status that pokes is there before the worker looks.
IN_TIME = 0.3


class PodProbes:
    """All probe workers of one pod, and their results by container id."""

    def __init__(
        self,
        clock: Clock,
        pokes: Random,
        runtime: Runtime,
        record: PodRecord,
        tell: Callable[[str, str, str, str], None],
        publish_ready: Callable[[str, bool], None],
        sync: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.pokes = pokes
        self.runtime = runtime
        self.record = record
        self.tell = tell  # container, type, reason, message
        self._publish_ready = publish_ready  # container, ready
        self._sync = sync
        self._workers: dict[tuple[str, Kind], _Worker] = {}
        self._results: dict[tuple[Kind, str], bool | None] = {}
        self.pod: Obj = {}
        self.status: Obj = {}
        self._stopped = False
        self.cut_short = False
        # Changes whenever a status that is built may come out otherwise, or would poke a worker.
        self.version = 0

    def add(self, pod: Obj) -> None:
        """Begin to probe; what is there already goes on."""
        self.pod = pod
        if self._stopped or self._workers:
            return
        for container in all_containers(pod):
            for kind, key in KINDS:
                if container.get(key):
                    self._workers[container["name"], kind] = _Worker(self, container, kind, container[key])
                    self.version += 1

    def started(self, name: str, id: str) -> bool | None:
        """Whether it has passed its startup probe; None before the first look at this run."""
        if (name, "startup") not in self._workers:
            return True
        if ("startup", id) not in self._results:
            return None
        return self._results["startup", id] is True

    def ready(self, name: str, id: str) -> bool:
        worker = self._workers.get((name, "readiness"))
        if worker is None:
            return True
        if self._results.get(("readiness", id)) is True:
            return True
        self.version += 1
        worker.poke()
        return False

    def holds(self, kind: Kind, id: str) -> bool:
        return self._results.get((kind, id)) is True

    def failed(self, kind: Kind, id: str) -> bool:
        return self._results.get((kind, id), None) is False

    def published(self, status: Obj) -> None:
        """A new status is out; workers that waited for one look again at their next tick."""
        self.status = status
        for worker in self._workers.values():
            worker.unpark()

    def cut_off(self) -> None:
        """The pod is to go: commands that are asked are broken off, and those that are asked from now on."""
        self.cut_short = True
        for worker in self._workers.values():
            worker.cut_off()

    def stop_liveness_and_startup(self) -> None:
        for (_, kind), worker in self._workers.items():
            if kind != "readiness":
                worker.stop()

    def stop(self) -> None:
        self._stopped = True
        for worker in self._workers.values():
            worker.stop()

    def set(self, kind: Kind, name: str, id: str, result: bool | None) -> None:
        """Publish a result, if it is another than before."""
        key = (kind, id)
        if key in self._results and self._results[key] is result:
            return
        self._results[key] = result
        self.version += 1
        if kind == "liveness":
            if result is False:
                self._sync()
            return
        if kind == "readiness":
            self._publish_ready(name, result is True)
        self._sync()

    def drop(self, kind: Kind, id: str) -> None:
        self._results.pop((kind, id), None)
        self.version += 1


class _Worker:
    """One probe of one container."""

    def __init__(self, probes: PodProbes, container: Obj, kind: Kind, spec: Obj) -> None:
        self._probes = probes
        self._clock = probes.clock
        self._container = container
        self._name: str = container["name"]
        self._kind: Kind = kind
        self._spec = spec
        self._period = float(spec.get("periodSeconds") or 10)
        self._id = ""
        self._on_hold = False
        self._last: bool | None = None
        self._run = 0
        self._base = self._clock.now()
        self._timer: Timer | None = None
        self._asked: tuple[str, int, Timer] | None = None  # of which run, and when the answer comes
        self._poked = False
        self._stopped = False
        self._schedule(self._base)

    def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _busy(self) -> bool:
        return self._asked is not None

    def cut_off(self) -> None:
        if self._asked is not None and "exec" in self._spec:
            id, changes, answer = self._asked
            answer.cancel()
            self._answered(id, CUT_OFF, changes)

    def poke(self) -> None:
        """Run at once, and count the period from then on.

        A status that is being built pokes, and the worker mostly goes by the one before: the first poke of a new run
        is wasted then, which is why its readiness so often comes a whole period later.
        """
        if self._stopped or self._poked or self._busy:
            return
        status = self._own_status()
        known = status is not None and status.get("containerID") and "running" in status["state"]
        if known or self._probes.pokes.random() < IN_TIME:
            self._poked = True
            self._clock.call_later(POKE, self._run_poked)
            return
        self._base = self._clock.now()
        if self._timer is not None:
            self._schedule(self._base + self._period)

    def unpark(self) -> None:
        if not self._stopped and not self._busy and self._timer is None:
            self._schedule(self._next_tick(self._clock.now()))

    def _next_tick(self, after: float) -> float:
        steps = math.floor((after - self._base) / self._period) + 1
        return self._base + steps * self._period

    def _schedule(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_at(when, self._tick)

    def _run_poked(self) -> None:
        self._poked = False
        if self._stopped or self._busy:
            return
        self._base = self._clock.now()
        if self._timer is not None:
            self._timer.cancel()
        self._tick()

    def _tick(self) -> None:
        self._timer = None
        if self._stopped:
            return
        again = self._look()
        if again is not None and not self._stopped:
            self._schedule(again)

    def _look(self) -> float | None:
        """Probe if it is time to; when to look again, or None to wait for another status (or for the answer)."""
        probes = self._probes
        status = self._own_status()
        if status is None or not status.get("containerID"):
            return None
        id = status["containerID"].removeprefix("containerd://")
        if id != self._id:
            if self._id:
                probes.drop(self._kind, self._id)
            self._id = id
            probes.set(self._kind, self._name, id, INITIAL[self._kind])
            self._on_hold = False
        if self._on_hold:
            return None
        running = status["state"].get("running")
        if running is None:
            probes.set(self._kind, self._name, id, False)
            return None
        if probes.pod["metadata"].get("deletionTimestamp") and self._kind != "readiness":
            probes.set(self._kind, self._name, id, True)
            self.stop()
            return None
        now = self._clock.now()
        begin = seconds_of(running["startedAt"]) + int(self._spec.get("initialDelaySeconds") or 0)
        if now < begin:
            return self._next_tick(begin - 1e-6)
        if bool(status.get("started")) is (self._kind == "startup"):
            return None
        container = probes.record.by_id(id)
        if container is None or container.process is None:
            return self._next_tick(now)
        changes = probes.runtime.changes
        if probes.cut_short and "exec" in self._spec:
            found = CUT_OFF
        else:
            found = attempt(probes.runtime, container.process, self._container, self._spec, probes.record.ip)
        if found.seconds > 0:
            answer = self._clock.call_later(found.seconds, self._answered, id, found, changes)
            self._asked = id, changes, answer
            return None
        self._count(id, found)
        return None if self._on_hold or self._rests(found, changes) else self._next_tick(now)

    def _rests(self, found: Attempt, changes: int) -> bool:
        """Whether it can wait for the runtime: a success that is published already, and would only come again."""
        probes = self._probes
        if not (found.ok and found.lasts and probes.holds(self._kind, self._id) and probes.runtime.changes == changes):
            return False
        probes.runtime.on_next_change(self.unpark)
        return True

    def _own_status(self) -> Obj | None:
        status = self._probes.status
        for key in ("containerStatuses", "initContainerStatuses"):
            for one in status.get(key) or ():
                if one["name"] == self._name:
                    return one  # type: ignore[no-any-return]
        return None

    def _answered(self, id: str, found: Attempt, changes: int) -> None:
        self._asked = None
        if self._stopped:
            return
        asked = self._clock.now() - found.seconds
        if id == self._id:
            self._count(id, found)
            if self._rests(found, changes):
                return
        # A tick that fell into a slow answer is made up for at once.
        self._schedule(max(self._next_tick(asked), self._clock.now()))

    def _count(self, id: str, found: Attempt) -> None:
        word = self._kind.capitalize()
        if found.ok is None:
            text = f"{word} probe errored and resulted in unknown state: {found.output}"
            self._probes.tell(self._name, "Warning", "Unhealthy", text)
            return
        if not found.ok:
            self._probes.tell(self._name, "Warning", "Unhealthy", f"{word} probe failed: {found.output}")
        self._run = self._run + 1 if self._last is found.ok else 1
        self._last = found.ok
        needed = self._spec.get("successThreshold" if found.ok else "failureThreshold")
        if self._run < int(needed or (1 if found.ok else 3)):
            return
        self._probes.set(self._kind, self._name, id, found.ok)
        if self._kind == "startup" or (self._kind == "liveness" and not found.ok):
            self._on_hold = True
            self._run = 0
