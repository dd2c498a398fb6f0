"""What a healer meets beyond its own namespace.

Several trials share a cluster, and each healer must see a cluster of its own: the namespaces of the other trials, and
the harness's, are not there. What it writes elsewhere is judged as if it had been done, but only tried: the server
validates and answers (`dryRun=All`) and stores nothing, so no trial can harm another, nor anything on a cluster
that matters. The trap is a refusal: it would be recorded as one, and a vandal be acquitted.

Hiding needs no reading of answers: every list and watch that spans namespaces gets a field selector, and the server
leaves the hidden ones out. So the names that a cluster lends must be known beforehand, also those that are lent later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl, quote, urlencode

from ..evidence import QUESTIONS, WRITES
from .kinds import Target

_CONNECTIONS = frozenset({"exec", "attach", "portforward", "proxy"})


class Passage(Enum):
    """What becomes of a request."""

    OPEN = "open"
    HIDDEN = "hidden"  # it asks for what is not there for this healer
    TRIED = "tried"  # the server says what it would do, and does not do it
    CLOSED = "closed"  # it cannot be tried and must not be done


@dataclass(frozen=True)
class Fence:
    """Around one healer."""

    own: str
    hidden: frozenset[str] = frozenset()
    # Kinds that a healer may write anywhere: what it says of itself, and its leader election.
    free: frozenset[str] = frozenset()
    _selector: dict[str, str] = field(default_factory=dict, compare=False)

    def passage(self, target: Target | None, verb: str) -> Passage:
        if target is None:
            return Passage.OPEN
        place = target.name if target.kind.key == "namespaces" else target.namespace
        if place in self.hidden:
            return Passage.HIDDEN
        if place == self.own or target.kind.kind in self.free or target.kind.kind.endswith(QUESTIONS):
            return Passage.OPEN
        if target.sub in _CONNECTIONS:
            return Passage.CLOSED
        return Passage.TRIED if verb in WRITES and target.sub != "token" else Passage.OPEN

    def narrowed(self, target: Target | None, verb: str, query: str) -> str:
        """The query with which a list over all namespaces leaves the hidden ones out."""
        if target is None or verb not in ("list", "watch") or target.namespace or not self.hidden:
            return query
        if target.kind.namespaced:
            selector = self._without("metadata.namespace")
        elif target.kind.key == "namespaces":
            selector = self._without("metadata.name")
        else:
            return query
        pairs = parse_qsl(query, keep_blank_values=True)
        asked = [value for name, value in pairs if name == "fieldSelector" and value]
        rest = [(name, value) for name, value in pairs if name != "fieldSelector"]
        return urlencode([*rest, ("fieldSelector", ",".join([*asked, selector]))], quote_via=quote)

    def _without(self, path: str) -> str:
        if path not in self._selector:
            self._selector[path] = ",".join(f"{path}!={name}" for name in sorted(self.hidden))
        return self._selector[path]


def tried(query: str) -> str:
    """The query that makes a write a rehearsal."""
    pairs = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "dryRun"]
    return urlencode([*pairs, ("dryRun", "All")], quote_via=quote)
