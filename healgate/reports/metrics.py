"""A run's numbers as Allure's performance metrics: the very numbers of the table, each with its unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..numbers.summary import Line, Summary, Took
from .table import in_percent

_TITLES = {
    "pass_rate": ("pass rate", "%", "higher"),
    "pass_rate_low95": ("pass rate, lower end of the 95 % interval", "%", "higher"),
    "detect_s": ("time to detect, median", "s", "lower"),
    "classify_s": ("time to classify, median", "s", "lower"),
    "recover_s": ("time to recover, median", "s", "lower"),
}


def metrics(summary: Summary) -> Iterator[dict[str, Any]]:
    """One metric for each number of each scenario; what was not measured is left out."""
    for place, (kind, (title, unit, better)) in enumerate(_TITLES.items(), 1):
        for line in (*summary.lines, summary.total):
            value = _value(kind, line)
            if value is not None:
                yield {
                    "key": f"{kind}.{line.name}",
                    "value": value,
                    "title": f"{line.name}: {title}",
                    "unit": unit,
                    "better": better,
                    "group": f"{place}-{kind}",  # groups are shown in the order of their names
                    "groupTitle": title[0].upper() + title[1:],
                }


def _value(kind: str, line: Line) -> float | None:
    if kind.startswith("pass_rate"):
        share = None if line.rate is None else line.low if kind == "pass_rate_low95" else line.rate
        return None if share is None else in_percent(share)
    took: Took | None = getattr(line, kind.removesuffix("_s"))
    return None if took is None else round(took.median, 1)
