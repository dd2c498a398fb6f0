"""A moment in which a workload is not ready, after its repair: on a busy node that is no relapse."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.chaos import run
from healgate.clusters import open_cluster
from healgate.drivers import find_healer
from healgate.evidence import Ref
from healgate.scenario.catalogue import Catalogue
from healgate.trial import WORK_EVERY, Outcome, Step, Trial, run_trial
from healgate.words import Verdict

SHIPPED = Catalogue.load().scenarios


def lapses(monkeypatch: pytest.MonkeyPatch, after: float, lasts: float) -> Outcome:
    """So long after the fault was live a pod is not ready, and then it is again."""
    watched = Trial.watch

    def watch(self: Trial) -> None:
        def tell(ready: str) -> None:
            (pod, *_) = self.view.pods_of(Ref("Deployment", "backend"))
            conditions = [{"type": kind, "status": ready} for kind in ("Ready", "ContainersReady")]
            path = f"/api/v1/namespaces/{self.lease.namespace}/pods/{pod['metadata']['name']}/status"
            kind = "application/strategic-merge-patch+json"
            assert self.lease.rest.request("PATCH", path, None, {"status": {"conditions": conditions}}, kind).ok

        self.lease.after(after, lambda: tell("False"))
        self.lease.after(after + lasts, lambda: tell("True"))
        watched(self)

    monkeypatch.setattr(Trial, "watch", watch)
    scenario, cluster = SHIPPED["oom/limit-too-low"], open_cluster("embedded")
    return run_trial(scenario, 1, seed="lapses", cluster=cluster, healer=find_healer("reference"))


@pytest.mark.parametrize("budgets", [0.5, 1.1])
def test_a_lapse_is_none_also_when_the_budget_is_over(monkeypatch: pytest.MonkeyPatch, budgets: float) -> None:
    after = budgets * SHIPPED["oom/limit-too-low"].default.budgets.recover
    found = lapses(monkeypatch, after, 2.0)
    assert found.record.verdict is Verdict.PASS, found.record.message
    assert len(found.evidence.recoveries) == 1
    assert found.evidence.ended is not None
    assert found.evidence.live is not None
    # And it is held anew from there.
    assert found.evidence.ended - (found.evidence.live + after) >= found.evidence.hold


@pytest.mark.parametrize("answers", [["no", "no", "yes"], ["late", "yes"]], ids=" ".join)
def test_one_bad_answer_is_no_end_of_a_recovery(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> None:
    asked, works = list(answers), run.works

    def held(experiment: Any, lease: Any) -> tuple[bool, str]:
        answer = asked.pop(0) if asked and holding else "yes"
        if answer == "late":
            lease.sleep(WORK_EVERY)
        return works(experiment, lease) if answer == "yes" else (False, "it does not answer")

    holding: list[Step] = []
    monkeypatch.setattr("healgate.chaos.run.works", held)

    def told(step: Step, _: str) -> None:
        if step is Step.HOLD:
            holding.append(step)

    found = run_trial(
        SHIPPED["oom/limit-too-low"], 1, seed="lapses", cluster=open_cluster("embedded"),
        healer=find_healer("reference"), tell=told,
    )  # fmt: skip
    assert asked == []
    assert found.record.verdict is Verdict.PASS, found.record.message
    assert len(found.evidence.recoveries) == 1
    assert found.evidence.recoveries[0].until is None
