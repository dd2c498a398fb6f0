"""Lifecycle hooks. They hold their container for as long as they take, which is what makes them dangerous."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .prober import NoSuchPort, http_problem, url_of
from .records import Container
from .tasks import Steps

if TYPE_CHECKING:
    from .pods import PodWorker

Obj = dict[str, Any]

# No hook has a timeout of its own; this is how long a hung one may hold a start.
UNBOUNDED = 3600.0


class HookFailed(Exception):
    """What the waiting state will say."""


def run_hook(
    worker: PodWorker,
    container: Obj,
    record: Container,
    hook: Obj,
    sleep: Callable[[float], Steps[None]],
    longest: float = UNBOUNDED,
) -> Steps[None]:
    """Carry out a hook and wait for it; raises HookFailed."""
    if "exec" in hook:
        yield from _exec(worker, container, record, hook["exec"], sleep, longest)
    elif "httpGet" in hook:
        yield from _http(worker, container, hook["httpGet"], sleep, longest)
    elif "sleep" in hook:
        yield from sleep(min(float(hook["sleep"].get("seconds") or 0), longest))


def _where(worker: PodWorker, container: Obj) -> str:
    return f'for Container "{container["name"]}" in Pod "{worker.description}"'


def _exec(
    worker: PodWorker,
    container: Obj,
    record: Container,
    action: Obj,
    sleep: Callable[[float], Steps[None]],
    longest: float,
) -> Steps[None]:
    command = tuple(action.get("command") or ())
    if record.process is None or not record.running:
        raise HookFailed(f"Exec lifecycle hook ([{' '.join(command)}]) {_where(worker, container)} failed")
    result = record.process.exec(command, longest)
    yield from sleep(min(result.seconds, longest))
    if result.code == 0:
        return
    raise HookFailed(
        f"Exec lifecycle hook ([{' '.join(command)}]) {_where(worker, container)} failed - error: "
        f"command '{' '.join(command)}' exited with {result.code}: , "
        f"message: {json.dumps(result.output)}"
    )


def _http(
    worker: PodWorker, container: Obj, action: Obj, sleep: Callable[[float], Steps[None]], longest: float
) -> Steps[None]:
    failed = f"HTTP lifecycle hook ({action.get('path') or ''}) {_where(worker, container)} failed - error: "
    try:
        url, host, port, path = url_of(container, action, worker.record.ip)
    except NoSuchPort as error:
        raise HookFailed(f"{failed}{error}") from None
    answer = worker.node.runtime.http_get(host, port, path, timeout=min(longest, 30.0))
    yield from sleep(min(answer.seconds, longest))
    if not answer.status:
        raise HookFailed(f'{failed}Get "{url}": {http_problem(answer, host, port)}')
