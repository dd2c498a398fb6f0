"""From a leak to a node that is short of memory and back, with everybody at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.runtime.shelf import ImageShelf

PROFILE = """\
size: 1000000
entrypoint: [/usr/local/bin/cache]
program: {name: cache, version: 1.0.0, memory: {leak: 64Mi}}
"""


def test_a_leak_without_a_limit_brings_the_node_into_need_and_its_pod_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "registry.shop.example" / "shop" / "cache"
    folder.mkdir(parents=True)
    (folder / "1.yaml").write_text(PROFILE)
    cluster = EmbeddedCluster(images=ImageShelf(tmp_path))
    labels = {"app": "cache"}
    container: dict[str, Any] = {"name": "main", "image": "registry.shop.example/shop/cache:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    cluster.registry.create("deployments.apps", {"metadata": {"name": "cache"}, "spec": spec}, namespace="default")
    cluster.run_for(200)
    assert not cluster.registry.list("nodes")[0]["spec"].get("taints")
    cluster.run_for(70)  # 16 GiB at 64 MiB a second
    pods = cluster.registry.list("pods", "default")
    told = [pod["status"]["message"] for pod in pods if pod["status"].get("reason") == "Evicted"]
    low = "The node was low on resource: memory. Threshold quantity: 100Mi, available: "
    # Until the node bears its taint, what comes in the place of the evicted one is bound to it and rejected.
    assert [one.startswith(low) for one in told].count(True) == 1
    assert {one for one in told if not one.startswith(low)} <= {
        "Pod was rejected: The node had condition: [MemoryPressure]. "
    }
    (taint,) = cluster.registry.list("nodes")[0]["spec"]["taints"]
    assert taint["key"] == "node.kubernetes.io/memory-pressure"
    (waiting,) = [pod for pod in pods if pod["status"]["phase"] == "Pending"]
    assert "untolerated taint(s)" in waiting["status"]["conditions"][0]["message"]
    cluster.run_for(320)
    assert not cluster.registry.list("nodes")[0]["spec"].get("taints")
    running = [pod for pod in cluster.registry.list("pods", "default") if pod["status"]["phase"] == "Running"]
    assert len(running) == 1
