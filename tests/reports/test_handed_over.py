"""Files from other machines: whatever stands in them, a person is told where and what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from healgate.chaos.probes import _told
from healgate.numbers.baseline import read_baseline
from healgate.problems import UsageProblem
from healgate.record import read_run, read_trials
from healgate.reports import story

DEEP = "[" * 100_000 + "]" * 100_000
Reads = Callable[[Path], Any]


@pytest.mark.parametrize("read", [read_run, read_baseline, story.read])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DEEP, ":1:1: expected {what}, which is JSON; it is nested too deeply"),
        ('{\n "a": }', ":2:7: expected {what}, which is JSON; found none here (Expecting value)"),
        ("\udcff", ": expected {what}; it cannot be read: "),
        (None, ": expected {what}; it cannot be read: "),
    ],
    ids=["deep", "broken", "no text", "gone"],
)
def test_what_is_no_json_is_said_with_its_place(tmp_path: Path, read: Reads, text: str | None, said: str) -> None:
    what = {
        read_run: "the run.json of a run",
        read_baseline: "a baseline file",
        story.read: "the evidence of a trial",
    }[read]
    path = tmp_path / "given.json"
    if text is not None:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(UsageProblem) as problem:
        read(path)
    assert str(problem.value).startswith(f"{path}{said.format(what=what)}")


def test_a_record_that_nobody_can_read_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text(DEEP + "\n")
    with pytest.raises(UsageProblem, match=r"trials\.jsonl:1:1: expected one trial record a line"):
        read_trials(path)


def test_a_service_that_answers_in_depths_has_told_nothing() -> None:
    assert _told(DEEP) == {}
