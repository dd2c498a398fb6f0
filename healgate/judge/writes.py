"""What the healer's writes did: which object stood there before, which after.

The request alone does not tell (a patch says what it says, not what came of it), so the object's history is asked for
its next state. The trap is a patch that changed nothing: the object's next state came of something else then, maybe
long after, and is not the healer's doing. Requests that a healer sends about itself, its events, leases, tokens and
questions about its rights, are not writes to the cluster's workloads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..evidence import Evidence, Obj, Ref, Request
from .history import History
from .paths import look_up

ABOUT_ITSELF = frozenset({"Event", "Lease"})
QUESTIONS = ("Review", "TokenRequest")

# What a write made of an object is seen at once, or within the delay of a watch; what is seen later is not its doing.
SEEN_WITHIN = 5.0


@dataclass(frozen=True)
class Write:
    """One accepted write."""

    number: int  # its place among the requests, from 1
    request: Request
    ref: Ref
    before: Obj | None
    after: Obj | None

    @property
    def time(self) -> float:
        return self.request.time

    @property
    def deletes(self) -> bool:
        return self.request.verb in ("delete", "deletecollection") or self.request.subresource == "eviction"

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


def own_writes(evidence: Evidence, history: History) -> list[Write]:
    """The healer's accepted writes, in order, apart from those about itself."""
    return [
        write
        for number, request in enumerate(evidence.requests, 1)
        if request.writes and request.accepted and not _about_itself(request)
        for write in _written(number, request, evidence.namespace, history)
    ]


def _about_itself(request: Request) -> bool:
    options = request.body if isinstance(request.body, dict) else {}
    tried_only = request.verb in ("delete", "deletecollection") and bool(options.get("dryRun"))
    about = request.kind in ABOUT_ITSELF or request.kind.endswith(QUESTIONS) or not request.kind
    return about or request.subresource == "token" or tried_only


def _written(number: int, request: Request, namespace: str, history: History) -> Iterator[Write]:
    if request.namespace != namespace:
        yield Write(number, request, Ref(request.kind, _name(request)), request.before, None)
    elif request.verb == "deletecollection":
        for ref in history.refs(request.kind):
            before = history.before(ref, request.time)
            if before is not None and "deletionTimestamp" not in before["metadata"] and _left(ref, request, history):
                yield Write(number, replace(request, name=ref.name), ref, before, None)
    elif request.verb == "create" and not request.subresource:
        yield _created(number, request, history)
    else:
        ref = Ref(request.kind, request.name)
        before = request.before or history.before(ref, request.time)
        yield Write(number, request, ref, before, _next(ref, request, before, history))


def _created(number: int, request: Request, history: History) -> Write:
    """A new object; where the server gave it its name, the one that appeared just then."""
    name, metadata = _name(request), _metadata(request)
    prefix = metadata.get("generateName", "")
    found = [
        (abs(state.time - request.time), ref.name, state.object)
        for ref in ([Ref(request.kind, name)] if name or not prefix else history.refs(request.kind))
        for state in history.of(ref)
        if state.type == "ADDED" and ref.name.startswith(prefix) and abs(state.time - request.time) <= SEEN_WITHIN
    ]
    _, name, after = min(found, key=lambda one: one[:2], default=(0.0, name, None))
    return Write(number, request, Ref(request.kind, name), None, after)


def _next(ref: Ref, request: Request, before: Obj | None, history: History) -> Obj | None:
    """The state that the write left; the same as before if it changed nothing."""
    if request.verb == "delete":
        return None
    for state in history.of(ref):
        near = abs(state.time - request.time) <= SEEN_WITHIN
        if near and state.type != "DELETED" and _version(state.object) > _version(before):
            return state.object
    return before if history.of(ref) else None


def _left(ref: Ref, request: Request, history: History) -> bool:
    return any(state.leaves for state in history.of(ref) if 0 <= state.time - request.time <= SEEN_WITHIN)


def _metadata(request: Request) -> dict[str, Any]:
    body = request.body if isinstance(request.body, dict) else {}
    metadata = body.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _name(request: Request) -> str:
    return request.name or str(_metadata(request).get("name") or "")


def _version(obj: Obj | None) -> int:
    text = str((obj or {}).get("metadata", {}).get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0
