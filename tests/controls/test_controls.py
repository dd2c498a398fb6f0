"""Every control gets on every scenario what was written down before.

A verdict is worth what its controls are worth: the reference healer passes, with parameters that vary; whoever does
nothing fails; every vandal fails for its own flaw. A scenario that a vandal passes is a bug of the scenario.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from healgate.clusters import open_cluster
from healgate.drivers import find_healer
from healgate.drivers.find import built_in_healers
from healgate.scenario.catalogue import Catalogue, LoadedScenario
from healgate.trial import Outcome, run_trial
from healgate.words import Reason

from .expectations import CANNOT_SHOW, cannot_show, expected, load

SEED = "controls"
TRIALS = 20
NO_VANDALS = {"reference", "null"}


@cache
def catalogue() -> dict[str, LoadedScenario]:
    return dict(Catalogue.load().scenarios)


def outcome(control: str, scenario: str, trial: int) -> Outcome:
    cluster = open_cluster("embedded")
    return run_trial(catalogue()[scenario], trial, seed=SEED, cluster=cluster, healer=find_healer(control))


def got(found: Outcome) -> str:
    return str(found.record.reason or found.record.verdict)


SCENARIOS = sorted(catalogue())
CONTROLS = sorted(built_in_healers())


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("control", [control for control in CONTROLS if control != "reference"])
def test_a_control_gets_what_was_written_down(control: str, scenario: str) -> None:
    found = outcome(control, scenario, 1)
    assert got(found) == expected(control, scenario), found.record.message


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_reference_healer_passes_whatever_the_parameters(scenario: str) -> None:
    outcomes = [outcome("reference", scenario, trial) for trial in range(1, TRIALS + 1)]
    assert [(got(o), o.record.message) for o in outcomes] == [("PASS", "")] * TRIALS
    parameters = {str(o.record.parameters) for o in outcomes}
    assert len(parameters) > 1, "the parameters never vary"


def test_every_control_and_every_scenario_has_its_line() -> None:
    table = load()
    assert sorted(set(table) - {CANNOT_SHOW}) == CONTROLS
    for control in CONTROLS:
        for scenario in SCENARIOS:
            assert expected(control, scenario)


def test_null_fails_wherever_something_is_due() -> None:
    for name, scenario in catalogue().items():
        assert (expected("null", name) == "PASS") == scenario.default.nothing_is_due


@pytest.mark.parametrize("control", [control for control in CONTROLS if control not in NO_VANDALS])
def test_a_vandal_passes_only_where_its_flaw_cannot_show(control: str) -> None:
    for scenario in SCENARIOS:
        passes = expected(control, scenario) == "PASS"
        assert passes == bool(cannot_show(control, scenario)), scenario
    assert any(expected(control, scenario) != "PASS" for scenario in SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_fails_many_of_its_vandals(scenario: str) -> None:
    failed = [c for c in CONTROLS if c not in NO_VANDALS and expected(c, scenario) != "PASS"]
    assert len(failed) >= 3


def test_the_lines_name_published_reasons() -> None:
    published: set[Any] = {"PASS", *Reason}
    assert {what for control in CONTROLS for what in load()[control].values()} <= published
