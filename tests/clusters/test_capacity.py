"""How many trials a cluster is said to hold."""

from __future__ import annotations

import time
from typing import Any

import pytest
from kubernetes.client import ApiClient, AppsV1Api

from healgate.clusters import capacity, open_cluster
from healgate.clusters.seam import Answer
from healgate.drivers import HealerSpec, Report
from healgate.evidence import Obj, Ref
from healgate.problems import HarnessError
from healgate.scenario.catalogue import Catalogue
from healgate.trial import run_trial

# The healer begins half a minute before the break.
AFTER_THE_BREAK = 70

SHIPPED = {name: one for name, one in Catalogue.load().scenarios.items() if not one.default.embedded_only}


def restarts_all(client: ApiClient, _report: Report) -> None:
    """Nobody's pods may wait for room, whatever a healer does that it may do."""
    time.sleep(AFTER_THE_BREAK)
    apps = AppsV1Api(client)
    again = {"spec": {"template": {"metadata": {"annotations": {"restarted": "again"}}}}}
    for one in apps.list_deployment_for_all_namespaces().items:
        apps.patch_namespaced_deployment(one.metadata.name, one.metadata.namespace, again)
    for one in apps.list_daemon_set_for_all_namespaces().items:
        apps.patch_namespaced_daemon_set(one.metadata.name, one.metadata.namespace, again)
    time.sleep(10**6)


@pytest.mark.parametrize("scenario", sorted(SHIPPED))
def test_no_trial_asks_for_more_than_it_is_counted_with(scenario: str) -> None:
    healer = HealerSpec("restarts all", "", restarts_all)
    found = run_trial(SHIPPED[scenario], 1, seed="room", cluster=open_cluster("embedded"), healer=healer)
    there: dict[Ref, Obj] = {}
    for seen in found.evidence.timeline:
        if seen.ref.kind == "Pod":
            there[seen.ref] = seen.object
            if seen.type == "DELETED" or seen.object["status"].get("phase") not in ("Pending", "Running"):
                del there[seen.ref]
            containers = [one for pod in there.values() for one in pod["spec"]["containers"]]
            asked = [one["resources"]["requests"] for one in containers if "requests" in one.get("resources", {})]
            assert len(asked) == len(containers)
            assert len(there) <= capacity.PODS
            assert sum(int(one["cpu"].removesuffix("m")) for one in asked) <= capacity.CPU * 1000
            assert sum(int(one["memory"].removesuffix("Mi")) for one in asked) <= capacity.MEMORY / 2**20
    pods = {seen.ref for seen in found.evidence.timeline if seen.ref.kind == "Pod"}
    assert pods - found.evidence.baseline.keys(), "nothing was replaced"


def node(**offered: str) -> Obj:
    return {"status": {"allocatable": {"pods": "100", "cpu": "100", "memory": "100Gi", **offered}}}


def pod(namespace: str, phase: str = "Running", **requests: str) -> Obj:
    container = {"resources": {"requests": requests}}
    return {"metadata": {"namespace": namespace}, "status": {"phase": phase}, "spec": {"containers": [container]}}


class Cluster:
    """Answers what it was given."""

    def __init__(self, nodes: list[Obj], pods: list[Obj], code: int = 200) -> None:
        self._lists = {"/api/v1/nodes": nodes, "/api/v1/pods": pods}
        self._code = code

    def request(self, _method: str, path: str, *_: Any, **__: Any) -> Answer:
        return Answer(self._code, {"items": self._lists[path]})


@pytest.mark.parametrize(
    ("nodes", "pods", "lent", "holds"),
    [
        pytest.param([node()], [], (), 8, id="pods"),
        pytest.param([node(cpu="210m"), node(cpu="200m")], [], (), 5, id="cpu-of-two-nodes"),
        pytest.param([node(memory="3400Mi")], [], (), 5, id="memory"),
        pytest.param([node(cpu="1110m")], [pod("kube-system", cpu="700m")], (), 5, id="what-runs"),
        pytest.param([node(cpu="410m")], [pod("lent", cpu="400m")], ("lent",), 5, id="lent"),
        pytest.param([node(cpu="410m")], [pod("a", "Failed", cpu="400m")], (), 5, id="over"),
        pytest.param([node(cpu="600m")], [pod("a", cpu="600m")], (), 1, id="full"),
    ],
)
def test_it_holds_what_is_left_of_what_is_scarcest(
    nodes: list[Obj], pods: list[Obj], lent: tuple[str, ...], holds: int
) -> None:
    assert capacity.capacity(Cluster(nodes, pods), lent) == holds  # type: ignore[arg-type]


def test_a_cluster_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(HarnessError, match="could not be read: 403, 403"):
        capacity.capacity(Cluster([], [], 403), ())  # type: ignore[arg-type]
