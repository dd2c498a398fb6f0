"""Which real cluster a run uses: opened once by the process that the person started, reached by every worker.

Plain data, since it travels to the workers; everything else is asked of the cluster itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from .kubeconfig import client_from_kubeconfig
from .real import RealCluster, Registries


@dataclass(frozen=True)
class Running:
    """How to reach it."""

    cluster: str  # kind or existing
    name: str
    kubeconfig: str | None  # None: the one that kubectl would use
    context: str | None
    capacity: int
    timing: str
    base_image: str = ""
    kafka_image: str = ""
    kept: bool = False  # it outlives the run

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Running:
        return cls(**data)

    def new_client(self) -> Any:
        """An ApiClient with the harness's access."""
        return client_from_kubeconfig(self.context, self.kubeconfig)


def connect(running: Running) -> RealCluster:
    """The cluster behind the seam, in this process."""
    registries: Registries | None = None
    if running.cluster == "kind":
        from .kind import KindRegistries

        registries = KindRegistries(running)
    look = f"export KUBECONFIG={running.kubeconfig}" if running.kubeconfig else ""
    if running.context:
        look += f"{'; ' if look else ''}kubectl config use-context {running.context}"
    afterwards = "kubectl delete namespace {namespace}"
    if running.cluster == "kind" and not running.kept:
        afterwards = f"kind delete cluster --name {running.name}"
    return RealCluster(
        running.cluster,
        running.new_client,
        capacity=running.capacity,
        timing=running.timing,
        # On a cluster of ours a healer may elect a leader and write its events where it likes.
        free_kinds=frozenset({"Event", "Lease"}) if running.cluster == "kind" else frozenset(),
        registries=registries,
        how_to_look=look or "kubectl config current-context",
        afterwards=afterwards,
    )


class Opened(Protocol):
    """A cluster while its run lasts, in the process that the person started."""

    running: Running

    def export_logs(self, folder: Path) -> None:
        """For whoever wants to know why something failed; not every cluster has any."""

    def close(self, *, keep: bool) -> None: ...
