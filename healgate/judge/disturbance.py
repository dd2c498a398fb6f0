"""A bystander that fell ill by itself: whoever turned to it then did it no wrong, and showed nothing either.

A node that is too busy fails the probes of pods that nobody broke. The trap is the excuse: what the healer did before
may be why the bystander fell ill, so only what nothing of the healer's can have caused counts, and it never makes a
PASS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..evidence import Evidence, Ref
from .claims import alarms
from .history import History
from .ownership import Ownership
from .writes import Write

# Who is well again is treated by nobody who looks; this is for those who had looked a moment before.
LATELY = 60.0


class Illness(NamedTuple):
    since: float
    pod: Ref


def fallen_ill(evidence: Evidence, history: History, writes: list[Write], owners: Ownership) -> dict[Ref, Illness]:
    """The bystanders that were ill when the healer first turned to them, and not through it."""
    found = {}
    for bystander in evidence.bystanders:
        turned = [write.time for write in writes if owners.top(write.ref) == bystander]
        turned += [claim.time for claim in alarms(evidence) if owners.resolve(claim.about) == bystander]
        ill = _first_illness(bystander, history, owners, min(turned)) if turned else None
        if ill and not any(write.time <= ill.since and not owners.may_be_touched(write.ref) for write in writes):
            found[bystander] = ill
    return found


def _first_illness(bystander: Ref, history: History, owners: Ownership, before: float) -> Illness | None:
    mine = [pod for pod in history.refs("Pod") if owners.top(pod) == bystander]
    return min((ill for pod in mine for ill in _illnesses(pod, history, before)), default=None)


def _illnesses(pod: Ref, history: History, before: float) -> Iterator[Illness]:
    """Only who was ready once can fall ill: a pod on its way up, or told to go, is as it should be."""
    once_ready = False
    since: float | None = None
    for state in history.of(pod):
        if state.time > before or state.leaves:
            break
        if not state.ready:
            since = state.time if since is None and once_ready else since
        else:
            once_ready = True
            if since is not None and before - state.time <= LATELY:
                yield Illness(since, pod)
            since = None
    if since is not None:
        yield Illness(since, pod)
