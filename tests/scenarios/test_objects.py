"""What injectors and probes ask of a cluster's objects, as a healer may have left them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from healgate.chaos.objects import Objects
from healgate.chaos.place import acting_on
from healgate.chaos.probes import keeps_running
from healgate.clusters import open_cluster
from healgate.clusters.seam import Lease
from healgate.evidence import Obj


@pytest.fixture
def lease() -> Iterator[Lease]:
    lease = open_cluster("embedded").lease("objects")
    yield lease
    lease.close()


def deployment(name: str, labels: dict[str, str], selector: Any) -> Obj:
    containers = [{"name": "main", "image": "busybox:1.36", "command": ["sleep", "3600"]}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": 2, "selector": selector, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


SELECTORS = [
    {"matchLabels": {"app": "web"}},
    {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "front"]}]},
    {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    {
        "matchExpressions": [
            {"key": "app", "operator": "NotIn", "values": ["other"]},
            {"key": "alone", "operator": "DoesNotExist"},
        ]
    },
]


@pytest.mark.parametrize("selector", SELECTORS, ids=str)
def test_a_workloads_pods_are_found_however_it_selects_them(lease: Lease, selector: Any) -> None:
    """A Deployment that was made anew without matchLabels made the trial an ERROR."""
    objects = Objects(lease.rest, lease.namespace)
    objects.create(deployment("other", {"app": "other", "alone": "yes"}, {"matchLabels": {"app": "other"}}))
    web = objects.create(deployment("web", {"app": "web", "tier": "1"}, selector))
    lease.sleep(30)
    assert web is not None
    assert [pod["metadata"]["name"][:4] for pod in objects.pods_of(web)] == ["web-", "web-"]
    with acting_on(lease):
        assert keeps_running("Deployment/web", "10s")
        assert not keeps_running("Deployment/gone", "10s")
