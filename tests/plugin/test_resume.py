"""Going on after a run that was cut short, and whose folder may be emptied."""

from __future__ import annotations

import json
import random
import signal

import pytest

from .conftest import Place


def table(result: pytest.RunResult) -> list[str]:
    lines = result.outlines
    start = next(number for number, line in enumerate(lines) if line.startswith("scenario "))
    return lines[start : next(number for number, line in enumerate(lines) if number > start and not line)]


def test_a_resumed_run_ends_as_the_whole_run_would_have(two: Place) -> None:
    script = {"bad-image/typo-t2": "FAIL", "oom/leak-t1": "INVALID"}
    two.verdicts(script)
    whole = two.run("scenarios", "--trials", "3", "--out", "whole")
    two.ran()
    two.verdicts({**script, "oom/leak-t2": "interrupt"})
    two.spawn("scenarios", "--trials", "3", "--out", "parts")
    assert two.ran()[-1] == "oom/leak-t2"
    two.verdicts(script)
    resumed = two.run("scenarios", "--trials", "3", "--out", "parts", "--resume")
    assert two.ran() == ["oom/leak-t2", "oom/leak-t3"]
    assert table(resumed) == table(whole)
    assert resumed.ret == whole.ret
    assert (two.path / "parts/trials.jsonl").read_bytes() == (two.path / "whole/trials.jsonl").read_bytes()


def test_a_row_that_a_kill_cut_short_is_run_again(two: Place) -> None:
    two.run("scenarios")
    path = two.path / "healgate-out" / "trials.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    two.ran()
    two.run("scenarios", "--resume").assert_outcomes(passed=2)
    assert two.ran() == ["oom/leak-t1"]
    assert len(two.rows()) == 2


@pytest.mark.parametrize("draw", range(10))
def test_a_killed_run_loses_no_finished_trial(two: Place, draw: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(f"kill {draw}")
    two.verdicts({"bad-image/typo-t2": "FAIL", "oom/leak-t1": "INVALID"})
    whole = two.run("scenarios", "--trials", "3", "--out", "whole")
    two.ran()
    moment = chance.randrange(18)  # six trials, each writes its evidence, its row and its cost
    monkeypatch.setenv("KILL_AT", str(moment))
    monkeypatch.setenv("TORN", str(draw % 2))
    killed = two.spawn("scenarios", "--trials", "3", "--out", "parts")
    assert killed.ret == -signal.SIGKILL
    finished = (moment + 1) // 3  # rows are written second
    assert len(two.ran()) == moment // 3 + 1
    monkeypatch.delenv("KILL_AT")
    resumed = two.run("scenarios", "--trials", "3", "--out", "parts", "--resume")
    assert len(two.ran()) == 6 - finished
    assert table(resumed) == table(whole)
    assert resumed.ret == whole.ret
    assert (two.path / "parts/trials.jsonl").read_bytes() == (two.path / "whole/trials.jsonl").read_bytes()
    assert len(list((two.path / "parts/evidence").glob("*/*.json"))) == 6


def test_a_torn_row_does_not_swallow_the_next(two: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    two.run("scenarios", "--trials", "2")
    path = two.path / "healgate-out" / "trials.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    monkeypatch.setenv("KILL_AT", "3")  # when the second trial of the resumed run ends
    monkeypatch.setenv("TORN", "0")
    two.spawn("scenarios", "--trials", "3", "--resume", "-k", "oom")
    assert sorted(two.rows()) == ["bad-image/typo-t1", "bad-image/typo-t2", "oom/leak-t1", "oom/leak-t2"]


def test_nothing_is_run_where_all_is_finished(two: Place) -> None:
    two.verdicts({"oom/leak": "FAIL"})
    two.run("scenarios")
    two.ran()
    result = two.run("scenarios", "--resume")
    result.assert_outcomes(passed=1, failed=1)
    assert two.ran() == []
    result.stdout.fnmatch_lines(["healgate: going on after 2 finished trials*"])


def test_workers_resume_too(two: Place) -> None:
    two.run("scenarios", "--trials", "2")
    two.ran()
    two.spawn("scenarios", "--trials", "3", "--resume", "-n", "2").assert_outcomes(passed=6)
    assert sorted(two.ran()) == ["bad-image/typo-t3", "oom/leak-t3"]


def test_resuming_where_nothing_is_begins(two: Place) -> None:
    two.run("scenarios", "--resume").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--seed", "2"), "*holds a run with seed '0', this one has '2'.*"),
        (("--healer", "mine"), "*holds a run with healer 'reference 1.0', this one has 'mine 1.0'.*"),
        (("--budget-scale", "2"), "*holds a run with budget-scale 1.0, this one has 2.0.*"),
    ],
)
def test_another_run_is_not_gone_on_with(two: Place, option: tuple[str, str], said: str) -> None:
    two.run("scenarios")
    two.ran()
    result = two.run("scenarios", "--resume", *option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --resume: {said}"])
    assert not two.ran()
    assert len(two.rows()) == 2


def test_a_scenario_that_changed_meanwhile_is_not_gone_on_with(two: Place) -> None:
    two.run("scenarios")
    path = two.path / "scenarios/oom/leak.yaml"
    path.write_text(path.read_text().replace("detect: 1m", "detect: 2m"))
    result = two.run("scenarios", "--resume")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --resume: oom/leak changed since*"])


def test_a_new_run_begins_with_an_empty_folder(two: Place) -> None:
    two.run("scenarios", "--trials", "2")
    (two.path / "healgate-out" / "notes.md").write_text("mine")
    two.run("scenarios/oom")
    assert list(two.rows()) == ["oom/leak-t1"]
    assert len(list((two.path / "healgate-out" / "allure-results").glob("*-result.json"))) == 1
    assert (two.path / "healgate-out" / "notes.md").read_text() == "mine"


def test_a_folder_that_is_not_ours_is_refused(two: Place) -> None:
    (two.path / "thesis").mkdir()
    (two.path / "thesis" / "chapter-1.md").write_text("years of work")
    result = two.run("scenarios", "--out", "thesis")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --out *thesis: expected no folder yet*found chapter-1.md*"])
    assert (two.path / "thesis" / "chapter-1.md").exists()


def test_a_broken_row_in_the_middle_is_named(two: Place) -> None:
    two.run("scenarios")
    path = two.path / "healgate-out" / "trials.jsonl"
    path.write_text("nonsense\n" + path.read_text())
    result = two.run("scenarios", "--resume")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *trials.jsonl:1:1: expected one trial record a line*"])


def test_a_trial_whose_process_died_is_run_again_and_a_failed_one_is_not(two: Place) -> None:
    """The dead one's row says ERROR and has no evidence: nothing was judged, so nothing is rerun into a pass."""
    two.verdicts({"oom/leak-t1": "FAIL"})
    two.run("scenarios")
    path = two.path / "healgate-out" / "trials.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        if row["scenario"].startswith("bad-image"):
            row.update(verdict="ERROR", reason=None, message="its process died", evidence="")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    two.ran()
    two.verdicts({})
    two.run("scenarios", "--resume").assert_outcomes(passed=1, failed=1)
    assert two.ran() == ["bad-image/typo-t1"]


def test_trials_of_nobody_knows_whom_are_not_gone_on_with(two: Place) -> None:
    two.run("scenarios")
    (two.path / "healgate-out" / "run.json").unlink()
    result = two.run("scenarios", "--resume", "--healer", "mine")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --resume: *nobody knows of which healer they are*"])
