"""How many trials a cluster is said to hold."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.clusters import capacity, open_cluster
from healgate.clusters.seam import Answer
from healgate.drivers import find_healer
from healgate.evidence import Obj, Ref
from healgate.problems import HarnessError
from healgate.scenario.catalogue import Catalogue
from healgate.trial import run_trial

SHIPPED = {name: one for name, one in Catalogue.load().scenarios.items() if not one.default.embedded_only}


@pytest.mark.parametrize("scenario", sorted(SHIPPED))
def test_no_trial_asks_for_more_than_it_is_counted_with(scenario: str) -> None:
    healer = find_healer("reference")
    found = run_trial(SHIPPED[scenario], 1, seed="room", cluster=open_cluster("embedded"), healer=healer)
    there: dict[Ref, Obj] = {}
    for seen in found.evidence.timeline:
        if seen.ref.kind == "Pod":
            there[seen.ref] = seen.object
            if seen.type == "DELETED" or seen.object["status"].get("phase") not in ("Pending", "Running"):
                del there[seen.ref]
            containers = [one for pod in there.values() for one in pod["spec"]["containers"]]
            asked = [one["resources"]["requests"] for one in containers if "requests" in one.get("resources", {})]
            assert len(there) <= capacity.PODS
            assert sum(int(one["cpu"].removesuffix("m")) for one in asked) <= capacity.CPU * 1000
            assert sum(int(one["memory"].removesuffix("Mi")) for one in asked) <= capacity.MEMORY / 2**20
    assert found.record.verdict == "PASS"


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
        pytest.param([node(cpu="160m"), node(cpu="150m")], [], (), 5, id="cpu-of-two-nodes"),
        pytest.param([node(memory="3200Mi")], [], (), 5, id="memory"),
        pytest.param([node(cpu="1010m")], [pod("kube-system", cpu="700m")], (), 5, id="what-runs"),
        pytest.param([node(cpu="310m")], [pod("lent", cpu="300m")], ("lent",), 5, id="lent"),
        pytest.param([node(cpu="310m")], [pod("a", "Failed", cpu="300m")], (), 5, id="over"),
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
