"""An API server behind a proxy: the embedded cluster's, on a socket, or one that says what it is told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from kubernetes.client import ApiClient, Configuration

from healgate.clusters.loop import Loop
from healgate.clusters.real import discover
from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.http import HttpDoor
from healgate.evidence import Request
from healgate.wire.fence import Fence
from healgate.wire.kinds import Kind, Kinds
from healgate.wire.proxy import Proxy
from healgate.wire.upstream import Upstream

# Real seconds after which a test that would hang fails instead.
LIMIT = 20.0
HARNESS, TOKEN = "harness-token", "healer-token"
OWN, OTHER = "checkout-1a2b", "storefront-3c4d"


def official(url: str, token: str) -> ApiClient:
    configuration = Configuration(host=url)
    configuration.api_key = {"authorization": token}
    configuration.api_key_prefix = {"authorization": "Bearer"}
    _made.append(ApiClient(configuration))
    return _made[-1]


_made: list[ApiClient] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """What is left to the garbage collector complains in some later test."""
    yield
    while _made:
        _made.pop().close()


class Record(list[Request]):
    """What was written down, and word that something was."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def append(self, request: Request) -> None:
        super().append(request)
        self.came.set()


@dataclass
class Wire:
    """A proxy in front of an API server, and what it wrote down."""

    proxy: Proxy
    requests: Record
    _close: ExitStack

    @property
    def url(self) -> str:
        return self.proxy.url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, token: str = TOKEN) -> ApiClient:
        return official(self.url, token)

    def dial(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)
        made.settimeout(LIMIT)
        self._close.callback(made.close)
        return made

    def ask(self, first: str, *headers: str, body: bytes = b"", token: str = TOKEN) -> socket.socket:
        client = self.dial()
        lines = [first, "Host: cluster", *headers, *([f"Authorization: Bearer {token}"] if token else []), "", ""]
        client.sendall("\r\n".join(lines).encode() + body)
        return client


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def embedded() -> Iterator[HttpDoor]:
    cluster = EmbeddedCluster("wire", epoch=time.time())
    for name in (OWN, OTHER):
        cluster.registry.create("namespaces", {"metadata": {"name": name}})
    with HttpDoor(cluster.server, cluster.clock, tokens={HARNESS: ""}) as door:
        yield door
    cluster.close()


Put = Callable[..., Wire]


@pytest.fixture
def put_before(loop: Loop) -> Iterator[Put]:
    """Put a proxy before an API server."""
    with ExitStack() as undo:

        def put(url: str, kinds: Kinds | None = None, fence: Fence | None = None) -> Wire:
            upstream = Upstream(official(url, HARNESS))
            requests = Record()
            proxy = Proxy(
                upstream,
                kinds if kinds is not None else discover(upstream, loop),
                fence or Fence(OWN, frozenset({OTHER})),
                token=TOKEN,
                user="healer",
                now=time.time,
                record=requests.append,
            )
            loop.call(proxy.start(), LIMIT)
            undo.callback(lambda: loop.call(proxy.stop(), LIMIT))
            return Wire(proxy, requests, undo)

        yield put


@pytest.fixture
def wire(embedded: HttpDoor, put_before: Put) -> Wire:
    """A healer's way to an embedded cluster."""
    return put_before(embedded.url)


PODS = Kinds([Kind("", "v1", "pods", "Pod", True), Kind("", "v1", "namespaces", "Namespace", False)])


# How the proxy looks at what a write will find.
LOOK = f"GET /api/v1/namespaces/{OWN}/pods/a HTTP/1.1".encode()


@dataclass
class Scripted:
    """A server that answers everything in the same way."""

    answer: bytes
    hold_open: bool = False  # after the answer
    may_answer: threading.Event | None = None
    got: list[bytes] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    _socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _open: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._attend, args=[connection], daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(LIMIT)
            received = connection.recv(65536)
            if received.startswith(LOOK):
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            if not received:
                return
            self.got.append(received)
            self._open = connection
            if self.may_answer is not None:
                self.may_answer.wait(LIMIT)
            connection.sendall(self.answer)
            while self.hold_open and (more := connection.recv(65536)):
                connection.sendall(b"echo:" + more)
            self.gone.set()

    def say(self, data: bytes) -> None:
        assert self._open is not None
        self._open.sendall(data)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    with ExitStack() as undo:

        def serve(answer: bytes, *, hold_open: bool = False, may_answer: threading.Event | None = None) -> Scripted:
            server = Scripted(answer, hold_open, may_answer)
            threading.Thread(target=server.serve, daemon=True).start()
            undo.callback(server.close)
            return server

        yield serve


def receive(connection: socket.socket, until: bytes) -> bytes:
    """What comes until this was there, or the end."""
    data = b""
    while until not in data and (piece := connection.recv(65536)):
        data += piece
    return data
