"""Trials made up for reports: evidence as a cluster would have left it, without a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from healgate.evidence import Claim, Evidence, HealerEnd, Obj, Recovery, Ref, Request, Seen
from healgate.record import Times, TrialRecord
from healgate.scenario.model import Scenario
from healgate.words import CrashClass, Reason, Verdict, Word

BEGAN = 1_767_225_600.0
TARGET = Ref("Deployment", "backend")


def plan() -> Scenario:
    return Scenario.model_validate(
        {
            "name": "healgate",
            "catalogue": "MEM-01",
            "workload": "shop",
            "class": "oom",
            "target": ["Deployment/backend"],
            "signature": {
                "within": "2m",
                "all": [{"of": "Deployment/backend", "terminated": ["OOMKilled"], "restarts": True}],
            },
            "budgets": {"detect": "30s", "classify": "60s", "recover": "3m"},
            "hold": {"time-to-crash": "30s"},
        }
    )


def row(**changes: Any) -> TrialRecord:
    standard = TrialRecord(
        scenario="oom/limit-too-low",
        trial=1,
        seed="0",
        healer="reference 0.1.0",
        cluster="embedded",
        kubernetes="1.36.2",
        timing="stock",
        crash_class="oom",
        verdict=Verdict.PASS,
        times=Times(3.2, 3.2, 41.7),
        parameters={"limit": "64Mi", "need": "120Mi"},
    )
    return replace(standard, **changes)


def failed(reason: Reason = Reason.RELAPSED, **changes: Any) -> TrialRecord:
    message = (
        "expected the workload to keep working for 600 s; container api of pod backend-6b7c9d4f5c-x2x4z ended "
        "(OOMKilled, exit code 137) 312 s after the recovery (see recoveries and timeline)"
    )
    return row(**{"verdict": Verdict.FAIL, "reason": reason, "message": message, **changes})


def deployment(memory: str, generation: int = 1) -> Obj:
    container = {"name": "api", "image": "shop/backend:2.4.1", "resources": {"limits": {"memory": memory}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "backend", "namespace": "team-4f", "uid": "d-1", "generation": generation},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
        "status": {"observedGeneration": generation},
    }


def pod(name: str, state: Obj, restarts: int = 0, *, ready: bool = False, owner: str = "backend") -> Obj:
    hashed = name.split("-")[-2]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "generateName": f"{owner}-{hashed}-",
            "uid": f"p-{name}",
            "labels": {"pod-template-hash": hashed},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{owner}-{hashed}", "uid": f"r-{hashed}"}],
        },
        "status": {"containerStatuses": [{"name": "api", "state": state, "restartCount": restarts, "ready": ready}]},
    }


def event(reason: str, about: str, message: str, count: int = 1) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about}.{reason}.{count}"},
        "involvedObject": {"kind": "Pod", "name": about},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "count": count,
    }


RUNNING: Obj = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
KILLED: Obj = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
BACK_OFF: Obj = {"waiting": {"reason": "CrashLoopBackOff"}}
CREATING: Obj = {"waiting": {"reason": "ContainerCreating"}}

OLD, NEW, BESIDE = "backend-6b7c9d4f5c-x2x4z", "backend-7d9f8b6c5d-m8n2k", "frontend-5c6d7e8f9a-q1w2e"


def evidence(*, recoveries: list[Recovery] | None = None, polls: int = 0) -> Evidence:
    """An out-of-memory crash loop, repaired by raising the limit, then held for ten minutes."""

    def seen(after: float, obj: Obj, kind: str = "MODIFIED") -> Seen:
        return Seen(BEGAN + after, kind, obj)

    patch = {
        "spec": {"template": {"spec": {"containers": [{"name": "api", "resources": {"limits": {"memory": "128Mi"}}}]}}}
    }
    polling = [
        Request(BEGAN + 60 + n, "healer", "GET", "/api/v1/namespaces/team-4f/pods", "list", "pods", "Pod", "",
                "team-4f", "", 200)
        for n in range(polls)
    ]  # fmt: skip
    return Evidence(
        namespace="team-4f",
        started=BEGAN,
        baseline={TARGET: deployment("128Mi"), Ref("Pod", OLD): pod(OLD, RUNNING, ready=True)},
        bystanders=frozenset({Ref("Deployment", "frontend")}),
        broken=BEGAN + 60,
        live=BEGAN + 75.4,
        ended=BEGAN + 720,
        hold=600.0,
        timeline=[
            seen(0.5, pod(OLD, CREATING), "ADDED"),
            seen(0.5, pod(BESIDE, CREATING, owner="frontend"), "ADDED"),
            seen(2.5, pod(OLD, RUNNING)),
            seen(2.6, pod(BESIDE, RUNNING, ready=True, owner="frontend")),
            seen(5.0, pod(OLD, RUNNING, ready=True)),
            seen(61.0, pod(NEW, CREATING), "ADDED"),
            seen(62.4, pod(NEW, RUNNING)),
            seen(66.0, pod(OLD, RUNNING, ready=True), "DELETED"),
            seen(66.2, pod(NEW, RUNNING, ready=True)),
            seen(74.0, pod(NEW, KILLED, 0)),
            seen(75.4, pod(NEW, RUNNING, 1)),
            seen(76.0, event("BackOff", NEW, "Back-off restarting failed container api in pod", 3), "ADDED"),
            seen(86.0, pod(NEW, KILLED, 1)),
            seen(87.0, pod(NEW, BACK_OFF, 1)),
            seen(101.0, pod(NEW, RUNNING, 2)),
            seen(117.1, pod(NEW, RUNNING, 2, ready=True)),
        ],
        requests=[
            *polling,
            Request(BEGAN + 79, "healer", "PATCH", "/apis/apps/v1/namespaces/team-4f/deployments/backend", "patch",
                    "deployments.apps", "Deployment", "", "team-4f", "backend", 200, patch),
            Request(BEGAN + 79.2, "healer", "DELETE", f"/api/v1/namespaces/team-4f/pods/{OLD}", "delete", "pods",
                    "Pod", "", "team-4f", OLD, 404),
        ],
        claims=[
            Claim(BEGAN + 78.6, Word.DETECTED, f"Pod/{NEW}"),
            Claim(BEGAN + 78.6, Word.CLASSIFIED, "Deployment/backend", CrashClass.OOM),
            Claim(BEGAN + 79.1, Word.REMEDIATED, "Deployment/backend", note="memory limit 64Mi -> 128Mi"),
        ],
        recoveries=[Recovery(BEGAN + 117.1)] if recoveries is None else recoveries,
        final={TARGET: deployment("256Mi", 3), Ref("Pod", NEW): pod(NEW, RUNNING, 2, ready=True)},
        logs={f"{NEW}/api": "listening on :8080\nallocating cache\n"},
        healer=HealerEnd("stopped"),
    )  # fmt: skip


def relapsing() -> Evidence:
    lost = "container api of pod backend-7d9f8b6c5d-m8n2k ended (OOMKilled, exit code 137)"
    return evidence(recoveries=[Recovery(BEGAN + 117.1, BEGAN + 429.3, lost, True), Recovery(BEGAN + 450)])
