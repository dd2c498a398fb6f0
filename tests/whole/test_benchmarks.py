"""The benchmarks can be run, whatever they come to: nothing here is timed."""

from __future__ import annotations

import importlib

import pytest

from healgate.scenario.catalogue import Catalogue
from tests.benchmarks import scale, trial


@pytest.mark.parametrize("name", ["api", "kind", "scale", "trial"])
def test_a_benchmark_finds_what_it_uses(name: str) -> None:
    assert callable(importlib.import_module(f"tests.benchmarks.{name}").main)


def test_a_large_cluster_that_fails_everywhere_in_small() -> None:
    found = scale.measure(20, 120.0)
    assert found["restarts"] > 20


def test_more_replicas_are_still_one_scenario() -> None:
    scenario = trial.Larger(Catalogue.load().scenarios[trial.SCENARIO], 3)
    harness, own, minutes, verdicts = trial.measure(scenario, "reference", 1)
    assert verdicts == "PASS"
    assert min(harness, own, minutes) > 0
