"""What the healer's writes did: which object stood there before, which after.

The request alone does not tell (a patch says what it says, not what came of it), so the timeline is asked for the
object's next state. Requests that a healer sends about itself, its events, leases and questions about its rights,
are not writes to the cluster's workloads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..evidence import Evidence, Obj, Ref, Request
from .paths import look_up

ABOUT_ITSELF = frozenset({"Event", "Lease"})
QUESTIONS = ("Review", "TokenRequest")


@dataclass(frozen=True)
class Write:
    """One accepted write."""

    number: int  # its place among the requests, from 1
    request: Request
    before: Obj | None
    after: Obj | None

    @property
    def ref(self) -> Ref:
        return Ref(self.request.kind, self.request.name or (self.after or {}).get("metadata", {}).get("name", ""))

    @property
    def time(self) -> float:
        return self.request.time

    @property
    def deletes(self) -> bool:
        return self.request.verb in ("delete", "deletecollection")

    def changes(self, path: str) -> bool:
        """Whether what stands at the path is another afterwards."""
        if self.before is None and self.after is None:
            return bool(look_up(self.request.body, path))
        return self.values(path) != (look_up(self.before, path) if self.before else [])

    def values(self, path: str) -> list[Any]:
        """What stands at the path afterwards."""
        if self.after is not None:
            return look_up(self.after, path)
        return [] if self.deletes else look_up(self.request.body, path)

    def __str__(self) -> str:
        return f"{self.request} (request {self.number})"


def own_writes(evidence: Evidence) -> list[Write]:
    """The healer's accepted writes, in order, apart from those about itself."""
    states = _states(evidence)
    return [
        write
        for number, request in enumerate(evidence.requests, 1)
        if request.writes and request.accepted and not _about_itself(request)
        for write in _written(number, request, evidence, states)
    ]


def _about_itself(request: Request) -> bool:
    return request.kind in ABOUT_ITSELF or request.kind.endswith(QUESTIONS) or not request.kind


def _states(evidence: Evidence) -> Mapping[Ref, list[tuple[float, Obj, bool]]]:
    """Every state of every object: when, what, and whether that was its end."""
    states: dict[Ref, list[tuple[float, Obj, bool]]] = {}
    for ref, obj in evidence.baseline.items():
        states[ref] = [(evidence.started, obj, False)]
    for seen in evidence.timeline:
        states.setdefault(seen.ref, []).append((seen.time, seen.object, seen.type == "DELETED"))
    return states


def _written(
    number: int, request: Request, evidence: Evidence, states: Mapping[Ref, list[tuple[float, Obj, bool]]]
) -> Iterator[Write]:
    if request.verb == "deletecollection":
        for ref in evidence.baseline:
            if ref.kind == request.kind and request.namespace == evidence.namespace:
                one = Request(**{**_fields(request), "name": ref.name})
                yield Write(number, one, evidence.baseline[ref], None)
        return
    if request.namespace != evidence.namespace:
        yield Write(number, request, request.before, None)
        return
    history = states.get(Ref(request.kind, request.name), [])
    before = request.before
    if before is None and request.verb != "create":
        earlier = [obj for time, obj, ended in history if time < request.time and not ended]
        before = earlier[-1] if earlier else None
    after = None
    for time, obj, ended in history:
        if time >= request.time and _version(obj) > _version(before) and not ended:
            after = obj
            break
    yield Write(number, request, before, None if request.verb == "delete" else after)


def _version(obj: Obj | None) -> int:
    text = str((obj or {}).get("metadata", {}).get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0


def _fields(request: Request) -> dict[str, Any]:
    return {name: getattr(request, name) for name in Request.__dataclass_fields__}
