"""`chaos run` alone, against a kubeconfig: every scenario deploys, breaks, proves, and its journal deviates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaoslib.experiment import ensure_experiment_is_valid, run_experiment
from chaoslib.types import Strategy
from kubernetes.config import kube_config

from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.http import HttpDoor
from healgate.embedded.door.kubeconfig import write_kubeconfig
from healgate.scenario.catalogue import Catalogue

CATALOGUE = Catalogue.load().scenarios
USUAL_WARP = 60.0
# Some pass by themselves within a minute, which a slow machine must not miss; in one of them hours have to go by.
WARP = {name: 10.0 for name in CATALOGUE if name.startswith("nothing/")} | {"nothing/old-restarts": 2500.0}


@pytest.fixture
def kubeconfig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cluster behind its HTTP door, and the way to it."""
    cluster = EmbeddedCluster("a cluster to play with")
    path = tmp_path / "kubeconfig"
    with HttpDoor(cluster.server, cluster.clock, warp=request.param, tokens={"token": ""}) as door:
        write_kubeconfig(path, door.url, "token")
        monkeypatch.setenv("KUBECONFIG", str(path))
        # The client reads the variable once, when it is imported.
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        yield path
    cluster.close()


EVERY = [pytest.param(name, WARP.get(name, USUAL_WARP), id=name) for name in CATALOGUE]


@pytest.mark.parametrize(("name", "kubeconfig"), EVERY, indirect=["kubeconfig"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the official client leaves its pool to the collector
def test_every_experiment_deviates_as_it_stands(name: str, kubeconfig: Path) -> None:
    experiment = yaml.safe_load(CATALOGUE[name].path.read_text())
    ensure_experiment_is_valid(experiment)
    assert experiment["runtime"]["hypothesis"]["strategy"] == "after-method-only"
    journal = run_experiment(experiment, settings={}, strategy=Strategy.AFTER_METHOD)
    check(journal)
    assert kubeconfig.exists()


@pytest.mark.parametrize("kubeconfig", [USUAL_WARP], indirect=True)
def test_the_command_line_needs_no_option(kubeconfig: Path, tmp_path: Path) -> None:
    """That the hypothesis is asked after the method only stands in the file."""
    name = "missing-secret/env-secret-deleted"
    chaos = [sys.executable, "-m", "chaostoolkit", "run", str(CATALOGUE[name].path), "--journal-path", "journal.json"]
    run = subprocess.run(chaos, cwd=tmp_path, env={**os.environ, "KUBECONFIG": str(kubeconfig)}, capture_output=True)
    assert run.returncode == 1, run.stderr.decode()
    check(json.loads((tmp_path / "journal.json").read_text()))


def check(journal: dict[str, Any]) -> None:
    assert [run["status"] for run in journal["run"]] == ["succeeded"] * len(journal["run"])
    assert journal["run"][-1]["output"] is True
    assert journal["steady_states"]["before"] is None
    assert journal["deviated"] is True
