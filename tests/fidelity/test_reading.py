"""What is no recording is told in a sentence, and what nobody knows how to play is a difference."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .__main__ import main, verdict
from .compare import compare
from .reading import Malformed, read

TRACES = Path(__file__).parent / "traces"


def small() -> dict[str, Any]:
    recording: dict[str, Any] = read(TRACES / "bare-pod-never.json")
    return copy.deepcopy(recording)


def written(folder: Path, content: object) -> Path:
    path = folder / "case.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "expected JSON; line 1"),
        ("[]", "expected an object with case"),
        ({"case": "x"}, "expected applied"),
        ({"case": "x", "applied": {}, "timeline": [], "commands": []}, "applied: expected a list"),
        ({"case": "x", "applied": [], "timeline": [], "commands": []}, "something that was done"),
        (
            {"case": "x", "applied": [{"kind": "Pod"}], "timeline": [], "commands": []},
            "applied[0]: expected apiVersion",
        ),
        ({"case": "x", "applied": [], "timeline": [{"t": "1"}], "commands": []}, "timeline[0].t: expected a number"),
        (
            {"case": "x", "applied": [], "timeline": [{"t": 1, "kind": "Event", "type": "ADDED"}], "commands": []},
            "timeline[0]: expected reason",
        ),
        ({"case": "x", "applied": [], "timeline": [], "commands": [{"t": 1}]}, "commands[0]: expected kubectl"),
    ],
)
def test_a_file_that_is_no_recording(tmp_path: Path, content: object, told: str) -> None:
    with pytest.raises(Malformed) as problem:
        read(written(tmp_path, content))
    assert told in str(problem.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert verdict(path) == ("MALFORMED", "expected JSON; found bytes that are no text")


def _script(recording: dict[str, Any]) -> None:
    recording["applied"][0]["spec"]["containers"][0]["command"] = ["sh", "-c", "vi /etc/hosts"]


def _command(recording: dict[str, Any]) -> None:
    words = ["edit", "pod", "once"]
    recording["commands"].append({"t": 5.0, "kubectl": words, "rc": 0, "stdout": "", "stderr": ""})


def _question(recording: dict[str, Any]) -> None:
    words = ["logs", "once", "--since=5s"]
    recording["commands"].append({"t": 5.0, "kubectl": words, "rc": 0, "stdout": "", "stderr": ""})


def _kind(recording: dict[str, Any]) -> None:
    recording["applied"].append({"apiVersion": "example.com/v1", "kind": "Sofa", "metadata": {"name": "red"}})


def _refused(recording: dict[str, Any]) -> None:
    recording["applied"][0]["spec"]["containers"][0]["name"] = "Not A Name"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_script, "the command vi"),
        (_command, "kubectl edit"),
        (_question, "--since=5s"),
        (_kind, "Sofa"),
        (_refused, "Not A Name"),
    ],
)
def test_what_is_not_known_is_refused_by_name(change: Callable[[dict[str, Any]], None], named: str) -> None:
    recording = small()
    change(recording)
    (found,) = compare(recording)
    assert found.why == "refused"
    assert named in str(found)


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = small()
    (tmp_path / "as-it-is.json").write_text(json.dumps(recording))
    for entry in recording["timeline"]:
        if entry["kind"] == "Event":
            entry["reason"] = entry["reason"].replace("Pulled", "Fetched")
    (tmp_path / "otherwise.json").write_text(json.dumps(recording))
    assert main([str(tmp_path / "as-it-is.json")]) == 0
    assert main([str(tmp_path)]) == 1
    assert main([str(tmp_path / "nothing")]) == 1
    shown = capsys.readouterr().out
    assert "as-it-is   same\n" in shown
    assert "otherwise  DIFFERENT" in shown
    assert "events of Pod/once" in shown
    assert "1 of 2 recordings are reproduced" in shown
