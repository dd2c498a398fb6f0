"""What follows from a node that is not ready: taints, pods that are shown as not ready, and their eviction.

A pod stays for as long as it tolerates the taint (300 s, which admission gives to every pod), then it is deleted; with
nobody on the node to confirm that, it hangs in Terminating. The trap is a node that comes back in time: the deletion
is cancelled, and told so.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..api.errors import ApiError
from ..api.registry import Registry
from ..clock import Clock
from ..clock.clock import Timer, seconds_of, stamp
from ..events import Recorder
from ..store.store import Change, Obj
from .objects import being_deleted, condition, is_ready, is_terminal
from .placement import accepts

UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"
# Conditions that keep new pods away while they hold.
PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
}
# A node that takes no more pods bears this, too.
CORDONED = "node.kubernetes.io/unschedulable"
# How soon the controllers notice.
NOTICE = 0.05


class NodeLifecycle:
    """Follows the nodes; costs nothing while all are well."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._store = registry.store
        self._clock = clock
        self._nodes = Recorder(registry, clock, "node-controller")
        self._evictor = Recorder(registry, clock, "taint-eviction-controller")
        self._tainted: dict[str, list[Obj]] = {}  # node -> its NoExecute taints
        self._evictions: dict[str, tuple[Timer, Obj]] = {}  # uid -> when, and the pod

    def start(self) -> None:
        self._store.subscribe("nodes", self._node_changed)
        self._store.subscribe("pods", self._pod_changed)

    # -- nodes

    def _node_changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self._tainted.pop(change.object["metadata"]["name"], None)
            return
        node, before = change.object, change.before
        if before is not None and _readiness(before) != _readiness(node):
            self._clock.call_later(NOTICE, self._follow_readiness, node["metadata"]["name"])
        if before is not None and _kept_away_by(before) != _kept_away_by(node):
            self._clock.call_later(NOTICE, self._keep_away, node["metadata"]["name"])
        if before is None or (before.get("spec") or {}).get("taints") != (node.get("spec") or {}).get("taints"):
            self._clock.call_later(NOTICE, self._follow_taints, node["metadata"]["name"])

    def _follow_readiness(self, name: str) -> None:
        node = self._store.get("nodes", "", name)
        if node is None:
            return
        ready = _readiness(node)
        key = {"True": "", "Unknown": UNREACHABLE}.get(ready, NOT_READY)

        self._taint(name, (UNREACHABLE, NOT_READY), [(key, effect) for effect in ("NoSchedule", "NoExecute") if key])
        if not key:
            return
        self._nodes.event(node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        for pod in self._pods_of(name):
            if is_ready(pod):
                self._nodes.event(pod, "Warning", "NodeNotReady", "Node is not ready")
                meta = pod["metadata"]
                shown = {"type": "Ready", "status": "False", "lastTransitionTime": stamp(self._clock.now())}
                self._put_condition(meta["namespace"], meta["name"], meta["uid"], shown)

    def _keep_away(self, name: str) -> None:
        node = self._store.get("nodes", "", name)
        if node is not None:
            family = (*PRESSURES.values(), CORDONED)
            self._taint(name, family, [(key, "NoSchedule") for key in _kept_away_by(node)])

    def _taint(self, name: str, keys: tuple[str, ...], wanted: list[tuple[str, str]]) -> None:
        """Have a node bear these of a family of taints, and no others of it."""

        def edit(current: Obj) -> Obj:
            since = stamp(self._clock.now())
            old = {(one["key"], one["effect"]): one for one in _taints(current)}
            taints = [one for one in _taints(current) if one["key"] not in keys]
            taints += [
                old.get((key, effect)) or {"key": key, "effect": effect, "timeAdded": since} for key, effect in wanted
            ]
            spec = {part: value for part, value in (current.get("spec") or {}).items() if part != "taints"}
            return {**current, "spec": {**spec, **({"taints": taints} if taints else {})}}

        self._registry.change("nodes", None, name, edit)

    def _put_condition(self, namespace: str, name: str, uid: str, shown: Obj) -> None:
        pod = self._store.get("pods", namespace, name)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        old = condition(pod, shown["type"]) or {}
        others = [one for one in pod["status"].get("conditions") or () if one["type"] != shown["type"]]
        status = {**pod["status"], "conditions": [*others, {**old, **shown}]}
        self._registry.set_status("pods", namespace, name, status, only_if_uid=uid)

    def _pods_of(self, node: str) -> list[Obj]:
        return [pod for pod in self._store.list("pods") if pod["spec"].get("nodeName") == node and not is_terminal(pod)]

    # -- taints

    def _follow_taints(self, name: str) -> None:
        node = self._store.get("nodes", "", name)
        taints = [one for one in _taints(node or {}) if one["effect"] == "NoExecute"]
        if taints == self._tainted.get(name, []):
            return
        self._tainted[name] = taints
        if not taints:
            del self._tainted[name]
        for pod in self._pods_of(name):
            self._consider(pod)

    def _pod_changed(self, change: Change) -> None:
        if not self._tainted and not self._evictions:
            return
        pod = change.object
        if change.type == "DELETED" or is_terminal(pod):
            self._cancel(pod["metadata"]["uid"], told=False)
        elif change.before is None or change.before["spec"] is not pod["spec"]:
            self._consider(pod)

    def _consider(self, pod: Obj) -> None:
        """Arrange for the pod's deletion, if it does not tolerate its node for ever."""
        uid = pod["metadata"]["uid"]
        taints = self._tainted.get(pod["spec"].get("nodeName", ""), [])
        stays = _stays(pod, taints)
        if stays is None or being_deleted(pod):
            self._cancel(uid, told=not taints)
            return
        if uid in self._evictions:
            return
        since = min((seconds_of(one["timeAdded"]) for one in taints if one.get("timeAdded")), default=self._clock.now())
        timer = self._clock.call_at(max(since + stays, self._clock.now()), self._evict, uid)
        self._evictions[uid] = (timer, pod)

    def _cancel(self, uid: str, *, told: bool) -> None:
        timer, pod = self._evictions.pop(uid, (None, None))
        if timer is None or pod is None:
            return
        timer.cancel()
        if told:
            meta = pod["metadata"]
            text = f"Cancelling deletion of Pod {meta['namespace']}/{meta['name']}"
            self._evictor.event(pod, "Normal", "TaintManagerEviction", text)

    def _evict(self, uid: str) -> None:
        _, pod = self._evictions.pop(uid)
        meta = pod["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        text = f"Marking for deletion Pod {namespace}/{name}"
        self._evictor.event(pod, "Normal", "TaintManagerEviction", text)
        shown = {
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": stamp(self._clock.now()),
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
        }
        self._put_condition(namespace, name, uid, shown)
        try:
            self._registry.delete("pods", namespace, name, uid=uid)
        except ApiError:
            return  # somebody was faster


def _readiness(node: Obj) -> str:
    found = condition(node, "Ready")
    return str(found["status"]) if found is not None else ""


def _kept_away_by(node: Obj) -> list[str]:
    """The taints of the pressures that a node is under, and of being cordoned."""
    found = [key for kind, key in PRESSURES.items() if (condition(node, kind) or {}).get("status") == "True"]
    return [*found, CORDONED] if (node.get("spec") or {}).get("unschedulable") else found


def _taints(node: Obj) -> list[Obj]:
    return list((node.get("spec") or {}).get("taints") or ())


def _stays(pod: Obj, taints: Iterable[Obj]) -> float | None:
    """Seconds that the pod tolerates all of them; None: for ever."""
    shortest: float | None = None
    for taint in taints:
        tolerations = [one for one in pod["spec"].get("tolerations") or () if accepts(one, taint)]
        if not tolerations:
            return 0.0
        limits = [float(one["tolerationSeconds"]) for one in tolerations if one.get("tolerationSeconds") is not None]
        if limits:
            shortest = min([max(min(limits), 0.0), *([shortest] if shortest is not None else [])])
    return shortest
