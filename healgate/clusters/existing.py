"""Somebody's own cluster: only one that a person has marked as disposable, and only in namespaces of our own.

The mark is an annotation on the namespace kube-system, which no one sets by accident. Before it is found, nothing is
written. After that the fence keeps the healer's writes inside its namespace (`wire/fence.py`); the harness itself makes
and deletes namespaces, and the definitions that a workload brings.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ..problems import UsageProblem
from .capacity import capacity, timing
from .lending import HOME, Lending
from .real_rest import RealRest
from .running import Running
from .seam import Rest
from .server_time import ServerTime

# A healer may read it, so it says what the cluster is and not who asks.
MARK = "lifecycle/disposable-since"
SYSTEM = "/api/v1/namespaces/kube-system"


class OpenedExisting:
    """`Opened` for an existing cluster."""

    def __init__(self, running: Running, lending: Lending) -> None:
        self.running = running
        self._lending = lending

    def export_logs(self, folder: Path) -> None:
        """The nodes are somebody else's."""

    def close(self, *, keep: bool) -> None:
        del keep  # the cluster stays in any case
        self._lending.sweep()
        self._lending.close()


def open_existing(context: str | None, say: Callable[[str], None]) -> OpenedExisting:
    """Raises UsageProblem, before anything was written, for a cluster that is not marked."""
    named = _named(context)
    rest = RealRest(named.new_client(), ServerTime())
    try:
        if not is_marked(rest):
            raise UsageProblem(
                f"--cluster existing: the cluster of context {context!r} is not marked as disposable, and nothing was "
                f"written to it. If nothing on it is of value: healgate mark-disposable --context {context}"
            )
        running = Running(
            **{**named.as_dict(), "capacity": capacity(rest, Lending(rest, 1).pool), "timing": timing(rest)}
        )
    except ConnectionError as problem:
        raise UsageProblem(f"--cluster existing: {problem}") from None
    lending = Lending(rest, running.capacity)
    say(
        f"context {context}: trials make namespaces named like {lending.pool[0]} and delete them again, keep their "
        f"books in namespace {HOME}, and leave everything else as it is"
    )
    for line in (*lending.sweep(), *lending.foreign()):
        say(line)
    return OpenedExisting(running, lending)


def is_marked(rest: Rest) -> bool:
    found = rest.request("GET", SYSTEM)
    if not found.ok:
        raise UsageProblem(f"--cluster existing: namespace kube-system cannot be read: {found.code} {found.body}")
    return MARK in found.body["metadata"].get("annotations", {})


def mark_disposable(context: str, confirm: Callable[[str], bool]) -> str:
    """Set the mark; what was done, in words."""
    rest = RealRest(_named(context).new_client(), ServerTime())
    try:
        if is_marked(rest):
            return f"the cluster of context {context} is marked as disposable already"
        nodes = rest.request("GET", "/api/v1/nodes")
        count = len(nodes.body["items"]) if nodes.ok else 0
        if not confirm(f"{context} ({count} nodes)"):
            return "nothing was changed"
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = rest.request(
            "PATCH",
            SYSTEM,
            body={"metadata": {"annotations": {MARK: stamp}}},
            content_type="application/merge-patch+json",
        )
    except ConnectionError as problem:
        raise UsageProblem(str(problem)) from None
    if not answer.ok:
        raise UsageProblem(f"the mark could not be set: {answer.code} {answer.body}")
    return (
        f"the cluster of context {context} is marked as disposable. To take the mark away: "
        f"kubectl --context {context} annotate namespace kube-system {MARK}-"
    )


def _named(context: str | None) -> Running:
    if not context:
        raise UsageProblem("--cluster existing: expected --context NAME; a cluster is never chosen by default")
    return Running("existing", context, None, context, 1, "stock")
