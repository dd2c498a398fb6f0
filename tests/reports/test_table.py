"""The table: 120 columns, 80 columns, the same numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from healgate.numbers.summary import Line, Rate, Summary, Took, Why
from healgate.reports.table import percent, table

RELAPSED = Why(12, "relapsed", "container api\nof pod backend ended " * 9, tuple(range(1, 13)))
INVALID = Why(2, "INVALID", "not live", (14, 15))
QUIET = "the class is not graded: this healer claims nothing"
SHORT, LONG = Took(3.25, 5.1, 5), Took(3599.0, 7300.0, 5)
LINES = (
    Line("bad-image/tag-does-not-exist", 20, 20, 0.839, 1.0, SHORT, SHORT, Took(41.0, 62.0, 5), 0, 0),
    Line(
        "nothing/lease-lost-in-backup-of-the-night", 8, 20, 0.219, 0.613, Took(59.96, 61.0, 5), None, LONG, 2, 1,
        whys=(RELAPSED, INVALID),
    ),
    Line("oom/leak", 0, 0, 0.0, 1.0, None, None, None, 0, 3, 2, note=QUIET),
)  # fmt: skip
TOTAL = Line("all", 28, 40, 0.546, 0.819, Took(3.25, 61.0, 5), Took(3.25, 5.1, 5), Took(41.0, 7300.0, 5), 2, 4)
SUMMARY = Summary(LINES, TOTAL, Rate(1, 20, 0.009, 0.236))


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_it_fits(width: int) -> None:
    for line in table(SUMMARY, width).splitlines():
        assert len(line) <= width, line


def test_the_wide_table() -> None:
    shown = table(SUMMARY, 120).splitlines()
    assert shown[0].split() == [
        "scenario", "passed", "rate", "95", "%", "n", "detect", "classify", "recover", "invalid", "error",
    ]  # fmt: skip
    assert shown[1].split() == [
        "bad-image/tag-does-not-exist", "20/20", "100%", "84-100", "20", "3.2s", "/", "5.1s", "3.2s", "/", "5.1s",
        "41s", "/", "1m2s", "-", "-",
    ]  # fmt: skip
    assert shown[-2].split()[:3] == ["all", "28/40", "70%"]
    assert shown[-1] == "acted where nothing was due: 1/20 (95 %: 1-24)"


def test_the_narrow_table_drops_percentiles_first() -> None:
    shown = table(SUMMARY, 80).splitlines()
    assert shown[1].split() == [
        "bad-image/tag-does-not-exist", "100%", "84-100", "20", "3.2s", "3.2s", "41s", "-", "-",
    ]  # fmt: skip


def test_why_trials_failed_stands_below_their_scenario() -> None:
    shown = table(SUMMARY, 120).splitlines()
    first = next(number for number, line in enumerate(shown) if "relapsed" in line)
    assert shown[first].startswith("    12 x relapsed: container api of pod")
    assert shown[first + 1].startswith("        ended container api of pod")
    assert shown[first + 1].endswith("… (t1, t2, t3, t4, t5, …)")
    assert "    2 x INVALID: not live (t14, t15)" in shown
    assert "    the class is not graded: this healer claims nothing" in shown


def test_trials_that_do_not_fit_stand_below_their_reason() -> None:
    why = Why(1, "relapsed", "x" * 58, (1,))
    shown = table(Summary((replace(LINES[2], whys=(why,)),), TOTAL, None), 80).splitlines()
    first = next(number for number, line in enumerate(shown) if "relapsed" in line)
    assert shown[first + 1] == "        (t1)"


def test_a_scenario_without_a_verdict_has_no_rate() -> None:
    line = next(line for line in table(SUMMARY, 120).splitlines() if line.startswith("oom/leak"))
    assert line.split() == ["oom/leak", "0/0", "-", "-", "0", "-", "-", "-", "-", "3"]


@pytest.mark.parametrize(
    ("share", "shown"), [(1.0, "100"), (14 / 15, "93.3"), (0.5, "50"), (0.0, "0"), (0.9996, "99.9")]
)
def test_percentages(share: float, shown: str) -> None:
    assert percent(share) == shown
