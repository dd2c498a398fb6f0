"""The clusters that trials run on, behind one seam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..problems import UsageProblem
from .seam import Cluster

if TYPE_CHECKING:
    from .running import Running

NAMES = ("embedded", "kind", "existing")


def open_cluster(name: str, running: Running | None = None) -> Cluster:
    """A cluster by the name that --cluster takes; a real one was opened for the whole run."""
    if name == "embedded":
        from .embedded import Embedded

        return Embedded()
    if name not in NAMES:
        raise UsageProblem(f"--cluster: expected one of {', '.join(NAMES)}; found {name!r}")
    if running is None:
        raise UsageProblem(f"--cluster {name}: no such cluster was opened for this run")
    from .running import connect

    return connect(running)
