"""Where pytest's root is, whatever folders a run's options name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Place

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(two: Place) -> Place:
    """With a configuration of its own, and tests that it does not ask for."""
    two.pytester.makeini("[pytest]\ntestpaths = scenarios\nhealgate_trials = 2\n")
    two.pytester.makepyfile(test_own="def test_own(): assert 0")
    return two


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_folder_elsewhere_does_not_move_the_root(
    project: Place, workers: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("elsewhere")
    for again in ((), ("--resume",)):
        result = project.spawn("--out", str(out), *workers, *again)
        result.assert_outcomes(passed=4)
        result.stdout.fnmatch_lines([f"rootdir: {project.path}", "configfile: tox.ini"])
    assert len(project.rows(str(out))) == 4
    junit = (out / "junit.xml").read_text()
    assert 'classname="scenarios.oom.leak.yaml"' in junit
    assert "test_own" not in junit


def test_nor_does_it_end_a_run_where_warnings_are_errors(tmp_path: Path) -> None:
    """Seen in this very folder: what it was installed from names modules that the first reading has imported."""
    command = [
        str(Path(sys.executable).with_name("pytest")),
        "--collect-only",
        "-k",
        "tag-does",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bad-image/tag-does-not-exist" in done.stdout


def test_a_baseline_elsewhere_does_not_move_the_root(project: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    baseline = tmp_path_factory.mktemp("elsewhere") / "main.json"
    for option in ("--save-baseline", "--save-baseline", "--baseline"):
        result = project.run("--trials", "4", option, str(baseline))
        result.assert_outcomes(passed=8)
        assert result.ret == 0


def test_other_peoples_command_lines_are_left_alone(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makepyfile(test_own="def test_own(request):\n    print(request.config.invocation_params.args)")
    result = pytester.runpytest_inprocess("-s", "--basetemp", str(tmp_path / "temp"), "test_own.py")
    result.stdout.fnmatch_lines(["*'--basetemp', *"])
