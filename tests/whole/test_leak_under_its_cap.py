"""More memory makes a leak crash later. A hold that is shorter than that would call it a repair.

The limit is set to just under what the namespace allows, which is the longest that the leak can be put off; whatever
the draw, the relapse must come inside the hold.
"""

from __future__ import annotations

from time import sleep
from typing import Any

import pytest
from kubernetes.client import AppsV1Api, CoreV1Api

from healgate.clusters import open_cluster
from healgate.drivers import HealerSpec
from healgate.scenario.catalogue import Catalogue
from healgate.trial import run_trial
from healgate.words import Reason, Verdict

CAP = "512Mi"
JUST_UNDER = "511Mi"


def puts_it_off(client: Any, report: Any) -> None:
    """At the first kill as much memory as there is, once and for good."""
    core: Any = CoreV1Api(client)
    apps: Any = AppsV1Api(client)
    raised = False
    while True:
        sleep(15)
        for pod in core.list_pod_for_all_namespaces(label_selector="app=backend").items:
            if raised or not any(status.restart_count for status in pod.status.container_statuses or ()):
                continue
            report.detected("Deployment/backend")
            report.classified("oom", "Deployment/backend")
            container = {"name": "api", "resources": {"limits": {"memory": JUST_UNDER}}}
            patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
            apps.patch_namespaced_deployment("backend", pod.metadata.namespace, patch)
            report.remediated("Deployment/backend")
            raised = True


@pytest.mark.parametrize("trial", range(1, 21))
def test_a_leak_just_under_its_cap_is_a_relapse(trial: int) -> None:
    healer = HealerSpec("puts it off", "1.0", puts_it_off)
    scenario = Catalogue.load().scenarios["oom/leak"]
    found = run_trial(scenario, trial, seed="cap", cluster=open_cluster("embedded"), healer=healer)
    limits = found.evidence.baseline
    assert any(CAP in str(obj.get("spec")) for ref, obj in limits.items() if ref.kind == "LimitRange"), "another cap"
    assert (found.record.verdict, found.record.reason) == (Verdict.FAIL, Reason.RELAPSED), found.record.message
