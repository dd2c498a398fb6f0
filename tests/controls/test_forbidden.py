"""Every forbidden action that a scenario names is performed by a control, and caught as what it is.

The control is made from the rule itself: it waits until the workload is broken, does what the rule forbids, once more
often than is allowed, and nothing else. A rule that nobody can break, or whose breach nobody notices, guards nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from healgate.chaos.objects import JSON_PATCH, Objects
from healgate.clusters import open_cluster
from healgate.clusters.real_rest import RealRest
from healgate.clusters.server_time import ServerTime
from healgate.drivers import HealerSpec
from healgate.evidence import Obj, Ref
from healgate.judge.paths import parts
from healgate.scenario.model import Forbidden
from healgate.trial import run_trial
from healgate.vigil import View

from .test_controls import SCENARIOS, SEED, catalogue

# By then every workload here is broken: healers look at the healthy state for half a minute first.
AFTER_THE_BREAK = 100.0
SAMPLES = ("elsewhere.example/app:1.0.0", "registry.shop.example/shop/backend:latest", "sleep")
KINDS = ("Deployment", "ReplicaSet", "Job", "Pod", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim")
RULES = [
    (scenario, number)
    for scenario in SCENARIOS
    for number, rule in enumerate(catalogue()[scenario].plan(SEED, 1).scenario.forbidden)
    # A command in a container needs a socket, and the in-process client has none.
    if rule.subresource != "exec"
]


def rule_of(scenario: str, number: int) -> Forbidden:
    return catalogue()[scenario].plan(SEED, 1).scenario.forbidden[number]


@pytest.mark.parametrize(("scenario", "number"), RULES, ids=[f"{s}-{n}" for s, n in RULES])
def test_a_forbidden_action_is_caught(scenario: str, number: int) -> None:
    rule = rule_of(scenario, number)
    healer = HealerSpec("breaks the rule", "", lambda client, _report: Breach(client, rule).run())
    cluster = open_cluster("embedded")
    record = run_trial(catalogue()[scenario], 1, seed=SEED, cluster=cluster, healer=healer).record
    assert (record.verdict, record.reason) == ("FAIL", "unsafe-action"), record.message
    # An action may break a general rule as well; then that one is named.
    general = ("must never be deleted", "it deleted", "at the end")
    assert rule.action in record.message or any(words in record.message for words in general)


class Breach:
    """Does what a rule forbids."""

    def __init__(self, client: Any, rule: Forbidden) -> None:
        self.rest = RealRest(client, ServerTime())
        self.rule = rule

    def run(self) -> None:
        time.sleep(AFTER_THE_BREAK)
        for attempt in range(self.rule.more_than + 1):
            self.once(attempt)
            time.sleep(30)
        time.sleep(10**6)

    def once(self, attempt: int) -> None:
        answers = []
        candidates = list(self.candidates())
        if not candidates and "create" in self.rule.verbs:
            kind, _, name = self.rule.object.partition("/")
            body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": {"made-by-hand": "eA=="}}
            assert self.rest.request("POST", self.objects.path(kind), body=body).ok
            return
        for obj in candidates:
            answer = self.do(obj, attempt)
            if answer is not None and answer.ok:
                return
            answers.append(answer)
        raise AssertionError(f"nobody could {self.rule.action}: {answers}")

    def candidates(self) -> Iterator[Obj]:
        """Objects that the rule is about, in the namespace that is not the system's."""
        found = self.rest.request("GET", "/api/v1/namespaces").body["items"]
        names = [n["metadata"]["name"] for n in found]
        self.objects = Objects(self.rest, next(n for n in names if not n.startswith("kube-") and n != "default"))
        kind, of, owner = self.rule.object.partition(" of ")
        view = View()
        for one in self.objects.everything(KINDS):
            view.objects[Ref.of(one)] = one
        for obj in view.objects.values():
            if of:
                matches = obj["kind"] == kind and owned(obj, Ref.parse(owner), view)
            else:
                matches = fnmatchcase(str(Ref.of(obj)), self.rule.object or "*")
            if matches and "deletionTimestamp" not in obj["metadata"]:
                yield obj

    def do(self, obj: Obj, attempt: int) -> Any:
        ref, verbs = Ref.of(obj), self.rule.verbs
        path = self.objects.path(ref.kind, ref.name)
        if self.rule.path:
            patch = self.change(obj, attempt)
            return patch and self.rest.request("PATCH", path, body=patch, content_type=JSON_PATCH)
        if "delete" in verbs:
            return self.rest.request("DELETE", path)
        if "create" in verbs and "write" not in verbs:
            kept = {k: v for k, v in obj.items() if k in ("apiVersion", "kind", "data", "type")}
            spec = {"spec": {"ports": [{"port": 9099}]}} if ref.kind == "Service" else {}
            body = {**kept, **spec, "metadata": {"name": f"made-by-hand-{attempt}"}}
            return self.rest.request("POST", self.objects.path(ref.kind), body=body)
        note = [{"op": "add", "path": "/metadata/labels/touched", "value": str(attempt)}]
        return self.rest.request("PATCH", path, body=note, content_type=JSON_PATCH)

    def change(self, obj: Obj, attempt: int) -> list[Obj] | None:
        """A JSON patch that gives the rule's path a value that the rule forbids."""
        pointer, found = "", True
        parent: Any = obj
        inner: Any = None
        keys = parts(self.rule.path)
        for depth, key in enumerate(keys):
            last = depth == len(keys) - 1
            if isinstance(parent, list):
                names = [item.get("name") for item in parent]
                if key not in names:
                    return (
                        last and [{"op": "add", "path": f"{pointer}/-", "value": {"name": key, "value": "x"}}]
                    ) or None
                key = str(names.index(key))
                inner = parent[int(key)]
            else:
                inner = parent.get(key)
            pointer += "/" + key.replace("/", "~1")
            found = inner is not None
            if not found and not last:
                return None
            parent = inner if not last else parent
        current = inner
        if self.rule.to is not None and self.rule.to.present is False:
            return [{"op": "remove", "path": pointer}] if found else None
        inside_a_list = pointer.rpartition("/")[2].isdigit()
        operation = "replace" if inside_a_list else "add"
        return [{"op": operation, "path": pointer, "value": self.value(current, attempt)}]

    def value(self, current: Any, attempt: int) -> Any:
        to = self.rule.to
        if to is not None and to.matches:
            fitting = next(s for s in SAMPLES if re.search(to.matches, s))
            return [fitting, "infinity"] if self.rule.path.endswith("command") else fitting
        if to is not None:
            return next(v for v in (to.equals, to.at_least, to.at_most, *to.one_of) if v is not None)
        if self.rule.path.endswith("volumes"):
            return [*current, {"name": "spare", "emptyDir": {}}]
        if isinstance(current, list):
            return current[:-1]
        if isinstance(current, dict) and self.rule.path.startswith("data"):
            return {**current, "more": "eA=="}
        if isinstance(current, dict) and "valueFrom" in current:
            return {"name": current["name"], "value": "x"}
        if isinstance(current, dict) and "secret" in current:
            return {"name": current["name"], "emptyDir": {}}
        if isinstance(current, dict) and self.rule.path == "spec.template":
            return {**current, "metadata": {**current["metadata"], "annotations": {"undone": "yes"}}}
        if isinstance(current, dict):
            return {**current, "periodSeconds": 7}
        if self.rule.path.endswith("paused"):
            return True
        if isinstance(current, int):
            return current + 1
        if self.rule.path.endswith("memory"):
            return f"{300 + attempt}Mi"
        return SAMPLES[0] if self.rule.path.endswith("image") else "1"


def owned(obj: Obj, owner: Ref, view: View) -> bool:
    for reference in obj["metadata"].get("ownerReferences", ()):
        above = Ref(reference["kind"], reference["name"])
        if above == owner or (above in view.objects and owned(view.objects[above], owner, view)):
            return True
    return False
