"""Watches: what happened to a resource, one JSON line an event, in the order of revisions.

A watch with a selector is not a filter over events but a view of a set: an object that stops matching leaves it
(DELETED), one that starts matching enters it (ADDED). Timeouts and bookmarks run on the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import Clock, Timer
from ..store import Change, Store, TooOld
from ..store.encoded import dumps
from .errors import expired
from .messages import JSON
from .selectors import Predicate
from .streams import Stream

Obj = dict[str, Any]

BOOKMARK_SECONDS = 60.0
END = "k8s.io/initial-events-end"


class ApiWatch(Stream):
    def __init__(
        self,
        store: Store,
        clock: Clock,
        resource: str,
        *,
        namespace: str | None,
        predicate: Predicate | None,
        encode: Callable[[str, Obj, Change | None], bytes],
        bookmark: Callable[[str, bool], bytes] | None,
        timeout: float,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__({"Content-Type": JSON, **(headers or {})})
        self._store = store
        self._clock = clock
        self._resource = resource
        self._namespace = namespace
        self._predicate = predicate
        self._encode = encode
        self._bookmark = bookmark
        self._after = 0
        self._unsubscribe: Callable[[], None] | None = None
        self._timers: list[Timer] = [clock.call_later(timeout, self._time_out)]
        if bookmark is not None:
            self._timers.append(clock.call_later(BOOKMARK_SECONDS, self._tick))

    # -- starting

    def start(self, version: str, *, initial: bool, marked: bool) -> None:
        """From a version on, or from the present state if `initial`; `marked` ends the state with a bookmark."""
        self._unsubscribe = self._store.subscribe(self._resource, self._on_change)
        if initial:
            self._after = self._store.revision
            for obj in self._store.list(self._resource, self._namespace):
                if self._predicate is None or self._predicate(obj):
                    self._add("ADDED", obj, None)
            if marked and self._bookmark is not None:
                self._lines.append(self._bookmark_line(str(self._store.revision), True))
            return
        self._after = int(version)
        try:
            missed = self._store.since(self._resource, self._after)
        except TooOld as error:
            status = expired(str(error)).status_object()
            self._lines.append(lambda: b'{"type":"ERROR","object":' + dumps(status) + b"}\n")
            self._close()
            return
        for change in missed:
            self._consider(change)

    # -- events

    def _on_change(self, change: Change) -> None:
        if change.revision > self._after and self._consider(change) and self.on_ready is not None:
            self.on_ready()

    def _consider(self, change: Change) -> bool:
        obj, before = change.object, change.before
        if self._namespace is not None and obj["metadata"].get("namespace", "") != self._namespace:
            return False
        matches = self._predicate
        if matches is None:
            self._add(change.type, obj, change)
            return True
        was = before is not None and matches(before)
        now = change.type != "DELETED" and matches(obj)
        if now:
            self._add("MODIFIED" if was else "ADDED", obj, change)
        elif was and before is not None:
            meta = {**before["metadata"], "resourceVersion": str(change.revision)}
            self._add("DELETED", {**before, "metadata": meta}, None)
        return now or was

    def _add(self, kind: str, obj: Obj, change: Change | None) -> None:
        self._lines.append(
            lambda: b'{"type":"' + kind.encode() + b'","object":' + self._encode(kind, obj, change) + b"}\n"
        )

    def _bookmark_line(self, version: str, ends: bool) -> Callable[[], bytes]:
        bookmark = self._bookmark
        assert bookmark is not None
        return lambda: b'{"type":"BOOKMARK","object":' + bookmark(version, ends) + b"}\n"

    def _tick(self) -> None:
        self._lines.append(self._bookmark_line(str(self._store.revision), False))
        self._timers.append(self._clock.call_later(BOOKMARK_SECONDS, self._tick))
        self._timers = [timer for timer in self._timers if timer.live]
        if self.on_ready is not None:
            self.on_ready()

    def _time_out(self) -> None:
        if self._bookmark is not None:
            self._lines.append(self._bookmark_line(str(self._store.revision), False))
        self._close()

    def _release(self) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._unsubscribe is not None:
            self._unsubscribe()
