"""Which part of the namespace an object belongs to: what this trial is about, the bystander, the healer, or others.

A pod belongs to the workload at the top of its owners. What this trial is about is the target, what may be touched with
it, what must be right in the end, and whatever the break changed. What a healer made to keep its own notes in is
nobody's damage. The trap is an owner of now: a healer may give things away, and take others for its own.
"""

from __future__ import annotations

from typing import Any

from ..evidence import Evidence, Ref
from ..scenario.model import Scenario
from ..words import CrashClass
from .containers import containers, sources, template_of
from .history import History
from .services import is_named_in, labels_of, leads_to, led_to
from .writes import Write, substance

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"})
# Where settings live, and where healers keep what they know.
HOLD_DATA = frozenset({"ConfigMap", "Secret"})
# What every namespace is given, before anybody looks.
GIVEN = frozenset({Ref("ServiceAccount", "default"), Ref("ConfigMap", "kube-root-ca.crt")})

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

    def __init__(self, plan: Scenario, evidence: Evidence, history: History, writes: list[Write]) -> None:
        self._targets = frozenset(plan.target)
        self._may_touch = frozenset({*plan.target, *plan.may_touch})
        self._bystanders = evidence.bystanders
        self._history = history
        self._baseline = evidence.baseline
        self._kinds = {name: kind for kind in history.kinds() for name in _names_of(kind)}
        self._made = {write.ref for write in writes if write.verb == "create" and write.ref not in evidence.baseline}
        self._about = self._may_touch | {wanted.object for wanted in plan.right} | self._broken(evidence, writes)
        self._depended_on = self._dependencies(evidence) if CrashClass.DEPENDENCY in plan.classes else set()

    def _broken(self, evidence: Evidence, writes: list[Write]) -> set[Ref]:
        """What was changed after the baseline by somebody else than the healer: the break, or what followed from it."""
        first = {write.ref: write.time for write in reversed(writes)}
        found = set()
        for ref, obj in evidence.baseline.items():
            if ref.kind in WORKLOADS:  # the scenario names those
                continue
            for state in self._history.of(ref):
                if state.time < (evidence.broken or state.time) or state.time >= first.get(ref, float("inf")):
                    continue
                if state.leaves or substance(state.object) != substance(obj):
                    found.add(ref)
                    break
        return found

    def _dependencies(self, evidence: Evidence) -> set[Ref]:
        """Whom the target's settings sent it to when the fault showed: the Services, and who answers for them."""
        at = evidence.live or evidence.broken or evidence.started
        settings: set[str] = set()
        for target in self._targets & self._baseline.keys():
            for container in containers(template_of(self._baseline[target]).get("spec") or {}).values():
                settings |= {str(one.get("value", "")) for one in container.get("env") or ()}
                for source in sources(container):
                    held = (self._history.before(source.ref, at) or {}) if source.ref.kind == "ConfigMap" else {}
                    entries = held.get("data") or {}
                    settings |= texts(entries.get(source.key) if source.key else entries)
        services = [
            obj
            for ref, obj in self._baseline.items()
            if ref.kind == "Service" and any(is_named_in(obj, text, evidence.namespace) for text in settings)
        ]
        workloads = {ref: obj for ref, obj in self._baseline.items() if ref.kind in WORKLOADS}
        return {Ref.of(one) for one in services} | {self.top(ref) for one in services for ref in led_to(one, workloads)}

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

    def is_foreign(self, ref: Ref) -> bool:
        """It was there before, and this trial is not about it."""
        top = self._serves(ref)
        return (top in self._baseline or top in GIVEN) and top not in self._about

    def is_its_own(self, ref: Ref) -> bool:
        """Notes that the healer made, and that nobody else reads."""
        return ref.kind in HOLD_DATA and ref in self._made and ref not in self._about

    def _serves(self, ref: Ref) -> Ref:
        """The top of its owners; endpoints that name none belong to the service of their name."""
        top = self.top(ref)
        return Ref("Service", ref.name) if top.kind == "Endpoints" else top

    def resolve(self, about: str) -> Ref | None:
        """What a claim is about, as a workload; None if it does not say so in a way that can be read.

        As people write it: `Deployment/backend`, `deployment.apps/backend`, `deploy/backend`, `shop/pods/backend-1`,
        or a name alone, with its namespace or without.
        """
        *_, kind, name = ("", "", *about.strip().split("/"))
        known = self._kinds.get(kind.partition(".")[0].lower(), "")
        if name and known:
            return self.top(Ref(known, name))
        named = [self.top(ref) for ref in self._history.named(name)] if name else []
        if named:
            return next((ref for ref in named if ref in self._bystanders or ref in self._may_touch), named[0])
        return None

    def concerns(self, about: str) -> bool:
        """Whether a claim is about what is broken, or what belongs to it; one that does not say is taken to be."""
        resolved = self.resolve(about) if about else None
        if resolved is None or resolved in self._about | self._made | self._depended_on:
            return True
        return resolved in self._baseline and resolved.kind not in WORKLOADS and self._is_of_the_target(resolved)

    def is_target(self, about: str) -> bool:
        """Whether a claim is about the target itself, or does not say."""
        resolved = self.resolve(about) if about else None
        return resolved is None or resolved in self._targets

    def _is_of_the_target(self, ref: Ref) -> bool:
        """What the target reads, or what leads to it: its name stands in one of their specs, or their labels in it."""
        spec = self._baseline[ref].get("spec", {})
        if texts(spec) & {one.name for one in self._about if one.kind in HOLD_DATA}:
            return True  # the source of what is broken
        for target in self._may_touch & self._baseline.keys():
            workload = self._baseline[target]
            if ref.name in texts(template_of(workload)) or leads_to(self._baseline[ref], labels_of(workload)):
                return True
        return False


def _names_of(kind: str) -> tuple[str, ...]:
    plain = kind.lower()
    return plain, f"{plain}s", SHORT.get(kind, plain)


def texts(found: Any) -> frozenset[str]:
    """Every text in an object: whatever it reads is named there."""
    if isinstance(found, str):
        return frozenset({found})
    inside = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return frozenset().union(*map(texts, inside))
