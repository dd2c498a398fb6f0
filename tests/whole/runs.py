"""pytest as a person starts it: a process of its own in the clone, the real engine, the shipped scenarios.

The trap is what the run under test would inherit from the run that tests it: pytest's own variables, and the number
of workers in them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLONE = Path(__file__).parents[2]
# Far more than any run here needs on a busy machine: it ends a test that hangs, and decides nothing.
PATIENCE = 300.0


@dataclass
class Run:
    """One run and its output folder."""

    process: subprocess.Popen[str]
    out: Path

    def finish(self) -> str:
        """What it printed, when it is over."""
        try:
            shown, _ = self.process.communicate(timeout=PATIENCE)
        finally:
            self.kill()
        return shown

    @property
    def status(self) -> int:
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """kill -9 of it and of all its workers. A group whose last process is gone cannot be killed any more."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()

    @property
    def lines(self) -> list[str]:
        """Of trials.jsonl, as far as it has got."""
        path = self.out / "trials.jsonl"
        return path.read_text().splitlines(keepends=True) if path.exists() else []

    @property
    def evidence(self) -> dict[str, bytes]:
        folder = self.out / "evidence"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.json")}


def start(out: Path, scenarios: Sequence[str], *args: str, hash_seed: str = "random") -> Run:
    """`pytest -k <these scenarios> ...`, in a process group of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONHASHSEED": hash_seed, "COLUMNS": "100"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", " or ".join(scenarios)]
    process = subprocess.Popen(
        [*command, "--out", str(out), *args],
        cwd=CLONE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Run(process, out)


def row(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found
