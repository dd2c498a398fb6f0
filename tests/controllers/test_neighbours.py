"""Pods that want to be together, apart or spread."""

from __future__ import annotations

from typing import Any

import pytest

from .puppet import Obj, Puppet, node
from .test_scheduling import scheduled

MERGE = "application/merge-patch+json"
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
APP = {"matchLabels": {"app": "web"}}


def pod(name: str, app: str = "web", **spec: Any) -> Obj:
    body = {"containers": [{"name": "main", "image": "shop/web:1"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}}, "spec": body}


def term(kind: str, key: str = HOST, **more: Any) -> Obj:
    wanted = {"labelSelector": APP, "topologyKey": key, **more}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [wanted]}}}


def spread(**more: Any) -> Obj:
    rule = {"labelSelector": APP, "topologyKey": HOST, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **more}
    return {"topologySpreadConstraints": [rule]}


def place(cluster: Puppet, *pods: Obj) -> str:
    """Where the last one went, or why it went nowhere."""
    for one in pods:
        cluster.create("pods", one)
        cluster.run(1)
    name = pods[-1]["metadata"]["name"]
    found: str = cluster.get("pods", name)["spec"].get("nodeName") or scheduled(cluster, name)["message"]
    return found


VICTIMS = "No preemption victims found for incoming pod."
HOPELESS = "Preemption is not helpful for scheduling."


@pytest.mark.parametrize(
    ("pods", "reason", "after"),
    [
        ([pod("a"), pod("b", **term("podAntiAffinity"))], "node(s) didn't match pod anti-affinity rules", VICTIMS),
        (
            [pod("a", **term("podAntiAffinity")), pod("b")],
            "node(s) didn't satisfy existing pods anti-affinity rules",
            VICTIMS,
        ),
        ([pod("a", "db", **term("podAffinity"))], "node(s) didn't match pod affinity rules", HOPELESS),
        (
            [pod("a", **spread(topologyKey=ZONE))],
            "node(s) didn't match pod topology spread constraints (missing required label)",
            HOPELESS,
        ),
        (
            [pod("a"), pod("b", **spread(minDomains=2))],
            "node(s) didn't match pod topology spread constraints",
            VICTIMS,
        ),
    ],
)
def test_one_node_that_will_not_do(cluster: Puppet, pods: list[Obj], reason: str, after: str) -> None:
    start = f"0/1 nodes are available: 1 {reason}. no new claims to deallocate, preemption: 0/1 nodes are available: 1 "
    assert place(cluster, *pods) == start + after


@pytest.mark.parametrize(
    "pods",
    [
        [pod("a", **term("podAffinity"))],  # the first of those that belong together
        [pod("a"), pod("b", "db", **term("podAffinity"))],
        [pod("a", "db"), pod("b", **term("podAntiAffinity"))],
        [pod("a"), pod("b", **term("podAntiAffinity", namespaces=["other"]))],
        [pod("a"), pod("b", **spread())],
        [pod("a"), pod("b", **spread(whenUnsatisfiable="ScheduleAnyway", minDomains=2))],
    ],
)
def test_one_node_that_will_do(cluster: Puppet, pods: list[Obj]) -> None:
    assert place(cluster, *pods) == "one"


def test_the_other_node_is_taken(cluster: Puppet) -> None:
    cluster.create("nodes", node("two"))
    first = place(cluster, pod("a"))
    assert {first, place(cluster, pod("b", **term("podAntiAffinity")))} == {"one", "two"}
    assert place(cluster, pod("c", "db", **term("podAffinity"))) in ("one", "two")


def test_who_has_gone_keeps_nobody_away(cluster: Puppet) -> None:
    place(cluster, pod("a", **term("podAntiAffinity")), pod("b"))
    cluster.delete("pods", "a", grace=0)
    cluster.run(15)
    assert cluster.get("pods", "b")["spec"]["nodeName"] == "one"


def test_pods_are_spread_over_nodes(cluster: Puppet) -> None:
    cluster.create("nodes", node("two"))
    places = [place(cluster, pod(f"p{number}", **spread())) for number in range(4)]
    assert sorted(places) == ["one", "one", "two", "two"]


def test_the_second_of_those_that_belong_together_goes_to_the_first(cluster: Puppet) -> None:
    cluster.create("nodes", node("two"))
    assert place(cluster, pod("a", **term("podAffinity"), nodeSelector={HOST: "one"})) == "one"
    cluster.registry.patch("nodes", "", "one", {"spec": {"unschedulable": True}}, MERGE)
    told = place(cluster, pod("b", **term("podAffinity")))
    assert "1 node(s) didn't match pod affinity rules" in told
    cluster.registry.patch("nodes", "", "one", {"spec": {"unschedulable": None}}, MERGE)
    cluster.run(15)
    assert cluster.get("pods", "b")["spec"]["nodeName"] == "one"


def test_who_has_ended_keeps_nobody_away(cluster: Puppet) -> None:
    place(cluster, pod("a", **term("podAntiAffinity")))
    cluster.end(cluster.get("pods", "a"), "Succeeded")
    assert place(cluster, pod("b", **term("podAntiAffinity"))) == "one"


def test_who_is_on_its_way_out_is_not_counted_when_pods_are_spread(cluster: Puppet) -> None:
    cluster.create("nodes", node("two"))
    assert place(cluster, pod("a", nodeSelector={HOST: "one"})) == "one"
    cluster.delete("pods", "a", grace=600)
    assert place(cluster, pod("b", **spread(), nodeSelector={HOST: "one"})) == "one"
    assert "spread" in place(cluster, pod("c", **spread(), nodeSelector={HOST: "one"}))


def test_pods_of_another_revision_are_not_counted_where_the_rule_says_so(cluster: Puppet) -> None:
    cluster.create("nodes", node("two"))

    def revision(name: str, number: str, **more: Any) -> Obj:
        made = pod(name, **spread(**more), nodeSelector={HOST: "one"})
        made["metadata"]["labels"]["rev"] = number
        return made

    assert place(cluster, revision("a", "1")) == "one"
    assert "spread" in place(cluster, revision("b", "2"))
    assert place(cluster, revision("c", "2", matchLabelKeys=["rev"])) == "one"
