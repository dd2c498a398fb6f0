"""A node for every pod, or the scheduler's own words why not."""

from __future__ import annotations

from typing import Any

import pytest

from .puppet import Obj, Puppet, node

CLAIMS = "persistentvolumeclaims"


def pod(name: str = "one", memory: str = "", **spec: Any) -> Obj:
    container: Obj = {"name": "main", "image": "shop/web:1"}
    if memory:
        container["resources"] = {"requests": {"memory": memory}}
    body = {"containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": body}


def scheduled(cluster: Puppet, name: str = "one") -> Obj:
    found = [one for one in cluster.get("pods", name)["status"]["conditions"] if one["type"] == "PodScheduled"]
    condition: Obj = found[0]
    return condition


def test_a_pod_is_bound_and_told_so(cluster: Puppet) -> None:
    cluster.create("pods", pod())
    cluster.run(1)
    assert cluster.get("pods", "one")["spec"]["nodeName"] == "one"
    assert scheduled(cluster)["status"] == "True"
    assert cluster.events("one", "Scheduled") == ["Successfully assigned shop/one to one"]


@pytest.mark.parametrize(
    ("memory", "spec", "reason", "after"),
    [
        ("900Gi", {}, "Insufficient memory", "Preemption is not helpful for scheduling"),
        ("", {"nodeSelector": {"disk": "ssd"}}, "node(s) didn't match Pod's node affinity/selector", "Preemption is"),
    ],
)
def test_what_fits_nowhere_is_refused_in_the_schedulers_words(
    cluster: Puppet, memory: str, spec: Obj, reason: str, after: str
) -> None:
    cluster.create("pods", pod(memory=memory, **spec))
    cluster.run(1)
    message = scheduled(cluster)["message"]
    start = f"0/1 nodes are available: 1 {reason}. no new claims to deallocate, preemption: 0/1 nodes are available: 1 "
    assert message.startswith(start + after)
    assert scheduled(cluster)["reason"] == "Unschedulable"
    assert cluster.events("one", "FailedScheduling") == [message]


def test_a_full_node_names_the_victims_it_would_need(cluster: Puppet) -> None:
    cluster.create("pods", pod("big", "6Gi"))
    cluster.create("pods", pod("small", "4Gi"))
    cluster.run(1)
    assert scheduled(cluster, "small")["message"].endswith("1 No preemption victims found for incoming pod.")


def test_room_that_comes_free_is_used_without_waiting_five_minutes(cluster: Puppet) -> None:
    cluster.create("pods", pod("big", "6Gi"))
    cluster.run(1)
    cluster.create("pods", pod("small", "4Gi"))
    cluster.run(1)
    cluster.delete("pods", "big", grace=0)
    cluster.run(15)
    assert cluster.get("pods", "small")["spec"]["nodeName"] == "one"


def test_finished_pods_take_no_room(cluster: Puppet) -> None:
    cluster.create("pods", pod("big", "6Gi"))
    cluster.run(1)
    cluster.end(cluster.get("pods", "big"), "Succeeded")
    cluster.create("pods", pod("small", "4Gi"))
    cluster.run(1)
    assert "nodeName" in cluster.get("pods", "small")["spec"]


def test_taints_keep_pods_away_unless_tolerated(cluster: Puppet) -> None:
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    name = cluster.registry.list("nodes")[0]["metadata"]["name"]
    cluster.registry.change("nodes", "", name, lambda now: {**now, "spec": {"taints": [taint]}})
    cluster.create("pods", pod("plain"))
    toleration = {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}
    cluster.create("pods", pod("tolerant", tolerations=[toleration]))
    cluster.run(1)
    assert "1 node(s) had untolerated taint(s)" in scheduled(cluster, "plain")["message"]
    assert "nodeName" in cluster.get("pods", "tolerant")["spec"]


def test_the_emptier_node_is_preferred(cluster: Puppet) -> None:
    cluster.registry.create("nodes", node("two"))
    for number in range(4):
        cluster.create("pods", pod(f"p{number}"))
        cluster.run(1)
    nodes = sorted(one["spec"]["nodeName"] for one in cluster.pods())
    assert nodes == ["one", "one", "two", "two"]


def claim_volume(name: str) -> Obj:
    return {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]}


def test_a_missing_claim_is_named(cluster: Puppet) -> None:
    cluster.create("pods", pod(**claim_volume("data")))
    cluster.run(1)
    text = '0/1 nodes are available: persistentvolumeclaim "data" not found. not found'
    assert scheduled(cluster)["message"] == text


def told(cluster: Puppet, about: str) -> list[Obj]:
    found = [one for one in cluster.all("events") if one["involvedObject"]["name"] == about]
    return sorted(found, key=lambda one: str(one["reason"]))


def wanting(**spec: Any) -> Obj:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": wanted}


def test_a_claim_waits_for_its_first_consumer_and_is_then_bound(cluster: Puppet) -> None:
    cluster.create(CLAIMS, wanting())
    cluster.run(60)
    assert cluster.get(CLAIMS, "data").get("status", {}).get("phase", "Pending") == "Pending"
    assert cluster.reasons("data") == ["WaitForFirstConsumer"]
    cluster.create("pods", pod(**claim_volume("data")))
    cluster.run(10)
    assert cluster.get(CLAIMS, "data")["status"]["phase"] == "Bound"
    assert cluster.get("pods", "one")["spec"]["nodeName"] == "one"


def test_a_claim_that_is_in_use_outlives_its_deletion(cluster: Puppet) -> None:
    cluster.create(CLAIMS, wanting())
    cluster.create("pods", pod(**claim_volume("data")))
    cluster.run(10)
    cluster.delete(CLAIMS, "data")
    cluster.run(10)
    assert "deletionTimestamp" in cluster.get(CLAIMS, "data")["metadata"]
    cluster.registry.delete("pods", cluster.namespace, "one", grace=0)
    cluster.run(10)
    assert cluster.find(CLAIMS, "data") is None


def test_what_a_claim_is_told_until_it_is_bound(cluster: Puppet) -> None:
    cluster.create(CLAIMS, wanting())
    cluster.run(20)
    cluster.create("pods", pod(**claim_volume("data")))
    cluster.run(20)
    volume = cluster.get(CLAIMS, "data")["spec"]["volumeName"]
    assert [(one["reason"], one["source"]["component"], one["count"]) for one in told(cluster, "data")] == [
        ("ExternalProvisioning", "persistentvolume-controller", 1),
        ("Provisioning", "rancher.io/local-path", 1),
        ("ProvisioningSucceeded", "rancher.io/local-path", 1),
        ("WaitForFirstConsumer", "persistentvolume-controller", 2),
    ]
    assert cluster.events("data", "ProvisioningSucceeded") == [f"Successfully provisioned volume {volume}"]


def volume(name: str = "made-by-hand", tier: str = "slow") -> Obj:
    spec = {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "standard"}
    meta = {"name": name, "labels": {"tier": tier}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": meta,
        "spec": {**spec, "hostPath": {"path": "/"}},
    }


def test_a_claim_that_names_a_volume_waits_for_that_one(cluster: Puppet) -> None:
    cluster.create(CLAIMS, wanting(volumeName="made-by-hand"))
    cluster.create("pods", pod(**claim_volume("data")))
    cluster.registry.create("persistentvolumes", volume("another"))
    cluster.run(60)
    assert cluster.get(CLAIMS, "data")["status"]["phase"] == "Pending"
    assert scheduled(cluster)["message"].endswith("pod has unbound immediate PersistentVolumeClaims. not found")
    cluster.registry.create("persistentvolumes", volume())
    cluster.run(1)
    assert cluster.get(CLAIMS, "data")["status"]["phase"] == "Bound"


def test_a_claim_that_selects_its_volume_is_made_none(cluster: Puppet) -> None:
    cluster.create(CLAIMS, wanting(selector={"matchLabels": {"tier": "fast"}}))
    cluster.create("pods", pod(**claim_volume("data")))
    cluster.registry.create("persistentvolumes", volume("another"))
    cluster.run(60)
    assert cluster.get(CLAIMS, "data")["status"]["phase"] == "Pending"
    why = 'failed to provision volume with StorageClass "standard": claim.Spec.Selector is not supported'
    assert cluster.events("data", "ProvisioningFailed") == [why]
    cluster.registry.create("persistentvolumes", volume(tier="fast"))
    cluster.run(1)
    assert cluster.get(CLAIMS, "data")["spec"]["volumeName"] == "made-by-hand"


def test_a_claim_of_a_class_that_is_not_there_is_told_so_again_and_again(cluster: Puppet) -> None:
    cluster.create(CLAIMS, wanting(storageClassName="nope"))
    cluster.run(65)
    (event,) = told(cluster, "data")
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "ProvisioningFailed", 5)
    assert event["message"] == 'storageclass.storage.k8s.io "nope" not found'
