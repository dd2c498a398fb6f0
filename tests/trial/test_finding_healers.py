"""What a person writes after --healer, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from healgate.drivers import Report, find_healer
from healgate.evidence import Claim
from healgate.problems import UsageProblem
from healgate.words import CrashClass, Word


def module(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize("name", ["reference", "null", "notebook", "claims-only"])
def test_built_in_healers_go_by_name(name: str) -> None:
    assert find_healer(name).label == name


def test_a_healer_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module(tmp_path, monkeypatch, "own_healer", "def heal(api_client, report): report.detected()")
    claims: list[Claim] = []
    find_healer("own_healer:heal").call(None, Report(lambda: 7.0, claims))
    assert claims == [Claim(7.0, Word.DETECTED)]


def test_a_healer_without_a_version_is_known_by_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two halves of a run must be of one healer, and its author changes it between them."""
    package = tmp_path / "their_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "remedies.py").write_text("")
    (package / "main.py").write_text("def heal(api_client, report): ...")
    monkeypatch.syspath_prepend(str(tmp_path))
    first = find_healer("their_package.main:heal")
    assert first.label == f"their_package.main:heal {first.version}"
    assert find_healer("their_package.main:heal") == first
    (package / "remedies.py").write_text("PATIENCE = 3\n")
    assert find_healer("their_package.main:heal").version != first.version


@pytest.mark.parametrize(
    ("text", "source", "message"),
    [
        ("refernce", "", "expected one of reference, null"),
        ("refernce", "", "(did you mean reference?), or package.module:name"),
        (":heal", "", "expected package.module:name"),
        ("not_there:", "", "expected package.module:name"),
        ("not_there:heal", "", "not_there does not import: ModuleNotFoundError: No module named 'not_there'"),
        ("not_there.py:heal", "", "expected a module, not its file: not_there:heal"),
        ("./in/folder.py:heal", "", "expected a module, not its file: in.folder:heal"),
        ("torn:heal", "def heal(a, b)\n    pass", "SyntaxError: expected ':' at {folder}/torn.py:1:15"),
        ("zero:heal", "\0", "SyntaxError: source code string cannot contain null bytes, in {folder}/zero.py"),
        ("lacking:heal", "import not_there", "No module named 'not_there' at {folder}/lacking.py:1"),
        ("inside:heal", "import json\njson.loads('{')", "(char 1) at {folder}/inside.py:2"),
        ("raising:heal", "1 / 0", "does not import: ZeroDivisionError: division by zero at "),
        ("exiting:heal", "raise SystemExit(3)", "exiting does not import: SystemExit: 3 at "),
        ("empty:heal", "def other(a, b): ...", "has no 'heal'; it offers other"),
        ("number:heal", "heal = 3", "expected a function taking (api_client, report); heal is 3"),
        ("awaited:heal", "async def heal(client, report): ...", "heal is async, so nobody would run it"),
        ("yielding:heal", "def heal(client, report): yield", "heal is a generator, so nobody would run it"),
        ("narrow:heal", "def heal(client): ...", "heal must take two arguments: (api_client, report)"),
    ],
)
def test_what_is_said_when_it_is_wrong(
    text: str, source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source:
        module(tmp_path, monkeypatch, text.partition(":")[0], source)
    with pytest.raises(UsageProblem) as caught:
        find_healer(text)
    assert message.replace("{folder}", str(tmp_path)) in str(caught.value)
    assert str(caught.value).startswith(f"healer {text}: ")


def test_a_class_outside_the_list_is_kept_as_it_was_spelled() -> None:
    claims: list[Claim] = []
    report = Report(lambda: 0.0, claims)
    report.classified("out of memory", about="Deployment/backend")
    report.classified("oom")
    assert [(c.crash_class, c.note) for c in claims] == [(None, "out of memory"), (CrashClass.OOM, "")]


def test_a_claim_about_anything_is_taken_down_as_it_was_given() -> None:
    claims: list[Claim] = []
    Report(lambda: 0.0, claims).detected(about=42)
    assert claims[0].about == "42"
