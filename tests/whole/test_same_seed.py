"""A trial is a function of its seed: not of the process, of the order of a set, or of who runs beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from healgate.clusters import open_cluster
from healgate.drivers import find_healer
from healgate.scenario.catalogue import Catalogue
from healgate.trial import run_trial

from . import runs

# One or two of every class, with a Job, a co-actor, a database and nothing to do among them.
SCENARIOS = (
    "limit-too-low", "tag-does-not-exist", "env-secret-deleted", "readiness-wrong", "fewer-partitions",
    "database-down", "registry-blip", "lease-lost-in-backup",
)  # fmt: skip


def test_three_processes_agree_to_the_byte(tmp_path: Path) -> None:
    one, other, workers = (
        runs.start(tmp_path / "one", SCENARIOS, "--seed", "blue", hash_seed="0"),
        runs.start(tmp_path / "other", SCENARIOS, "--seed", "blue", hash_seed="1"),
        runs.start(tmp_path / "workers", SCENARIOS, "--seed", "blue", "-n", "2", hash_seed="2"),
    )
    shown = [run.finish() for run in (one, other, workers)]
    assert [run.status for run in (one, other, workers)] == [0, 0, 0], shown
    assert len(one.lines) == len(SCENARIOS)
    assert sorted(one.lines) == sorted(other.lines) == sorted(workers.lines)
    assert len(one.evidence) == len(SCENARIOS)
    assert one.evidence == other.evidence == workers.evidence


@pytest.mark.parametrize("name", sorted(Catalogue.load().scenarios))
def test_another_seed_gives_other_parameters(name: str) -> None:
    scenario = Catalogue.load().scenarios[name]
    drawn = {seed: [scenario.plan(seed, trial).parameters for trial in range(1, 21)] for seed in ("blue", "red")}
    assert drawn["blue"] != drawn["red"]
    assert drawn["blue"] == [scenario.plan("blue", trial).parameters for trial in range(1, 21)]


def test_a_trial_does_not_depend_on_what_ran_before_it() -> None:
    """With --resume or other workers a trial has other predecessors in its process."""
    scenarios = Catalogue.load().scenarios
    cluster, healer = open_cluster("embedded"), find_healer("reference")
    first = run_trial(scenarios["oom/limit-too-low"], 2, seed="blue", cluster=cluster, healer=healer)
    run_trial(scenarios["nothing/registry-blip"], 1, seed="blue", cluster=cluster, healer=find_healer("notebook"))
    again = run_trial(scenarios["oom/limit-too-low"], 2, seed="blue", cluster=cluster, healer=healer)
    assert again.record == first.record
    assert again.evidence == first.evidence
