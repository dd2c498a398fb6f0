"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from healgate.words import CrashClass

README = (Path(__file__).parents[2] / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_healer_of_the_first_five_minutes_fails_for_the_reason_that_is_given(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(my_healer=PYTHON[0])
    result = pytester.runpytest_subprocess("-k", "limit-too-low", "--healer", "my_healer:heal")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*oom/limit-too-low*0%*", "*not-remediated*"])
    shown = _in_one_line(result.stdout.str())
    course = README.split("here that of the healer above (shortened):\n\n")[1].split("\n\n")[0]
    for line in re.split(r"\n +(?=[-+]\d)", course):
        assert _in_one_line(line) in shown


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def test_the_fixtures_example(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=PYTHON[1])
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_the_classes_are_all_named() -> None:
    line = README.split("The classes: ")[1].split("\n\n")[0]
    assert re.findall(r"`([a-z-]+)`", line) == [str(crash_class) for crash_class in CrashClass]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"healgate (up|lint|report)", README))))
def test_the_commands_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from healgate.cli import main

    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


def test_the_links_lead_somewhere() -> None:
    root = Path(__file__).parents[2]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / target).exists(), target
