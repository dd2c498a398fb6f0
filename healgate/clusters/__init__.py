"""The clusters that trials run on, behind one seam."""

from __future__ import annotations

from ..problems import UsageProblem
from .seam import Cluster

NAMES = ("embedded",)


def open_cluster(name: str) -> Cluster:
    """A cluster by the name that --cluster takes."""
    if name == "embedded":
        from .embedded import Embedded

        return Embedded()
    raise UsageProblem(f"--cluster: expected one of {', '.join(NAMES)}; found {name!r}")
