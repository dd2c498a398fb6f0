"""What the healer has said and done so far, as far as a trial must know while it runs.

Coarser than the judge, who knows every object's history in the end: here it only decides how long is waited for what.
The trap is to end a trial for an act that was none, a note or a word about somebody else, before the real one comes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from .evidence import Evidence, Ref, Request
from .judge import calls_for_a_human
from .judge.ownership import HOLD_DATA
from .scenario.model import Scenario


class Doings:
    """Of one trial's healer."""

    def __init__(self, plan: Scenario, evidence: Evidence) -> None:
        self._plan = plan
        self._evidence = evidence
        self._told = 0
        self._escalated = math.inf

    def tried_before(self, time: float) -> bool:
        """Whether it had done something that a recovery may have come of, a command in a container included."""
        return any(request.time <= time for request in self._tries())

    def first_act(self, since: float = 0.0) -> float:
        """When it first changed something."""
        return min((request.time for request in self._acts() if request.time >= since), default=math.inf)

    @property
    def acted(self) -> bool:
        return self.first_act() < math.inf

    @property
    def silent(self) -> bool:
        """It has said nothing, and done nothing but look."""
        return not self._evidence.claims and not any(request.acts for request in self._evidence.requests)

    @property
    def named_a_class(self) -> bool:
        return any(claim.word == "classified" for claim in self._evidence.claims)

    @property
    def escalated(self) -> float:
        """When it first called a human about what was broken."""
        told = sum(claim.word == "escalated" for claim in self._evidence.claims)
        if self._told != told:  # to say which of them count takes the judge a while
            self._told = told
            calls = calls_for_a_human(self._plan, self._evidence)
            self._escalated = min((call.time for call in calls), default=math.inf)
        return self._escalated

    def _acts(self) -> Iterator[Request]:
        """A look into a container changes nothing, nor does what nobody answered."""
        return (request for request in self._tries() if request.accepted and not request.is_command)

    def _tries(self) -> Iterator[Request]:
        """Here, or on the nodes."""
        here = (self._evidence.namespace, "")
        return (one for one in self._evidence.requests if one.acts and one.namespace in here and not self._notes(one))

    def _notes(self, request: Request) -> bool:
        return request.kind in HOLD_DATA and Ref(request.kind, request.name) not in self._evidence.baseline
