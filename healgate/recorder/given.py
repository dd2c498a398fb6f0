"""What a person gives to be recorded: manifests, and a file of commands with their times.

    - {at: 30s, kubectl: rollout restart deployment/app}
    - {at: 1m, kubectl: create -f -, stdin: {apiVersion: v1, kind: ConfigMap, ...}}

Read before any cluster is opened, so that a mistake costs seconds and not minutes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ..durations import parse_duration
from ..evidence import Obj
from ..problems import Place, Problem, UsageProblem
from .kubectl import VERBS
from .session import Command


def read_objects(paths: Iterable[Path]) -> list[Obj]:
    """All objects of YAML files, in order; of a folder, those right in it."""
    found: list[Obj] = []
    for path in paths:
        files = sorted((*path.glob("*.yaml"), *path.glob("*.yml"))) if path.is_dir() else [path]
        for file in files:
            found += [_object(one, file) for one in _documents(file) if one is not None]
    if not found:
        raise UsageProblem(f"expected manifests in {', '.join(map(str, paths))}; found none")
    return found


def read_commands(file: Path) -> list[Command]:
    (listed,) = _documents(file) or [[]]
    if not isinstance(listed, list):
        raise UsageProblem(Problem("expected a list of {at: 30s, kubectl: ...}", Place(str(file))))
    return [_command(one, number, file) for number, one in enumerate(listed, 1)]


def _command(one: Any, number: int, file: Path) -> Command:
    def wrong(why: object) -> UsageProblem:
        return UsageProblem(Problem(f"command {number}: {why}", Place(str(file))))

    if not isinstance(one, dict) or not {"at", "kubectl"} <= set(one) <= {"at", "kubectl", "stdin"}:
        raise wrong(f"expected {{at: 30s, kubectl: ...}} and perhaps stdin; found {one!r}")
    try:
        at = parse_duration(one["at"])
        words = tuple(shlex.split(one["kubectl"]) if isinstance(one["kubectl"], str) else map(str, one["kubectl"]))
    except (ValueError, TypeError) as problem:
        raise wrong(problem) from None
    if not words or words[0] not in VERBS:
        raise wrong(f"expected one of {', '.join(VERBS)}; found {' '.join(words) or 'nothing'}")
    return Command(at, words, one.get("stdin"))


def _documents(file: Path) -> list[Any]:
    try:
        return list(yaml.safe_load_all(file.read_text("utf-8")))
    except OSError as problem:
        raise UsageProblem(f"{file}: {problem.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise UsageProblem(f"{file}: expected YAML; {' '.join(str(problem).split())}") from None


def _object(one: Any, file: Path) -> Obj:
    name = one.get("metadata", {}).get("name") if isinstance(one, dict) else None
    if not (name and one.get("kind") and one.get("apiVersion")):
        raise UsageProblem(Problem("expected objects with apiVersion, kind and metadata.name", Place(str(file))))
    found: Obj = one
    return found
