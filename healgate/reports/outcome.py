"""What a set of rows adds up to: the lines of the table and everything that is written from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..record import TrialRecord
from ..words import Verdict
from .table import Line, Took, Why


@dataclass(frozen=True)
class Outcome:
    title: str
    lines: tuple[Line, ...]
    total: Line | None


def conclude(rows: Sequence[TrialRecord], missing: Sequence[str] = ()) -> Outcome:
    names = sorted({row.scenario for row in rows} | {name.rpartition("-t")[0] for name in missing})
    lines = []
    for name in names:
        own = [row for row in rows if row.scenario == name]
        lines.append(line_of(name, own))
    title = rows[0].healer if rows else ""
    return Outcome(title, tuple(lines), line_of("all", list(rows)))


def line_of(name: str, rows: Sequence[TrialRecord]) -> Line:
    k = sum(r.verdict is Verdict.PASS for r in rows)
    n = k + sum(r.verdict is Verdict.FAIL for r in rows)

    def took(what: str) -> Took | None:
        values = sorted(v for r in rows if (v := getattr(r.times, what)) is not None)
        return Took(values[len(values) // 2], values[-1]) if values else None

    whys: Counter[str] = Counter(str(r.reason or r.verdict) for r in rows if r.verdict is not Verdict.PASS)
    return Line(
        name,
        k,
        n,
        0.1,
        0.9,
        took("detect"),
        took("classify"),
        took("recover"),
        sum(r.verdict is Verdict.INVALID for r in rows),
        sum(r.verdict is Verdict.ERROR for r in rows),
        0,
        "",
        tuple(
            Why(
                c,
                w,
                next(r.message for r in rows if str(r.reason or r.verdict) == w),
                tuple(r.trial for r in rows if str(r.reason or r.verdict) == w),
            )
            for w, c in whys.most_common()
        ),
    )
