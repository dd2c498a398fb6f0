"""Characters of every kind, in names and in what healers say: no row is lost by them, and none is cut in two."""

from __future__ import annotations

import json

import pytest

from healgate import cli

from .conftest import Place

ODD = "it said \u2028 and \u2029 and \x85 and \ud83d and träne"


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_what_a_healer_says_breaks_no_row(two: Place, workers: tuple[str, ...]) -> None:
    two.verdicts({"oom/leak": "FAIL", "says": ODD})
    result = two.spawn("scenarios", *workers)
    result.assert_outcomes(passed=1, failed=1)
    row = two.rows()["oom/leak-t1"]
    assert row["verdict"] == "FAIL"
    assert row["message"] == ODD.replace("\ud83d", "\\ud83d")
    story = json.loads((two.path / "healgate-out" / str(row["evidence"])).read_text(encoding="utf-8"))
    assert story["trial"]["message"] == row["message"]
    assert len(list((two.path / "healgate-out/allure-results").glob("*-result.json"))) == 2


def test_a_folder_with_such_rows_is_gated_and_gone_on_with(two: Place) -> None:
    two.verdicts({"oom/leak": "FAIL", "says": ODD})
    two.run("scenarios")
    assert cli.main(["gate", str(two.path / "healgate-out"), "--min-pass-rate", "0"]) == 0
    two.ran()
    two.run("scenarios", "--resume").assert_outcomes(passed=1, failed=1)
    assert two.ran() == []


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
@pytest.mark.parametrize("name", ["größe", "雪", "e\u0301tat"])
def test_a_scenario_may_have_a_name_of_any_language(place: Place, name: str, workers: tuple[str, ...]) -> None:
    place.scenario(f"oom/{name}")
    result = place.spawn("scenarios", "--trials", "2", *workers, "--min-pass-rate", "10%")
    result.stdout.no_fnmatch_line("*left no row*")
    assert sorted(place.rows()) == [f"oom/{name}-t1", f"oom/{name}-t2"]
    run = json.loads((place.path / "healgate-out/run.json").read_text(encoding="utf-8"))
    assert run["expected"] == [f"oom/{name}-t1", f"oom/{name}-t2"]
