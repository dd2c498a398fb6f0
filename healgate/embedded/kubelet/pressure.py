"""A node that runs out of memory: it says so, keeps new pods away, and stops one pod after another until it has enough.

Only what is over its request is blamed first, then the less important, then whoever is furthest over. The condition
stays for five minutes after the need has passed. The trap is cost: nearly no node ever gets there, so the monitor
sleeps until the runtime tells it that its containers could come to hold that much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..api.demand import demand
from ..api.quantities import canonical, parse
from ..clock import Clock
from .ending import Ending
from .eviction import ASKED_EVERY, CLEANED_UP, GRACE, MONITORED_EVERY, linger
from .resize import resources_of
from .restart import all_containers

if TYPE_CHECKING:
    from .pods import PodWorker

Obj = dict[str, Any]

THRESHOLD = 100 * 1024**2
# What the node's own processes hold.
SYSTEM = 640 * 1024**2
PAGE = 4096
# How long the condition outlasts the need.
TRANSITION = 300.0
# A node tells of itself every ten seconds.
TOLD_EVERY = 10.0
# Pods of this priority are never evicted by their node.
CRITICAL = 2_000_000_000
KIND = "MemoryPressure"
TAINT = "node.kubernetes.io/memory-pressure"


class MemoryMonitor:
    """Looks while there may be need, or while there was not long ago."""

    def __init__(
        self,
        clock: Clock,
        capacity: Callable[[], int],
        workers: Callable[[], Iterable[PodWorker]],
        tell: Callable[[str, str, str], None],
        show: Callable[[bool], None],
    ) -> None:
        self._clock = clock
        self._random = clock.random("kubelet/pressure")
        self._capacity = capacity
        self._workers = workers
        self._tell = tell
        self._show = show
        self._most = 0.0
        self._seen_at: float | None = None  # when memory was last too short
        self._ticking = False
        self._evicted: list[PodWorker] = []

    @property
    def short(self) -> bool:
        """Whether the node counts as short of memory."""
        return self._seen_at is not None

    def may_come_to(self, most: float) -> None:
        """What all containers together may come to hold has grown."""
        self._most = most
        if not self._ticking and most + SYSTEM > self._capacity() - THRESHOLD:
            self._ticking = True
            self._clock.call_later(MONITORED_EVERY * self._random.random(), self._look)

    def _look(self) -> None:
        if linger(self._evicted):
            self._clock.call_later(ASKED_EVERY, self._look)
            return
        now = self._clock.now()
        available = self._capacity() - SYSTEM - sum(_usage(worker) for worker in self._workers())
        self._evicted = []
        if available < THRESHOLD:
            if self._seen_at is None:
                self._clock.call_later(TOLD_EVERY * self._random.random(), self._say)
            self._seen_at = now
            self._tell("Warning", "EvictionThresholdMet", "Attempting to reclaim memory")
            self._evicted = self._evict(available)
        elif self._seen_at is not None and now - self._seen_at >= TRANSITION:
            self._seen_at = None
            self._clock.call_later(TOLD_EVERY * self._random.random(), self._say)
        if self._seen_at is None and self._most + SYSTEM <= self._capacity() - THRESHOLD:
            self._ticking = False
            return
        self._clock.call_later(self._random.uniform(*CLEANED_UP) if self._evicted else MONITORED_EVERY, self._look)

    def _say(self) -> None:
        self._show(self.short)
        self._tell("Normal", "NodeHasInsufficientMemory" if self.short else "NodeHasSufficientMemory", "")

    def _active(self) -> list[PodWorker]:
        return [worker for worker in self._workers() if worker.stage == "syncing"]

    def _evict(self, available: int) -> list[PodWorker]:
        """Stop the first pod in the order of blame."""
        ranked = [worker for worker in self._active() if int(worker.pod["spec"].get("priority") or 0) < CRITICAL]
        if not ranked:
            return []
        worker = min(ranked, key=_blame)
        message = "The node was low on resource: memory. "
        message += f"Threshold quantity: {_shown(THRESHOLD)}, available: {_shown(available)}. "
        for container in all_containers(worker.pod):
            used, asked = _used(worker, container["name"]), _asked(container)
            if used > asked:
                request = (resources_of(container).get("requests") or {}).get("memory", "0")
                message += f"Container {container['name']} was using {_shown(used)}, request is {request}, "
                message += "has larger consumption of memory. "
        worker.tell_pod("Warning", "Evicted", message)
        worker.end(Ending("Evicted", message, GRACE, condition=True))
        return [worker]

    def refuses(self, pod: Obj) -> str:
        """Why a pod is not let in, in the kubelet's words (and with its blank at the end)."""
        if not self.short or int(pod["spec"].get("priority") or 0) >= CRITICAL:
            return ""
        if (pod.get("status") or {}).get("qosClass", "BestEffort") != "BestEffort":
            return ""
        if any(_tolerates(one) for one in pod["spec"].get("tolerations") or ()):
            return ""
        return f"Pod was rejected: The node had condition: [{KIND}]. "


def _tolerates(toleration: Obj) -> bool:
    if toleration.get("effect") not in (None, "", "NoSchedule"):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", TAINT)
    return toleration.get("key") == TAINT and not toleration.get("value")


def _blame(worker: PodWorker) -> tuple[bool, int, Fraction, str]:
    """The smallest goes first."""
    over = _usage(worker) - demand(worker.pod["spec"]).get("memory", Fraction(0))
    return over <= 0, int(worker.pod["spec"].get("priority") or 0), -over, worker.uid


def _asked(container: Obj) -> Fraction:
    return parse((resources_of(container).get("requests") or {}).get("memory") or 0)


def _used(worker: PodWorker, container: str) -> int:
    found = worker.record.newest(container)
    return 0 if found is None or not found.running or found.process is None else found.process.memory


def _usage(worker: PodWorker) -> int:
    return sum(
        found.process.memory for found in worker.record.containers if found.running and found.process is not None
    )


def _shown(size: int) -> str:
    """Whole pages, as they are counted."""
    return canonical(Fraction(size // PAGE * PAGE), "Mi")
