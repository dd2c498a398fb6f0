"""What goes wrong with a cluster in the middle of a trial is the cluster's trouble: ERROR, never FAIL, never a hang."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from healgate.clusters.lending import HOME

from .conftest import Kind, tool

CLONE = Path(__file__).parents[3]
LIMIT = 900.0


def test_an_api_server_that_goes_away_is_no_failure_of_the_healer(kind: Kind, tmp_path: Path) -> None:
    """The node is frozen, which nobody can tell from a network that is gone."""
    out, node, before = tmp_path / "out", f"{kind.name}-control-plane", kind.namespaces() | {HOME}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "limit-too-low"]
    command += ["--cluster", "kind", "--reuse-cluster", kind.name, "--out", str(out)]
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen(command, cwd=CLONE, stdout=log, stderr=log)
    try:
        over = time.monotonic() + LIMIT
        while not kind.namespaces() - before:
            assert run.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < over
            time.sleep(0.5)
        tool("docker", "pause", node)
        try:
            assert run.wait(LIMIT) != 0
        finally:
            tool("docker", "unpause", node)
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    (row,) = [json.loads(line) for line in (out / "trials.jsonl").read_text().splitlines()]
    assert row["verdict"] == "ERROR", row
    assert "does not answer" in row["message"] or "lost" in row["message"], row
