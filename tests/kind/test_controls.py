"""How `make kind` goes through the verdicts of a real cluster, told by runs that were made up."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from healgate.reports import story
from healgate.words import Verdict

from ..reports import made_up
from . import controls
from .controls import Row, Run, unjudged, wrong

LEAK = "oom/leak"
DUE = {"reference": "PASS", "null": "FAIL"}

Controls = Callable[..., int]


def row(verdict: str, scenario: str = LEAK) -> Row:
    return {"scenario": scenario, "verdict": verdict, "message": f"so it was: {verdict}", "evidence": ""}


@pytest.fixture
def run_controls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Controls:
    """The controls over runs that find what they are told, run after run of the same healer."""

    def run(**found: list[str]) -> int:
        verdicts = {healer: list(found.get(healer, [due])) for healer, due in DUE.items()}

        def start(healer: str, _cluster: str, _workers: int, _scale: float, out: Path, files: object = ()) -> Run:
            out.mkdir()
            one = row(verdicts[healer].pop(0))
            (out / "trials.jsonl").write_text(json.dumps({**one, "evidence": "leak.json"}) + "\n")
            story.write(out / "leak.json", story.tell(made_up.evidence(), made_up.plan(), made_up.row(), 1.0))
            out.with_suffix(".log").write_text(f"{healer} ran {files or 'all'}\n")
            return Run(healer, out, subprocess.Popen(["true"]))

        monkeypatch.setattr(controls, "start", start)
        return controls._controls("kind", 2, 1.0, tmp_path, [LEAK])

    return run


def test_what_was_written_down_is_found(run_controls: Controls) -> None:
    assert run_controls() == 0


def test_what_could_not_be_judged_is_run_once_more(run_controls: Controls, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_controls(reference=["INVALID", "PASS"]) == 0
    assert "again: reference oom/leak was INVALID: so it was: INVALID" in capsys.readouterr().out


@pytest.mark.parametrize("second", ["FAIL", "INVALID", "ERROR"])
def test_and_the_second_answer_counts(run_controls: Controls, second: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_controls(reference=["INVALID", second]) == 1
    assert f"expected PASS, found {second}: so it was: {second}" in capsys.readouterr().out


@pytest.mark.parametrize("healer", ["reference", "null"])
def test_a_wrong_verdict_stands_and_is_told(
    run_controls: Controls, healer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"PASS": "FAIL", "FAIL": "PASS"}[DUE[healer]]
    assert run_controls(**{healer: [other]}) == 1
    said = capsys.readouterr().out
    assert "1 unexpected" in said
    assert "backend api ended: OOMKilled 137" in said
    assert f"{healer} ran all" in said


def test_only_what_could_not_be_judged_is_run_again() -> None:
    assert unjudged({f"oom/{verdict}": row(verdict) for verdict in Verdict}) == ["oom/INVALID"]


def test_a_trial_that_was_not_run_is_unexpected() -> None:
    found = wrong("reference", {LEAK: row("PASS")}, [LEAK, "oom/limit-too-low"])
    assert "found none: it was not run" in found["oom/limit-too-low"]


def test_a_null_healer_that_passes_is_unexpected() -> None:
    blip = "nothing/registry-blip"
    found = wrong("null", {LEAK: row("PASS"), blip: row("PASS", blip)}, [LEAK, blip])
    assert list(found) == [LEAK]
    assert "expected FAIL, found PASS" in found[LEAK]
