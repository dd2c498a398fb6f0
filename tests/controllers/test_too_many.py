"""Somebody asks for a million pods: they come as fast as a controller's client lets them, and time goes on."""

from __future__ import annotations

from typing import Any

import pytest

from .puppet import Obj, Puppet, template

MILLION = 1_000_000


def workload(kind: str, **spec: Any) -> Obj:
    group = "batch/v1" if kind == "Job" else "apps/v1"
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "web"}, "spec": spec}


SELECTED: dict[str, Any] = {"selector": {"matchLabels": {"app": "web"}}, "template": template()}
ONCE = {"template": {"spec": template(restartPolicy="Never")["spec"]}}
ASKED = {
    "replicasets.apps": workload("ReplicaSet", replicas=MILLION, **SELECTED),
    "statefulsets.apps": workload("StatefulSet", replicas=MILLION, podManagementPolicy="Parallel", **SELECTED),
    "jobs.batch": workload("Job", parallelism=MILLION, completions=MILLION, **ONCE),
}


@pytest.mark.parametrize("resource", ASKED)
def test_they_come_in_bursts(cluster: Puppet, resource: str) -> None:
    cluster.create(resource, ASKED[resource])
    cluster.run(1)
    assert len(cluster.pods()) == 500
    cluster.run(20)
    assert len(cluster.pods()) == 500
    cluster.run(10)
    assert len(cluster.pods()) == 1000


def test_an_orderly_set_goes_on_one_by_one(cluster: Puppet) -> None:
    cluster.create("statefulsets.apps", workload("StatefulSet", replicas=MILLION, **SELECTED))
    for _ in range(4):
        cluster.run(0.5)
        cluster.ready()
    assert 3 <= len(cluster.pods()) <= 5


def test_what_is_missing_after_a_burst_comes_when_it_may(cluster: Puppet) -> None:
    cluster.create("replicasets.apps", workload("ReplicaSet", replicas=510, **SELECTED))
    cluster.run(1)
    assert len(cluster.pods()) == 500
    cluster.run(30)
    assert len(cluster.pods()) == 510
