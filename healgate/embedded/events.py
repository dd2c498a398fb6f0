"""Event recorders: what components tell about objects, and what they leave out.

Both shapes of a real cluster, because tools read both: the legacy recorder of kubelet and controllers
(count, first and last timestamp) and the newer one of the scheduler (eventTime, series). The trap is to record
every event faithfully: a real recorder folds repeats into one object, combines similar messages and goes quiet
after 25 events, so that a count jumps and a new reason may never be seen. A healer meets exactly that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .api.errors import ApiError
from .clock import Clock
from .clock.clock import micro_stamp, seconds_of, stamp

if TYPE_CHECKING:
    from .api.registry import Registry

Obj = dict[str, Any]

AGGREGATE_AFTER = 10  # distinct messages of one reason
AGGREGATE_WITHIN = 600.0
BURST = 25.0
REFILL = 300.0  # seconds for one token
LIFETIME = 3600.0
SERIES_REFRESH = 1800.0


class _Similar:
    """The distinct messages of one object, type and reason."""

    __slots__ = ("last", "messages")

    def __init__(self) -> None:
        self.messages: dict[str, None] = {}
        self.last = 0.0


class _Counted:
    """One Event object as the recorder remembers it, written or not."""

    __slots__ = ("count", "first", "name")

    def __init__(self, name: str, first: str) -> None:
        self.name = name
        self.first = first
        self.count = 0


class _Bucket:
    __slots__ = ("last", "tokens")

    def __init__(self, now: float) -> None:
        self.tokens = BURST
        self.last = now

    def take(self, now: float) -> bool:
        self.tokens = min(BURST, self.tokens + (now - self.last) / REFILL)
        self.last = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class _Known:
    """What a recorder remembers of one object."""

    __slots__ = ("buckets", "counted", "similar")

    def __init__(self) -> None:
        self.similar: dict[tuple[str, str], _Similar] = {}
        self.counted: dict[tuple[str, ...], _Counted] = {}
        self.buckets: dict[str, _Bucket] = {}  # by type


def _reference(about: Obj, field_path: str = "") -> Obj:
    meta = about["metadata"]
    found: Obj = {"kind": about.get("kind", ""), "namespace": meta.get("namespace", ""), "name": meta["name"]}
    if not found["namespace"]:
        del found["namespace"]
    found["uid"] = meta.get("uid", "")
    found["apiVersion"] = about.get("apiVersion", "v1")
    found["resourceVersion"] = meta.get("resourceVersion", "")
    if field_path:
        found["fieldPath"] = field_path
    return found


class _Writer:
    """Names, writes and forgets Event objects."""

    def __init__(self, registry: Registry, clock: Clock, component: str) -> None:
        self._registry = registry
        self._clock = clock
        self._random = clock.random(f"events/{component}")
        self._last_name = 0

    def name(self, about: str) -> str:
        """`<object>.<hex of nanoseconds>`; the low bits differ by component, as real clocks never agree that well."""
        nanos = int(self._clock.now() * 1e6) * 1000 + self._random.randrange(1000)
        self._last_name = max(self._last_name + 1, nanos)
        return f"{about}.{self._last_name:x}"

    def create(self, event: Obj) -> None:
        """Write an event that lacks nothing, so that nobody has to look for what it lacks."""
        namespace, name = event["metadata"]["namespace"], event["metadata"]["name"]
        try:
            self._registry.add("events", event)
        except ApiError:
            return  # a namespace that is going away takes no more events; nobody hears of it
        self._clock.call_later(LIFETIME, self._forget, namespace, name, self._clock.now())

    def change(self, namespace: str, name: str, changes: Obj) -> bool:
        return self._registry.amend("events", namespace, name, changes)

    def _forget(self, namespace: str, name: str, written: float) -> None:
        event = self._registry.find("events", namespace, name)
        if event is None:
            return
        series = event.get("series") or {}
        told = event.get("lastTimestamp") or series.get("lastObservedTime")
        last = seconds_of(told) if told else written
        if last + LIFETIME > self._clock.now() + 1:
            self._clock.call_at(last + LIFETIME, self._forget, namespace, name, last)
            return
        self._registry.delete("events", namespace, name)


class Recorder:
    """The legacy recorder: combine, count, filter, then write or amend one Event object."""

    def __init__(self, registry: Registry, clock: Clock, component: str, host: str = "") -> None:
        self._clock = clock
        self._writer = _Writer(registry, clock, component)
        self._component = component
        self._host = host
        self._known: dict[tuple[str, ...], _Known] = {}

    def event(self, about: Obj, type: str, reason: str, message: str, field_path: str = "") -> None:
        """Tell something about an object (with kind and apiVersion)."""
        now = self._clock.now()
        meta = about["metadata"]
        identity = (about.get("kind", ""), meta.get("namespace", ""), meta["name"], meta.get("uid", ""))
        known = self._known.get(identity)
        if known is None:
            known = self._known[identity] = _Known()
        message, key = self._combined(now, known, type, reason, message, field_path)

        counted = known.counted.get(key)
        if counted is None:
            counted = known.counted[key] = _Counted(self._writer.name(meta["name"]), stamp(now))
        counted.count += 1
        # The count above stands even if the filter drops this one: that is why counts jump.
        bucket = known.buckets.get(type)
        if bucket is None:
            bucket = known.buckets[type] = _Bucket(now)
        if not bucket.take(now):
            return

        stamped = stamp(now)
        namespace = meta.get("namespace") or "default"
        if counted.count > 1:
            changes = {"count": counted.count, "lastTimestamp": stamped, "message": message}
            if self._writer.change(namespace, counted.name, changes):
                return
        self._writer.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": counted.name, "namespace": namespace},
                "involvedObject": _reference(about, field_path),
                "reason": reason,
                "message": message,
                "source": {"component": self._component, **({"host": self._host} if self._host else {})},
                "firstTimestamp": counted.first,
                "lastTimestamp": stamped,
                "count": counted.count,
                "type": type,
                "eventTime": None,
                "reportingComponent": self._component,
                "reportingInstance": self._host,
            }
        )

    def _combined(
        self, now: float, known: _Known, type: str, reason: str, message: str, field_path: str
    ) -> tuple[str, tuple[str, ...]]:
        """The message to show and the key to count under."""
        family = (type, reason)
        similar = known.similar.get(family)
        if similar is None or now - similar.last > AGGREGATE_WITHIN:
            similar = known.similar[family] = _Similar()
        similar.last = now
        similar.messages[message] = None
        if len(similar.messages) < AGGREGATE_AFTER:
            return message, (type, reason, field_path, message)
        del similar.messages[next(iter(similar.messages))]
        return f"(combined from similar events): {message}", family


class SchedulerRecorder:
    """The events.k8s.io form: an event once, then a series on the same object."""

    def __init__(self, registry: Registry, clock: Clock, component: str = "default-scheduler", host: str = "") -> None:
        self._clock = clock
        self._writer = _Writer(registry, clock, component)
        self._component = component
        self._instance = f"{component}-{host}" if host else component
        self._series: dict[tuple[str, ...], list[Any]] = {}  # key -> [name, count, last write]

    def event(self, about: Obj, type: str, reason: str, message: str, action: str = "Binding") -> None:
        now = self._clock.now()
        meta = about["metadata"]
        namespace = meta.get("namespace") or "default"
        key = (action, reason, type, message, about.get("kind", ""), namespace, meta["name"], meta.get("uid", ""))
        known = self._series.get(key)
        if known is not None:
            known[1] += 1
            if known[1] > 2 and now - known[2] < SERIES_REFRESH:
                return
            known[2] = now
            series = {"count": known[1], "lastObservedTime": micro_stamp(now)}
            if self._writer.change(namespace, known[0], {"series": series}):
                return
        name = self._writer.name(meta["name"])
        self._series[key] = [name, 1, now]
        self._writer.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": namespace},
                "involvedObject": _reference(about),
                "reason": reason,
                "message": message,
                "source": {},
                "firstTimestamp": None,
                "lastTimestamp": None,
                "type": type,
                "eventTime": micro_stamp(now),
                "action": action,
                "reportingComponent": self._component,
                "reportingInstance": self._instance,
            }
        )
