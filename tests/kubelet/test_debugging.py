"""Containers that somebody puts beside others to look for a fault: run once, and no part of what the pod is for."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.cluster import EmbeddedCluster

Obj = dict[str, Any]

STAYS = "trap 'exit 0' TERM; while true; do sleep 1; done"


@pytest.fixture
def cluster() -> EmbeddedCluster:
    return EmbeddedCluster()


def run(cluster: EmbeddedCluster, script: str, **spec: Any) -> None:
    main: Obj = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [main], **spec}}
    cluster.registry.create("pods", pod, namespace="default")
    cluster.clock.run_for(20)


def debug(cluster: EmbeddedCluster, script: str, image: str = "busybox:1.36", **more: Any) -> None:
    container = {"name": "dbg", "image": image, "command": ["sh", "-c", script], **more}
    body = {"spec": {"ephemeralContainers": [container]}}
    kind = "application/strategic-merge-patch+json"
    cluster.registry.patch("pods", "default", "web", body, kind, subresource="ephemeralcontainers")


def status(cluster: EmbeddedCluster) -> Obj:
    found: Obj = cluster.registry.get("pods", "default", "web")["status"]
    return found


def state(cluster: EmbeddedCluster) -> Obj:
    (found,) = status(cluster)["ephemeralContainerStatuses"]
    assert not found["ready"]
    assert found["restartCount"] == 0
    return dict(found["state"])


def told(cluster: EmbeddedCluster, part: str = "spec.ephemeralContainers{dbg}") -> list[str]:
    events = cluster.registry.list("events", "default")
    return [one["reason"] for one in events if one["involvedObject"].get("fieldPath") == part]


def log(cluster: EmbeddedCluster, container: str = "dbg") -> str:
    return cluster.kubelet.logs(cluster.registry.get("pods", "default", "web"), container).decode()


def test_it_runs_once_and_its_end_is_nobodys_end(cluster: EmbeddedCluster) -> None:
    run(cluster, STAYS)
    before = status(cluster)
    debug(cluster, "echo looking; sleep 5; exit 3")
    cluster.clock.run_for(120)
    ended = state(cluster)["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert log(cluster) == "looking\n"
    assert told(cluster) == ["Pulled", "Created", "Started"]
    after = status(cluster)
    assert (after["phase"], after["containerStatuses"]) == ("Running", before["containerStatuses"])
    assert {one["type"]: one["status"] for one in after["conditions"]}["Ready"] == "True"


def test_a_pod_that_crashes_can_be_looked_into(cluster: EmbeddedCluster) -> None:
    run(cluster, "exit 1")
    cluster.clock.run_for(100)
    debug(cluster, STAYS)
    cluster.clock.run_for(20)
    assert "running" in state(cluster)
    assert status(cluster)["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    pod = cluster.registry.get("pods", "default", "web")
    assert cluster.kubelet.exec(pod, "dbg", ("echo", "here")).output == "here\n"


def test_one_without_an_image_waits_for_it_and_the_pod_goes_on(cluster: EmbeddedCluster) -> None:
    run(cluster, STAYS)
    debug(cluster, "true", image="registry.nowhere.example/tool:1")
    cluster.clock.run_for(60)
    assert state(cluster)["waiting"]["reason"] in ("ErrImagePull", "ImagePullBackOff")
    assert status(cluster)["phase"] == "Running"


def test_one_that_runs_does_not_keep_a_finished_pod_alive(cluster: EmbeddedCluster) -> None:
    run(cluster, "sleep 30", restartPolicy="Never")
    debug(cluster, STAYS)
    cluster.clock.run_for(60)
    assert status(cluster)["phase"] == "Succeeded"
    assert state(cluster)["terminated"]["exitCode"] == 0


def test_it_goes_with_its_pod(cluster: EmbeddedCluster) -> None:
    run(cluster, STAYS)
    debug(cluster, STAYS)
    cluster.clock.run_for(5)
    cluster.registry.delete("pods", "default", "web")
    cluster.clock.run_for(10)
    assert cluster.registry.find("pods", "default", "web") is None
    assert told(cluster)[-1] == "Killing"


def test_it_sees_the_volumes_of_its_pod(cluster: EmbeddedCluster) -> None:
    volume = {"name": "work", "emptyDir": {}}
    mount = {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}
    main = {
        "name": "main",
        "image": "busybox:1.36",
        "command": ["sh", "-c", f"echo found > /work/it; {STAYS}"],
        **mount,
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    cluster.registry.create("pods", {**pod, "spec": {"containers": [main], "volumes": [volume]}}, namespace="default")
    cluster.clock.run_for(10)
    debug(cluster, "cat /work/it", **mount)
    cluster.clock.run_for(10)
    assert log(cluster) == "found\n"


def test_of_which_nobody_else_makes_use(cluster: EmbeddedCluster) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes"}, "data": {"how": "look here"}}
    cluster.registry.create("configmaps", config, namespace="default")
    run(cluster, STAYS, volumes=[{"name": "notes", "configMap": {"name": "notes"}}])
    debug(cluster, "cat /notes/how", volumeMounts=[{"name": "notes", "mountPath": "/notes"}])
    cluster.clock.run_for(90)
    assert log(cluster) == "look here\n"
