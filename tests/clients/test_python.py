"""The Python clients that healers are written with, over the HTTP door, unmodified."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import config, dynamic, watch
from kubernetes.client import ApiClient, AppsV1Api, CoreV1Api
from kubernetes.informer import ADDED, DELETED, MODIFIED, SharedInformer

from .conftest import Served

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kopf", ["ok create", "ok delete", "ok event", "ok posted events", "ok update"]),
        (
            "kr8s",
            [
                "ok delete",
                "ok exec",
                "ok logs",
                "ok scale",
                "ok selectors",
                "ok version v1",
                "ok wait",
                "ok watch",
            ],
        ),
        (
            "lightkube",
            [
                "ok apply",
                "ok delete",
                "ok errors",
                "ok generic resource",
                "ok log",
                "ok patch",
                "ok wait",
                "ok watch",
            ],
        ),
    ],
)
def test_a_script_with(name: str, said: list[str], served: Served, python_clients: str) -> None:
    printed = served.run(python_clients, str(HERE / f"with_{name}.py")).stdout
    assert sorted(line.partition(".")[0] for line in printed.splitlines() if line.startswith("ok")) == said


@pytest.fixture
def official(served: Served) -> Iterator[ApiClient]:
    with config.new_client_from_config(str(served.kubeconfig)) as found:
        yield found


def test_the_official_watch_resumes_where_it_was(official: ApiClient) -> None:
    core = CoreV1Api(official)
    start = core.list_namespaced_config_map("default").metadata.resource_version
    for name in ("a", "b"):
        core.create_namespaced_config_map("default", {"metadata": {"name": name}})
    seen: list[str] = []
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_config_map, "default", resource_version=start, timeout_seconds=5):
        seen.append(f"{event['type']} {event['object'].metadata.name}")
        if len(seen) == 2:
            watcher.stop()
    assert seen == ["ADDED a", "ADDED b"]


def test_the_official_informer(official: ApiClient) -> None:
    core = CoreV1Api(official)
    seen: list[str] = []
    informer = SharedInformer(list_func=core.list_namespaced_config_map, namespace="default")
    for kind in (ADDED, MODIFIED, DELETED):
        informer.add_event_handler(kind, lambda obj, kind=kind: seen.append(f"{kind} {obj.metadata.name}"))
    informer.start()
    try:
        _wait(lambda: "ADDED kube-root-ca.crt" in seen)
        core.create_namespaced_config_map("default", {"metadata": {"name": "a"}})
        core.patch_namespaced_config_map("a", "default", {"data": {"k": "v"}})
        core.delete_namespaced_config_map("a", "default")
        _wait(lambda: seen[-3:] == ["ADDED a", "MODIFIED a", "DELETED a"])
    finally:
        informer.stop()


def test_the_official_dynamic_client(official: ApiClient) -> None:
    client = dynamic.DynamicClient(official)
    deployments = client.resources.get(api_version="apps/v1", kind="Deployment")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "busybox:1.36"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    deployments.create(body=body, namespace="default")
    deployments.patch(
        name="web", namespace="default", body={"spec": {"paused": True}}, content_type="application/merge-patch+json"
    )
    applied = {**body, "spec": {"replicas": 1}}
    applied.pop("status", None)
    deployments.server_side_apply(
        body=applied, name="web", namespace="default", field_manager="me", force_conflicts=True
    )
    found = AppsV1Api(official).read_namespaced_deployment("web", "default")
    assert (found.spec.replicas, found.spec.paused) == (1, True)


def _wait(fine: object) -> None:
    assert callable(fine)
    end = time.monotonic() + 20
    while not fine():
        assert time.monotonic() < end, threading.enumerate()
        time.sleep(0.02)
