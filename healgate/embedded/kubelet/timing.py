"""The numbers of a kubelet, in one place, because a report must be able to print which ones a trial ran under.

The trap is `visibility`. Since 1.35 a crashed pod shows its exit code for most of the back-off and
CrashLoopBackOff only late; before, the waiting state followed within fifteen seconds. A healer that matches the
word alone behaves differently under the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class KubeletTiming:
    """Seconds throughout."""

    name: str = "stock"
    initial_restart_period: float = 10.0
    max_restart_period: float = 300.0
    visibility: Literal["current", "legacy"] = "current"

    resync: float = 60.0  # after a sync that went well; times 1..1.5
    retry: float = 10.0  # after one that did not; times 1..1.5
    longest_backoff_wait: float = 60.0  # 1.35 and later: until the next look at a crash-looping pod; times 1..1.5
    relist: float = 1.0
    tick: float = 1.0  # the sync loop looks at its work queue this often
    housekeeping: float = 2.0

    def __post_init__(self) -> None:
        if not 1.0 <= self.max_restart_period <= 300.0:
            raise ValueError(f"max_restart_period must be between 1 and 300 seconds, not {self.max_restart_period}")

    @property
    def first_restart_period(self) -> float:
        return min(self.initial_restart_period, self.max_restart_period)


STOCK = KubeletTiming()
FAST = KubeletTiming(name="fast", max_restart_period=5.0)
