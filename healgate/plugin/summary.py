"""The end of the terminal's report: the table, why trials did not pass, what the gate says and why."""

from __future__ import annotations

from typing import Any

from ..reports.table import table
from ..words import ExitStatus
from .options import Options
from .outcome import Outcome

_MOST_NAMED = 8


def show(reporter: Any, outcome: Outcome, options: Options, folder: str, others_failed: int) -> None:
    """`reporter` is pytest's terminal reporter."""
    reporter.write_sep("=", f"healgate: {outcome.title}")
    reporter.write_line(table(outcome.lines, reporter._tw.fullwidth, outcome.total))
    if outcome.missing:
        named = ", ".join(outcome.missing[:_MOST_NAMED]) + (", …" if len(outcome.missing) > _MOST_NAMED else "")
        reporter.write_line("")
        reporter.write_line(f"{len(outcome.missing)} trials did not run: {named}", red=True)
        reporter.write_line("`--resume` runs them.")
    if outcome.status is not None:
        reporter.write_line("")
        colour = {"green": True} if outcome.status == ExitStatus.PASSED else {"red": True}
        for line in outcome.gate:
            reporter.write_line(line, **colour)
        if others_failed:
            reporter.write_line(
                f"{others_failed} other failures in this run are not the gate's: a passed gate does not hide them."
            )
    if options.save_baseline is not None:
        reporter.write_line(f"baseline: {outcome.baseline}")
    reporter.write_line(f"records, evidence and Allure results: {folder}; `healgate report {folder}` builds the report")
