"""What counts as the healer's doing while a trial runs: not its notes, and not a look."""

from __future__ import annotations

import math

import pytest

from healgate.doings import Doings
from healgate.evidence import Ref

from ..judge.some_evidence import BACKEND, BACKEND_POD, NAMESPACE, START, Trial, obj, plan


@pytest.fixture
def made() -> Trial:
    return Trial()


def doings(made: Trial) -> Doings:
    return Doings(plan(), made.evidence)


def test_a_note_is_none(made: Trial) -> None:
    made.creates(obj("ConfigMap", "mine"), 75)
    assert doings(made).first_act() == math.inf
    assert not doings(made).tried_before(START + 100)
    made.asks("patch", Ref("ConfigMap", "data"), 80)  # others read that one
    assert doings(made).first_act() == START + 80


def test_a_command_may_have_done_something_and_is_no_act(made: Trial) -> None:
    made.asks("create", BACKEND_POD, 75, subresource="exec")
    assert doings(made).first_act() == math.inf
    assert doings(made).tried_before(START + 100)
    assert not doings(made).tried_before(START + 70)


@pytest.mark.parametrize(
    ("more", "acts"),
    [({"code": 0}, False), ({"code": 422}, False), ({"namespace": "other"}, False), ({"namespace": ""}, True)],
    ids=str,
)
def test_what_was_done_here_or_on_the_nodes_is_an_act(made: Trial, more: dict[str, object], acts: bool) -> None:
    made.asks("patch", BACKEND, 80, **{"namespace": NAMESPACE, **more})
    assert doings(made).acted is acts
