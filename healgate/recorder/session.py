"""Recording a trial, or objects with commands at times, on any cluster behind the seam.

A trial is recorded by running it: the cluster is handed to `run_trial` with a lease around its leases that notes what
passes. The trap is the harness's own clock: every time in a recording is the cluster's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ..chaos.objects import Objects
from ..clusters.seam import Answer, Cluster, HealerCall, Lease, Rest, RunningHealer
from ..drivers import HealerSpec
from ..evidence import Obj, Refusal, Request, Seen
from ..problems import HarnessError, Refused
from ..scenario.catalogue import LoadedScenario
from ..trial import Outcome, Step, Tell, run_trial
from .kubectl import Kubectl
from .notes import ASK_EVERY, NotedPool, NotedRest, Notes, without_namespace

IMAGES = "healgate"


class NotApplied(HarnessError):
    """The cluster would not have one of the objects."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number  # from 0


@dataclass(frozen=True)
class Command:
    """One kubectl command and when it is given, seconds after the objects were applied."""

    at: float
    words: tuple[str, ...]
    stdin: Any = None


def record_trial(
    scenario: LoadedScenario,
    trial: int,
    *,
    seed: str,
    cluster: Cluster,
    healer: HealerSpec,
    budget_scale: float = 1.0,
    tell: Tell = lambda _step, _what: None,
) -> tuple[Obj, Outcome]:
    """The recording and what the trial came to."""
    notes = Notes(scenario.id.replace("/", "-"))
    recorded = _RecordedCluster(cluster, notes)

    def told(step: Step, what: str) -> None:
        notes.applying = step is Step.DEPLOY
        tell(step, what)

    outcome = run_trial(
        scenario, trial, seed=seed, cluster=recorded, healer=healer, budget_scale=budget_scale, tell=told
    )
    about = {**recorded.about, "scenario": scenario.id, "trial": trial, "seed": seed, "healer": healer.label}
    about |= {"parameters": outcome.record.parameters, "images": IMAGES}
    return notes.recording(recorded.leased, about), outcome


def record_objects(
    objects: Sequence[Obj],
    commands: Sequence[Command],
    duration: float,
    *,
    name: str,
    cluster: Cluster,
    say: Callable[[str], None] = lambda _text: None,
) -> Obj:
    """Apply the objects, give the commands, watch for so long."""
    notes = Notes(name)
    lease = cluster.lease(name)
    try:
        about = {**_about(cluster, lease.rest), "images": IMAGES}
        lease.watch(notes.see)
        to_apply = Objects(lease.rest, lease.namespace)
        for obj in map(without_namespace, objects):
            notes.apply(lease.now(), obj)
            try:
                to_apply.create(obj)
            except Refused as refused:
                raise NotApplied(str(refused), len(notes.applied) - 1) from None
        start = lease.now()
        lease.after(ASK_EVERY, lambda: notes.ask_for_logs(lease))
        kubectl = Kubectl(lease.rest, lease.namespace, lease.now)
        for command in sorted(commands, key=lambda one: one.at):
            lease.sleep(max(0.0, start + command.at - lease.now()))
            given, words = lease.now(), list(command.words)
            say(f"{given - start:6.1f} s  kubectl {' '.join(words)}")
            notes.ran(given, words, command.stdin, kubectl.run(words, command.stdin))
        lease.sleep(max(0.0, start + duration - lease.now()))
        return notes.recording(lease, about)
    finally:
        lease.close()


def _about(cluster: Cluster, rest: Rest) -> dict[str, Any]:
    """Which cluster this was: a recording without it is hearsay."""
    listed = rest.request("GET", "/api/v1/nodes")
    infos = [node["status"].get("nodeInfo", {}) for node in listed.body["items"]] if listed.ok else []
    runtimes = sorted({str(info.get("containerRuntimeVersion", "")).replace("://", " ") for info in infos})
    systems = sorted({f"{info.get('osImage', '')}, Linux {info.get('kernelVersion', '')}" for info in infos})
    return {
        "kubernetes": cluster.kubernetes,
        "runtime": "; ".join((*runtimes, *_control_groups(rest, listed), *systems)),
        "cluster": f"{cluster.name}, {len(infos)} {'node' if len(infos) == 1 else 'nodes'}",
        "timing": cluster.timing,
    }


def _control_groups(rest: Rest, nodes: Answer) -> list[str]:
    """Their version decides who falls when memory is out; only the kubelet itself tells it."""
    found = set()
    for node in nodes.body["items"] if nodes.ok else ():
        answer = rest.request("GET", f"/api/v1/nodes/{node['metadata']['name']}/proxy/metrics")
        told = re.search(r"^kubelet_cgroup_version (\d)", str(answer.body), re.MULTILINE) if answer.ok else None
        if told is not None:
            found.add(f"cgroup v{told[1]}")
    return sorted(found)


class _RecordedCluster:
    """A cluster whose leases are noted."""

    def __init__(self, cluster: Cluster, notes: Notes) -> None:
        self._cluster = cluster
        self._notes = notes
        self.name, self.kubernetes, self.timing = cluster.name, cluster.kubernetes, cluster.timing
        self.virtual = cluster.virtual
        self.about: dict[str, Any] = {}
        self._leased: Lease | None = None

    @property
    def leased(self) -> Lease:
        assert self._leased is not None
        return self._leased

    def lease(self, seed: str) -> Lease:
        lease = self._leased = self._cluster.lease(seed)
        self.about = _about(self._cluster, lease.rest)
        return _RecordedLease(lease, self._notes)

    def look_into(self, say: Callable[[str], None]) -> None:
        self._cluster.look_into(say)


class _RecordedLease:
    """A lease with what passes noted; everything else is the lease's own."""

    def __init__(self, lease: Lease, notes: Notes) -> None:
        self._lease = lease
        self._notes = notes
        self._begun = False
        self.namespace = lease.namespace
        self.rest: Rest = NotedRest(lease.rest, lease, notes)

    @property
    def requests(self) -> list[Request]:
        return self._lease.requests

    @property
    def refused(self) -> list[Refusal]:
        return self._lease.refused

    def now(self) -> float:
        return self._lease.now()

    def sleep(self, seconds: float) -> None:
        self._lease.sleep(seconds)

    def wait(self, until: Callable[[], bool], timeout: float) -> bool:
        return self._lease.wait(until, timeout)

    def watch(self, see: Callable[[Seen], None]) -> None:
        if not self._begun:
            self._begun = True
            self._lease.watch(self._notes.see)
            self._lease.after(ASK_EVERY, lambda: self._notes.ask_for_logs(self._lease))
        self._lease.watch(see)

    def turn(self) -> AbstractContextManager[None]:
        return self._lease.turn()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self._lease.after(seconds, call)

    def official_client(self) -> Any:
        client = self._lease.official_client()
        client.rest_client.pool_manager = NotedPool(client.rest_client.pool_manager, self._lease, self._notes)
        return client

    def run_python_healer(self, call: HealerCall, report: Any, pass_every: float) -> RunningHealer:
        return self._lease.run_python_healer(call, report, pass_every)

    def close(self, keep: bool = False) -> None:
        for request in self._lease.requests:
            self._notes.asked_by_healer(request)
        self._lease.close(keep)
