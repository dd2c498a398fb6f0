"""What runs on this machine made outside of themselves, one small file each, for whoever has to clear up after a kill.

Clusters and healers' processes; namespaces are noted in their cluster (`lending.py`), since a cluster may outlive the
machine. The trap is to note a thing after it was made: a kill in between leaves it to nobody.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .owner import Owner


def folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "healgate" / "left"


@dataclass(frozen=True)
class Note:
    """One thing and whose it is."""

    path: Path
    owner: Owner
    what: dict[str, Any]

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)

    def keep(self) -> None:
        """Somebody wants to look into it: its end is not ours to decide, and what is around it goes with it."""
        note(self.path.stem, {**self.what, "kept": True}, self.owner)


def note(name: str, what: dict[str, Any], owner: Owner | None = None) -> Note:
    """Write down that we are about to make this."""
    owner = owner or Owner.me()
    path = folder() / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps({"owner": owner.as_dict(), "what": what}))
    fresh.replace(path)
    return Note(path, owner, what)


def notes() -> Iterator[Note]:
    for path in sorted(folder().glob("*.json")):
        with suppress(OSError, ValueError, KeyError):
            data = json.loads(path.read_text())
            yield Note(path, Owner.read(data["owner"]), data["what"])


def end_processes() -> list[str]:
    """End the healers of runs that are dead; what was done, in words."""
    done = []
    for left in notes():
        if "process" not in left.what or not left.owner.is_dead:
            continue
        process = Owner.read(left.what["process"])
        if process.is_here and not process.is_dead:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
                done.append(f"ended the healer of a killed run (process {process.pid})")
        left.forget()
    return done
