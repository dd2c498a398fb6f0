"""What a name leads to follows the services and their endpoints at once."""

from __future__ import annotations

from typing import Any

from healgate.embedded.clock import Clock
from healgate.embedded.runtime.names import StoreNames
from healgate.embedded.store import Store

Obj = dict[str, Any]
SLICES = "endpointslices.discovery.k8s.io"


def service(port: int) -> Obj:
    spec = {"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": port}]}
    return {"kind": "Service", "metadata": {"namespace": "shop", "name": "web"}, "spec": spec}


def piece(*addresses: str) -> Obj:
    meta = {"namespace": "shop", "name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}
    ports = [{"name": "http", "port": 8080}]
    return {"kind": "EndpointSlice", "metadata": meta, "endpoints": [{"addresses": [*addresses]}], "ports": ports}


def test_a_service_leads_to_what_its_newest_endpoints_say() -> None:
    store = Store(Clock())
    names = StoreNames(store)
    heard: list[tuple[str, ...]] = []
    names.on_change(lambda: heard.append(found.pods if (found := names.service("shop", "web")) else ()))
    store.put("services", service(80))
    for addresses in (("10.244.0.5",), ("10.244.0.5", "10.244.0.6"), ()):
        store.put(SLICES, piece(*addresses))
        found = names.at("10.96.0.9")
        assert found is not None
        assert found.pods == addresses
        assert found.ports == {80: tuple((address, 8080) for address in addresses)}
    assert heard == [(), ("10.244.0.5",), ("10.244.0.5", "10.244.0.6"), ()], "whoever is told sees the change"
    store.put("services", service(81))
    found = names.service("shop", "web")
    assert found is not None
    assert list(found.ports) == [81]
    store.remove("services", "shop", "web")
    assert names.service("shop", "web") is None
