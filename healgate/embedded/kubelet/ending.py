"""Why a kubelet itself ends a pod: an eviction, or a pod that has been active for too long.

The trap is that the two show differently. A deadline fails its pod whatever its containers do; an eviction only says
so if a container failed, and leaves a pod that stopped cleanly as one that Succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]

DEADLINE = "Pod was active on the node longer than the specified deadline"


@dataclass(frozen=True)
class Ending:
    """What its status says in the end."""

    reason: str
    message: str
    grace: float | None = None  # seconds between TERM and KILL; None: the pod's own
    fails: bool = False  # Failed even if every container stopped cleanly
    condition: bool = False  # announced by a DisruptionTarget condition


def past_deadline() -> Ending:
    return Ending("DeadlineExceeded", DEADLINE, fails=True)


def deadline_of(pod: Obj, started_at: float) -> float | None:
    """When the pod's active deadline is over."""
    seconds = pod["spec"].get("activeDeadlineSeconds")
    return None if seconds is None else started_at + float(seconds)
