"""A verdict stands, whatever becomes of the place afterwards."""

from __future__ import annotations

import warnings

import pytest

from healgate.clusters.embedded import Embedded, EmbeddedLease
from healgate.drivers import find_healer
from healgate.scenario.catalogue import Catalogue
from healgate.trial import Outcome, run_trial
from healgate.words import Verdict


def run() -> Outcome:
    scenario = Catalogue.load().scenarios["bad-image/tag-does-not-exist"]
    return run_trial(scenario, 1, seed="close", cluster=Embedded(), healer=find_healer("claims-only"))


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = EmbeddedLease.close

    def close(self: EmbeddedLease, keep: bool = False) -> None:
        usual(self, keep)
        raise TimeoutError("the watch did not end")

    monkeypatch.setattr(EmbeddedLease, "close", close)


@pytest.mark.usefixtures("stuck")
def test_a_place_that_cannot_be_cleared_away_takes_no_verdict_back() -> None:
    with pytest.warns(
        RuntimeWarning, match=r"bad-image/tag-does-not-exist trial 1: its namespace .* \(TimeoutError: the"
    ):
        found = run()
    assert found.record.verdict is Verdict.FAIL


@pytest.mark.usefixtures("stuck")
def test_nor_where_warnings_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run().record.verdict is Verdict.FAIL


@pytest.mark.usefixtures("stuck")
def test_who_interrupts_a_trial_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("healgate.trial.judge", interrupt)
    with pytest.warns(RuntimeWarning, match="the watch did not end"), pytest.raises(KeyboardInterrupt):
        run()
