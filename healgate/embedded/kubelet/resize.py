"""In-place resize: what was allocated to a pod, and what of that its cgroups really got.

The trap, which a real kubelet has: a container that is not running is resized on paper only. Spec, status and
events say done, but the pod's own limit stays what it was when the pod began, and the container goes on being
killed at it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ..api.demand import demand
from ..api.quantities import canonical, parse
from .records import PodRecord
from .restart import all_containers, is_sidecar

Obj = dict[str, Any]
RESIZABLE = ("cpu", "memory")


def resources_of(container: Obj) -> Obj:
    return container.get("resources") or {}


def given(spec: Obj, resources: Mapping[str, Obj]) -> Obj:
    """A spec with these resources for its containers in place of those that it asks for."""
    sections = {
        section: [{**one, "resources": resources.get(one["name"]) or {}} for one in spec.get(section) or ()]
        for section in ("initContainers", "containers")
    }
    return {**spec, **sections}


def memory_limit(resources: Obj) -> int | None:
    limit = (resources.get("limits") or {}).get("memory")
    return None if limit is None else int(parse(limit))


class Allocation:
    """The resources of one pod."""

    def __init__(self, pod: Obj) -> None:
        self._names = [container["name"] for container in all_containers(pod)]
        self._running_kinds = {
            container["name"]: container in pod["spec"]["containers"] or is_sidecar(container)
            for container in all_containers(pod)
        }
        self.allocated: dict[str, Obj] = {one["name"]: resources_of(one) for one in all_containers(pod)}
        self._own: Obj = pod["spec"].get("resources") or {}
        # What the pod's cgroup was given; moves only with a container that runs.
        self.actuated: dict[str, Obj] = dict(self.allocated)
        self.restarts: set[str] = set()
        # What containers run with until they have been restarted for the new resources, and what is told then.
        self.until_restarted: dict[str, Obj] = {}
        self._told_when_restarted = ""
        self.conditions: tuple[Obj, ...] = ()
        self._refused: Obj | None = None
        self._shown: tuple[Obj, Obj] | None = None
        self._followed: Obj = pod["spec"]

    def limit_of(self, name: str) -> int | None:
        """What a container is killed at: its own limit or the pod's, whichever is less."""
        own = memory_limit(self.allocated.get(name) or {})
        pod = self._pod_limit()
        if own is None or pod is None:
            return own if pod is None else pod
        return min(own, pod)

    def _pod_limit(self) -> int | None:
        # Unless it says so itself, a pod is limited only if every container is.
        says_so = memory_limit(self._own) is not None
        if not says_so and any(memory_limit(self.actuated[name]) is None for name in self._names):
            return None
        return int(demand(given(self._followed, self.actuated), "limits")["memory"])

    def shown(self) -> tuple[Obj, Obj]:
        """The pod-level (resources, allocatedResources) of the status."""
        if self._shown is None:
            self._shown = self._summed()
        return self._shown

    def _summed(self) -> tuple[Obj, Obj]:
        if self._own:
            return self._own, self._own.get("requests") or {}
        resources: Obj = {}
        for kind in ("limits", "requests"):
            summed = self._sum(self.actuated, kind)
            if summed:
                resources[kind] = summed
        return resources, self._sum(self.allocated, "requests")

    def _sum(self, of: Mapping[str, Obj], kind: str) -> Obj:
        summed: Obj = {}
        for resource in RESIZABLE:
            amounts = [(of[name].get(kind) or {}).get(resource) for name in self._names if self._running_kinds[name]]
            present = [amount for amount in amounts if amount is not None]
            # A limit of the whole pod exists only if every container has one.
            if present and (kind == "requests" or len(present) == len(amounts)):
                summed[resource] = total(tuple(present))
        return summed

    def follow(
        self,
        pod: Obj,
        record: PodRecord,
        fits: Callable[[Obj], str],
        tell: Callable[[str, str, str], None],
    ) -> bool:
        """Take over what the spec now asks for; whether anything changed. `fits` is "" or Deferred or Infeasible."""
        if self.until_restarted and all(self._restarted(name, record) for name in self.until_restarted):
            self._complete(tell)
        if pod["spec"] is self._followed:
            return False
        wanted = {one["name"]: resources_of(one) for one in all_containers(pod)}
        if wanted == self.allocated:
            self._followed = pod["spec"]
            return False
        verdict = fits(pod)
        if verdict:
            self._refuse(pod, verdict, wanted, tell)
            return False
        self._refused = None
        self._shown = None
        self._followed = pod["spec"]
        self.conditions = ()
        changed = [one for one in all_containers(pod) if wanted[one["name"]] != self.allocated.get(one["name"])]
        what = _told(pod)
        tell("Normal", "ResizeStarted", f"Pod resize started: {what}")
        self.allocated = wanted
        problem = ""
        for container in changed:
            problem = self._actuate(container, record) or problem
        if problem:
            self.conditions = (
                {"type": "PodResizeInProgress", "status": "True", "reason": "Error", "message": problem},
            )
            tell("Warning", "ResizeError", f"Pod resize error: {_with_error(what, problem)}")
        elif self.restarts:
            self.conditions = ({"type": "PodResizeInProgress", "status": "True"},)
            self._told_when_restarted = what
        else:
            tell("Normal", "ResizeCompleted", f"Pod resize completed: {what}")
        return True

    def _restarted(self, name: str, record: PodRecord) -> bool:
        newest = record.newest(name)
        return name not in self.restarts and newest is not None and newest.running

    def stops(self, name: str) -> None:
        """A container ends, and what runs in its place gets what was allocated meanwhile."""
        if name in self.restarts:
            self.restarts.discard(name)
            self.actuated[name] = self.allocated[name]

    def _complete(self, tell: Callable[[str, str, str], None]) -> None:
        self.until_restarted.clear()
        self.conditions, self._shown = (), None
        tell("Normal", "ResizeCompleted", f"Pod resize completed: {self._told_when_restarted}")

    def _actuate(self, container: Obj, record: PodRecord) -> str:
        """Give a running container its new limits; the text of the problem if that cannot be."""
        name = container["name"]
        running = record.newest(name)
        if running is None or not running.running or running.process is None:
            return ""
        restart = {
            policy["resourceName"]
            for policy in container.get("resizePolicy") or ()
            if policy.get("restartPolicy") == "RestartContainer"
        }
        before, after = self.actuated[name], self.allocated[name]
        if any(_amounts(before, resource) != _amounts(after, resource) for resource in sorted(restart)):
            self.restarts.add(name)
            self.until_restarted[name] = before
            return ""
        limit = memory_limit(after)
        if limit is not None and running.process.memory > limit:
            return (
                f'cannot decrease memory limits: attempting to set container "{name}" memory limit ({limit}) '
                f"below current usage ({running.process.memory})"
            )
        self.actuated[name] = after
        running.process.set_memory_limit(self.limit_of(name))
        return ""

    def _refuse(self, pod: Obj, verdict: str, wanted: Obj, tell: Callable[[str, str, str], None]) -> None:
        if self._refused == wanted:
            return
        self._refused = wanted
        message = "Node didn't have enough resource" if verdict == "Deferred" else "Node didn't have enough capacity"
        self.conditions = ({"type": "PodResizePending", "status": "True", "reason": verdict, "message": message},)
        told = _with_error(_told(pod), message)
        tell("Warning", f"Resize{verdict}", f"Pod resize {verdict.lower()}: {told}")


@lru_cache(1024)
def total(amounts: tuple[str, ...]) -> str:
    return canonical(sum((parse(one) for one in amounts), parse(0)), amounts[0])


def _amounts(resources: Obj, resource: str) -> tuple[Any, Any]:
    return tuple((resources.get(kind) or {}).get(resource) for kind in ("limits", "requests"))  # type: ignore[return-value]


def _with_error(told: str, problem: str) -> str:
    return f'{told[:-1]},"error":{json.dumps(problem)}}}'


def _told(pod: Obj) -> str:
    """The JSON inside the resize events."""
    containers = []
    for container in pod["spec"]["containers"]:
        resources = resources_of(container)
        kept = {kind: dict(sorted(resources[kind].items())) for kind in ("limits", "requests") if resources.get(kind)}
        containers.append({"name": container["name"], "resources": kept})
    told = {"containers": containers, "generation": pod["metadata"].get("generation", 1)}
    return json.dumps(told, separators=(",", ":"))
