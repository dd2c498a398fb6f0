"""Trials as tests: what is written, what is shown, how a run ends."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from .conftest import Place


def test_everything_is_written_into_one_folder(two: Place) -> None:
    two.run("scenarios", "--trials", "2").assert_outcomes(passed=4)
    out = two.path / "healgate-out"
    found = {path.name for path in out.iterdir()}
    assert found == {
        "trials.jsonl", "costs.jsonl", "pass-rates.json", "evidence", "allure-results", "junit.xml", "run.json",
    }  # fmt: skip
    for row in two.rows().values():
        story = json.loads((out / str(row["evidence"])).read_text())
        assert story["trial"]["scenario"] == row["scenario"]
    assert len((out / "costs.jsonl").read_text().splitlines()) == 4
    assert len(list((out / "allure-results").glob("*-result.json"))) == 4


def test_rows_are_sorted_and_the_same_with_workers(two: Place) -> None:
    two.verdicts({"oom/leak-t2": "FAIL"})
    two.run("scenarios", "--trials", "3", "--out", "one")
    two.spawn("scenarios", "--trials", "3", "--out", "two", "-n", "2")
    one, other = ((two.path / name / "trials.jsonl").read_bytes() for name in ("one", "two"))
    assert one == other
    assert list(two.rows("one")) == sorted(two.rows("one"))


def test_a_failure_shows_its_message_and_where_the_evidence_is(two: Place) -> None:
    two.verdicts({"oom/leak": "FAIL", "bad-image/typo": "INVALID"})
    result = two.run("scenarios")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "INVALID: what happened in bad-image/typo-t1",
            "relapsed: what happened in oom/leak-t1",
            "* broken",
            "*the trial ended",
            "evidence: *healgate-out/evidence/oom/leak-t1.json",
            "FAILED scenarios/oom/leak.yaml::heals* - relapsed: what happened*",
        ]
    )
    assert "session.py" not in result.stdout.str()


def test_the_table_counts_every_verdict(two: Place) -> None:
    two.verdicts({"oom/leak-t1": "FAIL", "oom/leak-t2": "ERROR", "bad-image/typo-t3": "INVALID"})
    result = two.run("scenarios", "--trials", "3")
    result.stdout.fnmatch_lines(
        [
            "*healgate: reference 1.0*",
            "scenario *",
            "bad-image/typo * 100% *",
            "    1 x INVALID: what happened in bad-image/typo-t3 (t3)",
            "oom/leak * 50% *",
            "    1 x relapsed: what happened in oom/leak-t1 (t1)",
            "    1 x ERROR: what happened in oom/leak-t2 (t2)",
        ]
    )


def test_junit_has_the_numbers(two: Place) -> None:
    two.run("scenarios/oom")
    case = ElementTree.parse(two.path / "healgate-out" / "junit.xml").getroot().find(".//testcase")
    assert case is not None
    properties = {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
    assert properties["healgate.verdict"] == "PASS"
    assert properties["healgate.detect-seconds"] == "3.0"
    assert properties["healgate.parameters"] == '{"trial": 1}'


def test_a_junit_file_of_the_persons_own_is_respected(two: Place) -> None:
    two.run("scenarios/oom", "--junitxml", "mine.xml")
    assert (two.path / "mine.xml").exists()
    assert not (two.path / "healgate-out" / "junit.xml").exists()


def test_collecting_alone_leaves_the_folder_as_it_is(two: Place) -> None:
    two.run("scenarios/oom")
    before = two.rows()
    two.run("scenarios", "--collect-only", "--seed", "other")
    assert two.rows() == before
    assert not (two.path / "healgate-out" / "junit.xml.lock").exists()


def test_a_trial_around_which_something_breaks_is_an_error_row(two: Place) -> None:
    (two.path / "scenarios" / "conftest.py").write_text(
        "import pytest\n@pytest.fixture(autouse=True)\ndef broken():\n    raise RuntimeError('no room')\n"
    )
    two.run("scenarios/oom")
    row = two.rows()["oom/leak-t1"]
    assert (row["verdict"], row["crash_class"]) == ("ERROR", "oom")
    assert "no room" in str(row["message"])


def test_a_bug_in_the_engine_is_an_error_row(two: Place) -> None:
    two.verdicts({"oom/leak": "bug"})
    two.run("scenarios").assert_outcomes(passed=1, failed=1)
    assert two.rows()["oom/leak-t1"]["verdict"] == "ERROR"
    assert "a bug in the engine" in str(two.rows()["oom/leak-t1"]["message"])


def test_trials_that_did_not_run_are_named(two: Place) -> None:
    two.verdicts({"bad-image/typo-t1": "FAIL"})
    result = two.run("scenarios", "--trials", "2", "-x")
    result.stdout.fnmatch_lines(["3 trials did not run: bad-image/typo-t2, oom/leak-t1, oom/leak-t2.*"])


def test_a_trial_that_a_person_skips_is_not_missing(two: Place) -> None:
    (two.path / "scenarios" / "conftest.py").write_text(
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        if 'oom' in item.name:\n            item.add_marker(pytest.mark.skip)\n"
    )
    result = two.run("scenarios")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.no_fnmatch_line("*did not run*")
