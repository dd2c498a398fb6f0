"""Pods that a kubelet ends by itself, and a node that nobody hears of any more."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.api.errors import ApiError
from healgate.embedded.cluster import EmbeddedCluster

Obj = dict[str, Any]

CLEAN = "trap 'exit 0' TERM; while true; do sleep 1; done"
STUBBORN = "trap '' TERM; while true; do sleep 1; done"


@pytest.fixture
def cluster() -> EmbeddedCluster:
    return EmbeddedCluster()


def run(cluster: EmbeddedCluster, script: str, seconds: float, *, limits: Obj | None = None, **spec: Any) -> None:
    main: Obj = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    if limits:
        main["resources"] = {"limits": limits}
    if spec.get("volumes"):
        main["volumeMounts"] = [{"name": volume["name"], "mountPath": "/d"} for volume in spec["volumes"]]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [main], **spec}}
    cluster.registry.create("pods", pod, namespace="default")
    cluster.clock.run_for(seconds)


def status(cluster: EmbeddedCluster) -> Obj:
    found: Obj = cluster.registry.get("pods", "default", "web")["status"]
    return found


def told(cluster: EmbeddedCluster, reason: str) -> list[tuple[str, str]]:
    events = cluster.registry.list("events", "default")
    return [(one["type"], one["message"]) for one in events if one["reason"] == reason]


# -- active deadline


@pytest.mark.parametrize("script", [CLEAN, STUBBORN])
def test_a_pod_that_is_active_for_too_long_fails(cluster: EmbeddedCluster, script: str) -> None:
    run(cluster, script, 20, activeDeadlineSeconds=20, terminationGracePeriodSeconds=5)
    assert status(cluster)["phase"] == "Running"
    cluster.clock.run_for(10)
    found = status(cluster)
    assert (found["phase"], found["reason"]) == ("Failed", "DeadlineExceeded")
    assert found["message"] == "Pod was active on the node longer than the specified deadline"
    assert told(cluster, "DeadlineExceeded") == [("Normal", found["message"])]
    cluster.clock.run_for(100)
    assert status(cluster)["containerStatuses"][0]["restartCount"] == 0


def test_of_what_had_not_begun_when_its_time_was_up_nobody_knows_how_it_ended(cluster: EmbeddedCluster) -> None:
    inits = [{"name": name, "image": "registry.nowhere.example/tool:1"} for name in ("first", "second")]
    run(cluster, CLEAN, 40, activeDeadlineSeconds=20, initContainers=inits)
    found = status(cluster)
    assert found["phase"] == "Failed"
    first, second = (one["state"] for one in found["initContainerStatuses"])
    assert (first["terminated"]["reason"], first["terminated"]["exitCode"]) == ("ContainerStatusUnknown", 137)
    assert second == {"waiting": {"reason": "PodInitializing"}}
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


# -- local storage


def test_too_much_in_an_emptydir_evicts(cluster: EmbeddedCluster) -> None:
    volume = {"name": "d", "emptyDir": {"sizeLimit": "10Mi"}}
    run(cluster, f"dd if=/dev/zero of=/d/big bs=1M count=50; {STUBBORN}", 80, volumes=[volume])
    message = 'Usage of EmptyDir volume "d" exceeds the limit "10Mi". '
    assert told(cluster, "Evicted") == [("Warning", message)]
    found = status(cluster)
    assert (found["phase"], found["reason"], found["message"]) == ("Failed", "Evicted", message)
    assert found["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_a_pod_that_stops_cleanly_does_not_say_that_it_was_evicted(cluster: EmbeddedCluster) -> None:
    run(cluster, f"dd if=/dev/zero of=/big bs=1M count=50; {CLEAN}", 30, limits={"ephemeral-storage": "10Mi"})
    message = "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. "
    assert told(cluster, "Evicted") == [("Warning", message)]
    found = status(cluster)
    assert found["phase"] == "Succeeded"
    assert "reason" not in found
    log = cluster.kubelet.logs(cluster.registry.get("pods", "default", "web"), "main")
    assert log.startswith(b"unable to retrieve container logs for containerd://")


def test_what_is_within_its_limit_stays(cluster: EmbeddedCluster) -> None:
    run(cluster, f"dd if=/dev/zero of=/big bs=1M count=5; {CLEAN}", 300, limits={"ephemeral-storage": "10Mi"})
    assert status(cluster)["phase"] == "Running"


# -- a node that goes away


def ready(cluster: EmbeddedCluster) -> tuple[str, str]:
    (node,) = cluster.registry.list("nodes")
    one = next(one for one in node["status"]["conditions"] if one["type"] == "Ready")
    return one["status"], one["reason"]


def test_a_lost_node_loses_its_pods(cluster: EmbeddedCluster) -> None:
    run(cluster, CLEAN, 10)
    cluster.kubelet.go_away()
    cluster.clock.run_for(60)
    assert ready(cluster) == ("Unknown", "NodeStatusUnknown")
    (node,) = cluster.registry.list("nodes")
    assert {(one["key"], one["effect"]) for one in node["spec"]["taints"]} == {
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
    }
    assert ("Warning", "Node is not ready") in told(cluster, "NodeNotReady")
    shown = {one["type"]: one["status"] for one in status(cluster)["conditions"]}
    assert shown["Ready"] == "False"
    assert status(cluster)["phase"] == "Running"
    pod = cluster.registry.get("pods", "default", "web")
    with pytest.raises(ApiError, match="no route to host"):
        cluster.kubelet.logs(pod, "main")
    cluster.clock.run_for(300)
    pod = cluster.registry.get("pods", "default", "web")
    assert "deletionTimestamp" in pod["metadata"]
    assert told(cluster, "TaintManagerEviction") == [("Normal", "Marking for deletion Pod default/web")]
    cluster.clock.run_for(600)
    assert cluster.registry.find("pods", "default", "web") is not None
    cluster.kubelet.come_back()
    cluster.clock.run_for(60)
    assert cluster.registry.find("pods", "default", "web") is None
    assert ready(cluster) == ("True", "KubeletReady")


def test_a_node_that_comes_back_in_time_keeps_its_pods(cluster: EmbeddedCluster) -> None:
    run(cluster, CLEAN, 10)
    cluster.kubelet.go_away()
    cluster.clock.run_for(120)
    cluster.kubelet.come_back()
    cluster.clock.run_for(400)
    assert told(cluster, "TaintManagerEviction") == [("Normal", "Cancelling deletion of Pod default/web")]
    shown = {one["type"]: one["status"] for one in status(cluster)["conditions"]}
    assert shown["Ready"] == "True"
    (node,) = cluster.registry.list("nodes")
    assert not node["spec"].get("taints")


def test_a_taint_evicts_what_does_not_tolerate_it(cluster: EmbeddedCluster) -> None:
    run(cluster, CLEAN, 10, terminationGracePeriodSeconds=2)
    (node,) = cluster.registry.list("nodes")
    body = {"spec": {"taints": [{"key": "broken", "effect": "NoExecute"}]}}
    kind = "application/merge-patch+json"
    cluster.registry.patch("nodes", None, node["metadata"]["name"], body, kind)
    cluster.clock.run_for(10)
    assert cluster.registry.find("pods", "default", "web") is None


def test_a_cordoned_node_is_tainted_and_says_so(cluster: EmbeddedCluster) -> None:
    (node,) = cluster.registry.list("nodes")
    name = node["metadata"]["name"]

    def cordon(closed: bool) -> list[Obj]:
        patch = {"spec": {"unschedulable": closed or None}}
        cluster.registry.patch("nodes", None, name, patch, "application/merge-patch+json")
        cluster.run_for(11)
        return list(cluster.registry.get("nodes", None, name).get("spec", {}).get("taints", ()))

    (taint,) = cordon(True)
    assert (taint["key"], taint["effect"]) == ("node.kubernetes.io/unschedulable", "NoSchedule")
    assert cordon(False) == []
    told = [one for one in cluster.registry.list("events", "default") if one["involvedObject"]["kind"] == "Node"]
    assert [one["message"] for one in told] == [
        f"Node {name} status is now: NodeNotSchedulable",
        f"Node {name} status is now: NodeSchedulable",
    ]
    assert {one["involvedObject"]["uid"] for one in told} == {name}
