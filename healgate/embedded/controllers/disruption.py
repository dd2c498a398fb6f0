"""PodDisruptionBudgets: how many of their pods may be evicted now, which is all that the eviction of a pod looks at.

The trap is a share of pods: it is taken of what the pods' owners ask for, not of the pods that happen to be there.
"""

from __future__ import annotations

from typing import Any

from ..api.selectors import selects
from ..clock.clock import seconds_of, stamp
from ..store.store import Change, Obj
from .controller import Controller
from .objects import being_deleted, controller_of, find_condition, is_active, is_ready, labels_of, scaled

# How long an eviction that was granted counts as underway.
GRANTED_FOR = 120.0
_OWNERS = {"ReplicaSet": "replicasets.apps", "StatefulSet": "statefulsets.apps", "Deployment": "deployments.apps"}


class Budgets(Controller):
    resource = "poddisruptionbudgets.policy"
    kind = "PodDisruptionBudget"
    component = "controllermanager"

    def start(self) -> None:
        super().start()
        self.store.subscribe("pods", self._pod_changed)

    def _pod_changed(self, change: Change) -> None:
        namespace = change.object["metadata"]["namespace"]
        for budget in self.store.list(self.resource, namespace):
            selector = budget["spec"].get("selector")
            states = [change.object, *([change.before] if change.before is not None else [])]
            if any(selects(selector, labels_of(state)) for state in states):
                self.enqueue(budget)

    def sync(self, namespace: str, name: str) -> None:
        budget = self.registry.find(self.resource, namespace, name)
        if budget is None:
            return
        selector = budget["spec"].get("selector")
        pods = [
            pod
            for pod in self.store.list("pods", namespace)
            if is_active(pod) and selector is not None and selects(selector, labels_of(pod))
        ]
        if not pods:
            self.event(budget, "Normal", "NoPods", "No matching pods found")
        expected, desired = self._wanted(budget, pods)
        disrupted = self._disrupted(budget, pods)
        healthy = sum(is_ready(pod) and pod["metadata"]["name"] not in disrupted for pod in pods)
        allowed = max(healthy - desired, 0) if expected else 0
        status: dict[str, Any] = {
            "conditions": [self._condition(budget, allowed > 0)],
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": budget["metadata"].get("generation", 1),
        }
        if disrupted:
            status["disruptedPods"] = disrupted
        self.write_status(budget, status)

    def _wanted(self, budget: Obj, pods: list[Obj]) -> tuple[int, int]:
        """How many pods there should be, and how many of them healthy."""
        spec = budget["spec"]
        least, most_gone = spec.get("minAvailable"), spec.get("maxUnavailable")
        if isinstance(least, int):
            return len(pods), least
        expected = self._asked_for(pods)
        if most_gone is not None:
            return expected, max(expected - scaled(most_gone, expected, up=True), 0)
        return expected, scaled(least, expected, up=True) if least is not None else 0

    def _asked_for(self, pods: list[Obj]) -> int:
        owners: dict[str, int] = {}
        for pod in pods:
            owner: Obj | None = pod
            while owner is not None and (reference := controller_of(owner)) is not None:
                resource = _OWNERS.get(reference["kind"])
                if resource is None:
                    break
                found = self.store.get(resource, pod["metadata"]["namespace"], reference["name"])
                if found is None:
                    break
                owner = found
            if owner is not None and owner is not pod:
                owners[owner["metadata"]["uid"]] = int(owner["spec"].get("replicas", 1))
        return sum(owners.values())

    def _disrupted(self, budget: Obj, pods: list[Obj]) -> dict[str, str]:
        """Pods whose eviction was granted and that have not left yet."""
        there = {pod["metadata"]["name"] for pod in pods if not being_deleted(pod)}
        now = self.clock.now()
        kept = {}
        for name, when in ((budget.get("status") or {}).get("disruptedPods") or {}).items():
            left = seconds_of(when) + GRANTED_FOR - now
            if name in there and left > 0:
                kept[name] = when
                self.enqueue(budget, left)
        return kept

    def _condition(self, budget: Obj, allowed: bool) -> dict[str, Any]:
        word = "True" if allowed else "False"
        old = find_condition((budget.get("status") or {}).get("conditions") or (), "DisruptionAllowed")
        same = old is not None and old["status"] == word
        return {
            "type": "DisruptionAllowed",
            "status": word,
            "observedGeneration": budget["metadata"].get("generation", 1),
            "lastTransitionTime": old["lastTransitionTime"] if same and old is not None else stamp(self.clock.now()),
            "reason": "SufficientPods" if allowed else "InsufficientPods",
            "message": "",
        }
