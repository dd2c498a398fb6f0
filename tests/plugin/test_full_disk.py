"""A disk that takes no more: a message instead of a traceback, no verdict that nobody can look at, nothing lost.

The limit is the kernel's own on the size of a file, which fails as a full disk does: in the middle of a line, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from healgate import record

from .conftest import Place

LIMITED = """
import resource, sys
import pytest
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(pytest.main(["-p", "no:hypothesispytest", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""
TRIALS = ("scenarios", "--trials", "4")


def run(place: Place, most: int, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-c", LIMITED, str(most), *args],
        cwd=place.path,
        capture_output=True,
        text=True,
        check=False,
    )


# Of the run's own description, of a trial's evidence, of the second line of results, of the JUnit file, of nothing.
@pytest.mark.parametrize("most", [300, 700, 1000, 1700, 2500, 5000, 1_000_000])
def test_a_full_disk_ends_in_a_message_and_the_run_goes_on_where_there_is_room(two: Place, most: int) -> None:
    result = run(two, most, *TRIALS)
    shown = result.stdout + result.stderr
    assert "Traceback" not in shown
    assert "INTERNALERROR" not in shown
    if most == 1_000_000:
        assert result.returncode == pytest.ExitCode.OK
        return
    if result.returncode == pytest.ExitCode.USAGE_ERROR:
        assert "expected a folder to write into; " in shown
    else:
        assert result.returncode == 6
        assert "run again with --resume: what was written is kept" in shown
        rows = two.rows().values() if (two.path / "healgate-out/trials.jsonl").exists() else ()
        assert all(row["evidence"] or row["verdict"] == "ERROR" for row in rows)
    two.run(*TRIALS, "--resume").assert_outcomes(passed=8)
    assert {row["verdict"] for row in two.rows().values()} == {"PASS"}
    for row in two.rows().values():
        json.loads((two.path / "healgate-out" / str(row["evidence"])).read_text())


def test_half_a_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tmp_path / "trials.jsonl"
    record.append(rows, "the first\n")
    write = os.write
    monkeypatch.setattr(record.os, "write", lambda file, line: write(file, line[:4]))
    with pytest.raises(OSError, match="No space left"):
        record.append(rows, "the second\n")
    monkeypatch.undo()
    record.append(rows, "the third\n")
    assert rows.read_text() == "the first\nthe third\n"
