"""`enumerated.json`: what a real API server answered to values of enumerated fields, and how it is asked again.

A line of it is one patch of the bodies of some kinds, with the values that were put in its place and the answers. `~`
stands for the pod's spec, which each kind has elsewhere, in the patch and in the fields of causes. Only a cause's field
and message count, since those are what clients read.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Obj = dict[str, Any]

RECORDING = Path(__file__).with_name("enumerated.json")
MARK = "?"  # stands where the value goes
EPHEMERAL = "v1 Pod/ephemeralcontainers"


@dataclass(frozen=True)
class Kind:
    """Where objects of a kind are made, one of them, and where the pod's spec is in it."""

    url: str
    body: Obj
    pod: str

    def request(self, patch: Obj, value: str) -> tuple[str, str, Obj]:
        """Method, address and body. Ephemeral containers are added to a pod that is there."""
        patch = self._expanded(patch)
        if "ephemeralContainers" in patch.get("spec", {}):
            pod = f"{self.url}/{self.body['metadata']['name']}"
            return "PATCH", f"{pod}/ephemeralcontainers?dryRun=All", said(patch, value)
        return "POST", f"{self.url}?dryRun=All", said(merged(self.body, patch), value)

    def _expanded(self, patch: Obj) -> Obj:
        inner = patch.get("~")
        if inner is None:
            return patch
        for name in reversed(self.pod.split(".")):
            inner = {name: inner}
        found: Obj = merged({key: one for key, one in patch.items() if key != "~"}, inner)
        return found

    def answer(self, status: int, answer: Obj) -> list[Any]:
        """The status, and field and message of every cause."""
        causes = answer.get("details", {}).get("causes", []) if status >= 400 else []
        return [status, *([self._short(one.get("field", "")), one.get("message", "")] for one in causes)]

    def _short(self, field: str) -> str:
        inside = self.pod and field.startswith(self.pod)
        return "~" + field.removeprefix(self.pod) if inside else field


@dataclass(frozen=True)
class Line:
    kinds: list[str]
    patch: Obj
    accepted: list[str]
    refused: dict[str, list[Any]]

    def __str__(self) -> str:
        return f"{self.kinds[0]} {'.'.join(_way(self.patch))}={[*self.refused, *self.accepted][0]}"


def _way(patch: Any) -> list[str]:
    """The names down to the value; none if it is not there."""
    items = patch.items() if isinstance(patch, dict) else enumerate(patch) if isinstance(patch, list) else ()
    for key, one in items:
        below = _way(one)
        if below or one == MARK:
            return [str(key), *below]
    return []


def read() -> tuple[dict[str, Kind], list[Line]]:
    document = json.loads(RECORDING.read_text("utf-8"))
    kinds = {name: Kind(**one) for name, one in document["kinds"].items()}
    return kinds, [Line(**one) for one in document["lines"]]


def merged(body: Any, patch: Any) -> Any:
    """As a merge patch does it, but that a null stays, for the patch of a patch."""
    if not isinstance(body, dict) or not isinstance(patch, dict):
        return copy.deepcopy(patch)
    return {**body, **{key: merged(body.get(key), one) for key, one in patch.items()}}


def said(body: Any, value: str) -> Any:
    """The body with the value in its place, and without what is null."""
    if isinstance(body, dict):
        return {key: said(one, value) for key, one in body.items() if one is not None}
    if isinstance(body, list):
        return [said(one, value) for one in body]
    return value if body == MARK else body
