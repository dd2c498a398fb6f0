"""The network between pods, as their programs and the node see it.

A listener belongs to a pod's address, because a pod's containers share one. Who waits for the network to change is
parked here and woken by a change, at a moment when it would have looked by itself: nobody polls an agenda that holds
nothing new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from ...actor.effects import AddressInUse
from ...actor.host import Answer, Handler, Request
from ..clock import Clock
from .names import Names, Service
from .resolver import Resolver
from .seam import CLUSTER_FIRST

T = TypeVar("T")

DIAL = 0.0008  # seconds that a connection inside the cluster takes
LOOKUP = 0.004  # seconds until DNS says that a name does not exist
_CLUSTER = (".svc.cluster.local", ".svc")


@dataclass(frozen=True)
class Origin:
    """Where a connection comes from."""

    namespace: str
    pod_ip: str
    hostname: str
    resolver: Resolver = CLUSTER_FIRST


@dataclass(frozen=True)
class _Listener:
    owner: object
    handler: Handler


class Network:
    def __init__(self, clock: Clock, names: Names) -> None:
        self._clock = clock
        self._names = names
        self._listeners: dict[tuple[str, int], _Listener] = {}
        self._ports: dict[str, dict[int, None]] = {}  # of each pod that listens
        self._pods: dict[str, None] = {}
        self._turns = 0
        self.changes = 0
        self._told_once: dict[Callable[[], None], None] = {}
        self._parked: dict[int, tuple[float, float, Callable[[], None]]] = {}
        self._tickets = count()
        names.on_change(self.changed)

    # -- who is there

    def join(self, pod_ip: str) -> None:
        self._pods[pod_ip] = None

    def listen(self, owner: object, pod_ip: str, port: int, handler: Handler) -> None:
        if (pod_ip, port) in self._listeners:
            raise AddressInUse(f"{pod_ip}:{port}")
        self._listeners[pod_ip, port] = _Listener(owner, handler)
        self._ports.setdefault(pod_ip, {})[port] = None
        self.changed()

    def leave_port(self, pod_ip: str, port: int) -> None:
        self._close(pod_ip, port)
        self.changed()

    def leave(self, owner: object, pod_ip: str) -> None:
        """Close whatever a container of a pod listened on."""
        gone = [port for port in self._ports.get(pod_ip, ()) if self._listeners[pod_ip, port].owner is owner]
        for port in gone:
            self._close(pod_ip, port)
        if gone:
            self.changed()

    def _close(self, pod_ip: str, port: int) -> None:
        del self._listeners[pod_ip, port]
        del self._ports[pod_ip][port]
        if not self._ports[pod_ip]:
            del self._ports[pod_ip]

    # -- waiting for a change

    def changed(self) -> None:
        """Have everyone who is parked look again when their next look is due."""
        self.changes += 1
        told, self._told_once = self._told_once, {}
        for call in told:
            call()
        parked, self._parked = self._parked, {}
        now = self._clock.now()
        for since, every, look in parked.values():
            periods = int((now - since) / every) + 1
            self._clock.call_at(since + periods * every, look)

    def on_next_change(self, call: Callable[[], None]) -> None:
        self._told_once[call] = None

    def park(self, since: float, every: float, look: Callable[[], None]) -> Callable[[], None]:
        """Call `look` once, at a multiple of `every` after `since` that follows a change. Returns the way out."""
        ticket = next(self._tickets)
        self._parked[ticket] = (since, every, look)
        return lambda: self._parked.pop(ticket, None) and None

    # -- getting there

    def route(self, origin: Origin, host: str, port: int) -> tuple[str, str, int]:
        """The pod address and port behind a name, or the problem: (problem, pod IP, port)."""
        if host in ("localhost", "127.0.0.1", "::1", origin.hostname):
            return "", origin.pod_ip, port
        host = origin.resolver.hosts.get(host, host)
        service: Service | None
        if _is_address(host):
            service = None if host in self._pods else self._names.at(host)
            if service is None:
                return "", host, port
        elif not origin.resolver.finds(origin.namespace, host):
            return "no such host", "", 0
        else:
            service = self._named(origin, host)
            if service is None or service.cluster_ip in ("None", ""):
                pod = self._headless(origin, host, service)
                return ("", pod, port) if pod else ("no such host", "", 0)
        if port not in service.ports:
            return "timeout", "", 0
        targets = service.ports[port]
        if not targets:
            return "refused", "", 0
        address, target = self._one_of(targets)
        return "", address, target

    def _one_of(self, choices: tuple[T, ...]) -> T:
        """In turn. Where there is no choice nobody takes a turn, so that what lasts can be told."""
        if len(choices) == 1:
            return choices[0]
        self._turns += 1
        return choices[(self._turns - 1) % len(choices)]

    def address(self, origin: Origin, host: str) -> str:
        """What a name resolves to, "" if to nothing."""
        problem, address, _ = self.route(origin, host, 0)
        if problem == "no such host":
            return ""
        host = origin.resolver.hosts.get(host, host)
        service = None if _is_address(host) else self._named(origin, host)
        return service.cluster_ip if service and service.cluster_ip not in ("None", "") else address or host

    def _named(self, origin: Origin, host: str) -> Service | None:
        """The Service of `name`, `name.namespace` and the longer forms."""
        name, *rest = _labels(host)
        return self._names.service(rest[0] if rest else origin.namespace, name) if len(rest) < 2 else None

    def _headless(self, origin: Origin, host: str, service: Service | None) -> str:
        """A pod behind a headless Service: any, or the one that is named before the Service's name."""
        if service is not None:
            return self._one_of(service.pods) if service.pods else ""
        pod, *rest = _labels(host)
        if not 0 < len(rest) < 3:
            return ""
        behind = self._names.service(rest[1] if len(rest) > 1 else origin.namespace, rest[0])
        return behind.hosts.get(pod, "") if behind else ""

    def connect(self, pod_ip: str, port: int) -> str:
        if (pod_ip, port) in self._listeners:
            return ""
        return "refused" if pod_ip in self._pods else "timeout"

    def dial(self, origin: Origin, host: str, port: int, timeout: float) -> Answer:
        turns = self._turns
        problem, address, target = self.route(origin, host, port)
        problem = problem or self.connect(address, target)
        # Where endpoints take turns the next one may say something else.
        return Answer(problem=problem, seconds=_cost(problem, timeout), lasts=not problem and self._turns == turns)

    def fetch(self, origin: Origin, host: str, port: int, request: Request, timeout: float) -> Answer:
        turns = self._turns
        problem, address, target = self.route(origin, host, port)
        if problem:
            return Answer(problem=problem, seconds=_cost(problem, timeout))
        chosen = self._turns != turns
        answer = self.ask(address, target, request, timeout)
        return answer._replace(lasts=False) if chosen and answer.lasts else answer

    def ask(self, pod_ip: str, port: int, request: Request, timeout: float) -> Answer:
        """A request straight to a pod."""
        problem = self.connect(pod_ip, port)
        if problem:
            return Answer(problem=problem, seconds=_cost(problem, timeout))
        reply = self._listeners[pod_ip, port].handler(request)
        if reply is None or reply.seconds >= timeout:
            return Answer(problem="timeout", seconds=timeout)
        return Answer(reply.status, reply.body, seconds=DIAL + reply.seconds, lasts=reply.lasts)


def _cost(problem: str, timeout: float) -> float:
    return {"timeout": timeout, "no such host": LOOKUP}.get(problem, DIAL)


def _labels(host: str) -> list[str]:
    name = host.rstrip(".")
    for suffix in _CLUSTER:
        name = name.removesuffix(suffix)
    return name.split(".")


def _is_address(host: str) -> bool:
    return host.replace(".", "").isdigit() and host.count(".") == 3
