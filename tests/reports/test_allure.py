"""Allure results against the records that they are written from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from healgate.record import Times, TrialRecord
from healgate.reports import story
from healgate.reports.allure import METRICS, Results
from healgate.words import Reason, Verdict

from . import made_up

Result = dict[str, Any]


class Written:
    """A folder of results under test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results = Results(path / "allure-results")

    def write(self, row: TrialRecord, run: str = "") -> Result:
        evidence = self.path / "evidence.json"
        told = story.tell(made_up.relapsing() if row.reason else made_up.evidence(), made_up.plan(), row)
        story.write(evidence, told)
        before = set(self.files())
        self.results.trial(row, evidence, run)
        (new,) = set(self.files()) - before
        result: Result = json.loads(new.read_text())
        return result

    def files(self) -> list[Path]:
        return list((self.path / "allure-results").glob("*-result.json"))

    def attachment(self, result: Result, name: str) -> str:
        (source,) = [one["source"] for one in result["attachments"] if one["name"] == name]
        return (self.path / "allure-results" / source).read_text()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def labels(result: Result) -> dict[str, str]:
    return {label["name"]: label["value"] for label in result["labels"] if label["name"] != "tag"}


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.PASS, "passed"),
        (Verdict.FAIL, "failed"),
        (Verdict.INVALID, "broken"),
        (Verdict.ERROR, "broken"),
    ],
)
def test_status_follows_the_verdict(written: Written, verdict: Verdict, status: str) -> None:
    assert written.write(made_up.row(verdict=verdict, message="why"))["status"] == status


def test_labels_say_whose_trial_it_was(written: Written) -> None:
    found = labels(written.write(made_up.row()))
    assert (found["epic"], found["feature"], found["story"]) == ("reference 0.1.0", "oom/limit-too-low", "oom")


def test_trials_are_told_apart_and_their_history_goes_on(written: Written) -> None:
    first, second = written.write(made_up.row()), written.write(made_up.row(trial=2))
    later = written.write(made_up.row(healer="reference 0.2.0", seed="9", parameters={"limit": "96Mi"}))
    assert first["historyId"] != second["historyId"]
    assert first["testCaseId"] == second["testCaseId"]
    assert first["historyId"] == later["historyId"]
    (trial,) = [p for p in first["parameters"] if p["name"] == "trial"]
    assert not trial.get("excluded")
    assert all(p["excluded"] for p in first["parameters"] if p["name"] != "trial")


def test_an_earlier_runs_trial_is_another_one(written: Written) -> None:
    now, before = written.write(made_up.row()), written.write(made_up.row(), "main")
    assert now["historyId"] != before["historyId"]
    assert now["uuid"] != before["uuid"]
    assert labels(before)["epic"] == "reference 0.1.0 (earlier run: main)"


def test_steps_with_their_times(written: Written) -> None:
    result = written.write(made_up.row())
    names = [step["name"].partition(":")[0] for step in result["steps"]]
    assert names == ["break", "prove", "detect", "classify", "recover", "hold", "judge"]
    assert {step["status"] for step in result["steps"]} == {"passed"}
    detect = result["steps"][2]
    assert detect["stop"] - detect["start"] == 3200
    assert result["stop"] - result["start"] == 720_000


@pytest.mark.parametrize(
    ("reason", "blamed"),
    [
        (Reason.NOT_DETECTED, "detect"),
        (Reason.CLASSIFIED_LATE, "classify"),
        (Reason.NOT_REMEDIATED, "recover"),
        (Reason.RELAPSED, "hold"),
        (Reason.UNSAFE_ACTION, "judge"),
    ],
)
def test_the_step_that_failed_is_red(written: Written, reason: Reason, blamed: str) -> None:
    steps = written.write(made_up.failed(reason))["steps"]
    red = {step["name"].partition(":")[0] for step in steps if step["status"] == "failed"}
    assert red == {blamed, "judge"}


def test_what_did_not_happen_is_skipped(written: Written) -> None:
    row = made_up.failed(Reason.NOT_DETECTED, times=Times(), graded=("detected", "recovered"))
    steps = {step["name"].partition(":")[0]: step["status"] for step in written.write(row)["steps"]}
    assert (steps["detect"], steps["classify"], steps["recover"]) == ("failed", "skipped", "skipped")


def test_attachments(written: Written) -> None:
    result = written.write(made_up.row())
    assert [one["name"] for one in result["attachments"]] == [
        "timeline", "manifests before and after", "requests of the healer", "events", "logs", "evidence",
    ]  # fmt: skip
    assert written.attachment(result, "timeline").startswith("<svg")
    assert "-            memory: 128Mi" in written.attachment(result, "manifests before and after")
    assert "listening on :8080" in written.attachment(result, "logs")
    assert json.loads(written.attachment(result, "evidence"))["trial"]["scenario"] == "oom/limit-too-low"


def test_a_trial_without_evidence_is_there_all_the_same(tmp_path: Path) -> None:
    Results(tmp_path).trial(made_up.row(verdict=Verdict.ERROR, message="worker gw0 crashed", times=Times()), None)
    (file,) = tmp_path.glob("*-result.json")
    result = json.loads(file.read_text())
    assert (result["status"], result["statusDetails"]["message"]) == ("broken", "ERROR: worker gw0 crashed")


def test_surroundings_and_metrics(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.surroundings({"healer": "reference 0.1.0", "kubernetes": "1.36.2", "timing": ""})
    results.metrics([{"key": "pass_rate.oom/leak", "value": 93.3, "unit": "%"}])
    assert (tmp_path / "environment.properties").read_text() == "healer = reference 0.1.0\nkubernetes = 1.36.2\n"
    (metric,) = json.loads((tmp_path / METRICS).read_text())
    assert metric["key"] == "pass_rate.oom/leak"
    assert metric["id"]
    assert metric["start"] == metric["stop"] > 0
    categories = json.loads((tmp_path / "categories.json").read_text())
    assert {category["name"] for category in categories} >= {str(reason) for reason in Reason}
