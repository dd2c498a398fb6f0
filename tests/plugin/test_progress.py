"""The line that a long run shows, and how a run's exit status is made."""

from __future__ import annotations

from collections import Counter

import pytest

from healgate.plugin.progress import progress_line
from healgate.plugin.tally import final_status
from healgate.words import Verdict


def test_the_line_says_how_far_and_how_long() -> None:
    verdicts = Counter({Verdict.PASS: 36, Verdict.FAIL: 3, Verdict.ERROR: 1})
    line = progress_line(verdicts, 0, 400, 130.0)
    assert line == "healgate: 40 of 400 trials after 2m10s (36 PASS, 3 FAIL, 1 ERROR), about 19m30s to go"


def test_trials_of_before_do_not_make_it_look_faster() -> None:
    line = progress_line(Counter({Verdict.PASS: 40}), 30, 50, 100.0, "oom/leak-t41: hold")
    assert line == "healgate: 40 of 50 trials after 1m40s (40 PASS), about 1m40s to go; oom/leak-t41: hold"


def test_before_the_first_trial_ends_nothing_is_promised() -> None:
    assert progress_line(Counter(), 0, 4, 16.0, "oom/leak-t1: hold") == (
        "healgate: 0 of 4 trials after 16s; oom/leak-t1: hold"
    )


@pytest.mark.parametrize(
    ("pytest_status", "gate", "others_failed", "status"),
    [
        (0, 0, 0, 0),
        (1, 0, 0, 0),  # trials failed, and the gate takes it
        (1, 1, 0, 1),
        (0, 6, 0, 6),
        (1, 6, 3, 6),
        (1, 0, 1, 1),  # a test of the person's own failed
        (2, 0, 0, 2),  # interrupted
        (3, 1, 0, 3),
        (5, 6, 0, 6),
        (5, 0, 0, 5),
    ],
)
def test_the_gate_decides_over_trials_and_nothing_else(
    pytest_status: int, gate: int, others_failed: int, status: int
) -> None:
    assert final_status(pytest_status, gate, others_failed) == status
