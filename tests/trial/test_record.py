"""What a trial leaves on disk survives a kill and says what is broken in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from healgate.problems import UsageProblem
from healgate.record import Times, TrialRecord, append, read_trials, sorted_records
from healgate.words import Reason, Verdict


def record(trial: int = 1, **changes: object) -> TrialRecord:
    values: dict[str, object] = {
        "scenario": "oom/limit-too-low",
        "trial": trial,
        "seed": "0",
        "healer": "reference",
        "cluster": "embedded",
        "kubernetes": "v1.36.2",
        "timing": "stock",
        "crash_class": "oom",
        "verdict": Verdict.FAIL,
        "reason": Reason.RELAPSED,
        "message": "it crashed again",
        "times": Times(1.5, 2.0, None),
        "parameters": {"need": "96Mi"},
    }
    return TrialRecord(**{**values, **changes})  # type: ignore[arg-type]


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "out" / "trials.jsonl"
    written = [record(2), record(1, verdict=Verdict.PASS, reason=None)]
    for one in written:
        append(path, one.line())
    assert read_trials(path) == written
    assert [r.trial for r in sorted_records(written)] == [1, 2]


def test_a_line_is_the_same_whatever_the_order_of_its_parameters() -> None:
    assert record(parameters={"a": 1, "b": 2}).line() == record(parameters={"b": 2, "a": 1}).line()


def test_a_last_line_cut_short_by_a_kill_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text(record(1).line() + record(2).line()[:40])
    assert [r.trial for r in read_trials(path)] == [1]


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text("{}\n" + record(1).line())
    with pytest.raises(UsageProblem, match=r"trials.jsonl:1:1: expected one trial record a line"):
        read_trials(path)


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x1e", "\r"])
def test_only_a_newline_ends_a_line(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "trials.jsonl"
    written = [record(1, message=f"it said{odd}this"), record(2)]
    for one in written:
        append(path, one.line())
    assert read_trials(path) == written


def test_half_a_character_is_named_in_the_row(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    append(path, record(1, message="\ud83d!").line())
    assert [row.message for row in read_trials(path)] == ["\\ud83d!"]


def test_a_kill_in_the_middle_of_a_character_is_a_kill_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    torn = record(2, message="träne").line().encode()
    path.write_bytes(record(1).line().encode() + torn[: torn.index("ä".encode()) + 1])
    assert [row.trial for row in read_trials(path)] == [1]


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_bytes(b"\xff\n" + record(1).line().encode())
    with pytest.raises(UsageProblem, match=r"trials.jsonl:1:1: expected one trial record a line"):
        read_trials(path)


def test_an_id_names_the_scenario_and_the_trial() -> None:
    assert record(3).id == "oom/limit-too-low-t3"
    assert json.loads(record(3).line())["verdict"] == "FAIL"
