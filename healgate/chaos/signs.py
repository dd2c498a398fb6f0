"""When a fault is live: the moment at which the last of a scenario's signs was shown.

Only reasons, exit codes, conditions and events count; never how often, never prose. Times are the server's: when a
container ended, when a condition changed, when an event was last seen, when the kubelet wrote the status that shows a
reason; the watch's own time only where the server gives none. There are two traps. An old sign: a crash of yesterday
is none, unless the scenario asks for old ones. And a pod that was told to go: it is killed and exits as it likes, in
every ordinary rollout, so what it shows is no sign of anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..evidence import Obj, Ref, Seen
from ..scenario.model import Sign, Signature
from ..vigil import View

# Server timestamps are cut to whole seconds, so a thing of the break's own second reads as up to one second older.
GRAIN = 1.0


def shown(signature: Signature, timeline: Sequence[Seen], since: float) -> float | None:
    """When the last of the signs was first shown at or after `since`; None: not all were."""
    watch = SignWatch(signature)
    begun = False
    for seen in timeline:
        if not begun and seen.time >= since:
            watch.since(since)
            begun = True
        watch.see(seen)
    if not begun:
        watch.since(since)
    return watch.live


@dataclass
class SignWatch:
    """Fed with every change, and feeds its view; tells when the fault became live."""

    signature: Signature
    view: View = field(default_factory=View)
    live: float | None = None  # since when; asked at every change
    _since: float | None = None
    _shown: dict[int, float] = field(default_factory=dict)
    _were_ready: set[str] = field(default_factory=set)  # uids of pods
    _restarts: dict[tuple[str, str], int] = field(default_factory=dict)  # (pod uid, container) -> at the break

    def __post_init__(self) -> None:
        self._asks_for_unready = any(sign.unready for sign in self.signature.all)

    def since(self, time: float) -> None:
        """From now on signs count; what is there already is looked at once."""
        self._since = time
        for ref in [ref for ref in self.view.objects if ref.kind == "Pod"]:
            pod = self.view.objects[ref]
            for container in _containers(pod):
                self._restarts[(pod["metadata"]["uid"], container["name"])] = container["restartCount"]
        for obj in list(self.view.objects.values()):
            self._look(obj, time)

    def see(self, seen: Seen) -> None:
        if self.live is not None:
            self.view.see(seen)
            return  # the first proof counts, and it has come
        if seen.type != "DELETED":
            self.view.see(seen)
        if self._since is not None:
            self._look(seen.object, seen.time)
        if seen.type == "DELETED":
            self.view.see(seen)
        elif self._asks_for_unready and _condition(seen.object, "Ready=True") is not None:
            self._were_ready.add(seen.object["metadata"]["uid"])

    def missing(self) -> str:
        """Which signs were not shown, and what was there instead."""
        absent = [sign for index, sign in enumerate(self.signature.all) if index not in self._shown]
        return "; ".join(f"{describe(sign)} ({self._instead(sign)})" for sign in absent)

    def _look(self, obj: Obj, time: float) -> None:
        assert self._since is not None
        for index, sign in enumerate(self.signature.all):
            if index not in self._shown:
                when = self._matches(sign, obj, time, self._since)
                if when is not None:
                    self._shown[index] = when if sign.old else max(when, self._since)
                    if len(self._shown) == len(self.signature.all):
                        self.live = max(self._shown.values())

    def _matches(self, sign: Sign, obj: Obj, time: float, since: float) -> float | None:
        if sign.event:
            return self._event(sign, obj, since) if obj["kind"] == "Event" else None
        kind = obj["kind"]
        if kind != "Pod" and kind != sign.of.kind:
            return None
        about = Ref.of(obj) == sign.of or (kind == "Pod" and self._owned(obj, sign.of))
        if not about:
            return None
        times: list[float] = []
        if sign.condition:
            condition = _condition(obj, sign.condition)
            if condition is None:
                return None
            times.append(_seconds(condition.get("lastTransitionTime")) or time)
        if sign.unready:
            lost = _condition(obj, "Ready=False") if obj["metadata"]["uid"] in self._were_ready else None
            if lost is None or _goes(obj):
                return None
            times.append(_seconds(lost.get("lastTransitionTime")) or time)
        if sign.waiting or sign.terminated or sign.exit_codes or sign.restarts:
            when = self._container(sign, obj, time, since)
            if when is None:
                return None
            times.append(when)
        return max(times, default=None)

    def _container(self, sign: Sign, pod: Obj, time: float, since: float) -> float | None:
        if pod["kind"] != "Pod" or _goes(pod):
            return None
        for container in _containers(pod):
            if sign.container in ("", container["name"]):
                when = self._one(sign, pod, container, time, since)
                if when is not None:
                    return when
        return None

    def _one(self, sign: Sign, pod: Obj, container: Mapping[str, object], time: float, since: float) -> float | None:
        state: Obj = container["state"]  # type: ignore[assignment]
        last: Obj = container.get("lastState", {})  # type: ignore[assignment]
        written = _status_written(pod, time)
        times: list[float] = []
        if sign.waiting:
            if state.get("waiting", {}).get("reason") not in sign.waiting:
                return None
            times.append(written)
        if sign.terminated or sign.exit_codes:
            when = _ended(sign, (state.get("terminated"), last.get("terminated")), since, written)
            if when is None:
                return None
            times.append(when)
        if sign.restarts:
            before = self._restarts.get((pod["metadata"]["uid"], str(container["name"])), 0)
            if int(str(container["restartCount"])) <= (0 if sign.old else before):
                return None
            times.append(written)
        return max(times)

    def _event(self, sign: Sign, event: Obj, since: float) -> float | None:
        if event.get("reason") not in sign.event:
            return None
        about = event.get("involvedObject") or event.get("regarding") or {}
        if not self._concerns(about, sign.of):
            return None
        if sign.container and about.get("fieldPath") != f"spec.containers{{{sign.container}}}":
            return None
        stamps = (event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
        when = next((t for t in map(_seconds, stamps) if t is not None), None)
        if when is None or (when + GRAIN <= since and not sign.old):
            return None
        return when

    def _concerns(self, about: Mapping[str, str], target: Ref) -> bool:
        ref = Ref(about.get("kind", ""), about.get("name", ""))
        if ref == target:
            return True
        obj = self.view.objects.get(ref)
        return obj is not None and not _goes(obj) and self._owned(obj, target)

    def _owned(self, obj: Obj, target: Ref) -> bool:
        for owner in obj["metadata"].get("ownerReferences", ()):
            ref = Ref(owner["kind"], owner["name"])
            if ref == target:
                return True
            parent = self.view.objects.get(ref)
            if parent is not None and self._owned(parent, target):
                return True
        return False

    def _instead(self, sign: Sign) -> str:
        states = [
            f"{pod['metadata']['name']}/{container['name']} {_said(container['state'])}"
            for pod in self.view.pods_of(sign.of)
            for container in _containers(pod)
            if sign.container in ("", container["name"])
        ]
        return ", ".join(states) or f"{sign.of} has no pods"


def describe(sign: Sign) -> str:
    """A sign in words: pods of Deployment/backend waiting with CrashLoopBackOff."""
    parts = []
    if sign.waiting:
        parts.append(f"waiting with {' or '.join(sign.waiting)}")
    if sign.terminated:
        parts.append(f"ended with {' or '.join(sign.terminated)}")
    if sign.exit_codes:
        parts.append(f"exit code {' or '.join(str(code) for code in sign.exit_codes)}")
    if sign.restarts:
        parts.append("restarted")
    if sign.unready:
        parts.append("ready no more")
    if sign.event:
        parts.append(f"an event {' or '.join(sign.event)}")
    if sign.condition:
        parts.append(f"condition {sign.condition}")
    container = f" container {sign.container}" if sign.container else ""
    return f"{sign.of}{container}: {', '.join(parts)}"


def _goes(obj: Obj) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def _containers(pod: Obj) -> Iterator[Obj]:
    status = pod.get("status", {})
    yield from status.get("initContainerStatuses", ())
    yield from status.get("containerStatuses", ())


def _ended(sign: Sign, ends: Sequence[Obj | None], since: float, written: float) -> float | None:
    for ended in ends:
        if ended is None:
            continue
        if sign.terminated and ended.get("reason") not in sign.terminated:
            continue
        if sign.exit_codes and ended.get("exitCode") not in sign.exit_codes:
            continue
        when = _seconds(ended.get("finishedAt")) or written
        if sign.old or when + GRAIN > since:
            return when
    return None


def _condition(obj: Obj, wanted: str) -> Obj | None:
    kind, _, rest = wanted.partition("=")
    status, _, reason = rest.partition("/")
    for condition in obj.get("status", {}).get("conditions", ()):
        if condition["type"] == kind and condition["status"] == status and reason in ("", condition.get("reason")):
            found: Obj = condition
            return found
    return None


def _status_written(pod: Obj, seen: float) -> float:
    """When the kubelet wrote this status, as the server took it down."""
    stamps = [
        _seconds(entry.get("time"))
        for entry in pod["metadata"].get("managedFields", ())
        if entry.get("subresource") == "status"
    ]
    written = max((stamp for stamp in stamps if stamp is not None), default=None)
    # Cut to whole seconds: within the second of the watch's own time that one is the better.
    return seen if written is None or seen - written < GRAIN else written


def _seconds(stamp: object) -> float | None:
    if not isinstance(stamp, str):
        return None
    parsed = datetime.fromisoformat(stamp).timestamp()
    return parsed if parsed > 0 else None


def _said(state: Mapping[str, Mapping[str, object]]) -> str:
    for name, detail in state.items():
        reason = detail.get("reason")
        code = f"/{detail['exitCode']}" if "exitCode" in detail else ""
        return f"{name} {reason}{code}" if reason else name
    return "unknown"
