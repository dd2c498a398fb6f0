"""A real process as the program's host: sockets, threads, resident memory, signals.

Runs as a container's process 1. Its own interpreter counts towards the profile's base, so memory is filled up to what
the profile says rather than by it. The trap is the threads: handlers run beside the program, so they may only answer,
and everything that ends the program happens in its own thread.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType

from .effects import AddressInUse, Effect, Forever, Program, Sleep, Spent, Terminated, Watch
from .host import Answer, Handler, Request
from .web import BadMessage, Server, fetch

PAGE = 4096
PIECE = 2 * 1024 * 1024  # as large as a huge page
STEP = 0.25  # seconds between two steps of memory that grows


def resident() -> int:
    """Bytes of memory that this process holds alone: what its container's limit is held against.

    Pages of files, such as the interpreter itself, are shared with every other container of the machine.
    """
    with open("/proc/self/status") as table:
        return next(int(line.split()[1]) for line in table if line.startswith("RssAnon:")) * 1024


class Machine:
    """The real `Host`."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self.env: Mapping[str, str] = dict(os.environ if env is None else env)
        self.servers: dict[int, Server] = {}
        self._memory: dict[str, list[mmap.mmap]] = {}
        self._output = threading.Lock()
        self._base_taken = False

    def now(self) -> float:
        return time.time()

    # -- talking

    def emit(self, text: str, error: bool = False) -> None:
        with self._output:
            stream = sys.stderr if error else sys.stdout
            stream.write(text)
            stream.flush()

    def chat(self, every: float, line: Callable[[float], str]) -> Callable[[], None]:
        over = threading.Event()

        def talk() -> None:
            while not over.wait(every):
                self.emit(line(self.now()) + "\n")

        self._beside(talk)
        return over.set

    # -- files

    def read(self, path: str) -> bytes | None:
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError:
            return None

    def write(self, path: str, content: bytes) -> str:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        except OSError as problem:
            return problem.strerror or str(problem)
        return ""

    # -- memory

    def use(self, purpose: str, size: int, over: float = 0.0) -> None:
        if not self._base_taken:
            self._base_taken = True
            size = max(0, size - resident())
        if over:
            self._beside(lambda: self._fill(purpose, size, over))
        else:
            self._have(purpose, size)

    def leak(self, rate: float) -> None:
        def grow() -> None:
            began = time.monotonic()
            while True:
                time.sleep(STEP)
                self._have("lost", int((time.monotonic() - began) * rate))

        self._beside(grow)

    def _fill(self, purpose: str, size: int, over: float) -> None:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < over:
            self._have(purpose, int(size * passed / over))
            time.sleep(STEP)
        self._have(purpose, size)

    def _have(self, purpose: str, size: int) -> None:
        """In pieces, so that it grows without being copied; in whole pages, or a slow leak would leak faster."""
        size -= size % PAGE
        held = self._memory.setdefault(purpose, [])
        had = sum(map(len, held))
        while had > size:
            had -= len(held.pop())
        while had < size:
            piece = mmap.mmap(-1, min(PIECE, size - had), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            with suppress(OSError):  # a kernel without them
                piece.madvise(mmap.MADV_HUGEPAGE)  # touched at a fifth of the cost
            for page in range(0, len(piece), PAGE):
                piece[page] = 1  # memory that nobody has touched does not count
            held.append(piece)
            had += len(piece)

    # -- network

    def listen(self, port: int, handler: Handler) -> None:
        try:
            server = Server(port, handler)
        except OSError as problem:
            raise AddressInUse(str(problem)) from None
        self.servers[port] = server
        self._beside(server.serve)

    def changed(self, after: float = 0.0) -> None:
        """Real watchers look for themselves."""

    def dial(self, host: str, port: int, timeout: float) -> Answer:
        try:
            socket.create_connection((host, port), timeout).close()
        except OSError as problem:
            return Answer(problem=_name(problem))
        return Answer()

    def fetch(self, host: str, port: int, request: Request, timeout: float) -> Answer:
        try:
            return fetch(host, port, request, timeout)
        except (OSError, BadMessage) as problem:
            return Answer(problem=_name(problem))

    # -- signals

    def catch_term(self) -> None:
        def stop(_: int, __: FrameType | None) -> None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            raise Terminated

        signal.signal(signal.SIGTERM, stop)

    def close(self) -> None:
        for server in self.servers.values():
            server.close()

    @staticmethod
    def _beside(work: Callable[[], None]) -> None:
        threading.Thread(target=work, daemon=True).start()


def _name(problem: Exception) -> str:
    if isinstance(problem, socket.gaierror):
        return "no such host"
    if isinstance(problem, TimeoutError):
        return "timeout"
    if isinstance(problem, ConnectionRefusedError):
        return "refused"
    return "reset"


def run(program: Program) -> int:
    """Run a program to its end in this thread, in real time."""
    try:
        effect = next(program)
        while True:
            try:
                found = _perform(effect)
            except Terminated as stop:
                effect = program.throw(stop)
            else:
                effect = program.send(found)
    except StopIteration as end:
        return int(end.value)


def _perform(effect: Effect) -> str | None:
    if isinstance(effect, Sleep):
        time.sleep(effect.seconds)
    elif isinstance(effect, Forever):
        while True:
            time.sleep(3600)
    elif isinstance(effect, Watch):
        return _watch(effect)
    elif isinstance(effect, Spent):
        pass  # it has
    return None


def _watch(effect: Watch) -> str:
    until = None if effect.seconds is None else time.monotonic() + effect.seconds
    while True:
        left = effect.every if until is None else min(effect.every, until - time.monotonic())
        if left > 0:
            time.sleep(left)
        found = effect.look()
        if found or (until is not None and time.monotonic() >= until):
            return found
