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

from ..durations import parse_duration
from ..problems import UsageProblem
from ..scenario.source import Source, load_documents, load_yaml
from .kubectl import VERBS
from .session import Command


def read_objects(paths: Iterable[Path]) -> list[Source]:
    """All documents of YAML files, in order; of a folder, those right in it."""
    found: list[Source] = []
    for path in paths:
        files = sorted((*path.glob("*.yaml"), *path.glob("*.yml"))) if path.is_dir() else [path]
        found += [document for file in files for document in load_documents(file)]
    if not found:
        raise UsageProblem(f"expected manifests in {', '.join(map(str, paths))}; found none")
    return found


def read_commands(file: Path) -> list[Command]:
    source = load_yaml(file)
    if not isinstance(source.data, list):
        raise UsageProblem(source.problem("expected a list of {at: 30s, kubectl: ...}"))
    return [_command(one, index, source) for index, one in enumerate(source.data)]


def _command(one: Any, index: int, source: Source) -> Command:
    def wrong(why: object, *key: str) -> UsageProblem:
        return UsageProblem(source.problem(str(why), (index, *key)))

    if not isinstance(one, dict) or not {"at", "kubectl"} <= set(one) <= {"at", "kubectl", "stdin"}:
        raise wrong(f"expected {{at: 30s, kubectl: ...}} and perhaps stdin; found {one!r}")
    try:
        at = parse_duration(one["at"])
    except ValueError as problem:
        raise wrong(problem, "at") from None
    try:
        words = tuple(shlex.split(one["kubectl"]) if isinstance(one["kubectl"], str) else map(str, one["kubectl"]))
    except (ValueError, TypeError) as problem:
        raise wrong(problem, "kubectl") from None
    if not words or words[0] not in VERBS:
        raise wrong(f"expected one of {', '.join(VERBS)}; found {' '.join(words) or 'nothing'}", "kubectl")
    return Command(at, words, one.get("stdin"))
