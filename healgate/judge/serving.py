"""Who calls a human leaves what still serves as it is.

The trap is what the fault took meanwhile, or what ended by itself: that is not the healer's doing.
"""

from __future__ import annotations

from ..evidence import Evidence, Obj, Ref, is_ready
from .history import History
from .ownership import Ownership
from .writes import Write, restarts

# What runs pods: who deletes one of these may take away what serves.
SERVED_BY = frozenset({"Pod", "ReplicaSet", "Deployment", "StatefulSet"})


class Serving:
    """The target's pods that are ready and were never restarted."""

    def __init__(self, evidence: Evidence, history: History, owners: Ownership) -> None:
        self._final = evidence.final
        self._history = history
        self._owners = owners

    def left_worse(self, acts: list[Write]) -> str:
        """What it took away of what it found; "" if nothing."""
        touched = [one for one in acts if one.ref.kind in SERVED_BY and self._owners.may_be_touched(one.ref)]
        if not touched:
            return ""
        first = touched[0].time
        found = {ref for ref in self._history.refs("Pod") if self._serves(ref, self._history.before(ref, first))}
        taken = {ref for ref in found if self._was_taken(ref)}
        made = {ref for ref in self._history.refs("Pod") if ref not in found and self._served_since(ref, first)}
        if len(taken) <= len(made):
            return ""
        left = max(0, len(found) - len(taken) + len(made))
        return f"left {left} pods that serve of the {len(found)} that it found: {touched[0]}"

    def _serves(self, ref: Ref, pod: Obj | None) -> bool:
        if pod is None or not self._owners.may_be_touched(ref) or not pod["metadata"].get("ownerReferences"):
            return False
        return is_ready(pod) and not restarts(pod)

    def _was_taken(self, ref: Ref) -> bool:
        """Gone, or no more the workload's, or kept from being ready; what ended by itself was not taken."""
        pod = self._final.get(ref)
        return pod is None or not (restarts(pod) or self._serves(ref, pod))

    def _served_since(self, ref: Ref, time: float) -> bool:
        return any(state.time >= time and self._serves(ref, state.object) for state in self._history.of(ref))
