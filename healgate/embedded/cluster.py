"""A whole simulated cluster, put together from its parts.

Everything is a function of the seed and of the requests that come in. Its furniture is weeks old, as in life: it is
made while the clock stands in the past, before anything is on the agenda, so that getting here costs no time.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from .api.registry import Registry
from .api.server import Server
from .clock import EPOCH, Clock
from .controllers import Controllers
from .door.participants import Participants
from .furniture import NODE, furniture, with_heartbeat
from .kubelet import STOCK, Kubelet, KubeletTiming
from .runtime.names import StoreNames
from .runtime.runtime import SimulatedRuntime
from .runtime.shelf import ImageShelf
from .store import Store
from .surroundings import Surroundings

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

# How old the cluster is when somebody gets it.
AGE = 23 * 86_400.0
# How long its controllers take to furnish the namespaces.
SETTLING = 5.0
# How often a kubelet posts a status in which nothing changed.
HEARTBEAT = 300.0


class EmbeddedCluster:
    """API, controllers, one node; on its own clock."""

    def __init__(
        self,
        seed: str = "0",
        *,
        images: ImageShelf | None = None,
        timing: KubeletTiming | None = None,
        epoch: float = EPOCH,
    ) -> None:
        self.clock = clock = Clock(seed, epoch - AGE)
        self.store = Store(clock)
        self.registry = Registry(self.store, clock)
        self.server = Server(self.registry)
        self.participants = Participants(clock)
        for resource, obj in furniture(clock.now()):
            self.registry.create(resource, obj)
        Controllers(self.registry, clock).start()
        clock.run_for(SETTLING)
        clock.run_until(epoch)
        clock.epoch = epoch
        shelf = images if images is not None else shipped_images()
        self.runtime = SimulatedRuntime(clock, StoreNames(self.store), shelf, shelf.registries())
        self.kubelet = Kubelet(self.registry, clock, self.runtime, timing or STOCK, NODE)
        self.kubelet.start()
        self.server.node = self.kubelet
        self.server.beside = Surroundings(self.runtime.registries, clock).answer
        self._clients: list[ApiClient] = []
        self._post_node()

    def client(self, user: str = "") -> ApiClient:
        """The official client, in process, as this user ("": the administrator)."""
        from .door.client import api_client  # half a second that only those pay who use it

        made = api_client(self.server, self.participants, user)
        self._clients.append(made)
        return made

    def run_for(self, seconds: float) -> None:
        """Let time pass, for participants too if there are any."""
        self.participants.sleep(seconds)

    def close(self) -> None:
        """Close the clients that it made. There is nothing else: no thread, no socket, no file."""
        while self._clients:
            self._clients.pop().close()  # type: ignore[no-untyped-call]

    def _post_node(self) -> None:
        node = self.registry.find("nodes", None, NODE)
        if node is not None:
            self.registry.set_status("nodes", None, NODE, with_heartbeat(node["status"], self.clock.now()))
        self.clock.call_later(HEARTBEAT, self._post_node)


def shipped_images() -> ImageShelf:
    """The images that come with healgate, in a clone as from a wheel."""
    folder = Path(next(iter(importlib.import_module("healgate.manifests").__path__)))
    return ImageShelf(folder / "images")
