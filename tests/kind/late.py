"""Healers that are just late, whatever the budget is.

The catalogue's own late vandals come half an hour late, which costs nothing where time is simulated. Where it is not, a
trial ends half a budget after the budget; so these ask what the budget is, as no healer could. The trap is that they
count from when they see something, which on a busy node is a while after the fault was live: who is late by much then
was never there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from healgate.healers.reference.healer import Healer
from healgate.healers.reference.symptoms import find_symptom
from healgate.healers.vandals import RepairsLate

from healgate.drivers import HealerSpec

REPAIRS_AFTER = 1.05
NOTICES_AFTER = 1.1
LOOK_EVERY = 2.0


@dataclass(frozen=True)
class NoticesLate:
    """Sees the symptom at once, and says and does nothing until it is too late for that."""

    after: float

    def __call__(self, api_client: Any, report: Any) -> None:
        healer = Healer(api_client, report)
        while not self._is_sick(healer):
            time.sleep(LOOK_EVERY)
        time.sleep(self.after)
        healer.run()

    def _is_sick(self, healer: Healer) -> bool:
        now = time.time()
        pods = [pod for pod in healer.access.pods() if not pod["metadata"]["namespace"].startswith("kube-")]
        return any(find_symptom(pod, now) for pod in pods)


@dataclass(frozen=True)
class _RepairsLate:
    """Knows the right remedy at once, and applies it when it is too late for that."""

    after: float

    def __call__(self, api_client: Any, report: Any) -> None:
        healer = RepairsLate(api_client, report)
        healer.DELAY = self.after
        healer.run()


def _notices(budgets: Any, scale: float) -> HealerSpec:
    return HealerSpec("notices-late", "", NoticesLate(budgets.detect * scale * NOTICES_AFTER))


def _repairs(budgets: Any, scale: float) -> HealerSpec:
    return HealerSpec("repairs-late", "", _RepairsLate(budgets.recover * scale * REPAIRS_AFTER))


LATE: dict[str, Callable[[Any, float], HealerSpec]] = {"notices-late": _notices, "repairs-late": _repairs}
