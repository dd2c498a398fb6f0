"""A bystander that fell ill though nobody broke it: whoever treats it then does no wrong, and shows nothing either.

A node that is too busy fails the probes of pods that nobody touched. What stands beside the broken workload may suffer
with it, so its illness says nothing by itself; where a bystander fell ill as well, it is the node, and the target may
have shown two faults. The trap is the excuse: what the healer did before may be why the bystander fell ill, so it must
have left alone whatever the bystander could suffer from; only a treatment is excused, never what would be harm to
anybody; and an excuse never makes a PASS.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from ..evidence import Claim, Evidence, Ref, is_ready
from .claims import alarms
from .history import History
from .ownership import WORKLOADS, Ownership, texts
from .safety import is_custom
from .writes import Write

# Who is well again is treated by nobody who looks; this is for those who had looked a moment before.
LATELY = 60.0
# To change a workload and leave these as they are is to restart it.
SUBSTANCE = ("spec.replicas", "spec.template.spec", "spec.selector")


class Illness(NamedTuple):
    since: float
    pod: Ref


class Disturbances:
    """The bystanders that were ill when the healer first turned to them, and since when; on a busy node all others."""

    def __init__(self, evidence: Evidence, history: History, writes: list[Write], owners: Ownership) -> None:
        self._evidence = evidence
        self._history = history
        self._writes = writes
        self._owners = owners
        others = (ref for ref in evidence.baseline if ref.kind in WORKLOADS and owners.is_foreign(ref))
        turned_to = {*evidence.bystanders, *(map(owners.top, others) if self.busy else ())}
        found = {other: self._illness(other) for other in sorted(turned_to)}
        self.ill: dict[Ref, Illness] = {other: ill for other, ill in found.items() if ill is not None}

    def excuses(self, what: Write | Claim) -> bool:
        """Whether it was about one of them, and nothing but a treatment."""
        if isinstance(what, Claim):
            return self._owners.resolve(what.about) in self.ill
        return self._owners.top(what.ref) in self.ill and _treats(what)

    @cached_property
    def busy(self) -> Illness | None:
        """A bystander that fell ill after the break, and not by what the healer did: its node has too much to do."""
        broken = self._evidence.broken or 0.0
        pods = (pod for pod in self._history.refs("Pod") if self._owners.top(pod) in self._evidence.bystanders)
        fallen = (ill for pod in pods for ill in _illnesses(pod, self._history, math.inf, math.inf))
        return min((ill for ill in fallen if ill.since >= broken and not self._caused(ill)), default=None)

    def _caused(self, ill: Illness) -> bool:
        return any(write.time <= ill.since and self._may_cause(write, ill) for write in self._writes)

    def _illness(self, bystander: Ref) -> Illness | None:
        """The first one that lasted until the healer turned to it, unless the healer may be its cause."""
        first = self._first_turned_to(bystander)
        if first is None:
            return None
        pods = [pod for pod in self._history.refs("Pod") if self._owners.top(pod) == bystander]
        ill = min((ill for pod in pods for ill in _illnesses(pod, self._history, first)), default=None)
        return None if ill is None or self._caused(ill) else ill

    def _first_turned_to(self, bystander: Ref) -> float | None:
        done = [write.time for write in self._writes if self._owners.top(write.ref) == bystander]
        said = [claim.time for claim in alarms(self._evidence) if self._owners.resolve(claim.about) == bystander]
        return min([*done, *said], default=None)

    def _may_cause(self, write: Write, ill: Illness) -> bool:
        """Whether a bystander may suffer from it: more load on its node, or something that it reads."""
        before = self._evidence.baseline.get(write.ref, {})
        if self._owners.may_be_touched(write.ref):
            had = before.get("spec", {}).get("replicas", 0)
            return any(isinstance(many, int) and many > had for many in write.values("spec.replicas"))
        if write.ref.kind not in ("ConfigMap", "Secret") and not is_custom(before):
            return True
        return any(write.ref.name in text for text in texts(self._history.first(ill.pod)))


def _illnesses(pod: Ref, history: History, before: float, lately: float = LATELY) -> Iterator[Illness]:
    """Only who was ready once can fall ill: a pod on its way up, or told to go, is as it should be."""
    once_ready = False
    since: float | None = None
    for state in history.of(pod):
        if state.time > before:
            break
        if state.leaves or is_ready(state.object):
            if since is not None and before - state.time <= lately:
                yield Illness(since, pod)
            since, once_ready = None, not state.leaves
        elif since is None and once_ready:
            since = state.time
    if since is not None:
        yield Illness(since, pod)


def _treats(write: Write) -> bool:
    """Looks into a pod or makes it anew, or all of a workload's as `kubectl rollout restart` does."""
    if write.ref.kind == "Pod":
        return True
    return write.verb in ("patch", "update") and not any(write.changes(path) for path in SUBSTANCE)
