"""Images for another processor: found out at the pull where the tag is a list, and at the start where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.runtime.shelf import ImageShelf

PROFILE = """\
size: 1000000
entrypoint: [/usr/local/bin/backend]
userland: alpine
architecture: arm64
program: {name: backend, version: 1.0.0}
"""


@pytest.fixture
def cluster(tmp_path: Path) -> EmbeddedCluster:
    images = tmp_path / "registry.shop.example" / "shop" / "backend"
    images.mkdir(parents=True)
    (images / "1.yaml").write_text(PROFILE)
    (images / "2.yaml").write_text(PROFILE + "index: true\n")
    return EmbeddedCluster(images=ImageShelf(tmp_path))


def after(cluster: EmbeddedCluster, seconds: float, tag: str, **container: object) -> dict[str, object]:
    image = f"registry.shop.example/shop/backend:{tag}"
    spec = {"containers": [{"name": "main", "image": image, **container}]}
    cluster.registry.create("pods", {"metadata": {"name": "app"}, "spec": spec}, namespace="default")
    cluster.run_for(seconds)
    found = cluster.registry.get("pods", "default", "app")["status"]["containerStatuses"][0]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("container", "path"),
    [({}, "/usr/local/bin/backend"), ({"command": ["sh", "-c", "sleep 1"]}, "/bin/sh")],
)
def test_a_single_image_starts_and_says_that_its_format_is_wrong(
    cluster: EmbeddedCluster, container: dict[str, object], path: str
) -> None:
    status = after(cluster, 120, "1", **container)
    last = status["lastState"]["terminated"]  # type: ignore[index]
    assert (last["exitCode"], last["reason"]) == (255, "Error")
    assert last["startedAt"] > "2026"
    pod = cluster.registry.get("pods", "default", "app")
    assert cluster.kubelet.logs(pod, "main") == f"exec {path}: exec format error\n".encode()
    assert status["restartCount"] > 2  # type: ignore[operator]


def test_a_program_that_is_not_there_is_missed_first(cluster: EmbeddedCluster) -> None:
    status = after(cluster, 5, "1", command=["/nope"])
    assert "exec format" not in str(status)
    assert "StartError" in str(status)


def test_a_list_without_the_nodes_platform_is_refused_at_the_pull(cluster: EmbeddedCluster) -> None:
    status = after(cluster, 4, "2")
    assert "no match for platform in manifest: not found" in str(status["state"])
    messages = [one["message"] for one in cluster.registry.list("events", "default") if one["reason"] == "Failed"]
    reference = "registry.shop.example/shop/backend:2"
    why = f'failed to pull and unpack image "{reference}": no match for platform in manifest: not found'
    assert f'Failed to pull image "{reference}": rpc error: code = NotFound desc = {why}' in messages


def test_a_large_image_of_a_slow_registry_keeps_its_pod_waiting_without_an_error() -> None:
    cluster = EmbeddedCluster()
    image = "registry.access.redhat.com/ubi9/python-311:1-66"
    spec = {"containers": [{"name": "main", "image": image, "command": ["sleep", "1000"]}]}
    cluster.registry.create("pods", {"metadata": {"name": "app"}, "spec": spec}, namespace="default")
    cluster.run_for(6)
    status = cluster.registry.get("pods", "default", "app")["status"]
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert status["phase"] == "Pending"
    cluster.run_for(10)
    assert cluster.registry.get("pods", "default", "app")["status"]["phase"] == "Running"
    told = [one for one in cluster.registry.list("events", "default") if one["involvedObject"]["name"] == "app"]
    reasons = [one["reason"] for one in sorted(told, key=lambda one: str(one["metadata"]["name"]))]
    assert reasons == ["Scheduled", "Pulling", "Pulled", "Created", "Started"]
