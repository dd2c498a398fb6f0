"""The programs behind a kind cluster: found on PATH, and what they say when something is missing, in words.

pytest-kind downloads a kind of 2022 where it is given none, so the ones on PATH come first, by their absolute paths:
these outlive a change of folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..problems import UsageProblem

# Where another engine is chosen, docker need not be there.
OTHER_ENGINE = "KIND_EXPERIMENTAL_PROVIDER"
ANSWERS_WITHIN = 30.0

_MEANINGS = (
    (r"no space left on device",
     "the disk is full: free some space where the container engine keeps its data"),
    (r"port is already allocated|address already in use|failed to bind|ports are not available",
     "a port that the cluster needs is taken: end what listens there, or take the port out of the kind configuration"),
    (r"cannot connect to the docker daemon|is the docker daemon running|failed to list nodes",
     "the container engine is not running: start it, and try `docker info`"),
    (r"failed to pull image|no such image|pull access denied|manifest unknown|repository does not exist",
     "the node image is not there and could not be pulled: build or load it, or name another with --kind-image"),
    (r"NameResolutionError|Max retries exceeded|No such file or directory: '[^']*kind-v",
     "kind is not on PATH and could not be downloaded: install it (https://kind.sigs.k8s.io)"),
    (r"unknown field|error unmarshaling|failed to read config|yaml:",
     "the kind configuration is not understood: see HEALGATE_KIND_CONFIG"),
)  # fmt: skip
_LAST_LINES = 6


class ToolFailed(Exception):
    """A program ended badly; its text says how."""


def find(program: str) -> Path | None:
    """Its absolute path."""
    found = shutil.which(program)
    return Path(found).absolute() if found else None


def check_engine() -> None:
    """Whether there is a container engine to make nodes with. Raises UsageProblem."""
    if os.environ.get(OTHER_ENGINE):
        return
    docker = find("docker")
    if docker is None:
        raise UsageProblem(
            "--cluster kind: expected docker on PATH, found none. Install Docker, or choose another engine that kind "
            f"knows with {OTHER_ENGINE}."
        )
    try:
        run([str(docker), "version", "--format", "{{.Server.Version}}"])
    except ToolFailed as problem:
        raise UsageProblem(f"--cluster kind: docker does not answer: {in_words(str(problem))}") from None


def run(command: Sequence[str], *, within: float = ANSWERS_WITHIN, env: Mapping[str, str] | None = None) -> str:
    """What it printed. Raises ToolFailed."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=within, env=dict(env) if env else None, check=False
        )
    except subprocess.TimeoutExpired:
        raise ToolFailed(f"{Path(command[0]).name} gave no answer within {within:g}s") from None
    except OSError as error:
        raise ToolFailed(f"{command[0]}: {error}") from None
    if done.returncode:
        raise ToolFailed((done.stderr or done.stdout).strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout


def in_words(said: str) -> str:
    """What a program's output means and what to do, then the end of the output itself."""
    meaning = next((text for pattern, text in _MEANINGS if re.search(pattern, said, re.IGNORECASE)), "")
    last = "\n".join(line for line in said.strip().splitlines() if line.strip()).splitlines()[-_LAST_LINES:]
    return "\n".join(([meaning] if meaning else []) + [f"  {line.strip()}" for line in last])
