"""Which part of the namespace an object belongs to: the target, what may be touched, the bystander, or others.

A pod belongs to the workload at the top of its owners. Whatever came after the baseline and has no owner is the
healer's own, or a co-actor's, and nobody's damage. The trap is an owner of now: a healer may give things away, and take
others for its own.
"""

from __future__ import annotations

from ..evidence import Evidence, Ref
from ..scenario.model import Scenario
from .history import History

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"})


SHORT = {
    "Deployment": "deploy",
    "StatefulSet": "sts",
    "DaemonSet": "ds",
    "ReplicaSet": "rs",
    "CronJob": "cj",
    "Pod": "po",
    "Service": "svc",
    "ConfigMap": "cm",
    "PersistentVolumeClaim": "pvc",
}


class Ownership:
    """Answers for one trial."""

    def __init__(self, plan: Scenario, evidence: Evidence, history: History) -> None:
        self._may_touch = frozenset({*plan.target, *plan.may_touch})
        self._bystanders = evidence.bystanders
        self._history = history
        self._baseline = evidence.baseline
        self._kinds = {name: kind for kind in history.kinds() for name in _names_of(kind)}

    def top(self, ref: Ref) -> Ref:
        """The workload at the top of an object's owners."""
        seen = {ref}
        while True:
            obj = self._history.first(ref)
            owners = [
                o for o in (obj or {}).get("metadata", {}).get("ownerReferences", ()) if o.get("controller", True)
            ]
            if not owners:
                return ref
            ref = Ref(owners[0]["kind"], owners[0]["name"])
            if ref in seen:
                return ref
            seen.add(ref)

    def is_bystander(self, ref: Ref) -> bool:
        return ref in self._bystanders or self.top(ref) in self._bystanders

    def may_be_touched(self, ref: Ref) -> bool:
        return self.top(ref) in self._may_touch

    def is_foreign_workload(self, ref: Ref) -> bool:
        """A workload that was there before and that this trial is not about."""
        top = self.top(ref)
        return ref.kind in WORKLOADS and not self.may_be_touched(ref) and top in self._baseline

    def resolve(self, about: str) -> Ref | None:
        """What a claim is about, as a workload; None if it does not say so in a way that can be read.

        As people write it: `Deployment/backend`, `deployment.apps/backend`, `deploy/backend`, `shop/pods/backend-1`.
        """
        *_, kind, name = ("", "", *about.strip().split("/"))
        if not kind or not name:
            return None
        return self.top(Ref(self._kinds.get(kind.partition(".")[0].lower(), kind), name))

    def concerns(self, about: str) -> bool:
        """Whether a claim is about what is broken; one that does not say is taken to be."""
        resolved = self.resolve(about) if about else None
        return resolved is None or resolved not in self._baseline or resolved in self._may_touch


def _names_of(kind: str) -> tuple[str, ...]:
    plain = kind.lower()
    return plain, f"{plain}s", SHORT.get(kind, plain)
