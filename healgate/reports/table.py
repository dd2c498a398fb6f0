"""The pass rates as a plain table: 120 columns with room, 80 without, the same numbers in both.

    scenario           passed   rate    95 %   n       detect     classify      recover  invalid  error
    oom/limit-too-low   20/20   100%  84-100  20  3.1s / 5.2s  3.1s / 5.2s   41s / 1m2s        -      -
    oom/leak             8/20    40%   22-61  20  4.1s / 9.2s  4.1s / 9.2s  52s / 1m48s        -      -
        12 x relapsed: container api of pod ... (t2, t3, t5, t6, t7, ...)

Times are median / 95th percentile. Narrow, the percentiles go first.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from ..durations import format_duration
from ..numbers.summary import Line, Summary, Took, Why

_NOTHING = "-"
_WIDE = 110
_FEWEST_LETTERS = 20


def percent(share: float) -> str:
    """One decimal at most: 100, 93.3. Only all is 100: the one failure in thousands must not be rounded away."""
    return f"{in_percent(share):g}"


def in_percent(share: float) -> float:
    return min(round(share * 100, 1), 99.9) if share < 1 else 100.0


def table(summary: Summary, width: int) -> str:
    """The whole table as text without a last newline."""
    wide = width >= _WIDE
    lines, total = summary.lines, summary.total
    head, *rows = [_head(wide), *(_cells(line, wide) for line in (*lines, total))]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(1, len(head))]
    longest = max((len(row[0]) for row in rows), default=8)
    name = max(_FEWEST_LETTERS, min(longest, width - sum(widths) - 2 * len(widths)))
    shown = [_join(head, name, widths)]
    for line, row in zip(lines, rows, strict=False):
        shown.append(_join(row, name, widths))
        shown += [text for why in line.whys for text in _why(why, width)]
        if line.missing:
            shown.append(f"    {line.missing} did not run")
        if line.note:
            shown.append(cut(f"    {line.note}", width))
    rule = min(width, name + sum(widths) + 2 * len(widths))
    shown += ["-" * rule, _join(rows[-1], name, widths)]
    if (false := summary.false_actions) is not None:
        interval = f"95 %: {round(false.low * 100)}-{round(false.high * 100)}"
        shown.append(f"acted where nothing was due: {false.k}/{false.n} ({interval})")
    return "\n".join(shown)


def _head(wide: bool) -> tuple[str, ...]:
    if wide:
        return ("scenario", "passed", "rate", "95 %", "n", "detect", "classify", "recover", "invalid", "error")
    return ("scenario", "rate", "95 %", "n", "detect", "class", "recover", "inv", "err")


def _cells(line: Line, wide: bool) -> tuple[str, ...]:
    rate = _NOTHING if line.rate is None else f"{percent(line.rate)}%"
    interval = _NOTHING if line.rate is None else f"{round(line.low * 100)}-{round(line.high * 100)}"
    bad = (str(line.invalid or _NOTHING), str(line.errors or _NOTHING))
    times = tuple(_took(took, wide) for took in (line.detect, line.classify, line.recover))
    passed = (f"{line.passed}/{line.judged}",) if wide else ()
    return (line.name, *passed, rate, interval, str(line.judged), *times, *bad)


def _took(took: Took | None, wide: bool) -> str:
    if took is None:
        return _NOTHING
    median = format_duration(took.median)
    return f"{median} / {format_duration(took.p95)}" if wide else median


def _join(cells: Iterable[str], name: int, widths: Sequence[int]) -> str:
    first, *rest = cells
    shown = first if len(first) <= name else first[: name - 1] + "…"
    return (shown.ljust(name) + "".join("  " + cell.rjust(w) for cell, w in zip(rest, widths, strict=True))).rstrip()


def _why(why: Why, width: int) -> list[str]:
    """At most two lines; the trials stand at the end of the second, whatever had to be cut."""
    numbers = ", ".join(f"t{trial}" for trial in why.trials[:5]) + (", …" if len(why.trials) > 5 else "")
    end = f" ({numbers})"
    text = f"    {why.count} x {why.what}: {' '.join(why.example.split())}"
    if len(text) + len(end) <= width:
        return [text + end]
    first, *rest = textwrap.wrap(text, width)
    last = cut(" ".join([" " * 7, *rest]).rstrip(), width - len(end)) if rest else " " * 7
    return [first, last + end]


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(1, width - 1)].rstrip() + "…"
