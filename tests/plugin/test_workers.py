"""With xdist: workers run, the controller counts."""

from __future__ import annotations

import pytest

from .conftest import Place


def test_a_worker_that_dies_leaves_an_error_row_and_no_gap(two: Place) -> None:
    two.verdicts({"oom/leak-t2": "die"})
    result = two.spawn("scenarios", "--trials", "3", "-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    rows = two.rows()
    assert len(rows) == 6
    assert rows["oom/leak-t2"]["verdict"] == "ERROR"
    assert "crashed" in str(rows["oom/leak-t2"]["message"])
    assert rows["oom/leak-t2"]["crash_class"] == "oom"
    result.stdout.fnmatch_lines(["oom/leak * 100% *", "    1 x ERROR: worker*crashed*", "*(t2)"])


def test_a_worker_that_dies_between_a_row_and_its_report_loses_nothing(
    two: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KILL_AT", "2")  # evidence, row, and now the cost
    monkeypatch.setenv("TORN", "0")
    result = two.spawn("scenarios", "-n", "1", "--min-pass-rate", "100%")
    result.stdout.fnmatch_lines(["*node down*", "gate: passed*"])
    assert result.ret == 0
    assert {row["verdict"] for row in two.rows().values()} == {"PASS"}


def test_a_worker_that_dies_is_broken_in_allure(two: Place) -> None:
    two.verdicts({"oom/leak-t1": "die"})
    two.spawn("scenarios/oom", "-n", "1")
    results = list((two.path / "healgate-out" / "allure-results").glob("*-result.json"))
    assert [result.read_text().count('"status": "broken"') > 0 for result in results] == [True]


def test_the_folder_is_emptied_once_and_not_by_workers(two: Place) -> None:
    two.run("scenarios", "--seed", "old")
    two.spawn("scenarios", "--trials", "4", "-n", "2")
    assert len(two.rows()) == 8
    assert {row["seed"] for row in two.rows().values()} == {"0"}


def test_workers_obey_the_persons_folder_and_settings(two: Place) -> None:
    (two.path / "below").mkdir()
    two.pytester.makeini("[pytest]\nhealgate_seed = blue\n")
    two.spawn("scenarios", "-n", "2", "--out", "below/results").assert_outcomes(passed=2)
    assert {row["seed"] for row in two.rows("below/results").values()} == {"blue"}


@pytest.mark.usefixtures("shipped")
def test_workers_run_the_shipped_catalogue_in_a_folder_without_scenarios(place: Place) -> None:
    result = place.spawn("-p", "moved", "-n", "2", "-k", "oom/limit-too-low")
    result.assert_outcomes(passed=1)
    assert list(place.rows()) == ["oom/limit-too-low-t1"]
