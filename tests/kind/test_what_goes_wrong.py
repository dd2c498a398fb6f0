"""What can be wrong with kind, Docker or the machine is said in a sentence, and never blamed on the healer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from healgate.clusters import kind_ready, real_rest
from healgate.clusters.kind import open_kind
from healgate.problems import HarnessError, UsageProblem
from healgate.words import ExitStatus

from .fakes import ENGINE_IS_DOWN, ENGINE_IS_UP, TOOLS, Programs

CLONE = Path(__file__).parents[2]
# Real seconds after which a test that would hang fails instead.
LIMIT = 300.0


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (folder / tool).symlink_to(found)
    made = Programs(folder, tmp_path / "cache")
    made.have("docker", ENGINE_IS_UP)
    made.have("kubectl", "exit 0")
    made.creating_says("ERROR: nothing was said")
    environment = made.environment()
    for name in set(os.environ) - set(environment):
        if not name.startswith("PYTEST_"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return made


def opening(reuse: str | None = None) -> str:
    """What a person is told who wants a cluster."""
    with pytest.raises(UsageProblem) as told:
        open_kind(image=None, speed="fast", reuse=reuse, say=lambda _text: None)
    return str(told.value)


def test_no_docker(programs: Programs) -> None:
    (programs.folder / "docker").unlink()
    assert opening().startswith("--cluster kind: expected docker on PATH, found none. Install Docker")


def test_an_engine_that_is_not_running(programs: Programs) -> None:
    programs.have("docker", ENGINE_IS_DOWN)
    assert "docker does not answer: the container engine is not running: start it" in opening()


def test_no_kind_and_no_way_to_fetch_one(programs: Programs) -> None:
    (programs.folder / "kind").unlink()
    assert "kind is not on PATH and could not be downloaded: install it" in opening()


@pytest.mark.parametrize(
    ("kind_says", "healgate_says"),
    [
        (
            'ERROR: failed to create cluster: failed to pull image "kindest/none:v1": command "docker pull" failed',
            "the node image is not there and could not be pulled",
        ),
        (
            "docker: Error response from daemon: driver failed programming external connectivity: Bind for "
            "127.0.0.1:6443 failed: port is already allocated.",
            "a port that the cluster needs is taken",
        ),
        (
            "ERROR: failed to create cluster: write /var/lib/docker/tmp: no space left on device",
            "the disk is full: free some space",
        ),
        ("ERROR: something that nobody has seen before", "something that nobody has seen before"),
    ],
)
def test_a_cluster_that_cannot_be_made(programs: Programs, kind_says: str, healgate_says: str) -> None:
    programs.creating_says(kind_says)
    said = opening()
    assert "--cluster kind: the cluster could not be made" in said
    assert healgate_says in said
    assert not list((programs.cache / "healgate" / "left").glob("kind-*.json")), "it is noted as if it were there"


def test_a_cluster_to_be_used_again_that_is_not_there(programs: Programs) -> None:
    programs.have("kind", 'case "$*" in "get clusters") echo other ;; *) exit 1 ;; esac')
    assert "--reuse-cluster mine: there is no such kind cluster (there are: other)" in opening("mine")


def test_a_cluster_that_never_answers(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kind create` succeeds, and nobody listens where its kubeconfig leads to."""
    monkeypatch.setattr(kind_ready, "READY_WITHIN", 0.1)
    monkeypatch.setattr(real_rest, "BACK_WITHIN", 0.1)
    programs.there_is_a_cluster("http://127.0.0.1:9")
    with pytest.raises(HarnessError, match=r"the cluster was not ready within 0.1s: the API server .* does not answer"):
        open_kind(image=None, speed="fast", reuse="mine", say=lambda _text: None)


def test_a_run_ends_before_its_first_trial(programs: Programs) -> None:
    """As a person sees it."""
    programs.have("docker", ENGINE_IS_DOWN)
    out = programs.cache.parent / "out"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "oom", "--cluster", "kind"]
    done = subprocess.run(
        [*command, "--out", str(out)],
        cwd=CLONE,
        env=programs.environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == ExitStatus.USAGE, said
    assert "the container engine is not running" in said
    assert "Traceback" not in said
    assert not (out / "trials.jsonl").exists()
