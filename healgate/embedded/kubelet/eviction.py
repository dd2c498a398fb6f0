"""Eviction for local storage: pods that wrote more than they may are stopped, and their objects stay.

A real kubelet looks every ten seconds, and right after it has cleaned up what it evicted; what volumes hold it
measures once a minute only. The trap is the phase: containers that stop cleanly leave a pod that Succeeded, with no
word of the eviction but its event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..api.quantities import parse
from ..clock import Clock
from .ending import Ending
from .resize import total
from .restart import all_containers

if TYPE_CHECKING:
    from .pods import PodWorker

Obj = dict[str, Any]

MONITORED_EVERY = 10.0
VOLUMES_MEASURED_EVERY = 60.0
# A pod that was evicted counts as cleaned up when a look once a second finds it gone.
CLEANED_UP = (1.6, 2.8)
ASKED_EVERY = 1.0
# A container's own layer is measured for the first time when it has run for a while.
UNMEASURED_FOR = 5.0
GRACE = 1.0


class StorageMonitor:
    """Looks at the pods that have a limit on what they may write; ticks only while there are any."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._random = clock.random("kubelet/eviction")
        self._measured_at = clock.now() + VOLUMES_MEASURED_EVERY * self._random.random()
        self._watched: dict[str, PodWorker] = {}
        self._held: dict[str, dict[str, int]] = {}  # pod -> volume -> bytes, when last measured
        self._ticking = False
        self._evicted: list[PodWorker] = []

    def watch(self, worker: PodWorker) -> None:
        """Look after a pod if anything limits what it writes."""
        if not _limited(worker.pod):
            return
        self._watched[worker.uid] = worker
        if not self._ticking:
            self._ticking = True
            self._clock.call_later(MONITORED_EVERY * self._random.random(), self._look)

    def _look(self) -> None:
        if linger(self._evicted):
            self._clock.call_later(ASKED_EVERY, self._look)
            return
        self._watched = {uid: worker for uid, worker in self._watched.items() if worker.stage == "syncing"}
        if not self._watched:
            self._ticking = False
            return
        self._measure()
        self._evicted = []
        for worker in self._watched.values():
            message = self._excess(worker)
            if message:
                worker.tell_pod("Warning", "Evicted", message)
                worker.end(Ending("Evicted", message, GRACE))
                self._evicted.append(worker)
        wait = self._random.uniform(*CLEANED_UP) if self._evicted else MONITORED_EVERY
        self._clock.call_later(wait, self._look)

    def _measure(self) -> None:
        """Find out what volumes hold, if it is time again."""
        now = self._clock.now()
        if now < self._measured_at:
            return
        self._measured_at += ((now - self._measured_at) // VOLUMES_MEASURED_EVERY + 1) * VOLUMES_MEASURED_EVERY
        self._held = {
            uid: {name: _held(worker, name) for name in _volumes(worker.pod)} for uid, worker in self._watched.items()
        }

    def _excess(self, worker: PodWorker) -> str:
        """What was exceeded, in the kubelet's words (and with its blank at the end)."""
        held = self._held.get(worker.uid, {})
        for name, limit in _volumes(worker.pod).items():
            if limit is not None and held.get(name, 0) > parse(limit):
                return f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
        limits = {one["name"]: limit for one in worker.pod["spec"]["containers"] if (limit := _limit(one))}
        if not limits:
            return ""
        before = self._clock.now() - UNMEASURED_FOR
        written = {one["name"]: _written(worker, one["name"], before) for one in all_containers(worker.pod)}
        if sum(written.values()) + sum(held.values()) > sum(parse(limit) for limit in limits.values()):
            shown = total(tuple(limits.values()))
            return f"Pod ephemeral local storage usage exceeds the total limit of containers {shown}. "
        for name, limit in limits.items():
            if written[name] > parse(limit):
                return f'Container {name} exceeded its local ephemeral storage limit "{limit}". '
        return ""


def linger(evicted: list[PodWorker]) -> bool:
    """Whether one is not cleaned up yet: until it is, nobody else is looked at."""
    return any(worker.stage == "terminating" for worker in evicted)


def _limit(container: Obj) -> str:
    found = ((container.get("resources") or {}).get("limits") or {}).get("ephemeral-storage")
    return "" if found is None else str(found)


def _limited(pod: Obj) -> bool:
    if any("sizeLimit" in (volume.get("emptyDir") or ()) for volume in pod["spec"].get("volumes") or ()):
        return True
    return any(_limit(container) for container in pod["spec"]["containers"])


def _volumes(pod: Obj) -> dict[str, str | None]:
    """The pod's directories on the node's disk and their limits."""
    return {
        volume["name"]: volume["emptyDir"].get("sizeLimit")
        for volume in pod["spec"].get("volumes") or ()
        if volume.get("emptyDir") is not None and volume["emptyDir"].get("medium") != "Memory"
    }


def _held(worker: PodWorker, volume: str) -> int:
    for container in all_containers(worker.pod):
        found = worker.record.newest(container["name"])
        paths = [mount["mountPath"] for mount in container.get("volumeMounts") or () if mount["name"] == volume]
        if found is not None and found.process is not None and paths:
            return sum(found.process.stored(path) for path in paths)
    return 0


def _written(worker: PodWorker, container: str, before: float) -> int:
    """Bytes in the layer and the log of a container that started before a certain time."""
    found = worker.record.newest(container)
    return 0 if found is None or found.process is None or found.seen.started > before else found.process.stored()
