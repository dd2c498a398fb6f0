"""One pod per node, and a broken one does not hold an update up."""

from __future__ import annotations

from typing import Any

import pytest

from .puppet import Obj, Puppet, image_patch, node, template

SETS = "daemonsets.apps"


def daemon_set(**spec: Any) -> Obj:
    body = {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent"), **spec}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": body}


def made(cluster: Puppet, **spec: Any) -> None:
    cluster.create(SETS, daemon_set(**spec))
    cluster.run(1)
    cluster.ready()
    cluster.run(1)


def test_every_node_gets_one_pod_and_so_does_a_new_node(cluster: Puppet) -> None:
    made(cluster)
    cluster.registry.create("nodes", node("two"))
    cluster.run(1)
    assert sorted(one["spec"]["nodeName"] for one in cluster.pods()) == ["one", "two"]
    status = cluster.get(SETS, "agent")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (2, 1)


def test_a_tainted_node_is_left_out(cluster: Puppet) -> None:
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    cluster.registry.create("nodes", node("two", taints=[taint]))
    made(cluster)
    assert [one["spec"]["nodeName"] for one in cluster.pods()] == ["one"]


def test_mending_the_template_replaces_a_broken_pod(cluster: Puppet) -> None:
    made(cluster)
    cluster.patch(SETS, "agent", image_patch("shop/agent:bad"))
    cluster.run(1)
    cluster.reap()
    cluster.run(1)
    cluster.ready(ready=False, restarts=3)
    cluster.patch(SETS, "agent", image_patch("shop/agent:good"))
    cluster.run(1)
    cluster.reap()
    cluster.run(1)
    assert [one["spec"]["containers"][0]["image"] for one in cluster.pods()] == ["shop/agent:good"]


def test_failed_pods_are_removed_under_a_back_off(cluster: Puppet) -> None:
    made(cluster)
    for _ in range(4):
        cluster.end(cluster.pods()[0], "Failed")
        cluster.run(1.5)
    found = [one for one in cluster.all("events") if one["reason"] == "FailedDaemonPod"]
    assert 1 < len(found) < 4


def images(cluster: Puppet) -> list[str]:
    return sorted(one["spec"]["containers"][0]["image"] for one in cluster.pods())


def test_a_new_pod_waits_for_the_old_ones_end(cluster: Puppet) -> None:
    made(cluster)
    cluster.patch(SETS, "agent", image_patch("shop/agent:2"))
    cluster.run(20)
    (old,) = cluster.pods()
    assert "deletionTimestamp" in old["metadata"]
    cluster.reap()
    cluster.run(1)
    assert images(cluster) == ["shop/agent:2"]


@pytest.mark.parametrize("strategy", [{}, {"maxSurge": 1, "maxUnavailable": 0}])
def test_of_two_pods_on_a_node_the_older_one_stays(cluster: Puppet, strategy: Obj) -> None:
    made(cluster, updateStrategy={"type": "RollingUpdate", "rollingUpdate": strategy})
    (first,) = cluster.pods()
    cluster.run(5)
    meta = {"name": "agent-0", "labels": first["metadata"]["labels"]}
    cluster.create("pods", {**first, "metadata": meta, "status": {}})
    cluster.run(1)
    cluster.reap()
    assert cluster.names("pods") == [first["metadata"]["name"]]


SURGE = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}


def test_with_surge_the_old_pod_stays_until_the_new_one_is_there(cluster: Puppet) -> None:
    cluster.registry.create("nodes", node("two"))
    made(cluster, **SURGE)
    before = images(cluster)[0]
    cluster.patch(SETS, "agent", image_patch("shop/agent:2"))
    cluster.run(20)
    assert images(cluster) == sorted([before, before, "shop/agent:2"])
    for _ in range(4):
        cluster.ready()
        cluster.run(1)
        cluster.reap()
        cluster.run(1)
    assert images(cluster) == ["shop/agent:2", "shop/agent:2"]
    told = [one["count"] for one in cluster.all("events") if one["reason"] == "SuccessfulDelete"]
    assert told == [1, 1], "a pod was deleted more than once"


def test_with_surge_an_ill_old_pod_gets_its_successor_at_once_and_goes(cluster: Puppet) -> None:
    made(cluster, **SURGE)
    cluster.ready(*cluster.pods(), ready=False)
    cluster.patch(SETS, "agent", image_patch("shop/agent:2"))
    cluster.run(1)
    cluster.reap()
    cluster.run(1)
    assert images(cluster) == ["shop/agent:2"]


def counts(cluster: Puppet) -> tuple[int, ...]:
    """(current, ready, misscheduled, updated, available)"""
    status = cluster.get(SETS, "agent")["status"]
    fields = (
        "currentNumberScheduled",
        "numberReady",
        "numberMisscheduled",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return tuple(status.get(field, 0) for field in fields)


def test_a_pod_counts_until_it_has_ended(cluster: Puppet) -> None:
    made(cluster)
    cluster.patch(SETS, "agent", image_patch("shop/agent:2"))
    cluster.run(1)
    assert counts(cluster) == (1, 1, 0, 0, 1)
    cluster.end(cluster.pods()[0], "Succeeded")
    cluster.run(1)
    assert counts(cluster) == (1, 0, 0, 1, 0)


def test_a_node_with_two_pods_shows_as_its_older_one_does(cluster: Puppet) -> None:
    made(cluster, **SURGE)
    cluster.patch(SETS, "agent", image_patch("shop/agent:2"))
    cluster.run(1)
    assert len(cluster.pods()) == 2
    assert counts(cluster) == (1, 1, 0, 0, 1)


def test_pods_of_a_node_that_is_gone_are_not_misscheduled(cluster: Puppet) -> None:
    cluster.registry.create("nodes", node("two"))
    made(cluster)
    cluster.registry.delete("nodes", None, "two")
    cluster.patch(SETS, "agent", {"metadata": {"labels": {"touched": "yes"}}})
    cluster.run(1)
    assert len(cluster.pods()) == 2
    assert counts(cluster) == (1, 1, 0, 1, 1)
