"""kill -9 in the middle: the next run clears up what was left and nothing else, and no finished trial is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from healgate.clusters import leftovers
from healgate.clusters.lending import HOME
from healgate.clusters.owner import Owner

from .conftest import BYSTANDER, Kind, clusters

CLONE = Path(__file__).parents[3]
SCENARIOS = "tag-does-not-exist or env-secret-deleted or limit-too-low"
KILLS = 5
# How far a run gets before it is killed: from opening the cluster to the middle of the trials.
MOMENTS = (3.0, 15.0, 30.0, 60.0, 120.0)
LIMIT = 1800.0


def start(kind: Kind, out: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", SCENARIOS, "-n", "3"]
    command += ["--cluster", "kind", "--reuse-cluster", kind.name, "--budget-scale", "2", "--out", str(out)]
    with (out.parent / f"{out.name}.log").open("ab") as log:
        return subprocess.Popen([*command, *more], cwd=CLONE, stdout=log, stderr=log, start_new_session=True)


def rows(out: Path) -> list[str]:
    path = out / "trials.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def healers() -> set[int]:
    """Processes of healers that dead runs have left."""
    noted = [note.what["process"] for note in leftovers.notes() if "process" in note.what and note.owner.is_dead]
    return {int(one["pid"]) for one in noted if Path(f"/proc/{one['pid']}").exists()}


def of_dead_runs(kind: Kind) -> list[str]:
    """Namespaces that are noted as lent to a process that is gone."""
    if HOME not in kind.namespaces():
        return []
    notes = kind.kubectl("-n", HOME, "get", "configmaps", "-o", "json")["items"]
    return [note["metadata"]["name"] for note in notes if "pid" in note["data"] and Owner.read(note["data"]).is_dead]


def test_five_kills_and_a_run_that_goes_on(kind: Kind, neighbour: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    finished: list[str] = []
    for number in range(KILLS):
        run = start(kind, out, *(["--resume"] if number else []))
        time.sleep(MOMENTS[number] * random.Random(number).uniform(0.8, 1.2))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        now = rows(out)
        assert now[: len(finished)] == finished, "a finished trial was lost"
        finished = [line for line in now if line.endswith("}")]
    last = start(kind, out, "--resume")
    assert last.wait(LIMIT) == 0, (tmp_path / "out.log").read_text()[-3000:]
    assert rows(out)[: len(finished)] == finished
    done = [(json.loads(line)["scenario"], json.loads(line)["verdict"]) for line in rows(out)]
    assert sorted(done) == sorted(set(done)), "a finished trial was run again"
    assert {verdict for _, verdict in done} == {"PASS"}
    assert len(done) == 3
    assert {kind.name, neighbour} <= clusters()
    assert not of_dead_runs(kind), "namespaces of dead runs are still there"
    assert BYSTANDER in kind.namespaces()
    assert not healers()


@pytest.fixture
def killed_cluster(tmp_path: Path) -> str:
    """The name of a cluster whose run was killed while it was using it."""
    before = clusters()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "tag-does-not-exist"]
    run = subprocess.Popen(
        [*command, "--cluster", "kind", "--out", str(tmp_path / "killed")], cwd=CLONE, start_new_session=True
    )
    over = time.monotonic() + LIMIT
    while not (new := clusters() - before):
        assert run.poll() is None, "it ended before it was killed"
        assert time.monotonic() < over, "it never made its cluster"
        time.sleep(0.5)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return new.pop()


def test_the_cluster_of_a_killed_run_is_deleted_by_the_next_and_no_other(
    kind: Kind, neighbour: str, killed_cluster: str, tmp_path: Path
) -> None:
    assert killed_cluster in clusters()
    run = start(kind, tmp_path / "next", "-k", "tag-does-not-exist")
    assert run.wait(LIMIT) == 0, (tmp_path / "next.log").read_text()[-3000:]
    assert killed_cluster not in clusters()
    assert {kind.name, neighbour} <= clusters()
