"""Healers × scenarios, many trials at once, on one real cluster or on embedded ones.

What pytest's items are to a person, jobs are to a comparison: any healer beside any other, the longest first. A trial
runs in a process of its own, as with `-n`. The trap is a job that is lost with its process: its verdict is ERROR.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from healgate.clusters import open_cluster
from healgate.clusters.embedded import Embedded
from healgate.clusters.kind import open_kind
from healgate.clusters.running import Opened, Running
from healgate.clusters.seam import Cluster
from healgate.drivers import HealerSpec, find_healer
from healgate.embedded.kubelet import FAST
from healgate.scenario.catalogue import Catalogue, LoadedScenario
from healgate.trial import run_trial

from .late import LATE

SEED = "kind"
# A node has room for more. Those wait for the processor and not for each other, and a probe that waits for it fails.
AT_ONCE_PER_CORE = 6.5


@dataclass(frozen=True)
class Job:
    """One trial to be run."""

    healer: str
    scenario: str
    trial: int = 1
    scale: float = 1.0

    def __str__(self) -> str:
        return f"{self.healer} {self.scenario}-t{self.trial}"


@dataclass(frozen=True)
class Got:
    """What it came to."""

    verdict: str
    reason: str
    message: str
    wall: float
    cpu: float

    @property
    def what(self) -> str:
        """PASS, the reason of a FAIL, INVALID or ERROR."""
        return self.reason or self.verdict


def core() -> list[str]:
    """The scenarios that a real cluster must agree on."""
    return sorted(name for name, one in scenarios().items() if "core" in one.tags and not one.default.embedded_only)


_catalogue: dict[str, LoadedScenario] = {}


def scenarios() -> Mapping[str, LoadedScenario]:
    if not _catalogue:
        _catalogue.update(Catalogue.load().scenarios)
    return _catalogue


def run_all(
    jobs: Iterable[Job],
    running: Mapping[str, Any] | None,
    workers: int,
    told: Callable[[Job, Got], None] = lambda _job, _got: None,
) -> dict[Job, Got]:
    """`running`: a real cluster as plain data; None: a fresh embedded one for each trial."""
    found: dict[Job, Got] = {}
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(running,))
    with pool, _workers_end_too():
        waiting = {pool.submit(_run, job): job for job in jobs}
        for done in as_completed(waiting):
            job = waiting[done]
            try:
                got = done.result()
            except (Exception, BrokenProcessPool) as problem:
                got = Got("ERROR", "", f"{type(problem).__name__}: {problem}", 0.0, 0.0)
            found[job] = got
            told(job, got)
    return found


@contextmanager
def _workers_end_too() -> Iterator[None]:
    """Nobody waits for the trials of a comparison that was broken off, and a TERM reaches this process alone."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


_running: Mapping[str, Any] | None = None
_cluster: Cluster | None = None


def _begin(running: Mapping[str, Any] | None) -> None:
    global _running
    _running = running


def _open() -> Cluster:
    """A worker's connection to a real cluster is made once."""
    global _cluster
    if _running is None:
        return Embedded(FAST)  # as the nodes of a comparison are
    if _cluster is None:
        there = Running.read(_running)
        _cluster = open_cluster(there.cluster, there)
    return _cluster


def _run(job: Job) -> Got:
    scenario = scenarios()[job.scenario]
    healer = _healer(job, scenario)
    outcome = run_trial(scenario, job.trial, seed=SEED, cluster=_open(), healer=healer, budget_scale=job.scale)
    row, cost = outcome.record, outcome.cost
    return Got(str(row.verdict), str(row.reason or ""), row.message, cost.wall, cost.cpu + cost.healer_cpu)


def _healer(job: Job, scenario: LoadedScenario) -> HealerSpec:
    if job.healer not in LATE:
        return find_healer(job.healer)
    plan = scenario.plan(SEED, job.trial).scenario
    return LATE[job.healer](plan.budgets, job.scale)


@contextmanager
def kind_cluster(say: Callable[[str], None], reuse: str | None) -> Any:
    """A kind cluster for as long as it is needed, or one that stands already and goes on standing."""
    opened: Opened = open_kind(image=None, speed="fast", reuse=reuse, say=say)
    try:
        yield opened.running
    finally:
        opened.close(keep=False)


def at_once(running: Running, wanted: int = 0) -> int:
    """How many trials: as many as wanted, or as the cores of this machine bear; never more than there is room for."""
    return min(wanted or int(AT_ONCE_PER_CORE * (os.cpu_count() or 1)), running.capacity)


def longest_first(jobs: Sequence[Job]) -> list[Job]:
    """So that no long trial begins when all others have ended."""
    return sorted(jobs, key=_lasts, reverse=True)


def _lasts(job: Job) -> float:
    """Whoever does nothing right is waited for; else most is told by how soon a crash is to be seen."""
    budgets = scenarios()[job.scenario].default.budgets
    return (budgets.detect if job.healer in ("reference", "null") else budgets.recover) * job.scale
