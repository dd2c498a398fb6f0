"""The completion indexes of an Indexed Job: which are done, which have failed for good, which are next.

Done and failed are written as intervals and outlive the pods that made them so. The trap is backoffLimitPerIndex: an
index that has failed too often is given up, the others go on, and only then does the Job fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ..store.store import Obj
from .objects import annotations_of, phase

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"


def is_indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def index_of(pod: Obj) -> int | None:
    text = annotations_of(pod).get(INDEX)
    return int(text) if text is not None and text.isdecimal() else None


def failures_before(pod: Obj) -> int:
    """How often its index had failed when this pod was made."""
    return int(annotations_of(pod).get(FAILURES, "0"))


class Indexes:
    """What is known of them, from the status and from the pods."""

    def __init__(self, job: Obj, active: list[Obj], ended: Iterable[Obj], given_up: Iterable[Obj]) -> None:
        """`ended` are the tracked pods that have succeeded or failed."""
        status = job.get("status") or {}
        self._job = job
        self.completions = int(job["spec"].get("completions") or 0)
        self.limit: int | None = job["spec"].get("backoffLimitPerIndex")
        self.completed = parsed(status.get("completedIndexes"))
        self.failed = parsed(status.get("failedIndexes")) if self.limit is not None else set()
        self._active = {index for pod in active if (index := self._index_of(pod)) is not None}
        lost: list[tuple[int, Obj]] = []
        for pod in ended:
            index = self._index_of(pod)
            if index is None:
                continue
            if phase(pod) == "Succeeded":
                self.completed.add(index)
            else:
                lost.append((index, pod))
        # Pods that have failed and will have a successor: it takes their count over.
        self.delayed: dict[int, Obj] = {}
        if self.limit is None:
            return
        self.failed |= {index for index, pod in lost if failures_before(pod) >= self.limit}
        self.failed |= {index for pod in given_up if (index := self._index_of(pod)) is not None}
        for index, pod in lost:
            if index in self.completed or index in self.failed or index in self._active:
                continue
            last = self.delayed.get(index)
            if last is None or failures_before(last) <= failures_before(pod):
                self.delayed[index] = pod

    def _index_of(self, pod: Obj) -> int | None:
        index = index_of(pod)
        return index if index is not None and index < self.completions else None

    def next(self, count: int) -> list[int]:
        """The lowest that nobody works on."""
        taken = self.completed | self.failed | self._active
        return list(islice((index for index in range(self.completions) if index not in taken), count))

    def satisfy(self, rule: Obj) -> bool:
        """A rule of the success policy: these indexes, or so many of them."""
        listed, count = rule.get("succeededIndexes"), rule.get("succeededCount")
        if listed is None:
            return count is not None and len(self.completed) >= int(count)
        wanted = {index for index in parsed(listed) if index < self.completions}
        done = len(wanted & self.completed)
        return bool(wanted) and (done == len(wanted) or (count is not None and done >= int(count)))

    def show(self, status: dict[str, Any]) -> None:
        status["completedIndexes"] = shown(self.completed)
        status["succeeded"] = len(self.completed)
        if self.limit is not None:
            status["failedIndexes"] = shown(self.failed)

    def pod(self, pod: Obj, index: int) -> Obj:
        """A pod of the template, for one index."""
        meta, spec = pod["metadata"], pod["spec"]
        marks = {**(meta.get("annotations") or {}), INDEX: str(index)}
        if self.limit is not None:
            before = self.delayed.get(index)
            marks[FAILURES] = str(failures_before(before) + 1 if before is not None else 0)
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
