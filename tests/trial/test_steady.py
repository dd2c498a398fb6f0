"""Before anything is broken the workload stands, with no history of its own start, or there is no verdict."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from kubernetes.client import ApiException, CoordinationV1Api, CoreV1Api

from healgate import trial
from healgate.chaos import run
from healgate.clusters import open_cluster
from healgate.clusters.embedded import EmbeddedLease
from healgate.clusters.seam import Cluster
from healgate.drivers import HealerSpec, find_healer
from healgate.evidence import Ref
from healgate.scenario.catalogue import Catalogue
from healgate.trial import Outcome, Pace, Trial, run_trial

SHIPPED = Catalogue.load().scenarios
BACKEND, FRONTEND = Ref("Deployment", "backend"), Ref("Deployment", "frontend")


def outcome(scenario: str, healer: HealerSpec) -> Outcome:
    return run_trial(SHIPPED[scenario], 1, seed="steady", cluster=open_cluster("embedded"), healer=healer)


def restarts(found: Outcome) -> int:
    """In the baseline, of what a Deployment owns."""
    pods = [obj for ref, obj in found.evidence.baseline.items() if ref.kind == "Pod"]
    return sum(
        container["restartCount"]
        for pod in pods
        for container in pod["status"]["containerStatuses"]
        if pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
    )


@pytest.fixture
def starts_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Pace.on

    def on(cluster: Cluster) -> Pace:
        return replace(usual(cluster), starts_clean=True)

    monkeypatch.setattr(trial.Pace, "on", on)


def test_restarts_of_the_start_are_no_history(request: pytest.FixtureRequest) -> None:
    """Any healer may take two restarts within a few minutes for a crash loop."""
    null = find_healer("null")
    assert restarts(outcome("nothing/old-restarts", null)) > 0
    request.getfixturevalue("starts_clean")
    assert restarts(outcome("nothing/old-restarts", null)) == 0


def falls(monkeypatch: pytest.MonkeyPatch, workload: Ref) -> None:
    """A pod of it is gone in the minute in which the healer sees a healthy workload."""
    started = Trial.start_healer

    def start_healer(self: Trial) -> None:
        started(self)
        run.delete(self.lease, [Ref.of(next(self.view.pods_of(workload)))])
        self.lease.sleep(1.0)

    monkeypatch.setattr(Trial, "start_healer", start_healer)


@pytest.fixture
def falls_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    falls(monkeypatch, BACKEND)


@pytest.mark.parametrize("fallen", [BACKEND, FRONTEND], ids=str)
def test_whoever_notices_what_falls_by_itself_is_right(fallen: Ref, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on kind at a load of 30 and more: it was called a false alarm, also about a neighbour that was down."""
    falls(monkeypatch, fallen)

    def notices(_client: Any, report: Any) -> None:
        report.detected(about=str(fallen))

    found = outcome("oom/limit-too-low", HealerSpec("notices", "", notices)).record
    assert (found.verdict, found.reason) == ("INVALID", None)
    assert found.message.startswith("the workload did not stay steady, it fell ")


@pytest.mark.usefixtures("falls_by_itself")
def test_so_is_whoever_treats_it() -> None:
    def treats(client: Any, report: Any) -> None:
        core = CoreV1Api(client)
        while all(
            one.status.phase == "Running"
            for one in core.list_pod_for_all_namespaces(label_selector="app=backend").items
        ):
            time.sleep(0.1)
        meddles(client, report)

    found = outcome("oom/limit-too-low", HealerSpec("treats", "", treats)).record
    assert (found.verdict, found.reason) == ("INVALID", None), found.message


def test_a_neighbour_that_nobody_noticed_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    falls(monkeypatch, FRONTEND)
    found = outcome("oom/limit-too-low", find_healer("null"))
    assert found.record.reason == "not-detected"
    deployments = [one for one in found.evidence.timeline if one.ref == FRONTEND]
    seen = [one for one in deployments if one.time <= (found.evidence.broken or 0.0)]
    ready = [one.object["status"].get("readyReplicas", 0) for one in seen]
    after_it_stood = ready[ready.index(max(ready)) :]
    assert min(after_it_stood) < max(ready) == ready[-1]


@pytest.mark.usefixtures("falls_by_itself")
def test_an_election_of_the_healers_own_is_no_act() -> None:
    def elects(client: Any, _report: Any) -> None:
        lease = {"metadata": {"name": "healer"}, "spec": {"holderIdentity": "me"}}
        with suppress(ApiException):
            CoordinationV1Api(client).create_namespaced_lease("default", lease)

    assert outcome("oom/limit-too-low", HealerSpec("elects", "", elects)).record.verdict == "INVALID"


def meddles(client: Any, _report: Any) -> None:
    core = CoreV1Api(client)
    for pod in core.list_pod_for_all_namespaces(label_selector="app=backend").items:
        core.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace)


def test_whoever_makes_it_fall_is_not() -> None:
    found = outcome("oom/limit-too-low", HealerSpec("meddles", "", meddles)).record
    assert (found.verdict, found.reason) == ("FAIL", "false-alarm"), found.message


def test_a_workload_is_started_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the turn is over as soon as it stands: other trials wait for it."""
    order: list[str] = []

    @contextmanager
    def turn(_lease: Any) -> Iterator[None]:
        order.append("turn")
        yield
        order.append("over")

    deploy, baseline = run.deploy, Trial.take_baseline
    monkeypatch.setattr(EmbeddedLease, "turn", turn)
    monkeypatch.setattr(run, "deploy", lambda *given: (order.append("deploy"), deploy(*given)))
    monkeypatch.setattr(Trial, "take_baseline", lambda self: (order.append("stands"), baseline(self)))
    outcome("exit/config-change", find_healer("null"))
    assert order == ["turn", "deploy", "over", "stands"]
