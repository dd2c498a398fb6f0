"""A real cluster behind the seam: what kind and existing clusters share.

A trial's steps stay in one thread, as everywhere: changes, and what co-actors do later, wait in a queue until the trial
sleeps or waits, and are handed over then. The network has a thread of its own (`loop.py`), the healer a process
(`drivers/process.py`). The trap is a cluster that goes away in the middle: whoever waits is told, so that it ends as
the harness's trouble and not as the healer's failure.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ..drivers.process import HealerProcess
from ..evidence import Obj, Refusal, Request, Seen
from ..problems import HarnessError
from ..wire.fence import Fence
from ..wire.kinds import AGGREGATED, Kinds, from_aggregated, from_list
from ..wire.proxy import Proxy
from ..wire.upstream import Unreachable, Upstream
from . import leftovers
from .capacity import starts_at_once
from .lending import HOME, Lending
from .loop import Loop
from .neutral import HEALER
from .owner import Owner
from .real_rest import RealRest
from .seam import Answer, HealerCall, Lease, Rest, RunningHealer
from .server_time import ServerTime
from .turns import turn
from .watching import Watching

STARTED_WITHIN = 60.0
STOPPED_WITHIN = 10.0
# A condition may also hang on what no watch shows: it is asked again this often.
LOOK_AGAIN = 0.5

KEPT = """\
The namespace of the last failed trial stands. To look into it:

  {how}
  kubectl -n {namespace} get all,events

Afterwards: {afterwards}"""


class Registries(Protocol):
    """The image registries beside a cluster of ours."""

    def cut_off(self, host: str, seconds: float, namespace: str) -> None: ...

    def own_account(self, obj: Obj, namespace: str) -> Obj: ...


class RealCluster:
    """`Cluster` for an API server that a kubeconfig leads to."""

    virtual = False

    def __init__(
        self,
        name: str,
        new_client: Callable[[], Any],
        *,
        capacity: int,
        timing: str,
        free_kinds: frozenset[str] = frozenset(),
        registries: Registries | None = None,
        how_to_look: str = "",
        afterwards: str = "kubectl delete namespace {namespace}",
    ) -> None:
        self.name = name
        self.timing = timing
        self.new_client = new_client
        self.free_kinds = free_kinds
        self.registries = registries
        self.time = ServerTime()
        self.rest = RealRest(new_client(), self.time)
        self.lending = Lending(self.rest, capacity)
        self.upstream = Upstream(new_client())
        version = self.rest.request("GET", "/version")
        self.kubernetes = str(version.body.get("gitVersion", "")) if version.ok else ""
        self._how_to_look = how_to_look
        self._afterwards = afterwards
        self._loop: Loop | None = None
        self._kinds: Kinds | None = None
        self._starts_at_once: int | None = None
        self.standing = ""

    @property
    def loop(self) -> Loop:
        if self._loop is None:
            self._loop = Loop()
        return self._loop

    @property
    def starts_at_once(self) -> int:
        if self._starts_at_once is None:
            self._starts_at_once = starts_at_once(self.rest)
        return self._starts_at_once

    @property
    def kinds(self) -> Kinds:
        if self._kinds is None:
            self._kinds = discover(self.upstream, self.loop)
        return self._kinds

    def lease(self, seed: str) -> Lease:
        return RealLease(self, self.lending.take(seed))

    def close(self) -> None:
        """Stop listening to the network. For whoever opens more than one in a process."""
        if self._loop is not None:
            self._loop.close()

    def look_into(self, say: Callable[[str], None]) -> None:
        if self.standing:
            afterwards = self._afterwards.format(namespace=self.standing)
            say(KEPT.format(how=self._how_to_look, namespace=self.standing, afterwards=afterwards))


class RealLease:
    """One trial's namespace on a real cluster."""

    def __init__(self, home: RealCluster, namespace: str) -> None:
        self._home = home
        self.namespace = namespace
        self.requests: list[Request] = []
        self.refused: list[Refusal] = []
        self.rest: Rest = _LeaseRest(home.rest, namespace, home.registries)
        self._changes: queue.SimpleQueue[Seen | None] = queue.SimpleQueue()
        self._subscribers: list[Callable[[Seen], None]] = []
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._lost = ""
        self._watching: Watching | None = None
        self._proxy: Proxy | None = None
        self._healer: HealerProcess | None = None
        self._clients: list[Any] = []

    # -- time

    def now(self) -> float:
        return self._home.time.now()

    def sleep(self, seconds: float) -> None:
        self.wait(lambda: False, seconds)

    def wait(self, until: Callable[[], bool], timeout: float) -> bool:
        over = time.monotonic() + timeout
        while True:
            self._hand_over()
            if until():
                return True
            left = over - time.monotonic()
            if left <= 0:
                return False
            due = self._later[0][0] - time.monotonic() if self._later else LOOK_AGAIN
            self._rest_for(max(0.0, min(left, due, LOOK_AGAIN)))

    def turn(self) -> AbstractContextManager[None]:
        return turn(leftovers.folder(), self._home.starts_at_once, self.sleep)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._numbers), call))

    def _rest_for(self, seconds: float) -> None:
        try:
            first = self._changes.get(timeout=seconds)
        except queue.Empty:
            return
        if first is not None:
            self._show(first)

    def _hand_over(self) -> None:
        """Everything that came, and whatever is due."""
        while not self._changes.empty():
            if (seen := self._changes.get()) is not None:
                self._show(seen)
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()
        if self._lost:
            raise HarnessError(f"the cluster was lost in the middle of the trial: {self._lost}")

    def _show(self, seen: Seen) -> None:
        for see in tuple(self._subscribers):
            see(seen)

    # -- seeing

    def watch(self, see: Callable[[Seen], None]) -> None:
        self._subscribers.append(see)
        if self._watching is not None:
            return
        self._watching = Watching(
            self._home.upstream,
            self._home.kinds,
            self.namespace,
            now=self.now,
            tell=self._changes.put,
            lost=self._lose,
        )
        try:
            self._home.loop.call(self._watching.start(), STARTED_WITHIN)
        except TimeoutError:
            raise HarnessError(f"the namespace could not be watched within {STARTED_WITHIN:g}s") from None

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why
        self._changes.put(None)

    # -- the healer

    def official_client(self) -> Any:
        client = self._home.new_client()
        self._clients.append(client)
        return client

    def run_python_healer(self, call: HealerCall, report: Any, pass_every: float) -> RunningHealer:
        token = secrets.token_urlsafe(24)
        hidden = frozenset({HOME, *self._home.lending.pool}) - {self.namespace}
        self._proxy = Proxy(
            self._home.upstream,
            self._home.kinds,
            Fence(self.namespace, hidden, self._home.free_kinds),
            token=token,
            user=HEALER,
            now=self.now,
            record=self.requests.append,
        )
        self._home.loop.call(self._proxy.start(), STARTED_WITHIN)
        self._healer = HealerProcess(
            call, report, url=self._proxy.url, token=token, pass_every=pass_every, noted=_noted
        )
        return self._healer

    # -- the end

    def close(self, keep: bool = False) -> None:
        self._later.clear()
        if self._healer is not None:
            self._healer.stop()
        for part in (self._proxy, self._watching):
            if part is not None:
                self._home.loop.call(part.stop(), STOPPED_WITHIN)
        for client in self._clients:
            client.close()
        try:
            if keep:
                self._home.lending.keep(self.namespace)
                self._home.standing = self.namespace
            else:
                self._home.lending.give_back(self.namespace)
        except Unreachable:
            pass  # what is left stays noted, and the trial has said that the cluster is gone


class _LeaseRest:
    """The harness's access from within one trial."""

    REGISTRIES = "/harness/registries/"

    def __init__(self, rest: Rest, namespace: str, registries: Registries | None) -> None:
        self._rest = rest
        self._namespace = namespace
        self._registries = registries

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Answer:
        if path.startswith(self.REGISTRIES):
            return self._registry(path.removeprefix(self.REGISTRIES), body)
        if self._registries is not None and "/secrets" in path and isinstance(body, dict):
            body = self._registries.own_account(body, self._namespace)
        return self._rest.request(method, path, query, body, content_type)

    def _registry(self, host: str, body: Any) -> Answer:
        if self._registries is None:
            return Answer(404, "there is no image registry of ours beside this cluster")
        try:
            self._registries.cut_off(host, float(body["unreachableForSeconds"]), self._namespace)
        except HarnessError as problem:
            return Answer(404, str(problem))
        return Answer(200, {})


def _noted(pid: int) -> Callable[[], None]:
    note = leftovers.note(f"healer-{pid}", {"process": Owner.of(pid).as_dict()})
    return note.forget


def discover(upstream: Upstream, loop: Loop) -> Kinds:
    """Everything that the server has, in two requests, or one for each group where it does not know the short way."""

    async def ask() -> Kinds:
        connection = await upstream.connect()
        try:
            kinds = Kinds()
            for root in ("/api", "/apis"):
                head, found = await upstream.get(connection, root, AGGREGATED)
                if head.status != 200 or not found:
                    raise HarnessError(f"{root}: the API server answers {head.status}")
                if found.get("kind") == "APIGroupDiscoveryList":
                    kinds.add(from_aggregated(found))
                    continue
                groups = found.get("groups", ())
                paths = [f"/apis/{version['groupVersion']}" for group in groups for version in group["versions"]]
                for path in paths or ["/api/v1"]:
                    head, listed = await upstream.get(connection, path)
                    if head.status == 200 and listed:
                        kinds.add(from_list(listed))
            return kinds
        finally:
            connection.close()

    return loop.call(ask(), STARTED_WITHIN)
