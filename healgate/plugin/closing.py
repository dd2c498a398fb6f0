"""What is made of the rows when all trials are over: rates, Allure results, a baseline, the gate's word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from ..numbers.baseline import Baseline
from ..numbers.gate import Decision, decide
from ..numbers.summary import Summary, summarise
from ..problems import UsageProblem
from ..record import TrialRecord, as_json
from ..reports.about import version
from ..reports.gating import Saved, keep_baseline, read_comparable
from .folder import Folder
from .options import Options


@dataclass(frozen=True)
class Closed:
    """How a run ended."""

    healer: str
    summary: Summary
    missing: tuple[str, ...]
    decision: Decision | None  # None: there is no gate
    saved: Saved
    unwritten: str  # what kept the results from being written; "" if they were


def read_before(options: Options, fingerprints: Mapping[str, str]) -> Baseline | None:
    """The baseline, refused before anything runs."""
    if options.baseline is None:
        return None
    try:
        return read_comparable(
            options.baseline, fingerprints, cluster=options.cluster, budget_scale=options.budget_scale
        )
    except UsageProblem as problem:
        raise pytest.UsageError(f"--baseline: {problem}") from None


def nothing_ran(healer: str, options: Options) -> Closed | None:
    """For a run in which there was no trial; None: nobody asked for more than tests."""
    if not options.gated and options.save_baseline is None:
        return None
    saved = Saved()
    if options.save_baseline is not None:
        saved = keep_baseline(options.save_baseline, (), (), {}, options.budget_scale, None)
    return Closed(healer, summarise(()), (), decide(()) if options.gated else None, saved, "")


def close_run(
    healer: str, rows: Sequence[TrialRecord], expected: Iterable[str], options: Options, folder: Folder,
    baseline: Baseline | None,
) -> Closed:  # fmt: skip
    """Judge, then write: a disk that is full costs what stands on it, not what can be said."""
    expected, there = tuple(expected), {row.id for row in rows}
    missing = [name for name in expected if name not in there]
    summary = summarise(rows, missing)
    decision = None
    if options.gated:
        decision = decide(rows, missing, baseline=baseline, min_pass_rate=options.min_pass_rate)
    saved, unwritten = Saved(), ""
    try:
        folder.write_rows(rows)  # sorted: with workers the order of their ends is chance
        folder.expect(expected)
        _write_rates(folder, options, healer, summary)
        if (kept := options.save_baseline) is not None:
            saved = keep_baseline(kept, rows, missing, folder.fingerprints(), options.budget_scale, decision)
        if rows:
            _write_allure(folder, options, rows, summary)
    except (OSError, UsageProblem) as problem:
        unwritten = str(problem)
    return Closed(healer, summary, tuple(missing), decision, saved, unwritten)


def _write_rates(folder: Folder, options: Options, healer: str, summary: Summary) -> None:
    data = {
        "healer": healer,
        "seed": options.seed,
        "cluster": options.cluster,
        "budget-scale": options.budget_scale,
        "healgate": version(),
        **summary.as_dict(),
    }
    folder.rates.write_text(as_json(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _write_allure(folder: Folder, options: Options, rows: Sequence[TrialRecord], summary: Summary) -> None:
    from ..reports.merge import Run, key_of, write_results
    from ..reports.metrics import metrics

    key = key_of(rows, {"budget-scale": options.budget_scale})
    run = Run(key, [folder.path], {row.id: (row, folder.path) for row in rows})
    folder.forget_allure()
    write_results(folder.allure, [run], metrics(summary))
