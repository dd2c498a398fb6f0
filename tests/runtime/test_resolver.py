"""Whom a pod asks for an address: a repair that changes this cuts its pods off from every Service."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.kubelet.dns import NODES, resolver_of
from healgate.embedded.runtime.network import Origin
from healgate.embedded.runtime.resolver import CLUSTER

from .bench import Bench

WHOLE = "one.default.svc.cluster.local"
ELSEWHERE = "192.0.2.53"


def asks(policy: str = "ClusterFirst", *servers: str, searches: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    config = {"nameservers": [*servers], "searches": [*searches]}
    spec = {"dnsPolicy": policy, "dnsConfig": config, **more}
    return {"metadata": {"namespace": "default", "name": "app"}, "spec": spec}


def origin(pod: dict[str, Any]) -> Origin:
    return Origin("default", "10.244.0.5", "app", resolver_of(pod))


@pytest.mark.parametrize(
    ("pod", "short", "whole"),
    [
        (asks(), True, True),
        (asks("ClusterFirst", ELSEWHERE), True, True),
        (asks("ClusterFirst", hostNetwork=True), False, False),
        (asks("ClusterFirstWithHostNet", hostNetwork=True), True, True),
        (asks("Default"), False, False),
        (asks("Default", CLUSTER), False, True),
        (asks("None", CLUSTER), False, True),
        (asks("None", CLUSTER, searches=("default.svc.cluster.local",)), True, True),
        (asks("None", ELSEWHERE, CLUSTER), False, True),
        (asks("None", ELSEWHERE, searches=("default.svc.cluster.local",)), False, False),
    ],
)
def test_who_asks_another_server_finds_no_service(bench: Bench, pod: dict[str, Any], short: bool, whole: bool) -> None:
    bench.runtime.network.join("10.244.0.9")
    bench.service("one", 80, 8080, "10.244.0.9")
    for name, found in (("one", short), (WHOLE, whole)):
        problem, address, _ = bench.runtime.network.route(origin(pod), name, 80)
        assert (problem, address) == (("", "10.244.0.9") if found else ("no such host", ""))
        assert bench.runtime.network.address(origin(pod), name) == ("10.96.0.20" if found else "")


def test_a_name_that_the_pod_knows_is_asked_of_nobody(bench: Bench) -> None:
    bench.service("one", 80, 8080, "10.244.0.9")
    known = [{"ip": "10.244.0.7", "hostnames": ["one", "two"]}, {"ip": "10.244.0.8", "hostnames": ["two"]}]
    pod = asks("Default", hostAliases=known)
    for name in ("one", "two"):
        assert bench.runtime.network.route(origin(pod), name, 80) == ("", "10.244.0.7", 80)
        assert bench.runtime.network.address(origin(pod), name) == "10.244.0.7"


OURS = "default.svc.cluster.local svc.cluster.local cluster.local"


@pytest.mark.parametrize(
    ("pod", "written"),
    [
        (asks(), f"search {OURS}\nnameserver 10.96.0.10\noptions ndots:5\n"),
        (
            asks("ClusterFirst", "192.0.2.53", searches=("x.y",)),
            f"search {OURS} x.y\nnameserver 10.96.0.10\nnameserver 192.0.2.53\noptions ndots:5\n",
        ),
        (asks("None", CLUSTER), "nameserver 10.96.0.10\n"),
        (
            asks(dnsConfig={"options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}),
            f"search {OURS}\nnameserver 10.96.0.10\noptions ndots:2 edns0\n",
        ),
        (asks("Default"), f"nameserver {NODES}\noptions timeout:1 attempts:1 ndots:0\n"),
        (
            asks("Default", CLUSTER),
            f"nameserver {NODES}\nnameserver 10.96.0.10\noptions timeout:1 attempts:1 ndots:0\n",
        ),
    ],
)
def test_a_program_reads_whom_it_asks_as_on_a_real_node(pod: dict[str, Any], written: str) -> None:
    assert resolver_of(pod).resolv_conf("default") == written


def test_a_program_reads_the_names_that_its_pod_knows_as_on_a_real_node() -> None:
    known = [{"ip": "10.96.0.1", "hostnames": ["two", "three"]}, {"ip": "10.1.2.4", "hostnames": ["two"]}]
    written = resolver_of(asks(hostAliases=known)).hosts_file("10.244.0.72", "d4")
    assert written.splitlines()[:2] == ["# Kubernetes-managed hosts file.", "127.0.0.1\tlocalhost"]
    assert written.splitlines()[-5:] == [
        "10.244.0.72\td4",
        "",
        "# Entries added by HostAliases.",
        "10.96.0.1\ttwo\tthree",
        "10.1.2.4\ttwo",
    ]
