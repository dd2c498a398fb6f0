"""Turns at starting a workload, for all trials on this machine whatever run they belong to.

A dozen workloads that start at once take minutes instead of seconds, and every other trial's probes time out meanwhile,
which a healer then sees as crashes. Waiting costs nothing: no clock of a trial runs before its workload stands. The
trap is a process that dies in its turn, so a turn is a lock that dies with it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_AGAIN = 0.5


@contextmanager
def turn(folder: Path, places: int, pause: Callable[[float], None]) -> Iterator[None]:
    """One of so many places, held while the block runs; `pause` is called between two looks for a free one."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        for number in range(places):
            held = os.open(folder / f"starting-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(held)
                continue
            try:
                yield
            finally:
                os.close(held)
            return
        pause(LOOK_AGAIN)
