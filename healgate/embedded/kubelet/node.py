"""What the pods of one node share: clock, runtime, recorder, addresses, back-offs, timing."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from ..api.quantities import parse
from ..clock import Clock
from ..clock.clock import stamp
from ..events import Recorder
from ..runtime.seam import Runtime
from .backoff import Backoff
from .containers import ContainerManager
from .environment import EnvironmentMaker
from .eviction import StorageMonitor
from .images import ImagePuller
from .pressure import MemoryMonitor
from .status import Node
from .tasks import Signal
from .timing import KubeletTiming

if TYPE_CHECKING:
    from ..api.registry import Registry
    from .pods import PodWorker

Obj = dict[str, Any]

FORGET_RESTARTS = 600.0


class NodeServices:
    """One per kubelet."""

    def __init__(self, registry: Registry, clock: Clock, runtime: Runtime, timing: KubeletTiming, name: str) -> None:
        self.registry = registry
        self.clock = clock
        self.runtime = runtime
        self.timing = timing
        self.identity = Node(name, "172.18.0.2")
        self.recorder = Recorder(registry, clock, "kubelet", name)
        self.random = clock.random("kubelet/jitter")
        self.pokes = clock.random("kubelet/pokes")
        self.containers = ContainerManager(clock, runtime)
        self.images = ImagePuller(clock, runtime)
        self.environment = EnvironmentMaker(registry.store)
        self.storage = StorageMonitor(clock)
        self.workers: dict[str, PodWorker] = {}
        self.memory = MemoryMonitor(clock, self._capacity, self.workers.values, self.tell_node, self._show_pressure)
        runtime.on_memory(self.memory.may_come_to)
        # The node is cut off: what happens on it goes on, and nobody hears of it.
        self.away = False
        self.back = Signal()
        self.restarts = Backoff(
            timing.first_restart_period,
            timing.max_restart_period,
            forget=FORGET_RESTARTS,
            housekeeping=timing.housekeeping,
        )
        # The grids on which a kubelet's loops run; each began at some instant of its own.
        phases = clock.random("kubelet/phases")
        self.relist_phase = clock.epoch + phases.random() * timing.relist
        self._tick_phase = clock.epoch + phases.random() * timing.tick
        self._addresses: dict[str, None] = {}
        self._last_address = 0

    # -- what the node says of itself

    def _node(self) -> Obj | None:
        return self.registry.store.get("nodes", "", self.identity.name)

    def _capacity(self) -> int:
        node = self._node()
        return int(parse(((node or {}).get("status", {}).get("capacity") or {}).get("memory", "16Gi")))

    def cpus(self) -> int:
        """How many processors a container sees; 0 if the node does not say."""
        found = ((self._node() or {}).get("status", {}).get("capacity") or {}).get("cpu", "")
        return int(found) if str(found).isdigit() else 0

    def tell_node(self, type: str, reason: str, message: str) -> None:
        node = self._node()
        if node is not None and not self.away:
            # A node's events carry its name for a uid, as a kubelet does not know better.
            about = {**node, "metadata": {**node["metadata"], "uid": self.identity.name}}
            text = message or f"Node {self.identity.name} status is now: {reason}"
            self.recorder.event(about, type, reason, text)

    def _show_pressure(self, short: bool) -> None:
        if self.away:
            return
        kind, status = "Insufficient" if short else "Sufficient", "True" if short else "False"
        self.post("MemoryPressure", status, f"KubeletHas{kind}Memory", f"kubelet has {kind.lower()} memory available")

    def post(self, kind: str, status: str, reason: str, message: str) -> None:
        """Show one of the node's conditions."""
        node = self._node()
        if node is None:
            return
        told = {"status": status, "reason": reason, "message": message, "lastTransitionTime": stamp(self.clock.now())}
        conditions = [{**one, **told} if one["type"] == kind else one for one in node["status"]["conditions"]]
        self.registry.set_status("nodes", None, self.identity.name, {**node["status"], "conditions": conditions})

    def next_tick(self, after: float) -> float:
        """The first look of the sync loop at its work queue at or after an instant."""
        period = self.timing.tick
        return self._tick_phase + math.ceil((after - self._tick_phase) / period) * period

    def jittered(self, seconds: float) -> float:
        return seconds * (1 + 0.5 * self.random.random())

    def new_address(self) -> str:
        for _ in range(65536):
            self._last_address += 1
            low = self._last_address % 254 + 1
            high = (self._last_address // 254) % 256
            address = f"10.244.{high}.{low}"
            if address not in self._addresses:
                self._addresses[address] = None
                return address
        raise RuntimeError("the node has no pod address left")

    def release(self, address: str) -> None:
        self._addresses.pop(address, None)

    def token(self, pod: Obj, source: Obj) -> bytes:
        """A service account token as a pod finds it mounted; nobody checks its signature."""
        claims = {
            "sub": f"system:serviceaccount:{pod['metadata']['namespace']}:"
            f"{pod['spec'].get('serviceAccountName') or 'default'}",
            "aud": source.get("audience") or "https://kubernetes.default.svc",
        }
        return json.dumps(claims, sort_keys=True).encode()


def restart_key(pod: Obj, container: Obj, resources: Obj) -> str:
    """What a crash-loop counter belongs to: another image or other resources begin anew."""
    meta = pod["metadata"]
    told = json.dumps(resources, sort_keys=True)
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})/{container['name']}/{container['image']}/{told}"
