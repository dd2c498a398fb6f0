"""Virtual time under code that asks the standard library, for participants only.

Everybody else in the process, and every participant's thread before and after, sees real time: each replacement
asks which thread calls it. The trap is names bound before: `from time import sleep` in a healer's module keeps the
real function, so those modules are gone through; and `datetime.datetime` is bound all over (by pydantic in the
official client's models, which load when first used), so the type itself is patched and not the name: a stand-in
class would stay behind in whatever module happened to load during a trial.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
from asyncio import base_events
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, tzinfo
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, NoReturn

from kubernetes.stream import ws_client

from .baton import USE_HTTP, CannotRunVirtually, Participant
from .participants import current

_sleep = time.sleep
_time, _time_ns = time.time, time.time_ns
_monotonic, _monotonic_ns = time.monotonic, time.monotonic_ns
_now, _utcnow = datetime.now, datetime.utcnow  # bound methods of the real type
_start = threading.Thread.start
_wait = threading.Condition.wait
_create_websocket = ws_client.create_websocket
_run_forever = base_events.BaseEventLoop.run_forever
_exit = os._exit


def sleep(seconds: float, /) -> None:
    me = current()
    if me is None:
        return _sleep(seconds)
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    return me.home.sleep(seconds)


def time_(*, _real: Callable[[], float] = _time) -> float:
    me = current()
    return _real() if me is None else me.home.clock.now()


def monotonic() -> float:
    return time_(_real=_monotonic)


def time_ns(*, _real: Callable[[], int] = _time_ns) -> int:
    me = current()
    return _real() if me is None else round(me.home.clock.now() * 1e6) * 1000


def monotonic_ns() -> int:
    return time_ns(_real=_monotonic_ns)


def now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
    return cls.fromtimestamp(time_(), tz)


def utcnow(cls: type[datetime]) -> datetime:
    return cls.fromtimestamp(time_(), UTC).replace(tzinfo=None)


def start(thread: threading.Thread) -> None:
    me = current()
    if me is not None and me.guest:
        _refuse(me, f"it starts a thread ({thread.name})")
    _start(thread)


def wait(condition: threading.Condition, timeout: float | None = None) -> bool:
    """`stop.wait(10)` in a loop is how many programs sleep; and a guest has no thread of its own that could notify."""
    me = current()
    if me is None or not me.guest:
        return _wait(condition, timeout)
    if timeout is None:
        _refuse(me, "it waits without a limit for another thread")
    condition.release()
    try:
        me.home.sleep(timeout)
    finally:
        condition.acquire()
    return False


def run_forever(loop: asyncio.BaseEventLoop) -> None:
    me = current()
    if me is not None and me.guest:
        # Let what was begun end, else each coroutine complains later that nobody awaited it.
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_soon(loop.stop)
        _run_forever(loop)
        _refuse(me, "it runs an asyncio event loop")
    _run_forever(loop)


def _refuse(me: Participant, what: str) -> NoReturn:
    text = f"{me.name} cannot run on virtual time: {what}, at {me.where()}; {USE_HTTP}"
    me.refused = me.refused or text
    raise CannotRunVirtually(text)


def create_websocket(configuration: Any, url: str, headers: Any = None) -> Any:
    """What exec, attach and port-forward of the official client dial with."""
    me = current()
    if me is not None and me.guest:
        _refuse(me, "it opens a websocket (exec, attach or port-forward)")
    return _create_websocket(configuration, url, headers)  # type: ignore[no-untyped-call]


def leave(status: int) -> NoReturn:
    """A healer that ends its process would end everybody's."""
    me = current()
    if me is not None and me.guest:
        raise SystemExit(status)
    _exit(status)


def _refusing(real: Any, what: str) -> Any:
    """What leaves the thread leaves the cluster: it would be neither on its time nor on record."""

    def refused(*given: Any, **named: Any) -> Any:
        me = current()
        if me is not None and me.guest:
            _refuse(me, what)
        return real(*given, **named)

    return refused


_LEAVING = (
    *((os, name, f"it calls os.{name}") for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system")),
    *((os, name, f"it calls os.{name}") for name in ("execv", "execve")),
    (subprocess.Popen, "__init__", "it starts a program"),
    (BaseProcess, "start", "it starts a process"),
)

_FUNCTIONS: dict[Any, Any] = {
    _sleep: sleep,
    _time: time_,
    _time_ns: time_ns,
    _monotonic: monotonic,
    _monotonic_ns: monotonic_ns,
}
_OWNERS: tuple[tuple[Any, str, Any], ...] = (
    *((time, real.__name__, virtual) for real, virtual in _FUNCTIONS.items()),
    (threading.Thread, "start", start),
    (threading.Condition, "wait", wait),
    (ws_client, "create_websocket", create_websocket),
    (base_events.BaseEventLoop, "run_forever", run_forever),
    (os, "_exit", leave),
    *((owner, name, _refusing(getattr(owner, name), what)) for owner, name, what in _LEAVING if hasattr(owner, name)),
)


@contextmanager
def patched() -> Iterator[None]:
    """While it lasts, participants see virtual time."""
    with ExitStack() as undo:
        for owner, name, virtual in _OWNERS:
            _replace(undo, owner, name, virtual)
        _replace_in_datetime(undo, now=classmethod(now), utcnow=classmethod(utcnow))
        yield


@contextmanager
def rebound(healer: Callable[..., Any]) -> Iterator[None]:
    """While it lasts, what the healer's modules bound by `from time import ...` is virtual for participants too."""
    with ExitStack() as undo:
        for module in modules_of(healer):
            for name, value in tuple(vars(module).items()):
                virtual = _FUNCTIONS.get(value) if isinstance(value, type(_sleep)) else None
                if virtual is not None:
                    _replace(undo, module, name, virtual)
        yield


def modules_of(healer: Callable[..., Any]) -> list[ModuleType]:
    """The loaded modules that are the healer's own: those of its top-level package."""
    name = getattr(healer, "__module__", None) or type(healer).__module__
    ours = __name__.partition(".")[0]
    root = name.partition(".")[0]
    if root == ours:  # one of our own healers: the package that it lies in
        root = name.rpartition(".")[0]
    inside = f"{root}."
    return [m for n, m in tuple(sys.modules.items()) if n.startswith(root) and f"{n}.".startswith(inside)]


def _replace(undo: ExitStack, owner: Any, name: str, virtual: Any) -> None:
    undo.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, virtual)


def _replace_in_datetime(undo: ExitStack, **methods: Any) -> None:
    """Immutable types refuse setattr; their dictionary, behind the proxy, does not."""
    (inside,) = gc.get_referents(datetime.__dict__)
    real = {name: inside[name] for name in methods}

    def put(values: dict[str, Any]) -> None:
        inside.update(values)
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))

    undo.callback(put, real)
    put(methods)
