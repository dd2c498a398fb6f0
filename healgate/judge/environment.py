"""What containers are started with: an environment is read once, when its container starts, and never again.

A ConfigMap that was put right while its pods ran on has mended nothing yet. The trap is the time of the write: what
counts is the value that stood there when the container started. One that was right all along, or was made anew with the
same content, is as good as any, and what the break left there is not the healer's guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..evidence import Evidence, Obj, Ref, runs_on
from ..scenario.model import Scenario
from .containers import containers, sources
from .history import History
from .ownership import HOLD_DATA
from .paths import parts
from .properties import value_lacks
from .writes import Write

# Starts are told in whole seconds, and a watch shows a moment later what was written.
TOLD_WITHIN = 2.0


class Environments:
    """Of one trial's pods."""

    def __init__(self, plan: Scenario, evidence: Evidence, history: History, writes: list[Write]) -> None:
        self._evidence = evidence
        self._history = history
        self._right = [rule for rule in plan.right if rule.object.kind in HOLD_DATA and rule.path]
        written = {write.ref for write in writes if write.ref.kind in HOLD_DATA}
        self._watched = written | {rule.object for rule in self._right} if writes else set()
        self._first_write = min((write.time for write in writes), default=math.inf)

    @property
    def matter(self) -> bool:
        """Whether anything that an environment may be made from was broken, or written to."""
        return bool(self._watched)

    def guessed(self, pod: Obj) -> str:
        """What one of its containers was started with that is not right, and was the healer's doing; "" if nothing."""
        if not self.matter:
            return ""
        specs = {name: spec for (_, name), spec in containers(pod.get("spec") or {}).items()}
        for status in runs_on(pod):
            started = _started(status)
            if started is None:
                continue
            for ref, key in self._entries(specs.get(status.get("name", ""), {}), started):
                if not any(self._is_right(ref, key, value) for value in self._values(ref, key, started)):
                    named = f"{status['name']} of Pod/{pod['metadata']['name']}"
                    return f"{named} was started with another {key} than {ref} has now, and runs on with it"
        return ""

    def _entries(self, container: Obj, started: float) -> Iterator[tuple[Ref, str]]:
        """The entries that the container's variables were made from."""
        found: dict[str, tuple[Ref, str]] = {}
        for source in sources(container):
            stood = self._history.during(source.ref, started, started + TOLD_WITHIN)
            keys = (key for obj in (*stood, self._evidence.final.get(source.ref)) for key in _data(obj))
            for key in (source.key,) if source.key else keys:
                found[source.name if source.key else source.name + key] = source.ref, key
        plain = {one["name"] for one in container.get("env") or () if "valueFrom" not in one}
        return (entry for name, entry in found.items() if entry[0] in self._watched and name not in plain)

    def _values(self, ref: Ref, key: str, started: float) -> Iterator[Any]:
        return (_data(obj).get(key) for obj in self._history.during(ref, started, started + TOLD_WITHIN))

    def _is_right(self, ref: Ref, key: str, value: Any) -> bool:
        known = (self._evidence.final.get(ref), self._evidence.baseline.get(ref))
        if value in [_data(obj).get(key) for obj in (*known, self._history.before(ref, self._first_write))]:
            return True
        rules = [rule for rule in self._right if rule.object == ref and parts(rule.path) == ("data", key)]
        return bool(rules) and not any(value_lacks(rule, [] if value is None else [value]) for rule in rules)


def _data(obj: Obj | None) -> Obj:
    return (obj or {}).get("data") or {}


def _started(status: Obj) -> float | None:
    state = status.get("state") or {}
    stamp = (state.get("running") or state.get("terminated") or {}).get("startedAt")
    try:
        return datetime.fromisoformat(stamp).timestamp() if stamp else None
    except (TypeError, ValueError):  # whoever writes a status may write anything
        return None
