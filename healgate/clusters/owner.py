"""Whose something is: the process that made it, told apart from every other process that ever had its number.

What a run makes outside of itself (clusters, namespaces, processes) is written down with its owner before it is made,
and the next run takes away what has no living owner. The trap is a process number that was given out again, so its
start and the machine's boot belong to it. Of an owner on another machine nothing can be known: it is left alone.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Owner:
    """One process."""

    machine: str
    boot: str
    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Owner:
        return cls(platform.node(), _boot(), pid, _started(pid))

    @classmethod
    def me(cls) -> Owner:
        return cls.of(os.getpid())

    @classmethod
    def read(cls, data: Mapping[str, object]) -> Owner:
        return cls(
            str(data.get("machine", "")),
            str(data.get("boot", "")),
            int(str(data.get("pid", 0))),
            str(data.get("started", "")),
        )

    def as_dict(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}

    @property
    def is_here(self) -> bool:
        return self.machine == platform.node()

    @property
    def is_dead(self) -> bool:
        """For certain."""
        return self.is_here and (self.boot != _boot() or _started(self.pid) != self.started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.machine}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When it started, in the kernel's ticks; "" if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        pass
    else:
        fields = stat.rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    if Path("/proc/self").exists():
        return ""
    try:  # no /proc here: that it lives is all that can be known
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
