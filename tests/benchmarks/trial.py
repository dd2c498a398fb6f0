"""What a trial costs: `make bench`.

CPU, not wall time, since machines are shared; medians, since they are noisy, and of enough trials to outlast a burst
of noise: ten trials are a third of a second, and one such burst was all that a run saw. The harness's share is
everything but the healer's own code: the cluster, the watching, the judging. Compare numbers of one run only.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from healgate.clusters import open_cluster
from healgate.clusters.seam import Cluster, Lease
from healgate.drivers import find_healer
from healgate.scenario.catalogue import Catalogue, Drawn, LoadedScenario
from healgate.trial import run_trial

SCENARIO = "oom/limit-too-low"
REPLICAS = (1, 10, 100)


@dataclass(frozen=True)
class Larger:
    """The same scenario with another number of replicas."""

    scenario: LoadedScenario
    replicas: int

    @property
    def id(self) -> str:
        return self.scenario.id

    def plan(self, seed: str, trial: int) -> Drawn:
        drawn = self.scenario.plan(seed, trial)
        experiment = copy.deepcopy(drawn.experiment)
        arguments = experiment["method"][0]["provider"]["arguments"]
        # Room for all of them on one node: no pod more than asked for while it rolls, and small requests.
        rolling = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}}
        small = [
            {"name": name, "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}}} for name in ("api", "exporter")
        ]
        template = {"spec": {"containers": small}}
        patch = {"spec": {"replicas": self.replicas, "strategy": rolling, "template": template}}
        arguments["changes"] = [*arguments.get("changes", []), {"object": "Deployment/backend", "patch": patch}]
        return replace(drawn, experiment=experiment)


class Roomy:
    """A cluster whose node has the memory for all of them, so that none is evicted."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def lease(self, seed: str) -> Lease:
        lease = self._cluster.lease(seed)
        for node in lease.rest.request("GET", "/api/v1/nodes").body["items"]:
            path = f"/api/v1/nodes/{node['metadata']['name']}/status"
            room = {"status": {"capacity": {"memory": "64Gi"}, "allocatable": {"memory": "64Gi"}}}
            answer = lease.rest.request("PATCH", path, None, room, "application/merge-patch+json")
            assert answer.ok, answer.body
        return lease


def measure(scenario: LoadedScenario | Larger, healer: str, trials: int) -> tuple[float, float, float, str]:
    """Median CPU of the harness and of the healer in ms, cluster-minutes, and the verdicts."""
    spec = find_healer(healer)
    harness, own, minutes, verdicts = [], [], [], []
    for trial in range(trials + 1):
        cluster: Any = open_cluster("embedded")
        if isinstance(scenario, Larger):
            cluster = Roomy(cluster)
        outcome = run_trial(scenario, trial + 1, seed="bench", cluster=cluster, healer=spec)  # type: ignore[arg-type]
        if trial == 0:
            continue  # imports and caches
        harness.append((outcome.cost.cpu - outcome.cost.healer_cpu) * 1000)
        own.append(outcome.cost.healer_cpu * 1000)
        minutes.append(outcome.cost.cluster_seconds / 60)
        verdicts.append(str(outcome.record.verdict))
    return median(harness), median(own), median(minutes), " ".join(sorted(set(verdicts)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    trials: int = parser.parse_args().trials
    scenario = Catalogue.load().scenarios[SCENARIO]
    harness, own, minutes, verdicts = measure(scenario, "reference", trials)
    print(f"{SCENARIO}, reference healer, {minutes:.1f} cluster-minutes a trial, {trials} trials: {verdicts}")
    print(
        f"  harness {harness:6.1f} ms CPU   healer {own:6.1f} ms CPU   {1000 / (harness + own):5.1f} trials/s per core"
    )
    print("growing with the replicas of the workload that crashes:")
    for replicas in REPLICAS:
        count = max(1, trials // replicas)
        harness, own, minutes, verdicts = measure(Larger(scenario, replicas), "reference", count)
        print(
            f"  {replicas:4} replicas: harness {harness:7.1f} ms   healer {own:7.1f} ms   {minutes:.1f} min  {verdicts}"
        )


if __name__ == "__main__":
    main()
