"""The run's real cluster as pytest sees it: what stops a run before it begins, and who ends with whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from healgate.clusters.running import Running
from healgate.words import ExitStatus

LIMIT = 180

# A controller that starts a worker, says its number, and waits to be killed.
CONTROLLER = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", '''
import sys, time
from healgate.plugin.keeper import leave_with_the_controller
leave_with_the_controller()
print("up", flush=True)
time.sleep(3600)
'''])
worker.wait()
"""


def run_pytest(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "scenarios/oom/limit-too-low.yaml", *args],
        cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip


def test_a_worker_does_not_outlive_a_controller_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", CONTROLLER], stdout=subprocess.PIPE) as controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"up\n"
        os.kill(controller.pid, signal.SIGKILL)
        assert controller.stdout.read() == b""  # the worker had its end of the pipe as well


def test_a_cluster_that_cannot_be_had_is_said_once_before_anything_runs(tmp_path: Path, kubeconfig: Path) -> None:
    del kubeconfig
    done = run_pytest(tmp_path, "--cluster", "existing", "-n", "2")
    assert done.returncode == ExitStatus.USAGE
    assert done.stderr.count("expected --context NAME") == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_an_unmarked_cluster_is_refused_by_a_run(tmp_path: Path, kubeconfig: Path) -> None:
    del kubeconfig
    done = run_pytest(tmp_path, "--cluster", "existing", "--context", "test")
    assert done.returncode == ExitStatus.USAGE
    assert "is not marked as disposable, and nothing was written to it" in done.stderr


def test_listing_what_would_run_needs_no_cluster(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--cluster", "existing", "--collect-only", "-q")
    assert done.returncode == ExitStatus.PASSED
    assert "oom/limit-too-low-t1" in done.stdout


def test_a_worker_is_handed_all_that_it_needs() -> None:
    running = Running("kind", "north-1", "/kubeconfig", None, 7, "fast", "base", "kafka")
    assert Running.read(running.as_dict()) == running


@pytest.mark.parametrize("value", ["slow", ""])
def test_a_timing_that_there_is_not_is_refused(tmp_path: Path, value: str) -> None:
    done = run_pytest(tmp_path, "--cluster", "kind", "--timing", value)
    assert done.returncode == ExitStatus.USAGE
    assert "expected one of fast, stock" in done.stderr
