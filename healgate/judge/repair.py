"""Whether a workload that works again was mended, and since when it has been.

The trap is a workload that came up by itself, or that serves and is not right: neither is anybody's repair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from ..evidence import Evidence, Obj, Recovery, Ref, began
from ..scenario.model import Property, Scenario
from .environment import Environments
from .history import History
from .ownership import Ownership
from .properties import lacks
from .writes import Write


class Repair:
    """Of one trial; every question but `acted_before` is for a workload that recovered."""

    def __init__(
        self, plan: Scenario, evidence: Evidence, history: History, writes: list[Write], owners: Ownership
    ) -> None:
        self._right = plan.right
        self._evidence = evidence
        self._history = history
        self._environments = Environments(plan, evidence, history, writes)
        # A recovery may have come of anything that it did; its notes are nothing of the kind.
        since = evidence.broken or 0.0
        acts = (one.time for one in writes if one.time >= since and not owners.is_its_own(one.ref))
        self._first_act = min(acts, default=math.inf)

    def acted_before(self, recovery: Recovery) -> bool:
        """A container that crashes slowly looks well in between: that is nobody's repair."""
        return self._first_act <= recovery.since

    def missing(self) -> Iterator[str]:
        """What is not right in the end, though it works."""
        for wanted in self._right:
            found = self._evidence.final.get(wanted.object) or self._history.done(wanted.object)
            if problem := self._lacks(wanted, found):
                why = f" ({wanted.why})" if wanted.why else ""
                yield f"{problem}{why} (manifest diff)"
        for ref, pod in self._evidence.final.items():
            if guess := self._guessed(ref, pod):
                yield f"{guess} (timeline)"

    def since(self) -> float:
        """Since when it has worked, and rightly so: what came first and was mended later was repaired later."""
        last = self._evidence.recoveries[-1].since
        return max(began(self._evidence.recoveries, self._first_act), min(last, self._mended_at()))

    def _mended_at(self) -> float:
        """When the last thing that is to be right became so."""
        latest = 0.0
        for wanted in self._right:
            for state, following in pairwise(self._history.of(wanted.object)):
                if self._lacks(wanted, state.object):
                    latest = max(latest, following.time)
        for ref in self._history.refs("Pod") if self._environments.matter else ():
            for state, following in pairwise(self._history.of(ref)):
                if self._guessed(ref, state.object):
                    latest = max(latest, following.time)
        return latest

    def _guessed(self, ref: Ref, pod: Obj) -> str:
        """What a pod runs on that was not right when it started."""
        return self._environments.guessed(pod) if ref.kind == "Pod" else ""

    def _lacks(self, wanted: Property, found: Obj | None) -> str:
        return lacks(wanted, found, self._evidence.baseline.get(wanted.object), self._history.tags)
