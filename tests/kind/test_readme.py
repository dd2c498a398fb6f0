"""What the README says of real clusters is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from healgate.cli import main
from healgate.plugin.options import FLAGS

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "README.md").read_text().split("## On a real cluster\n")[1].split("\n## ")[0]


def test_its_options_exist() -> None:
    named = set(re.findall(r"--[a-z][a-z-]*", SECTION)) - {"--scenario"}
    assert named <= FLAGS
    assert {"--cluster", "--reuse-cluster", "--kind-image", "--timing", "--budget-scale", "--context"} <= named


def test_its_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"kind", "agree", "bench-kind"} == set(re.findall(r"`make ([a-z-]+)`", SECTION)) <= targets


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`healgate ([a-z-]+)", SECTION))))
def test_its_commands_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out
