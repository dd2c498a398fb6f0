"""Rows as short as the tests want them."""

from __future__ import annotations

from typing import Any

from healgate.record import TrialRecord
from healgate.words import Reason, Verdict


def row(scenario: str, trial: int, verdict: Verdict = Verdict.PASS, **changes: Any) -> TrialRecord:
    return TrialRecord(
        **{
            "scenario": scenario,
            "trial": trial,
            "seed": "0",
            "healer": "mine 1.0",
            "cluster": "embedded",
            "kubernetes": "1.36.2",
            "timing": "stock",
            "crash_class": scenario.partition("/")[0],
            "verdict": verdict,
            "reason": Reason.RELAPSED if verdict is Verdict.FAIL else None,
            "message": "" if verdict is Verdict.PASS else f"what happened in t{trial}",
            "evidence": f"evidence/{scenario}-t{trial}.json",
            **changes,
        }
    )


def rows(scenario: str, passed: int, failed: int = 0, invalid: int = 0, errors: int = 0) -> list[TrialRecord]:
    """That many of each, in that order."""
    verdicts = (
        [Verdict.PASS] * passed + [Verdict.FAIL] * failed + [Verdict.INVALID] * invalid + [Verdict.ERROR] * errors
    )
    return [row(scenario, trial, verdict) for trial, verdict in enumerate(verdicts, 1)]
