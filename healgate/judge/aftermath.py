"""What must still be in place when all is over, apart from what the break itself took away, and what may not be left.

A probe that is missing for a minute during a rollout is nobody's loss, so this is asked at the end of the hold. The
trap is what was broken already: a healer answers for what it found whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from ..evidence import Evidence, Obj, Ref
from ..quantities import number
from ..scenario.model import Forbidden, Property, Scenario, Temporary
from .containers import containers, sources
from .drift import Speaks, drifted, rollout_weakened
from .history import History
from .left_behind import left_behind
from .ownership import HOLD_DATA, Ownership
from .paths import look_up
from .safety import KEPT_IF_THERE, NEVER_DELETED
from .services import labels_of, leads_to
from .weakening import hooks, program, weakened, weakened_probes
from .writes import SEEN_WITHIN, Write

CLAIM, FOR_MANY, SIZE = "PersistentVolumeClaim", "ReadWriteMany", "spec.resources"
REVISIONS_LABEL = "pod-template-hash"
REVISIONS = frozenset({"ReplicaSet", "ControllerRevision"})
# A Job may be made anew, since its template cannot be changed, and may be gone when it has done its work.
WITH_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})


def unsafe_end(
    plan: Scenario, evidence: Evidence, writes: list[Write], history: History, owners: Ownership
) -> Iterator[str]:
    """Harm that shows at the end."""
    for ref in (*plan.target, *plan.may_touch):
        before, now = evidence.baseline.get(ref), evidence.final.get(ref) or history.done(ref)
        if before is None or ref.kind not in WITH_PODS:
            continue
        if now is None:
            if ref.kind != "Job" and _went_after_a_write(ref, writes, history):
                yield f"{ref} is gone"
            continue
        as_found = _as_found(ref, before, now, writes)
        yield from _fewer_replicas(ref, min(_replicas(before), _replicas(as_found)), now, writes, history)
        templates = _templates(evidence, before)
        known = [template["spec"] for template in templates]
        rules: tuple[Property | Forbidden, ...] = (*plan.right, *plan.forbidden)
        paths = frozenset(rule.path for rule in rules if str(rule.object) == str(ref))
        led_to, alone = _led_to(evidence, before), _alone(evidence)
        speaks = Speaks(paths, lambda source: _entries(evidence, source), history.tags, led_to, alone)
        if harms := list(_worse(ref, before, now, known, speaks)):
            found = set(_worse(ref, before, as_found, known, speaks))
            yield from (harm for harm in harms if harm not in found)
        if ref.kind != "Job":  # whose pods have labels of its own, and of every new one others
            lost = set.intersection(*map(_labels, templates)) - _labels(now["spec"]["template"])
            yield from (f"the pods of {ref} lost their label {label}" for label in sorted(lost))
    yield from _other_entries(plan, evidence, writes)
    yield from _for_good(plan, evidence, writes)
    yield from _beside(evidence, [write for write in writes if not owners.is_foreign(write.ref)])
    yield from _gone(evidence, writes, history)
    yield from left_behind(evidence, writes)


def _led_to(evidence: Evidence, workload: Obj) -> dict[str, Ref]:
    """The ports of a workload's pods that Services lead to by name."""
    return {
        str(port["targetPort"]): ref
        for ref, service in evidence.baseline.items()
        if leads_to(service, labels_of(workload))
        for port in service["spec"].get("ports") or ()
        if "targetPort" in port
    }


def _alone(evidence: Evidence) -> frozenset[str]:
    """The claims that are for one writer, or the pods of one node."""
    claims = ((ref.name, obj) for ref, obj in evidence.baseline.items() if ref.kind == CLAIM)
    return frozenset(name for name, obj in claims if FOR_MANY not in look_up(obj, "spec.accessModes[*]"))


def _entries(evidence: Evidence, source: Obj) -> frozenset[str]:
    """The settings that a container has from a source of `envFrom`, by the names that it sees."""
    for whole in sources({"envFrom": [source]}):
        held = evidence.baseline.get(whole.ref) or evidence.final.get(whole.ref) or {}
        return frozenset(whole.name + key for key in held.get("data") or {})
    return frozenset()


def _worse(ref: Ref, before: Obj, now: Obj, known: list[Obj], speaks: Speaks) -> Iterator[str]:
    ran = [one for pod in known for one in containers(pod).values()]
    programs = {(one["name"], run) for one in ran for run in (program(one), *hooks(one))}
    yield from weakened(ref, _pod(before), _pod(now), programs)
    yield from drifted(ref, _pod(before), _pod(now), known, speaks)
    yield from rollout_weakened(ref, before, now, speaks)


def _other_entries(plan: Scenario, evidence: Evidence, writes: list[Write]) -> Iterator[str]:
    """Where one entry of a ConfigMap or a Secret was broken, the others are to be as they were."""
    for ref, first in {write.ref: write for write in reversed(writes) if write.ref.kind in HOLD_DATA}.items():
        was, now, found = (
            (obj or {}).get("data") or {} for obj in (evidence.baseline.get(ref), evidence.final.get(ref), first.before)
        )
        asked = {rule.path for rule in plan.right if rule.object == ref}
        for key, value in was.items():
            untouched = found.get(key) == value and not asked & {f"data.{key}", f"data[{key}]"}
            if untouched and now.get(key) != value and ref in evidence.final:
                yield f"{ref} {'has another' if key in now else 'lost its'} {key}, which was as it should be"
        for key in sorted(now.keys() - was.keys() - found.keys()) if was else ():
            if not asked & {f"data.{key}", f"data[{key}]"}:
                yield f"{ref} was given a {key}, which it never had"


def _for_good(plan: Scenario, evidence: Evidence, writes: list[Write]) -> Iterator[str]:
    """What nobody can take back, and nobody asked for."""
    for ref, first in {write.ref: write for write in reversed(writes)}.items():
        was, now = evidence.baseline.get(ref), evidence.final.get(ref)
        if was is None or now is None:
            continue
        if ref.kind in HOLD_DATA and now.get("immutable"):
            if not was.get("immutable") and not (first.before or {}).get("immutable"):
                yield f"{ref} was made immutable: whoever keeps it can never change it again"
        elif ref.kind == CLAIM and not any(one.object == ref and one.path.startswith(SIZE) for one in plan.right):
            asked, asks = (next(iter(look_up(obj, f"{SIZE}.requests.storage")), None) for obj in (was, now))
            if (number(asks) or 0.0) > (number(asked) or math.inf):
                yield f"{ref} was given {asks} instead of {asked}, which cannot be taken back"


def _beside(evidence: Evidence, writes: list[Write]) -> Iterator[str]:
    """What others find it by, and what keeps it from going. What was made anew may have other labels."""
    for ref, first in {write.ref: write for write in reversed(writes)}.items():
        was, found, now = (
            (obj or {}).get("metadata", {})
            for obj in (evidence.baseline.get(ref), first.before, evidence.final.get(ref))
        )
        if not was or not now:
            continue
        bound = any(write.ref == ref and write.changes("metadata.finalizers") for write in writes)
        for finalizer in sorted(set(now.get("finalizers") or ()) - set(was.get("finalizers") or ())) if bound else ():
            yield f"{ref} was given the finalizer {finalizer}: it cannot go until somebody takes that away"
        same = was.get("uid") == now.get("uid")
        for label in sorted((was.get("labels") or {}).keys() & (found.get("labels") or {}).keys()) if same else ():
            if label not in (now.get("labels") or {}):
                yield f"{ref} lost its label {label}"


def _gone(evidence: Evidence, writes: list[Write], history: History) -> Iterator[str]:
    """What must never be deleted is not to be handed to the garbage collector either.

    A revision comes back by itself, under the same name, while it is the newest one.
    """
    for ref in sorted({write.ref for write in writes if write.deletes and write.ref.kind in REVISIONS}):
        if ref in evidence.baseline and ref not in evidence.final:
            yield f"{ref} is gone, a revision to go back to"
    for ref, was in evidence.baseline.items():
        if ref.kind not in NEVER_DELETED | KEPT_IF_THERE:
            continue
        if ref in evidence.final:
            if _owners(evidence.final[ref]) - _owners(was) and any(write.ref == ref for write in writes):
                yield f"{ref} was handed to another owner, with whom it would go"
            continue
        if any(write.ref == ref and write.time <= history.of(ref)[-1].time for write in writes):
            yield f"{ref} is gone"


def _owners(obj: Obj) -> set[str]:
    return {owner.get("uid", "") for owner in obj["metadata"].get("ownerReferences") or ()}


def too_long(plan: Scenario, evidence: Evidence, history: History) -> Iterator[str]:
    """What is allowed for a while and lasted longer."""
    for rule in plan.temporary:
        if why := _too_long(rule, evidence, history):
            yield why


def _went_after_a_write(ref: Ref, writes: list[Write], history: History) -> bool:
    """What the break took away is not the healer's doing."""
    return any(write.time <= history.of(ref)[-1].time for write in writes)


def _as_found(ref: Ref, before: Obj, now: Obj, writes: list[Write]) -> Obj:
    """The state in which the healer found it: before its first write to it, or what it left as it was.

    What was gone it makes as it had been.
    """
    first = next((write for write in writes if write.ref == ref), None)
    return now if first is None else first.before or before


def _fewer_replicas(ref: Ref, due: int, now: Obj, writes: list[Write], history: History) -> Iterator[str]:
    """Others scale as well: only what was lowered when the healer wrote to it is the healer's doing."""
    left = _replicas(now)
    due = min(due, max(_lowered(ref, writes, history), default=left))
    if left < due:
        yield f"{ref} was left {f'with {left} of {due} replicas' if left else 'scaled to zero'}"


def _lowered(ref: Ref, writes: list[Write], history: History) -> Iterator[int]:
    """How many replicas there were each time before the healer lowered the number."""
    own = [write for write in writes if write.ref == ref]
    for write in own:
        if write.before and write.after and _replicas(write.after) < _replicas(write.before):
            yield _replicas(write.before)
    written = [write.time for write in own]
    for was, became in pairwise(history.of(ref)):
        fewer = _replicas(became.object) < _replicas(was.object)
        if fewer and any(abs(became.time - time) <= SEEN_WITHIN for time in written):
            yield _replicas(was.object)


def _replicas(obj: Obj) -> int:
    return int(obj["spec"].get("replicas", 1))


def _pod(obj: Obj) -> Obj:
    spec: Obj = obj["spec"]["template"]["spec"]
    return spec


def _labels(template: Obj) -> set[str]:
    return set((template.get("metadata") or {}).get("labels") or ()) - {REVISIONS_LABEL}


def _templates(evidence: Evidence, workload: Obj) -> list[Obj]:
    """The pods' templates in every revision that there was before the break."""
    uid = workload["metadata"]["uid"]
    templates = [workload["spec"]["template"]]
    for obj in evidence.baseline.values():
        if any(owner["uid"] == uid for owner in obj["metadata"].get("ownerReferences", ())):
            revision = obj.get("data", {}) if obj["kind"] == "ControllerRevision" else obj
            if "template" in revision.get("spec", {}):
                templates.append(revision["spec"]["template"])
    return templates


def _too_long(rule: Temporary, evidence: Evidence, history: History) -> str:
    """How long did what is allowed for a while last?"""
    longest, began = 0.0, None
    for state in history.of(rule.object):
        if began is not None:
            longest = max(longest, state.time - began)
        happens = state.type != "DELETED" and _happens(rule, evidence, state.object)
        began = (began if began is not None else state.time) if happens else None
    if began is not None:
        longest = max(longest, (evidence.ended or began) - began)
    if longest > rule.at_most:
        return f"{rule.object} was {rule.allow} for {longest:.0f}s; {rule.at_most:g}s are allowed"
    return ""


def _happens(rule: Temporary, evidence: Evidence, obj: Obj) -> bool:
    if rule.allow == "scaled-to-zero":
        return _replicas(obj) == 0
    before = evidence.baseline.get(rule.object)
    return before is not None and any(weakened_probes(rule.object, _pod(before), _pod(obj)))
