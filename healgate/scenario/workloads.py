"""The workloads that scenarios break: a folder of manifests each, healthy as written.

A folder is looked for by name beside the scenarios first and among the shipped ones then. Files are applied in the
order of their names; those that begin with "9" hold the bystander, a healthy neighbour that nobody may touch. The
trap is editing what is loaded here: it is read once and shared by every trial.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..evidence import Obj, Ref
from ..problems import UsageProblem
from .source import Source, load_documents

BYSTANDER = "9"


@dataclass(frozen=True)
class Workload:
    """A folder of manifests, read."""

    folder: Path
    objects: tuple[Obj, ...]  # in the order in which they are applied; shared, never edited
    bystanders: frozenset[Ref]

    def find(self, ref: Ref) -> Obj | None:
        return self._by_ref.get(ref)

    @property
    def refs(self) -> tuple[Ref, ...]:
        return tuple(self._by_ref)

    @property
    def _by_ref(self) -> Mapping[Ref, Obj]:
        return {Ref.of(obj): obj for obj in self.objects}


def shipped() -> Path:
    """The manifests that come with healgate, in a clone as from a wheel."""
    return Path(next(iter(importlib.import_module("healgate.manifests").__path__)))


def find_folder(name: str, roots: Sequence[Path] = ()) -> Path:
    """The folder of a workload. Raises LookupError with the names that there are."""
    places = [*roots, Path.cwd() / "manifests", shipped()]
    for root in places:
        if (root / name).is_dir():
            return (root / name).resolve()
    known = sorted({p.name for root in places if root.is_dir() for p in root.iterdir() if any(p.glob("[0-9]*.yaml"))})
    raise LookupError(f"expected a folder of manifests, one of {', '.join(known)}; found {name!r}")


@lru_cache(maxsize=64)
def load_workload(folder: Path) -> Workload:
    """Every object of a folder. Raises UsageProblem for a manifest that is none."""
    objects: list[Obj] = []
    bystanders: set[Ref] = set()
    for path in sorted(folder.glob("*.yaml")):
        for obj in _objects(path):
            objects.append(obj)
            if path.name.startswith(BYSTANDER):
                bystanders.add(Ref.of(obj))
    return Workload(folder, tuple(objects), frozenset(bystanders))


def _objects(path: Path) -> list[Obj]:
    return [manifest(document) for document in load_documents(path)]


def manifest(document: Source) -> Obj:
    """A document as the object that it is. Raises UsageProblem if it is none."""
    if not _is_object(document.data):
        raise UsageProblem(document.problem("expected a manifest with apiVersion, kind and metadata.name"))
    obj: Obj = document.data
    return obj


def _is_object(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("apiVersion"), str)
        and isinstance(document.get("kind"), str)
        and isinstance(document.get("metadata"), dict)
        and isinstance(document["metadata"].get("name"), str)
    )
