"""The cluster as a whole, through its doors."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config, dynamic, watch
from kubernetes.client import ApiException, AppsV1Api, CoreV1Api
from kubernetes.stream import stream

from healgate.embedded.api.messages import ApiAnswer, ApiRequest
from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.http import HttpDoor, PortTaken
from healgate.embedded.door.kubeconfig import NotOurs, write_kubeconfig
from healgate.embedded.door.patches import patched
from healgate.embedded.door.up import up

SCRIPT = "echo started; sleep 20; echo no >&2; exit 3"


def deployment(script: str = SCRIPT) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    }


@pytest.fixture
def cluster() -> Iterator[EmbeddedCluster]:
    made = EmbeddedCluster("doors")
    yield made
    made.close()


def test_a_fresh_cluster_has_what_any_cluster_has(cluster: EmbeddedCluster) -> None:
    core = CoreV1Api(cluster.client())
    names = [one.metadata.name for one in core.list_namespace().items]
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    (node,) = core.list_node().items
    assert [one.status for one in node.status.conditions if one.type == "Ready"] == ["True"]
    assert core.read_namespaced_service("kubernetes", "default").spec.cluster_ip == "10.96.0.1"
    assert core.read_namespaced_service_account("default", "kube-system").metadata.name == "default"


def test_nothing_in_it_says_what_it_is(cluster: EmbeddedCluster) -> None:
    cluster.run_for(3600)
    everything = json.dumps([cluster.store.list(resource) for resource in cluster.store.resources()])
    assert re.findall(r"(?i)healgate|simulat|embedded|fake|mock|test", everything) == []


def test_the_node_lives(cluster: EmbeddedCluster) -> None:
    core = CoreV1Api(cluster.client())

    def heartbeat() -> Any:
        (node,) = core.list_node().items
        return node.status.conditions[0].last_heartbeat_time, node.metadata.creation_timestamp

    first, born = heartbeat()
    cluster.run_for(3600)
    later, _ = heartbeat()
    assert (first - born).days > 7
    assert (later - first).total_seconds() == 3600


def test_one_seed_one_history() -> None:
    def history(seed: str) -> list[Any]:
        cluster = EmbeddedCluster(seed)
        changes: list[Any] = []
        cluster.store.subscribe("*", lambda change: changes.append((change.time, change.type, change.object)))
        AppsV1Api(cluster.client()).create_namespaced_deployment("default", deployment())
        cluster.run_for(600)
        cluster.close()
        return changes

    first = history("a")
    assert len(first) > 20
    assert history("a") == first
    assert history("b") != first


def test_a_healer_lives_through_hours_in_there(cluster: EmbeddedCluster) -> None:
    """The loop that every tutorial shows: watch, read the log, patch, and it holds."""
    import time

    seen: list[str] = []

    def healer() -> str:
        core, apps = CoreV1Api(api), AppsV1Api(api)
        for event in watch.Watch().stream(core.list_namespaced_pod, "default"):
            pod = event["object"]
            for status in pod.status.container_statuses or ():
                if status.restart_count >= 2:
                    seen.append(core.read_namespaced_pod_log(pod.metadata.name, "default", previous=True))
                    apps.patch_namespaced_deployment("web", "default", deployment("sleep 100000"))
                    time.sleep(120)
                    return pod.metadata.name
        return ""

    api = cluster.client("admin-of-shop")
    allow_everything(cluster, "admin-of-shop")
    AppsV1Api(cluster.client()).create_namespaced_deployment("default", deployment())
    with patched(), cluster.participants.adopt():
        guest = cluster.participants.spawn("healer", healer)
        cluster.run_for(4 * 3600)
        assert guest.error is None
        assert guest.result
    assert seen == ["started\nno\n"]
    (pod,) = CoreV1Api(cluster.client()).list_namespaced_pod("default").items
    assert pod.metadata.name != guest.result
    assert pod.status.container_statuses[0].restart_count == 0


def allow_everything(cluster: EmbeddedCluster, user: str) -> None:
    cluster.registry.create(
        "clusterrolebindings.rbac.authorization.k8s.io",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        },
    )


def test_users_have_the_rights_that_they_were_given(cluster: EmbeddedCluster) -> None:
    with pytest.raises(ApiException) as caught:
        CoreV1Api(cluster.client("nobody-special")).list_namespaced_pod("default")
    assert caught.value.status == 403


def test_the_dynamic_client(cluster: EmbeddedCluster) -> None:
    api = dynamic.DynamicClient(cluster.client())
    pods = api.resources.get(api_version="v1", kind="Pod")
    assert pods.get(namespace="default").items == []
    with pytest.raises(dynamic.exceptions.NotFoundError):
        pods.get(namespace="default", name="absent")


# -- over HTTP


@pytest.fixture
def kubeconfig(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "config"
    with HttpDoor(cluster.server, cluster.clock, warp=60, tokens={"t": ""}) as door:
        write_kubeconfig(path, door.url, "t")
        yield path


def test_a_command_in_a_container(cluster: EmbeddedCluster, kubeconfig: Path) -> None:
    asked: list[tuple[str, int]] = []

    def observe(request: ApiRequest, given: Any, _: Any) -> None:
        if request.path.endswith("/exec"):
            asked.append((request.path, given.status if isinstance(given, ApiAnswer) else 0))

    cluster.server.observers.append(observe)
    with config.new_client_from_config(str(kubeconfig)) as api:
        core = CoreV1Api(api)
        spec = {"containers": [{"name": "main", "image": "busybox:1.36", "command": ["sleep", "100000"]}]}
        core.create_namespaced_pod("default", {"metadata": {"name": "one"}, "spec": spec})
        watcher = watch.Watch()
        for event in watcher.stream(core.list_namespaced_pod, "default"):
            if event["object"].status.phase == "Running":
                watcher.stop()

        def run(name: str, script: str) -> tuple[str, int]:
            channel = stream(
                core.connect_get_namespaced_pod_exec,
                name,
                "default",
                command=["sh", "-c", script],
                stdout=True,
                stderr=True,
                _preload_content=False,
            )
            channel.run_forever(timeout=20)
            code, said = channel.returncode, channel.read_all()
            channel.sock.shutdown()  # its close() forgets the socket once the server has closed
            return said, code

        assert run("one", "echo hello") == ("hello\n", 0)
        assert run("one", "echo no; exit 7") == ("no\n", 7)
        with pytest.raises(ApiException, match="404"):
            run("absent", "true")
    path = "/api/v1/namespaces/default/pods/{}/exec"
    assert asked == [(path.format("one"), 101), (path.format("one"), 101), (path.format("absent"), 404)]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl(kubeconfig: Path, tmp_path: Path) -> None:
    def kubectl(*words: str, given: str | None = None) -> str:
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(tmp_path)}
        done = subprocess.run(
            ["kubectl", *words], env=environment, input=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    manifest = json.dumps(deployment("echo hello; sleep 100000"))
    assert kubectl("apply", "-f", "-", given=manifest) == "deployment.apps/web created\n"
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web")
    assert kubectl("apply", "-f", "-", given=manifest) == "deployment.apps/web unchanged\n"
    assert kubectl("logs", "deployment/web") == "hello\n"
    assert kubectl("exec", "deployment/web", "--", "echo", "there") == "there\n"
    line = kubectl("get", "pods").splitlines()[1]
    assert re.match(r"web-\w+-\w+ +1/1 +Running +0 ", line)
    assert "ScalingReplicaSet" in kubectl("describe", "deployment", "web")


# -- healgate up


def test_up_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "play.kubeconfig"
    heard: list[str] = []

    def say(text: str) -> None:
        heard.append(text)
        with config.new_client_from_config(str(path)) as api:
            heard.append(CoreV1Api(api).list_node().items[0].metadata.name)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    up(kubeconfig=path, warp=20, say=say)
    assert f"KUBECONFIG={path}" in heard[0]
    assert "20 times as fast" in heard[0]
    assert heard[1] == "worker-1"
    assert not path.exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_up_says_what_is_in_its_way(tmp_path: Path, kubeconfig: Path) -> None:
    server = re.findall(r"127.0.0.1:(\d+)", kubeconfig.read_text())[0]
    with pytest.raises(PortTaken):
        up(kubeconfig=tmp_path / "mine", port=int(server), say=pytest.fail)
    theirs = tmp_path / "theirs"
    theirs.write_text("apiVersion: v1\nclusters: []\n")
    with pytest.raises(NotOurs):
        up(kubeconfig=theirs, say=pytest.fail)
    assert theirs.exists()
