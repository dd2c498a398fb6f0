"""A failed trial is never run again until it passes, whatever plugins there are."""

from __future__ import annotations

import pytest

from .conftest import Place

# What pytest-rerunfailures does with --reruns 1, and a healer that is luckier the second time.
RERUNS = """
from pathlib import Path
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for again in (True, False):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = again and any(report.failed for report in reports)
        for report in reports:
            if failed and report.failed:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if not failed:
            break
        (Path(__file__).parents[1] / "verdicts.json").write_text("{}")
        item._initrequest()
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""

# As if the trial had been repeated in another process.
SECOND_ROW = """
import json
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        item.ihook.pytest_runtest_logreport(report=report)
        if hasattr(report, "healgate_row"):
            report.healgate_row = json.dumps({**json.loads(report.healgate_row), "verdict": "PASS", "reason": None})
            report.outcome, report.longrepr = "passed", None
            item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "workers"])
def test_a_failed_trial_that_is_repeated_stays_failed(two: Place, workers: tuple[str, ...]) -> None:
    (two.path / "scenarios" / "conftest.py").write_text(RERUNS)
    two.verdicts({"oom/leak": "FAIL"})
    result = two.spawn("scenarios/oom", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert two.ran() == ["oom/leak-t1"]
    assert two.rows()["oom/leak-t1"]["verdict"] == "FAIL"


def test_the_first_row_of_a_trial_counts(two: Place) -> None:
    (two.path / "scenarios" / "conftest.py").write_text(SECOND_ROW)
    two.verdicts({"oom/leak": "FAIL"})
    result = two.run("scenarios/oom", "--trials", "2", "--min-pass-rate", "100%")
    assert result.ret == 1
    assert {row["verdict"] for row in two.rows().values()} == {"FAIL"}


def test_the_tag_flaky_repeats_nothing(place: Place) -> None:
    place.scenario("oom/leak", tags="flaky, core")
    result = place.run("--collect-only", "-q", "scenarios", "-m", "flaky")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
