"""The world as a program sees it: its environment, files, memory and network.

None of these calls lets time pass in a simulation; what a network call costs is in its answer's `seconds`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol


class Request(NamedTuple):
    method: str
    path: str  # with the query
    body: bytes = b""
    headers: Mapping[str, str] = {}

    @property
    def route(self) -> str:
        return self.path.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        from urllib.parse import parse_qsl  # a fifth of a start's time, and few programs are ever asked with one

        return dict(parse_qsl(self.path.partition("?")[2]))


class Reply(NamedTuple):
    status: int
    body: str = ""
    seconds: float = 0.0  # how long the answer takes
    # The same request would bring the same again, and leave nothing behind, until somebody calls `Host.changed`.
    lasts: bool = False


class Answer(NamedTuple):
    """What a request brought: a status, or the problem: "refused", "timeout", "no such host", "reset"."""

    status: int = 0
    body: str = ""
    problem: str = ""
    seconds: float = 0.0
    lasts: bool = False  # as a reply's


# None: the connection is accepted and nothing ever comes.
Handler = Callable[[Request], Reply | None]


class Host(Protocol):
    @property
    def env(self) -> Mapping[str, str]: ...

    def now(self) -> float: ...

    def emit(self, text: str, error: bool = False) -> None:
        """Write to stdout or stderr as it stands."""

    def chat(self, every: float, line: Callable[[float], str]) -> Callable[[], None]:
        """Write a line every so often until the returned function is called."""

    def read(self, path: str) -> bytes | None:
        """A file's content, or None if there is none."""

    def write(self, path: str, content: bytes) -> str:
        """Write a file and the directories above it; "" or what was wrong."""

    def use(self, purpose: str, size: int, over: float = 0.0) -> None:
        """Have this much memory for a purpose, reached evenly over some seconds."""

    def leak(self, rate: float) -> None:
        """From now on grow by so many bytes a second."""

    def listen(self, port: int, handler: Handler) -> None:
        """Serve HTTP. Raises AddressInUse."""

    def changed(self, after: float = 0.0) -> None:
        """What this program answers is about to change, now or in some seconds."""

    def dial(self, host: str, port: int, timeout: float) -> Answer:
        """Connect and hang up: `problem` says why not."""

    def fetch(self, host: str, port: int, request: Request, timeout: float) -> Answer: ...

    def catch_term(self) -> None:
        """Have SIGTERM raise Terminated in the program; process 1 ignores it otherwise."""


def split_address(address: str, default_port: int = 80) -> tuple[str, int]:
    """Host and port of `host:port`, `scheme://user@host:port/path` or a bare host."""
    bare = address.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
    host, _, port = bare.partition(":")
    return host, int(port) if port.isdigit() else default_port
