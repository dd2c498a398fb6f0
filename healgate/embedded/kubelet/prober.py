"""One attempt of one probe: what it asks, and the words of its failure.

Counting attempts and acting on them is the worker's business (`probes`). The texts are what people search for
when a probe fails, so they are those of Go's HTTP client and of the kubelet, to the letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..runtime.seam import HttpAnswer, Process, Runtime
from .backoff import go_duration

Obj = dict[str, Any]

LONGEST_OUTPUT = 10 * 1024


@dataclass(frozen=True)
class Attempt:
    """What a probe found. `ok` is None if it could not be carried out at all."""

    ok: bool | None
    output: str
    seconds: float = 0.0
    lasts: bool = False  # it would find the same until the runtime's next change


# A command whose pod is to go, or that is asked of such a pod.
CUT_OFF = Attempt(None, "rpc error: code = Canceled desc = context canceled")


class NoSuchPort(Exception):
    """A probe or hook names a port that the container does not declare."""


def port_number(container: Obj, port: int | str) -> int:
    if isinstance(port, int):
        return port
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    if port.isdigit():
        return int(port)
    raise NoSuchPort(f"couldn't find port: {port}")


def attempt(runtime: Runtime, process: Process, container: Obj, probe: Obj, ip: str) -> Attempt:
    """Carry out one probe now."""
    timeout = float(probe.get("timeoutSeconds") or 1)
    try:
        if "exec" in probe:
            return _exec(process, tuple(probe["exec"].get("command") or ()), timeout)
        if "httpGet" in probe:
            return _http(runtime, container, probe["httpGet"], ip, timeout)
        if "tcpSocket" in probe:
            host = probe["tcpSocket"].get("host") or ip
            return _tcp(runtime, host, port_number(container, probe["tcpSocket"]["port"]), timeout)
        if "grpc" in probe:
            return _grpc(runtime, ip, int(probe["grpc"]["port"]), timeout)
    except NoSuchPort as error:
        return Attempt(None, str(error))
    return Attempt(None, "missing probe handler")


def _exec(process: Process, command: tuple[str, ...], timeout: float) -> Attempt:
    result = process.exec(command, timeout)
    if result.timed_out:
        text = f'command timed out: "{" ".join(command)}" timed out after {go_duration(timeout)}'
        return Attempt(False, text, timeout)
    output = result.output[:LONGEST_OUTPUT]
    if result.code == -1:
        return Attempt(None, output, result.seconds)
    return Attempt(result.code == 0, output, result.seconds)


def url_of(container: Obj, get: Obj, ip: str) -> tuple[str, str, int, str]:
    """(url, host, port, path)."""
    port = port_number(container, get["port"])
    path = get.get("path") or "/"
    if not path.startswith("/"):
        path = f"/{path}"
    host = get.get("host") or ip
    return f"{(get.get('scheme') or 'HTTP').lower()}://{host}:{port}{path}", host, port, path


def _http(runtime: Runtime, container: Obj, get: Obj, ip: str, timeout: float) -> Attempt:
    url, host, port, path = url_of(container, get, ip)
    answer = runtime.http_get(host, port, path, timeout=timeout)
    if answer.status:
        if 200 <= answer.status < 400:
            return Attempt(True, answer.body, answer.seconds, answer.lasts)
        return Attempt(False, f"HTTP probe failed with statuscode: {answer.status}", answer.seconds)
    return Attempt(False, f'Get "{url}": {http_problem(answer, host, port)}', answer.seconds)


def http_problem(answer: HttpAnswer, host: str, port: int) -> str:
    """Why there was no answer, as Go's client says it."""
    return {
        "refused": f"dial tcp {host}:{port}: connect: connection refused",
        "timeout": "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        "no such host": f"dial tcp: lookup {host}: no such host",
        "reset": f"read tcp {host}:{port}: read: connection reset by peer",
    }.get(answer.problem, answer.problem)


def _tcp(runtime: Runtime, host: str, port: int, timeout: float) -> Attempt:
    problem = runtime.connect(host, port)
    if not problem:
        return Attempt(True, "", lasts=True)
    if problem == "timeout":
        return Attempt(False, f"dial tcp {host}:{port}: i/o timeout", timeout)
    return Attempt(False, f"dial tcp {host}:{port}: connect: connection refused")


def _grpc(runtime: Runtime, ip: str, port: int, timeout: float) -> Attempt:
    """Serving counts as healthy: what runs here speaks no gRPC of its own."""
    if not runtime.connect(ip, port):
        return Attempt(True, "", lasts=True)
    within = go_duration(timeout)
    text = f'timeout: failed to connect service "{ip}:{port}" within {within}: context deadline exceeded'
    return Attempt(False, text, timeout)
