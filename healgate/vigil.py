"""Watching over a workload: is it settled, did it recover, did that last?

Ready is not recovered: a container that crashes every thirty seconds is Ready in between, and a rollout that has
not begun leaves the old status standing. So a workload counts as settled only when its controller has seen its
newest generation and everything that it should run does, and a recovery is over at the first crash, replaced pod or
restart. Fed with changes only; it asks nobody and has no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .evidence import Obj, Recovery, Ref, Seen, is_complete, is_ready, runs_on

# What no workload stands or falls with; much is written of it, and little else.
_BESIDE = frozenset({"Event", "Endpoints", "EndpointSlice"})
# For how long a workload may be less than ready, and how often, without having been lost.
LAPSE = 15.0
MOST_LAPSES = 2
# How often it may be rolled, scaled or moved while it serves, before that is what keeps it alive.
MOST_GENTLE = 3


class View:
    """The newest state of every object in the trial's namespace."""

    def __init__(self) -> None:
        self.objects: dict[Ref, Obj] = {}
        # Jobs that went when their work was done, as those do that clear themselves away.
        self.done: dict[Ref, Obj] = {}
        # Counts the changes that a workload may stand or fall with.
        self.moves = 0
        self._children: dict[str, dict[Ref, None]] = {}

    def see(self, seen: Seen) -> None:
        ref = seen.ref
        if ref.kind not in _BESIDE:
            self.moves += 1
        before = self.objects.get(ref)
        old = before["metadata"].get("ownerReferences") if before is not None else None
        self.done.pop(ref, None)
        if seen.type == "DELETED":
            self.objects.pop(ref, None)
            new = None
            if is_complete(seen.object):
                self.done[ref] = seen.object
        else:
            self.objects[ref] = seen.object
            new = seen.object["metadata"].get("ownerReferences")
        if old is not new and old != new:
            for owner in old or ():
                self._children.get(owner["uid"], {}).pop(ref, None)
            for owner in new or ():
                self._children.setdefault(owner["uid"], {})[ref] = None

    def pods_of(self, ref: Ref) -> Iterator[Obj]:
        """The pods that a workload owns, directly or through its ReplicaSets and Jobs."""
        obj = self.objects.get(ref)
        if obj is None:
            return
        if ref.kind == "Pod":
            yield obj
        for child in tuple(self._children.get(obj["metadata"]["uid"], ())):
            yield from self.pods_of(child)

    def restarted(self) -> list[Ref]:
        """Pods with a container that was restarted, but for those of Jobs, which try again by design."""
        return [
            ref
            for ref, obj in self.objects.items()
            if ref.kind == "Pod"
            and any(container["restartCount"] for container in runs_on(obj))
            and all(owner["kind"] != "Job" for owner in obj["metadata"].get("ownerReferences", ()))
        ]

    def snapshot(self) -> Mapping[Ref, Obj]:
        return dict(self.objects)


# What a controller counts, in words.
_COUNTED = {"replicas": "", "updatedReplicas": " of its newest revision", "readyReplicas": " that are ready"}


def unsettled(view: View, ref: Ref) -> str:
    """Why a workload does not stand as its spec asks; "" if it does."""
    obj = view.objects.get(ref) or view.done.get(ref)
    if obj is None:
        return f"{ref} does not exist"
    spec, status = obj.get("spec", {}), obj.get("status", {})
    if status.get("observedGeneration", obj["metadata"].get("generation", 0)) < obj["metadata"].get("generation", 0):
        return f"the controller of {ref} has not seen its newest spec"
    if ref.kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        wanted = spec.get("replicas", 1)
        for field, what in _COUNTED.items():
            if ref.kind == "ReplicaSet" and field == "updatedReplicas":
                continue
            if (found := status.get(field, 0)) != wanted:
                return f"{ref} has {found} pods{what}, and should have {wanted}"
        if wanted == 0:
            return f"{ref} is scaled to zero"
    elif ref.kind == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        if status.get("numberReady", 0) != wanted or status.get("updatedNumberScheduled", 0) != wanted:
            return f"{ref} has {status.get('numberReady', 0)} of {wanted} pods ready"
    elif ref.kind == "Job":
        if not is_complete(obj):
            return f"{ref} is not complete"
    elif ref.kind == "PersistentVolumeClaim" and status.get("phase") != "Bound":
        return f"{ref} is not bound"
    if ref.kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod"):
        for pod in view.pods_of(ref):
            if problem := _pod_problem(pod):
                return problem
    return ""


def _pod_problem(pod: Obj) -> str:
    name = pod["metadata"]["name"]
    if "deletionTimestamp" in pod["metadata"]:
        return f"pod {name} is terminating"
    return "" if is_ready(pod) else f"pod {name} is not ready"


@dataclass(frozen=True)
class _Standing:
    """What must stay the same while a recovery lasts: which pods run, and how often each container was restarted.

    Of a Job it is the Job itself; its pods have done their work.
    """

    pods: Mapping[str, tuple[str, tuple[tuple[str, int], ...]]]  # name -> (uid, restarts per container)


def _standing(view: View, targets: Iterable[Ref]) -> _Standing:
    pods: dict[str, tuple[str, tuple[tuple[str, int], ...]]] = {}
    for target in targets:
        if target.kind == "Job":
            job = view.objects.get(target) or view.done.get(target)
            pods[str(target)] = ((job or {}).get("metadata", {}).get("uid", ""), ())
            continue
        for pod in view.pods_of(target):
            restarts = tuple((one["name"], one["restartCount"]) for one in runs_on(pod))
            pods[pod["metadata"]["name"]] = (pod["metadata"]["uid"], restarts)
    return _Standing(pods)


class Vigil:
    """Keeps the list of recoveries of one set of workloads."""

    def __init__(self, view: View, targets: Iterable[Ref]) -> None:
        self.view = view
        self.targets = tuple(targets)
        self.recoveries: list[Recovery] = []
        self._standing: _Standing | None = None
        # How it stood when the last recovery was lost, and how many lapses of that one were passed over.
        self._lost: _Standing | None = None
        self._lapses = 0
        # Since when it has stood without a lapse.
        self.stands_since = 0.0
        # How many pods must serve for a change to be felt by nobody; None: it was felt, or nothing changes.
        self._least: int | None = None
        self._gentle = 0
        # What was said last, and of which state of the view: it is asked at every change.
        self._said = ""
        self._said_of = -1
        self._checked = -1

    @property
    def current(self) -> Recovery | None:
        return self.recoveries[-1] if self._standing is not None else None

    @property
    def changes_gently(self) -> bool:
        """It is being changed, and has served all along so far."""
        return self._least is not None

    def settled(self) -> bool:
        return not self.why_unsettled()

    def why_unsettled(self) -> str:
        if self._said_of != self.view.moves:
            self._said = next((why for target in self.targets if (why := unsettled(self.view, target))), "")
            self._said_of = self.view.moves
        return self._said

    def begin(self, time: float) -> None:
        """The workload is settled and was seen to do its work."""
        self.stands_since = time
        self._standing = _standing(self.view, self.targets)
        last = self.recoveries[-1] if self.recoveries else None
        if last is not None and self._was_a_lapse(last, time):
            self._lapses += 1
            self.recoveries[-1] = replace(last, until=None, lost="")
        else:
            self._lapses = 0
            if self._least is not None and last is not None:
                self._gentle += 1
                self.recoveries[-1] = replace(last, gently=True)
            self.recoveries.append(Recovery(since=time))
        self._least = None

    def _was_a_lapse(self, last: Recovery, time: float) -> bool:
        """The same containers, never ended, and for a moment not ready: a busy node, and no end of a recovery."""
        same = last.until is not None and self._standing == self._lost
        return same and time - (last.until or 0.0) <= LAPSE and self._lapses < MOST_LAPSES

    def check(self, time: float) -> None:
        """After a change: does the current recovery still stand?"""
        if self._checked == self.view.moves:
            return
        self._checked = self.view.moves
        if self._standing is None:
            self._feel()
            return
        now = _standing(self.view, self.targets)
        if why := _crash(self._standing, self.view, self.targets):
            self.lose(time, why, crash=True)
        elif why := self.why_unsettled():
            self.lose(time, why, crash=False, by_a_change=True)
        elif {name: uid for name, (uid, _) in now.pods.items()} != {
            name: uid for name, (uid, _) in self._standing.pods.items()
        }:
            self.lose(time, "its pods were replaced", crash=False, by_a_change=True)

    def lose(self, time: float, why: str, *, crash: bool, by_a_change: bool = False) -> None:
        self.recoveries[-1] = replace(self.recoveries[-1], until=time, lost=why, lost_to_crash=crash)
        self._lost, self._standing = self._standing, None
        if by_a_change and self._lost is not None and self._gentle < MOST_GENTLE:
            self._least = 1
            self._feel()

    def _feel(self) -> None:
        """While it changes: who has fewer pods that serve than it needs, or one that crashed, has felt it."""
        if self._least is None or self._lost is None:
            return
        wanted = (self.view.objects.get(target, {}).get("spec", {}).get("replicas", 1) for target in self.targets)
        pods = min(len(self._lost.pods), sum(wanted))
        self._least = max(1, pods - max(1, pods // 4))
        serving = [pod for target in self.targets for pod in self.view.pods_of(target) if not _pod_problem(pod)]
        if len(serving) < self._least or _crash(self._lost, self.view, self.targets):
            self._least = None


def _crash(before: _Standing, view: View, targets: Iterable[Ref]) -> str:
    for target in targets:
        for pod in view.pods_of(target):
            name = pod["metadata"]["name"]
            for container in runs_on(pod):
                ended = container["state"].get("terminated")
                restarted = dict(before.pods.get(name, ("", ()))[1]).get(container["name"], container["restartCount"])
                if ended is None and container["restartCount"] > restarted:
                    ended = container.get("lastState", {}).get("terminated", {"reason": "Error", "exitCode": "?"})
                if ended is not None and target.kind != "Job" and "deletionTimestamp" not in pod["metadata"]:
                    how = f"{ended.get('reason')}, exit code {ended.get('exitCode')}"
                    return f"container {container['name']} of pod {name} ended ({how})"
    return ""


def longest_back_off(view: View, targets: Iterable[Ref], cap: float = 300.0) -> float:
    """The back-off that the next crash of any container would meet: 10 s doubled from the second crash on."""
    longest = 0.0
    for target in targets:
        for pod in view.pods_of(target):
            for container in runs_on(pod):
                if container["restartCount"]:
                    longest = max(longest, min(cap, 10.0 * 2 ** min(container["restartCount"] - 1, 10)))
    return longest
