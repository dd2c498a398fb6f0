"""Watching everything in one namespace of a real cluster: list, then watch, for each resource that the server has.

A change is told once and none is missed: a watch goes on from the last version that was seen (bookmarks keep it young),
and where the server has forgotten that one (410) the list is read again and compared with what is known. Definitions of
custom resources are watched as well, since a workload brings its own. The trap is a server that is away for a moment:
one tries again, and only a longer silence is trouble.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from ..evidence import Obj, Seen
from ..wire.http import BadMessage, Head, lines, read_answer_body, read_head
from ..wire.kinds import Kind, Kinds
from ..wire.upstream import Connection, Unreachable, Upstream

DEFINITIONS = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False)
# The same events are served twice.
TWICE = frozenset({"events.k8s.io"})
# Resources that are no objects of anybody's.
NEEDED = frozenset({"list", "watch"})
TRY_AGAIN_AFTER = 0.5
SILENT_AT_MOST = 30.0
# The server ends a watch after so long, and it is begun anew.
WATCH_FOR = 600


class Watching:
    """Tells every change in a namespace. All of it in one loop."""

    def __init__(
        self,
        upstream: Upstream,
        kinds: Kinds,
        namespace: str,
        *,
        now: Callable[[], float],
        tell: Callable[[Seen], None],
        lost: Callable[[str], None],
    ) -> None:
        self._upstream = upstream
        self._kinds = kinds
        self._namespace = namespace
        self._now = now
        self._tell = tell
        self._lost = lost
        self.resources: dict[tuple[str, str], _Resource] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Returns when everything that there is was told."""
        first = [self._begin(kind) for kind in self._kinds if _watchable(kind)]
        first.append(self._begin(DEFINITIONS))
        await asyncio.gather(*(listed.wait() for listed in first))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, kind: Kind) -> asyncio.Event:
        known = self.resources.get((kind.group, kind.plural))
        if known is not None:
            return known.listed
        resource = self.resources[(kind.group, kind.plural)] = _Resource(self, kind)
        self._tasks.append(asyncio.get_running_loop().create_task(resource.run()))
        return resource.listed

    def see(self, kind: Kind, type_: str, obj: Obj) -> None:
        if kind is DEFINITIONS:
            if type_ != "DELETED":
                self._define(obj)
        else:
            self._tell(Seen(self._now(), type_, obj))

    def _define(self, definition: Obj) -> None:
        spec, conditions = definition["spec"], definition.get("status", {}).get("conditions") or ()
        served = [version["name"] for version in spec["versions"] if version["served"]]
        established = any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
        if established and served and spec["scope"] == "Namespaced":
            names = spec["names"]
            kind = Kind(spec["group"], served[0], names["plural"], names["kind"], True, NEEDED)
            self._kinds.add([kind])
            self._begin(kind)

    def in_trouble(self, why: str) -> None:
        self._lost(why)

    @property
    def namespace(self) -> str:
        return self._namespace

    async def connect(self) -> Connection:
        return await self._upstream.connect()

    def head(self, target: str) -> Head:
        return self._upstream.head("GET", target, {})


class _Gone(Exception):
    """The server does not have the resource (any more), or will not show it."""


class _Expired(Exception):
    """The server has forgotten the version that was seen last."""


class _Resource:
    """One resource's list and watch."""

    def __init__(self, home: Watching, kind: Kind) -> None:
        self._home = home
        self._kind = kind
        self.listed = asyncio.Event()  # what there is was told
        self._path = kind.path(home.namespace if kind.namespaced else "")
        self._known: dict[str, Obj] = {}  # by uid
        self._version = ""
        self._connection: Connection | None = None
        self._silent_since: float | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    if not self._version:
                        await self._list()
                        self.listed.set()
                    await self._watch()
                except _Expired:
                    self._version = ""
                except _Gone:
                    return
                except (OSError, TimeoutError, asyncio.IncompleteReadError, BadMessage) as error:
                    self._hang_up()
                    self._silent_since = self._silent_since or loop.time()
                    if loop.time() - self._silent_since > SILENT_AT_MOST:
                        said = str(error) or type(error).__name__
                        self._home.in_trouble(f"nothing was heard for {SILENT_AT_MOST:g}s: {said}")
                        return
                    await asyncio.sleep(TRY_AGAIN_AFTER)
        except Exception as error:
            # What is not followed is missing from the evidence, and nobody would know.
            self._home.in_trouble(f"{self._path} cannot be followed: {type(error).__name__}: {error}")
        finally:
            self.listed.set()
            self._hang_up()

    async def _ask(self, query: str) -> tuple[Head, Connection]:
        if self._connection is None or not self._connection.usable:
            self._connection = await self._home.connect()
        connection = self._connection
        connection.writer.write(self._home.head(f"{self._path}{query}").encode())
        async with asyncio.timeout(SILENT_AT_MOST):
            head = await read_head(connection.reader)
        if head is None:
            raise Unreachable("the API server hung up")
        if head.status in (403, 404, 405) and (not self.listed.is_set() or self._may_go):
            raise _Gone
        if head.status == 410:
            self._hang_up()
            raise _Expired
        if head.status != 200:
            raise Unreachable(f"{self._path}: the API server answers {head.status}")
        self._silent_since = None
        return head, connection

    @property
    def _may_go(self) -> bool:
        """A definition may be deleted; what a server brings along is at most not there again yet."""
        group = self._kind.group
        return "." in group and not group.endswith(".k8s.io")

    async def _list(self) -> None:
        head, connection = await self._ask("")
        async with asyncio.timeout(SILENT_AT_MOST):
            found = json.loads(await read_answer_body(head, connection.reader, "GET"))
        there = {item["metadata"]["uid"]: item for item in found["items"] or ()}
        for uid in [uid for uid in self._known if uid not in there]:
            self._home.see(self._kind, "DELETED", self._known.pop(uid))
        for item in there.values():
            self._notice("ADDED", {"apiVersion": self._kind.api_version, "kind": self._kind.kind, **item})
        self._version = found["metadata"]["resourceVersion"]

    async def _watch(self) -> None:
        query = f"?watch=1&allowWatchBookmarks=true&resourceVersion={self._version}&timeoutSeconds={WATCH_FOR}"
        head, connection = await self._ask(query)
        async for line in lines(head, connection.reader):
            event: dict[str, Any] = json.loads(line)
            obj: Obj = event["object"]
            if event["type"] == "ERROR":
                self._hang_up()
                if obj.get("code") == 410:
                    raise _Expired
                raise Unreachable(f"{self._path}: {obj.get('message')}")
            self._version = obj["metadata"]["resourceVersion"]
            if event["type"] == "DELETED":
                self._known.pop(obj["metadata"]["uid"], None)
                self._home.see(self._kind, "DELETED", obj)
            elif event["type"] != "BOOKMARK":
                self._notice(event["type"], obj)

    def _notice(self, type_: str, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        before = self._known.get(uid)
        if before is not None:
            if before["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"]:
                return
            type_ = "MODIFIED"
        self._known[uid] = obj
        self._home.see(self._kind, type_, obj)

    async def break_off(self) -> None:
        """Lose the connection, as networks do."""
        if self._connection is not None:
            self._connection.writer.transport.abort()

    def _hang_up(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closing
                self._connection.close()
            self._connection = None


def _watchable(kind: Kind) -> bool:
    return kind.namespaced and kind.verbs >= NEEDED and kind.group not in TWICE
