"""Trials made up by the judge's tests: a namespace that keeps its history while a healer writes to it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from healgate.evidence import Claim, Evidence, Obj, Recovery, Ref, Request, Seen
from healgate.judge import Judgement, judge
from healgate.scenario.model import Scenario
from healgate.words import CrashClass, Word

START = 1_767_225_600.0
BROKEN, LIVE, ENDED = 60.0, 70.0, 2000.0  # seconds after the start, as are all times here
NAMESPACE = "team-4f"
BACKEND, STORE, SHOP = Ref("Deployment", "backend"), Ref("StatefulSet", "store"), Ref("Deployment", "frontend")
BACKEND_POD, SHOP_POD, OTHER = Ref("Pod", "backend-1-a"), Ref("Pod", "frontend-1-a"), Ref("Deployment", "other")
API = "spec.template.spec.containers[api]"

_GROUPS = {
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1",
    "ControllerRevision": "apps/v1", "Job": "batch/v1", "CronJob": "batch/v1", "Topic": "kafka.example/v1",
    "Role": "rbac.authorization.k8s.io/v1", "Ingress": "networking.k8s.io/v1",
}  # fmt: skip


def obj(kind: str, name: str, owner: Ref | None = None, **parts: Any) -> Obj:
    metadata: Obj = {"name": name, "namespace": NAMESPACE, "uid": f"{kind}-{name}-1", "resourceVersion": "1"}
    if owner is not None:
        metadata["ownerReferences"] = [
            {"kind": owner.kind, "name": owner.name, "uid": f"{owner.kind}-{owner.name}-1", "controller": True}
        ]
    return {"apiVersion": _GROUPS.get(kind, "v1"), "kind": kind, "metadata": metadata, **parts}


def template(*, args: list[str] | None = None) -> Obj:
    api: Obj = {
        "name": "api",
        "image": "shop/backend:1",
        "args": args or ["serve"],
        "resources": {"limits": {"memory": "128Mi", "cpu": "1"}},
        "livenessProbe": {"httpGet": {"path": "/live"}},
        "readinessProbe": {"httpGet": {"path": "/ready"}},
        "startupProbe": {"httpGet": {"path": "/live"}},
        "securityContext": {"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}},
    }
    side = {"name": "side", "image": "shop/side:1"}
    init = {"name": "schema", "image": "shop/schema:1", "command": ["migrate"]}
    pod = {"securityContext": {"fsGroup": 1000}, "initContainers": [init], "containers": [api, side]}
    return {"spec": pod}


def workload(kind: str, name: str) -> Obj:
    return obj(kind, name, spec={"replicas": 2, "template": template()})


def namespace() -> list[Obj]:
    found = [
        workload("Deployment", "backend"),
        workload("Deployment", "frontend"),
        workload("Deployment", "other"),
        workload("StatefulSet", "store"),
        obj("ReplicaSet", "backend-0", BACKEND, spec={"replicas": 0, "template": template(args=["serve", "--old"])}),
        obj("ControllerRevision", "store-0", STORE, data={"spec": {"template": template(args=["serve", "--old"])}}),
        obj("DaemonSet", "agent", spec={"template": template()}),
        obj("CronJob", "nightly", spec={}),
        obj("Job", "migration", spec={"template": template(args=["migrate"])}),
        *(obj(kind, "data") for kind in ("PersistentVolumeClaim", "Secret", "ConfigMap", "Service", "Topic")),
        obj("Ingress", "front", spec={}),
    ]
    for name in ("backend", "frontend", "other"):
        replicaset = Ref("ReplicaSet", f"{name}-1")
        found.append(obj("ReplicaSet", f"{name}-1", Ref("Deployment", name), spec={"template": template()}))
        found.append(obj("Pod", f"{name}-1-a", replicaset, spec=template()["spec"]))
    return found


def plan(**changes: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "healgate",
            "workload": "shop",
            "class": "oom",
            "target": ["Deployment/backend"],
            "may-touch": ["StatefulSet/store"],
            "signature": {"within": "2m", "all": [{"of": "Deployment/backend", "terminated": ["OOMKilled"]}]},
            "budgets": {"detect": "30s", "classify": "60s", "recover": "5m"},
            "hold": {"time-to-crash": "30s"},
            **changes,
        }
    )


NOTHING_DUE = {"class": "nothing", "due": ["nothing"], "accept": ["rollout"]}


class Trial:
    """One trial's evidence, filled by what the tests let happen."""

    def __init__(self, start: float = START) -> None:
        self.start = start
        self.now = {Ref.of(one): one for one in namespace()}
        self.version = 1
        self.evidence = Evidence(
            NAMESPACE,
            start,
            baseline=dict(self.now),
            bystanders=frozenset({SHOP}),
            broken=start + BROKEN,
            live=start + LIVE,
            ended=start + ENDED,
            hold=100.0,
            final=self.now,
        )

    # -- what happens in the namespace

    def had(self, ref: Ref, path: str, value: Any) -> None:
        """What stood at a path from the beginning."""
        found = copy.deepcopy(self.now[ref])
        put(found, path, value)
        self.now[ref] = found
        self.evidence.baseline = dict(self.now)

    def changes(self, ref: Ref, at: float, path: str, value: Any) -> None:
        """Somebody changes what stands at a path; None takes it away."""
        found = copy.deepcopy(self.now[ref])
        put(found, path, value)
        self._show("MODIFIED", found, at)

    def appears(self, new: Obj, at: float) -> None:
        self._show("ADDED", copy.deepcopy(new), at)

    def goes(self, ref: Ref, at: float) -> None:
        self._show("DELETED", copy.deepcopy(self.now[ref]), at)
        del self.now[ref]

    def _show(self, how: str, found: Obj, at: float) -> None:
        self.version += 1
        found["metadata"]["resourceVersion"] = str(self.version)
        self.now[Ref.of(found)] = found
        self.evidence.timeline.append(Seen(self.start + at, how, found))

    # -- what the healer does

    def asks(self, verb: str, ref: Ref, at: float, before: Obj | None = None, **more: Any) -> None:
        """One request as the wire recorded it; whether anything came of it is said apart."""
        values: dict[str, Any] = {
            "user": "healer", "method": "", "path": f"/{ref}", "resource": ref.kind.lower(), "subresource": "",
            "namespace": NAMESPACE, "code": 200, **more,
        }  # fmt: skip
        request = Request(time=self.start + at, verb=verb, kind=ref.kind, name=ref.name, before=before, **values)
        self.evidence.requests.append(request)

    def patches(self, ref: Ref, at: float, path: str, value: Any, **more: Any) -> None:
        before = self.now[ref]
        body: Obj = {}
        self.changes(ref, at, path, value)
        self.asks("patch", ref, at, before, body=body, **more)

    def creates(self, new: Obj, at: float) -> None:
        self.appears(new, at)
        self.asks("create", Ref.of(new), at, None, body=new, code=201)

    def deletes(self, ref: Ref, at: float) -> None:
        before = self.now[ref]
        self.goes(ref, at)
        self.asks("delete", ref, at, before)

    def says(
        self, word: Word, at: float, crash_class: CrashClass | None = None, about: str = "", note: str = ""
    ) -> None:
        self.evidence.claims.append(Claim(self.start + at, word, about, crash_class, note))

    def works(self, since: float, until: float | None = None, lost: str = "") -> None:
        end = None if until is None else self.start + until
        self.evidence.recoveries.append(Recovery(self.start + since, end, lost, bool(lost)))

    def judged(self, **changes: Any) -> Judgement:
        return judge(plan(**changes), self.evidence)


def put(found: Any, path: str, value: Any) -> None:
    """By names, as in a scenario; None takes away."""
    *steps, last = path.replace("[", ".").replace("]", "").split(".")
    for step in steps:
        if isinstance(found, list):
            found = next(item for item in found if item["name"] == step)
        else:
            found = found.setdefault(step, {})
    if isinstance(found, list):
        found[:] = [item for item in found if item["name"] != last]
    elif value is None:
        del found[last]
    else:
        found[last] = value


def repaired(trial: Trial | None = None) -> Trial:
    """What a good healer does: it passes."""
    trial = trial or Trial()
    trial.says(Word.DETECTED, 75, about="Deployment/backend")
    trial.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    trial.patches(BACKEND, 80, f"{API}.resources.limits.memory", "256Mi")
    trial.says(Word.REMEDIATED, 81)
    trial.works(100)
    return trial


def idle() -> Trial:
    """What a good healer does where nothing is due."""
    trial = Trial()
    trial.says(Word.DETECTED, 75)
    trial.says(Word.CLASSIFIED, 76, CrashClass.NOTHING)
    return trial


Happens = Callable[[Trial], object]


def cases(*rows: tuple[Any, ...]) -> list[Any]:
    """A table's rows with ids of their own: the number and what is expected."""
    return [pytest.param(*row, id=f"{number} {row[-2] or 'PASS'} {row[-1]}") for number, row in enumerate(rows, 1)]
