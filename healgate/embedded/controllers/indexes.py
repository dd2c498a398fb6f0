"""The completion indexes of an Indexed Job: which are done, which have failed for good, which are next.

Done and failed are written as intervals and outlive the pods that made them so. The trap is backoffLimitPerIndex: an
index that has failed too often is given up, the others go on, and only then does the Job fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ..store.store import Obj
from .objects import annotations_of, is_active, phase

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"


def is_indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def index_of(pod: Obj) -> int | None:
    text = annotations_of(pod).get(INDEX)
    return int(text) if text is not None and text.isdecimal() else None


class Indexes:
    """What is known of them, from the status and from the pods."""

    def __init__(self, job: Obj, pods: list[Obj], given_up: Iterable[Obj]) -> None:
        status = job.get("status") or {}
        self._job = job
        self.completions = int(job["spec"].get("completions") or 0)
        self.limit: int | None = job["spec"].get("backoffLimitPerIndex")
        self.completed = parsed(status.get("completedIndexes"))
        self.failed = parsed(status.get("failedIndexes"))
        self._tries: dict[int, int] = {}
        self._active: set[int] = set()
        for pod in pods:
            index = index_of(pod)
            if index is None or index >= self.completions:
                continue
            if phase(pod) == "Succeeded":
                self.completed.add(index)
            elif phase(pod) == "Failed":
                tries = int(annotations_of(pod).get(FAILURES, "0")) + 1
                self._tries[index] = max(self._tries.get(index, 0), tries)
            elif is_active(pod):
                self._active.add(index)
        if self.limit is not None:
            self.failed |= {index for index, tries in self._tries.items() if tries > self.limit} - self.completed
            self.failed |= {index for pod in given_up if (index := index_of(pod)) is not None} - self.completed

    @property
    def left(self) -> int:
        return self.completions - len(self.completed | self.failed)

    def next(self, count: int) -> list[int]:
        """The lowest that nobody works on."""
        taken = self.completed | self.failed | self._active
        return list(islice((index for index in range(self.completions) if index not in taken), count))

    def show(self, status: dict[str, Any]) -> None:
        status["completedIndexes"] = shown(self.completed)
        if self.limit is not None:
            status["failedIndexes"] = shown(self.failed)

    def pod(self, pod: Obj, index: int) -> Obj:
        """A pod of the template, for one index."""
        meta, spec = pod["metadata"], pod["spec"]
        marks = {**(meta.get("annotations") or {}), INDEX: str(index)}
        if self.limit is not None:
            marks[FAILURES] = str(self._tries.get(index, 0))
        name = self._job["metadata"]["name"]
        told = {
            "name": "JOB_COMPLETION_INDEX",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}},
        }
        containers = {
            part: [{**one, "env": [*(one.get("env") or ()), told]} for one in spec[part]]
            for part in ("initContainers", "containers")
            if spec.get(part)
        }
        return {
            **pod,
            "metadata": {
                **meta,
                "generateName": f"{name}-{index}-",
                "annotations": marks,
                "labels": {**(meta.get("labels") or {}), INDEX: str(index)},
            },
            "spec": {**spec, **containers, "hostname": f"{name}-{index}"},
        }


def parsed(text: str | None) -> set[int]:
    """0,2-4 as numbers."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, dash, last = part.partition("-")
        if first:
            found.update(range(int(first), int(last if dash else first) + 1))
    return found


def shown(indexes: set[int]) -> str:
    """Numbers as 0,2-4: two in a row are told apart, three are an interval."""
    parts: list[list[int]] = []
    for index in sorted(indexes):
        if parts and parts[-1][-1] == index - 1:
            parts[-1].append(index)
        else:
            parts.append([index])
    told = []
    for part in parts:
        if len(part) == 1:
            told.append(str(part[0]))
        else:
            told.append(f"{part[0]}{',' if len(part) == 2 else '-'}{part[-1]}")
    return ",".join(told)
