"""The docker command, and its answers as ours: what was tried, what it said."""

from __future__ import annotations

import shutil
import subprocess

from ..problems import HarnessError

PATIENCE = 300.0  # seconds; saving and copying a large image takes a while on a busy machine


class Docker:
    def __init__(self, program: str = "docker") -> None:
        found = shutil.which(program)
        if found is None:
            raise HarnessError(f"expected the command {program!r} on the PATH; found none. Install Docker's client.")
        self._program = found

    def run(self, *args: str, text: str = "") -> str:
        """What it printed; HarnessError if it failed."""
        done = self._call(args, text)
        if done.returncode:
            raise HarnessError(f"docker {' '.join(args[:3])} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()

    def succeeds(self, *args: str) -> bool:
        return self._call(args, "").returncode == 0

    def _call(self, args: tuple[str, ...], text: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self._program, *args], input=text, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            raise HarnessError(f"docker {' '.join(args[:3])} did not end within {PATIENCE:g}s") from None
        except OSError as problem:  # it may have gone meanwhile
            raise HarnessError(f"{self._program} cannot be run: {problem.strerror}") from None
