"""What the healer's writes did: which object stood there before, which after.

The request alone does not tell (a patch says what it says, not what came of it), so the object's history is asked for
its next state. The trap is a patch that changed nothing: the object's next state came of something else then, maybe
long after, and is not the healer's doing. Requests that a healer sends about itself, its events, leases, tokens and
questions about its rights, are not writes to the cluster's workloads; events and leases of others are.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from ..evidence import ABOUT_ITSELF, DELETIONS, Evidence, Obj, Ref, Request, is_ready, runs_on
from .history import History
from .paths import look_up

# What a write made of an object is seen at once, or within the delay of a watch; what is seen later is not its doing.
SEEN_WITHIN = 5.0
# What a person or a program raises to have a source written again; the rest of a source's spec says what it is.
SYNCS = frozenset({"refresh"})
# A container that is told to end has its grace, and then its node tells of it.
COMMAND_SHOWS_WITHIN = 45.0


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
    def verb(self) -> str:
        """What came of it: an apply may create, an eviction deletes, a command may do anything."""
        request = self.request
        if request.subresource == "eviction":
            return "delete"
        created = request.verb in ("patch", "update") and request.code == HTTPStatus.CREATED
        return "create" if created or request.is_command else request.verb

    @property
    def deletes(self) -> bool:
        return self.verb in DELETIONS and self.request.subresource in ("", "eviction")

    @property
    def is_command(self) -> bool:
        """It ran something in a container, or looked around there: which, nobody saw."""
        return self.request.is_command

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

    @property
    def alters(self) -> bool:
        """Whether it made another thing of the object, or one that others do not find any more.

        Annotations, and labels that it did not have, are written beside it; owners are not.
        """
        if self.deletes or self.before is None or self.after is None:
            return True
        had, has = (obj["metadata"].get("labels") or {} for obj in (self.before, self.after))
        return _lives_by(self.before) != _lives_by(self.after) or not had.items() <= has.items()

    @property
    def changed_nothing(self) -> bool:
        """As the server sees it, which tells a reconciler that writes what stands there already."""
        answered = self.request.after
        if self.verb not in ("patch", "update") or self.before is None or answered is None:
            return False
        return _as_others_see_it(self.before) == _as_others_see_it(answered)

    def __str__(self) -> str:
        request = self.request if self.request.name else replace(self.request, name=self.ref.name)
        return f"{request} (request {self.number})"


def own_writes(evidence: Evidence, history: History) -> list[Write]:
    """What the healer did, in order: its writes that were accepted, apart from those about itself.

    Of those that nobody answered, the ones that the cluster shows to be done, or that it cannot show.
    """
    # On record they are in the order of their answers.
    requests = sorted(enumerate(evidence.requests, 1), key=lambda one: one[1].time)
    given: set[Ref] = set()
    seen = evidence.baseline.keys() | {one.ref for one in evidence.timeline if one.object["kind"] in ABOUT_ITSELF}
    spoken = {(one.kind, one.namespace, _name(one)) for _, one in requests if one.is_about_itself and _makes(one)}
    return [
        write
        for number, request in requests
        if _acts(request, spoken, seen) and (request.accepted or not _sent_again(request, evidence))
        for write in _written(number, request, evidence.namespace, history, given)
        if request.accepted or request.namespace != evidence.namespace or _shows(write, history)
        if not write.changed_nothing
    ]


def _makes(request: Request) -> bool:
    return request.accepted and (request.verb == "create" or request.code == HTTPStatus.CREATED)


def _acts(request: Request, spoken: set[tuple[str, str, str]], seen: Set[Ref]) -> bool:
    """`spoken`: the events and leases that it made itself; what else was seen there is others'."""
    if not request.is_about_itself:
        return request.acts
    own = _makes(request) or (request.kind, request.namespace, _name(request)) in spoken
    others = request.deletes or Ref(request.kind, _name(request)) in seen
    return request.writes and request.code < 300 and others and not own


def _sent_again(request: Request, evidence: Evidence) -> bool:
    """A client that gets no answer tries once more; what then happened, happened once."""
    return any(
        (one.verb, one.path) == (request.verb, request.path) and 0 <= one.time - request.time <= SEEN_WITHIN
        for one in evidence.requests
        if one.accepted
    )


def _shows(write: Write, history: History) -> bool:
    """Whether the history shows that a write without an answer was done."""
    if write.deletes:
        return _left(write.ref, write.request, history)
    return write.after is not None and substance(write.after) != substance(write.before)


def fell_after(write: Write, history: History) -> bool:
    """Whether a container of the pod ended, or the pod fell ill, soon after a command was run in it."""
    was = write.before or {}
    for state in history.of(write.ref):
        if not write.time <= state.time <= write.time + COMMAND_SHOWS_WITHIN or state.leaves:
            continue
        if restarts(state.object) > restarts(was) or (is_ready(was) and not is_ready(state.object)):
            return True
    return False


def restarts(pod: Obj) -> int:
    return sum(one["restartCount"] for one in runs_on(pod))


def _written(number: int, request: Request, namespace: str, history: History, given: set[Ref]) -> Iterator[Write]:
    """`given`: what the server found a name for, each for one request."""
    if request.namespace != namespace:
        yield Write(number, request, Ref(request.kind, _name(request)), request.before, None)
    elif request.verb == "deletecollection" and request.is_about_itself:
        yield Write(number, request, Ref(request.kind, "*"), None, None)
    elif request.verb == "deletecollection":
        for ref in history.refs(request.kind):
            before = history.before(ref, request.time)
            if before is not None and "deletionTimestamp" not in before["metadata"] and _left(ref, request, history):
                yield Write(number, replace(request, name=ref.name), ref, before, None)
    elif request.verb == "create" and not request.subresource:
        yield _created(number, request, history, given)
    else:
        ref = Ref(request.kind, _name(request))
        before = request.before or history.before(ref, request.time)
        yield Write(number, request, ref, before, _after(ref, request, before, history))


def _created(number: int, request: Request, history: History, given: set[Ref]) -> Write:
    """A new object; where the server gave it its name, or the body is in no words of ours, what appeared just then."""
    name, metadata = _name(request), _metadata(request)
    prefix = metadata.get("generateName") or ""
    found = [
        (abs(state.time - request.time), ref.name, state.object)
        for ref in ([Ref(request.kind, name)] if name else history.refs(request.kind))
        for state in (history.of(ref) if name or ref not in given else ())
        if state.type == "ADDED" and ref.name.startswith(prefix) and abs(state.time - request.time) <= SEEN_WITHIN
    ]
    _, name, after = min(found, key=lambda one: one[:2], default=(0.0, name, None))
    ref = Ref(request.kind, name)
    if prefix:
        given.add(ref)
    return Write(number, request, ref, None, after)


def _after(ref: Ref, request: Request, before: Obj | None, history: History) -> Obj | None:
    """The state that the write left; the same as before if it changed nothing."""
    if request.verb == "delete":
        return None
    if request.is_command:
        return before
    there = [state for state in history.of(ref) if state.type != "DELETED"]
    newer = [state for state in there if _version(state.object) > _version(before)]
    if request.after is not None:
        # Read when it was answered: a controller may have been faster, and undone what the history still shows.
        until = _version(request.after)
        seen = [state.object for state in newer if _version(state.object) <= until]
        done = next((obj for obj in seen if substance(obj) != substance(before)), request.after)
        return done if until > _version(before) else before
    for state in newer:
        if abs(state.time - request.time) <= SEEN_WITHIN:
            return state.object
    return before if history.of(ref) else None


def substance(obj: Obj | None) -> Obj:
    """What nobody but a writer changes."""
    return {key: value for key, value in (obj or {}).items() if key not in ("status", "metadata")}


def _lives_by(obj: Obj) -> Obj:
    """What others rely on: its substance, and what decides when it goes. To ask a source for a sync changes neither."""
    kept = {key: obj["metadata"].get(key) or [] for key in ("ownerReferences", "finalizers")}
    spec = {key: value for key, value in (obj.get("spec") or {}).items() if key not in SYNCS}
    return {**substance(obj), "spec": spec, "metadata": kept}


def _left(ref: Ref, request: Request, history: History) -> bool:
    return any(state.leaves for state in history.of(ref) if 0 <= state.time - request.time <= SEEN_WITHIN)


def _metadata(request: Request) -> dict[str, Any]:
    body = request.body if isinstance(request.body, dict) else {}
    metadata = body.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _name(request: Request) -> str:
    given = (request.after or {}).get("metadata", {}).get("name") if request.verb == "create" else ""
    name = request.name or str(_metadata(request).get("name") or given or "")
    return _without_port(name) if request.subresource == "proxy" else name


def _without_port(name: str) -> str:
    """`name`, `name:port` or `scheme:name:port`."""
    parts = name.split(":")
    return parts[1] if len(parts) == 3 else parts[0]


def _as_others_see_it(obj: Obj) -> Obj:
    """Without the server's books on who wrote what, and when."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in ("managedFields", "resourceVersion")}
    return {**obj, "metadata": metadata}


def _version(obj: Obj | None) -> int:
    text = str((obj or {}).get("metadata", {}).get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0
