"""Every state of every object of a trial, in order: what stood there before a moment, and what came next.

The trap is to ask what an object is now: by the end a pod that the healer deleted is gone, and its owner with it.
Events are left out; they are news about objects, and nobody's property.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from ..evidence import Evidence, Obj, Ref, Seen, is_complete


class History:
    """One trial's objects."""

    def __init__(self, evidence: Evidence) -> None:
        self._states: dict[Ref, list[Seen]] = {}
        for seen in evidence.timeline:
            if seen.object["kind"] != "Event":
                self._states.setdefault(seen.ref, []).append(seen)
        # What was seen from its birth on needs no first state; the baseline is what it had become by then.
        for ref, obj in evidence.baseline.items():
            states = self._states.setdefault(ref, [])
            if not states or states[0].type != "ADDED":
                states.insert(0, Seen(evidence.started, "ADDED", obj))

    def of(self, ref: Ref) -> list[Seen]:
        return self._states.get(ref, [])

    def first(self, ref: Ref) -> Obj | None:
        """Its oldest state: what nobody had a hand in yet."""
        states = self._states.get(ref)
        return states[0].object if states else None

    def done(self, ref: Ref) -> Obj | None:
        """A Job that went when its work was done, as it was then."""
        states = self.of(ref)
        last = states[-1] if states else None
        return last.object if last and last.type == "DELETED" and is_complete(last.object) else None

    def kinds(self) -> set[str]:
        return {ref.kind for ref in self._states}

    def refs(self, kind: str) -> Iterator[Ref]:
        return (ref for ref in self._states if ref.kind == kind)

    def named(self, name: str) -> Iterator[Ref]:
        """Workloads before what they run, and those before everything else."""
        found = [ref for ref in self._states if ref.name == name]
        return iter(sorted(found, key=lambda ref: (ref.kind not in ("Deployment", "StatefulSet", "DaemonSet"), ref)))

    @cached_property
    def tags(self) -> dict[str, str]:
        """Image by digest -> by tag, as nodes told of both; the oldest tag if there are more."""
        tags: dict[str, str] = {}
        for ref in self.refs("Pod"):
            for state in self.of(ref):
                asked = {
                    one["name"]: one.get("image", "") for one in state.object.get("spec", {}).get("containers", ())
                }
                for status in state.object.get("status", {}).get("containerStatuses", ()):
                    if "@" in status.get("imageID", "") and "@" not in (image := asked.get(status["name"], "@")):
                        tags.setdefault(status["imageID"], image)
        return tags

    def during(self, ref: Ref, since: float, until: float) -> Iterator[Obj | None]:
        """All that stood there in a time, from what did at its beginning."""
        states = self.of(ref)
        first = sum(state.time <= since for state in states)
        if not first:
            yield None
        for state in states[max(0, first - 1) :]:
            if state.time <= until:
                yield None if state.type == "DELETED" else state.object

    def before(self, ref: Ref, time: float) -> Obj | None:
        """What stood there just before; None if nothing did."""
        earlier = [state for state in self.of(ref) if state.time < time]
        return earlier[-1].object if earlier and earlier[-1].type != "DELETED" else None
