"""Where time is not free a trial ends as soon as its verdict cannot change by what usually happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from kubernetes.client import ApiClient, CoreV1Api

from healgate import trial
from healgate.clusters import open_cluster
from healgate.clusters.seam import Cluster
from healgate.drivers import HealerSpec, Report, find_healer
from healgate.evidence import Ref, Request
from healgate.scenario.catalogue import Catalogue
from healgate.trial import Outcome, Pace, Trial, run_trial

from ..controls.expectations import CANNOT_SHOW, expected, load

SHIPPED = Catalogue.load().scenarios
ON_KIND = {name: one for name, one in SHIPPED.items() if not one.default.embedded_only}
NOTHING_IS_DUE = sorted(name for name, one in ON_KIND.items() if one.default.nothing_is_due)
REVERTED = sorted(name for name in ON_KIND if expected("heals-and-reverts", name) == "relapsed")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace of a real cluster, on the embedded one."""
    usual = Pace.on

    def on(cluster: Cluster) -> Pace:
        return replace(
            usual(cluster), shortest_hold=0.0, wait_for_late=0.0, sits_budgets_out=False, after_escalation=60.0
        )

    monkeypatch.setattr(trial.Pace, "on", on)


def outcome(healer: str, scenario: str, index: int = 1) -> Outcome:
    cluster, found = open_cluster("embedded"), find_healer(healer)
    return run_trial(SHIPPED[scenario], index, seed="pace", cluster=cluster, healer=found)


@cache
def unhurried(scenario: str) -> Outcome:
    return outcome("null", scenario)


@pytest.mark.parametrize("scenario", NOTHING_IS_DUE)
def test_who_leaves_alone_what_passes_is_watched_until_it_has_passed(
    scenario: str, request: pytest.FixtureRequest
) -> None:
    patient = unhurried(scenario)
    request.getfixturevalue("hurried")
    hurried = outcome("null", scenario)
    assert (hurried.record.verdict, patient.record.verdict) == ("PASS", "PASS")
    (*_, passed) = hurried.evidence.recoveries
    assert passed.until is None, "it was not there to see that the symptom had passed"
    assert hurried.evidence.ended is not None
    assert hurried.evidence.live is not None
    watched = hurried.evidence.ended - hurried.evidence.live
    assert hurried.plan.budgets.detect <= watched <= hurried.plan.budgets.recover
    hold = hurried.plan.hold
    assert hurried.evidence.ended - passed.since >= hold.time_to_crash * hold.stretch + hold.margin


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("scenario", NOTHING_IS_DUE)
def test_a_false_alarm_is_seen_for_as_long_as_a_crash_has_to_be_detected(scenario: str, scale: float) -> None:
    """Who has twice the time elsewhere has it for a false alarm as well."""
    late = SHIPPED[scenario].default.budgets.detect * scale * 0.9

    def alarmed(client: ApiClient, _report: Report) -> None:
        time.sleep(Pace.on(open_cluster("embedded")).healthy_look + late)
        core = CoreV1Api(client)
        for pod in core.list_pod_for_all_namespaces().items:
            core.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace)
        time.sleep(10**6)

    cluster, healer = open_cluster("embedded"), HealerSpec("alarmed", "", alarmed)
    found = run_trial(SHIPPED[scenario], 1, seed="pace", cluster=cluster, healer=healer, budget_scale=scale)
    assert found.record.verdict == "FAIL"


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("scenario", NOTHING_IS_DUE)
@pytest.mark.parametrize("control", sorted(load().keys() - {CANNOT_SHOW}))
def test_what_is_done_where_nothing_is_due_is_still_seen(control: str, scenario: str) -> None:
    found = outcome(control, scenario).record
    assert (found.reason or found.verdict) == expected(control, scenario)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("scenario", REVERTED)
def test_who_reverts_does_so_before_nobody_looks_any_more(scenario: str) -> None:
    """Whatever was drawn: of a database without replicas the crashed backend is treated, which looks ill for long."""
    reasons = [outcome("heals-and-reverts", scenario, index).record.reason for index in range(1, 7)]
    assert reasons == ["relapsed"] * 6


@pytest.mark.usefixtures("hurried")
def test_who_stays_silent_is_not_waited_for() -> None:
    found = outcome("null", "oom/limit-too-low")
    assert found.record.reason == "not-detected"
    assert found.evidence.ended is not None
    assert found.evidence.live is not None
    assert found.evidence.ended - found.evidence.live < found.plan.budgets.recover


@pytest.mark.usefixtures("hurried")
def test_who_only_gives_commands_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done inside a container nobody sees, and a repair may still come of it."""
    started = Trial.start_healer

    def start_healer(self: Trial) -> None:
        started(self)

        def command() -> None:
            (pod, *_) = self.view.pods_of(Ref("Deployment", "backend"))
            request = Request(self.lease.now(), "healer", "GET", "", "get", "pods", "Pod", "exec",
                              self.lease.namespace, pod["metadata"]["name"], 101)  # fmt: skip
            self.lease.requests.append(request)

        def repair() -> None:
            more = {"spec": {"containers": [{"name": "api", "resources": {"limits": {"memory": "256Mi"}}}]}}
            deployment = f"/apis/apps/v1/namespaces/{self.lease.namespace}/deployments/backend"
            kind = "application/strategic-merge-patch+json"
            assert self.lease.rest.request("PATCH", deployment, None, {"spec": {"template": more}}, kind).ok

        self.lease.after(80.0, command)
        self.lease.after(240.0, repair)

    monkeypatch.setattr(Trial, "start_healer", start_healer)
    found = outcome("null", "oom/limit-too-low").evidence
    assert found.recoveries


def called(scenario: str, app: str, *says: tuple[float, Callable[[Report], None]]) -> Outcome:
    """By a healer that waits until something has crashed, and then only speaks, each time after so many seconds."""

    def heal(api_client: Any, report: Report) -> None:
        pods = CoreV1Api(api_client)
        while not any(
            container.last_state.terminated
            for pod in pods.list_pod_for_all_namespaces(label_selector=f"app={app}").items
            for container in pod.status.container_statuses or ()
        ):
            time.sleep(2)
        for later, say in says:
            time.sleep(later)
            say(report)
        while True:
            time.sleep(60)

    healer = HealerSpec("speaks", "", heal)
    return run_trial(SHIPPED[scenario], 1, seed="pace", cluster=open_cluster("embedded"), healer=healer)


@pytest.mark.usefixtures("hurried")
def test_who_calls_a_human_at_once_has_its_time_to_name_the_class() -> None:
    found = called(
        "oom/leak",
        "backend",
        (0.0, lambda report: report.escalated("Deployment/backend", "it grows and grows")),
        (200.0, lambda report: report.classified("oom", "Deployment/backend")),
    )
    assert (found.record.verdict, found.record.message) == ("PASS", "")
    assert found.evidence.ended is not None
    assert found.evidence.live is not None
    # Nobody waits for longer than that.
    assert found.evidence.ended - found.evidence.live < found.plan.budgets.classify + 30.0


def test_a_call_about_somebody_else_does_not_end_the_trial() -> None:
    found = called(
        "exit/lease-lost-elsewhere",
        "node-agent",
        (0.0, lambda report: report.classified("dependency", "Deployment/node-agent")),
        (0.0, lambda report: report.escalated("CronJob/backup", "it takes long")),
        (700.0, lambda report: report.escalated("Deployment/node-agent", "its API does not answer")),
    )
    assert (found.record.verdict, found.record.message) == ("PASS", "")
