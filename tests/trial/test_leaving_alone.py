"""Where nothing is due, a healer that leaves it alone is right, and the symptom must pass by itself."""

from __future__ import annotations

import pytest

from healgate.chaos import run
from healgate.clusters import open_cluster
from healgate.drivers import find_healer
from healgate.scenario.catalogue import Catalogue
from healgate.trial import Outcome, run_trial
from healgate.words import Verdict

SHIPPED = Catalogue.load().scenarios


def leaves_alone() -> Outcome:
    """With some of the time left in which it may pass, as there is on a real cluster."""
    scenario, cluster, null = SHIPPED["nothing/rolling-update"], open_cluster("embedded"), find_healer("null")
    return run_trial(scenario, 1, seed="alone", cluster=cluster, healer=null, budget_scale=2.0)


def answers(monkeypatch: pytest.MonkeyPatch, *failing: int) -> list[int]:
    """Have these of the questions whether it works answered with no, counted from 1; how many were asked."""
    asked: list[int] = []
    usual = run.works

    def works(*args: object) -> tuple[bool, str]:
        asked.append(len(asked) + 1)
        return (False, "no answer") if asked[-1] in failing or -1 in failing else usual(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "works", works)
    return asked


def test_a_probe_that_fails_at_the_very_end_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on a busy node: the rollout was long over, and one answer took more than a second."""
    asked = answers(monkeypatch)
    assert leaves_alone().record.verdict is Verdict.PASS
    last = len(asked)
    answers(monkeypatch, last)
    assert leaves_alone().record.verdict is Verdict.PASS


def test_a_symptom_that_does_not_pass_is_an_error_of_the_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch)
    leaves_alone()
    answers(monkeypatch, *range(len(asked), 1000))
    found = leaves_alone().record
    assert found.verdict is Verdict.ERROR
    assert "nobody acted, yet the symptom did not pass: no answer" in found.message
