"""Log lines in the manner of the programs that are played.

Healers read logs, so a line looks like what such a program would print. Lines that a profile spells out for a crash are
printed as they stand: a panic has no timestamp.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Style = Callable[[float, str, str], str]


def _plain(when: float, level: str, message: str) -> str:
    stamp = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"{stamp}Z {level:<5} {message}"


def _kafka(when: float, level: str, message: str) -> str:
    stamp = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
    return f"[{stamp}] {level} {message}"


def _postgres(when: float, level: str, message: str) -> str:
    stamp = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return f"{stamp} UTC [1] {'LOG' if level in ('INFO', 'WARN') else 'FATAL'}:  {message}"


def _klog(when: float, level: str, message: str) -> str:
    stamp = datetime.fromtimestamp(when, UTC).strftime("%m%d %H:%M:%S.%f")
    return f"{level[0]}{stamp}       1 {message}"


STYLES: dict[str, Style] = {"plain": _plain, "kafka": _kafka, "postgres": _postgres, "klog": _klog}


def trouble(host: str, port: int, problem: str) -> str:
    """A failed connection in the words of a client."""
    if problem == "no such host":
        return f"dial tcp: lookup {host}: no such host"
    if problem == "refused":
        return f"dial tcp {host}:{port}: connect: connection refused"
    if problem == "timeout":
        return f"dial tcp {host}:{port}: i/o timeout"
    return f"{host}:{port}: {problem}"
