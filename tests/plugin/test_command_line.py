"""`healgate`: its commands, and what it says to mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from healgate import cli

from .conftest import Place


def test_help_answers_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, healgate.cli\n"
        "try:\n    healgate.cli.main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'pydantic', 'kubernetes', 'chaoslib', 'pytest', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for command in ("up", "lint", "gate", "report"):
        assert f"    {command} " in shown


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["up", "--port", "http"], "argument --port: expected a port from 0 (a free one) to 65535; found 'http'"),
        (["up", "--warp", "0"], "argument --warp: expected a factor above 0, like 20; found '0'"),
        (["report"], "the following arguments are required: FOLDER"),
        (["report", "nowhere"], "healgate report: nowhere: expected a folder that a run wrote"),
        (["lint", "nowhere"], "healgate lint: nowhere: there is no such file or folder"),
    ],
)
def test_a_mistake_is_exit_status_4_and_a_sentence(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status: object = cli.main(args)
    except SystemExit as end:
        status = end.code
    assert status == 4
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_without_a_command_it_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "usage: healgate" in capsys.readouterr().out


def test_the_shipped_scenarios_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    catalogue = Path(__file__).parents[2] / "scenarios"
    assert cli.main(["lint", str(catalogue / "oom")]) == 0
    assert "scenario files are right" in capsys.readouterr().out
    assert cli.main(["lint", str(catalogue / "oom" / "leak.yaml")]) == 0
    assert capsys.readouterr().out == "1 scenario file is right\n"


def test_lint_names_every_mistake_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "oom").mkdir()
    (tmp_path / "oom" / "torn.yaml").write_text("title: [healgate\nx: 1\n")
    (tmp_path / "oom" / "empty.yaml").write_text("")
    assert cli.main(["lint", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{tmp_path}/oom/empty.yaml: ")
    assert lines[1].startswith(f"{tmp_path}/oom/torn.yaml:2:")
    assert lines[2] == "2 mistakes in 2 files"


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org")


def test_the_report_begins_with_the_runs_own_table(
    two: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from healgate.reports import merge

    monkeypatch.setattr(merge, "build_report", lambda *_: True)
    monkeypatch.setenv("COLUMNS", "80")
    two.verdicts({"oom/leak-t1": "FAIL", "bad-image/typo-t2": "INVALID"})
    shown = two.run("scenarios", "--trials", "3").outlines
    capsys.readouterr()
    assert cli.main(["report", str(two.path / "healgate-out")]) == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line and line in shown]
    assert [line.split()[0] for line in table if not line.startswith((" ", "-"))] == [
        "scenario", "bad-image/typo", "oom/leak", "all",
    ]  # fmt: skip
