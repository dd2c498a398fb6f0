"""Cluster IPs and node ports of services.

Drawn at random from the usual ranges, as the real allocator does: a healer that guesses the next one should fail.
"""

from __future__ import annotations

from typing import Any

from ..clock import Clock
from ..store import Store

Obj = dict[str, Any]

NODE_PORTS = range(30000, 32768)


class Addresses:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._draw = clock.random("service-addresses")

    def assign(self, service: Obj, old: Obj | None) -> None:
        """Fill in what a service of this type has, keeping what the old one had. Edits the service, nothing below."""
        spec = service["spec"] = dict(service["spec"])
        if "ports" in spec:
            spec["ports"] = [dict(port) for port in spec["ports"]]
        before = old["spec"] if old else {}
        kind = spec.get("type", "ClusterIP")
        if kind == "ExternalName":
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = before.get("clusterIP") or self._free_address()
        spec["clusterIPs"] = [spec["clusterIP"]]
        if kind in ("NodePort", "LoadBalancer") and spec.get("allocateLoadBalancerNodePorts", True):
            known = {port.get("name", port.get("port")): port.get("nodePort") for port in before.get("ports", ())}
            for port in spec.get("ports", ()):
                if not port.get("nodePort"):
                    port["nodePort"] = known.get(port.get("name", port.get("port"))) or self._free_port()
        elif kind == "ClusterIP":
            for port in spec.get("ports", ()):
                port.pop("nodePort", None)

    def _free_address(self) -> str:
        used = {one["spec"].get("clusterIP") for one in self._store.list("services")}
        while True:
            address = f"10.96.{self._draw.randrange(256)}.{self._draw.randrange(1, 255)}"
            if address not in used and address not in ("10.96.0.1", "10.96.0.10"):
                return address

    def _free_port(self) -> int:
        services = self._store.list("services")
        used = {port.get("nodePort") for one in services for port in one["spec"].get("ports", ())}
        while True:
            port = self._draw.choice(NODE_PORTS)
            if port not in used:
                return port
