"""What cluster DNS and kube-proxy know: Services, and the endpoints behind them.

Read from the store as they read it. A Service without ready endpoints refuses; a name that nobody has does not
resolve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..store import Store

Obj = dict[str, Any]


@dataclass(frozen=True)
class Service:
    cluster_ip: str  # "None" for a headless one
    # port of the Service -> where it leads, ready endpoints only: (pod IP, port)
    ports: dict[int, tuple[tuple[str, int], ...]]
    # behind a headless Service: pod IPs, and those of pods with a name of their own
    pods: tuple[str, ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)


class Names(Protocol):
    def service(self, namespace: str, name: str) -> Service | None: ...

    def at(self, address: str) -> Service | None:
        """The Service that has this clusterIP."""

    def on_change(self, call: Callable[[], None]) -> None:
        """Have it called whenever an answer may differ from before."""


class StoreNames:
    """`Names` out of the Services and EndpointSlices of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # By namespace and name: programs ask for the same few again and again. Forgotten whenever one may differ.
        self._views: dict[tuple[str, str], Service] = {}
        self.on_change(self._views.clear)

    def on_change(self, call: Callable[[], None]) -> None:
        self._store.subscribe("services", lambda _: call())
        self._store.subscribe("endpointslices.discovery.k8s.io", lambda _: call())

    def at(self, address: str) -> Service | None:
        for service in self._store.list("services"):
            if service.get("spec", {}).get("clusterIP") == address:
                return self._view(service)
        return None

    def service(self, namespace: str, name: str) -> Service | None:
        found = self._store.get("services", namespace, name)
        return None if found is None else self._view(found)

    def _view(self, service: Obj) -> Service:
        key = (service["metadata"].get("namespace", ""), service["metadata"]["name"])
        found = self._views.get(key)
        if found is None:
            found = self._views[key] = self._made_of(service)
        return found

    def _made_of(self, service: Obj) -> Service:
        meta, spec = service["metadata"], service.get("spec", {})
        slices = [
            piece
            for piece in self._store.list("endpointslices.discovery.k8s.io", meta.get("namespace", ""))
            if piece["metadata"].get("labels", {}).get("kubernetes.io/service-name") == meta["name"]
        ]
        ports: dict[int, tuple[tuple[str, int], ...]] = {}
        for port in spec.get("ports") or []:
            targets = [
                (address, found["port"])
                for piece in slices
                for found in piece.get("ports") or []
                if found.get("name", "") == port.get("name", "") and found.get("port")
                for address in _ready(piece)
            ]
            ports[port["port"]] = tuple(targets)
        pods = tuple(address for piece in slices for address in _ready(piece))
        hosts = {
            endpoint["hostname"]: endpoint["addresses"][0]
            for piece in slices
            for endpoint in piece.get("endpoints") or []
            if endpoint.get("hostname") and endpoint.get("addresses")
        }
        return Service(spec.get("clusterIP", ""), ports, pods, hosts)


def _ready(piece: Obj) -> list[str]:
    """Addresses that traffic goes to. An endpoint that does not say counts as ready."""
    return [
        address
        for endpoint in piece.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready", True) is not False
        for address in endpoint.get("addresses") or []
    ]
