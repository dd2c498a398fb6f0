"""The end of the terminal's report: the table, why trials did not pass, what the gate says and why."""

from __future__ import annotations

from typing import Any

from ..reports.table import table
from ..words import ExitStatus
from .closing import Closed

_MOST_NAMED = 8


def show(reporter: Any, closed: Closed, folder: str, others_failed: int) -> None:
    """`reporter` is pytest's terminal reporter."""
    reporter.write_sep("=", f"healgate: {closed.healer}")
    if closed.summary.lines:
        reporter.write_line(table(closed.summary, reporter._tw.fullwidth))
        reporter.write_line("")
    if closed.missing:
        named = ", ".join(closed.missing[:_MOST_NAMED]) + (", …" if len(closed.missing) > _MOST_NAMED else "")
        reporter.write_line(f"{len(closed.missing)} trials did not run: {named}. --resume runs them.", red=True)
    if (decision := closed.decision) is not None:
        passed = decision.status == ExitStatus.PASSED
        for number, line in enumerate(decision.lines):
            reporter.write_line(line, green=passed and number == 0, red=not passed and number == 0)
        if others_failed and passed:
            reporter.write_line("The gate passed, but other tests of this run failed: they decide.", red=True)
    if closed.saved.said:
        reporter.write_line(closed.saved.said, red=closed.saved.lacking)
    if closed.unwritten:
        reporter.write_line(f"The results are not all in {folder}: {closed.unwritten}", red=True)
        reporter.write_line("Make room, then run again with --resume: what was written is kept.", red=True)
        return
    if closed.summary.lines:
        reporter.write_line(f"everything is in {folder}; `healgate report {folder}` builds the Allure report")
