"""What is made of the rows when all trials are over: rates, Allure results, a baseline, the gate's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..record import TrialRecord
from ..reports.outcome import Outcome, conclude
from ..scenario.catalogue import LoadedScenario
from .folder import Folder
from .options import Options


@dataclass(frozen=True)
class Closed:
    outcome: Outcome
    missing: tuple[str, ...]
    status: int | None  # None: there is no gate
    gate: tuple[str, ...]
    saved: str = ""


def read_gate(options: Options, healer: str, scenarios: Mapping[str, LoadedScenario]) -> Any:
    return None


def close_run(
    rows: Sequence[TrialRecord], missing: Sequence[str], options: Options, folder: Folder, gate: Any
) -> Closed:
    from ..reports.merge import Run, write_results
    from ..reports.metrics import metrics

    outcome = conclude(rows, missing)
    status = None
    if options.gated:
        bad = sum(line.errors + line.invalid for line in outcome.lines)
        status = 6 if missing or bad else 0
    if rows:
        run = Run((), {"budget-scale": options.budget_scale}, [folder.path], {r.id: (r, folder.path) for r in rows})
        write_results(folder.allure, [run], metrics(outcome))
    return Closed(outcome, tuple(missing), status, ("gate: stub",))
