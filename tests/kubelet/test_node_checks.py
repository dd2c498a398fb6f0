"""What a node refuses by itself: root where it must not be, paths that are not there; and where last words are read."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.api.messages import ApiRequest
from healgate.embedded.cluster import EmbeddedCluster

Obj = dict[str, Any]

LOG = "/api/v1/namespaces/default/pods/web/log"
CPUS = 4


def made(main: Obj, **spec: Any) -> EmbeddedCluster:
    cluster = EmbeddedCluster()
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 1000"], **main}
    for name in ("web", "twin"):
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"containers": [container], **spec},
        }
        cluster.registry.create("pods", pod, namespace="default")
    cluster.clock.run_for(10)
    return cluster


def main_of(cluster: EmbeddedCluster) -> Obj:
    found: Obj = cluster.registry.get("pods", "default", "web")["status"]["containerStatuses"][0]
    return found


@pytest.mark.parametrize(
    ("security", "told"),
    [
        ({"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True, "runAsUser": 0}, "container's runAsUser breaks non-root policy"),
    ],
)
def test_a_container_that_must_not_be_root(security: Obj, told: str) -> None:
    cluster = made({"securityContext": security})
    uid = cluster.registry.get("pods", "default", "web")["metadata"]["uid"]
    waiting = main_of(cluster)["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError"
    assert waiting["message"] == f'{told} (pod: "web_default({uid})", container: main)'


def test_one_that_is_somebody_else_runs() -> None:
    assert "running" in main_of(made({}, securityContext={"runAsNonRoot": True, "runAsUser": 1000}))["state"]


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({}, "uid=1000 gid=2000 groups=2000,3000,4000"),
        ({"runAsUser": 1500, "runAsGroup": 2500}, "uid=1500 gid=2500 groups=2500,3000,4000"),
    ],
)
def test_a_process_is_who_its_pod_says_it_is(container: Obj, said: str) -> None:
    pod = {"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000, "supplementalGroups": [4000]}
    command = {"command": ["sh", "-c", "id; nproc; sleep 1000"], "securityContext": container}
    answer = made(command, securityContext=pod).server.handle(ApiRequest.of("GET", LOG))
    assert answer.body.decode().splitlines() == [said, str(CPUS)]


def test_a_path_of_the_node_that_is_not_there() -> None:
    volume = {"name": "data", "hostPath": {"path": "/srv/data", "type": "Directory"}}
    cluster = made({"volumeMounts": [{"name": "data", "mountPath": "/data"}]}, volumes=[volume])
    (told, *_) = [
        one["message"] for one in cluster.registry.list("events", "default") if one["reason"] == "FailedMount"
    ]
    assert told == (
        'MountVolume.SetUp failed for volume "data" : hostPath type check failed: /srv/data is not a directory'
    )


def test_a_port_of_the_node_belongs_to_one_pod() -> None:
    cluster = made({"ports": [{"containerPort": 80, "hostPort": 8080}]})
    told = [one for one in cluster.registry.list("events", "default") if one["reason"] == "FailedScheduling"]
    assert {one["involvedObject"]["name"] for one in told} == {"twin"}
    assert "1 node(s) didn't have free ports for the requested pod ports" in told[0]["message"]


def test_last_words_where_the_pod_says() -> None:
    script = "echo too late > /tmp/why; exit 3"
    cluster = made({"command": ["sh", "-c", script], "terminationMessagePath": "/tmp/why"}, restartPolicy="Never")
    assert main_of(cluster)["state"]["terminated"]["message"] == "too late\n"
