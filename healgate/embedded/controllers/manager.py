"""The controller manager and the scheduler of the embedded cluster."""

from __future__ import annotations

from ..api.registry import Registry
from ..clock import Clock
from .controller import Dependents, Orphans
from .cronjob import CronJobs
from .daemonset import DaemonSets
from .deployment import Deployments
from .disruption import Budgets
from .endpoints import Endpoints
from .garbage import Garbage
from .job import Jobs
from .namespace import Namespaces
from .nodelife import NodeLifecycle
from .objects import matters_to_owner
from .podgc import PodCollector
from .quota import Quotas
from .replicaset import ReplicaSets
from .scheduler import Scheduler
from .statefulset import StatefulSets
from .volumes import Claims


class Controllers:
    """All of them, over one registry."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock

    def start(self) -> None:
        registry, clock = self._registry, self._clock
        pods = Orphans(registry, "pods"), Dependents(registry, "pods", matters_to_owner)
        for controller in (
            Namespaces(registry, clock),
            Deployments(registry, clock),
            ReplicaSets(registry, clock, *pods),
            StatefulSets(registry, clock, *pods),
            DaemonSets(registry, clock, *pods),
            Jobs(registry, clock, *pods),
            CronJobs(registry, clock),
            Budgets(registry, clock),
            Quotas(registry, clock),
            NodeLifecycle(registry, clock),
            PodCollector(registry, clock),
            Scheduler(registry, clock),
            Endpoints(registry, clock),
            Claims(registry, clock),
            Garbage(registry, clock),
        ):
            controller.start()
