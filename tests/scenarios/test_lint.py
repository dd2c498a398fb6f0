"""Good files pass; every broken one is named with its line and column, in words that say what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from make_broken import GOOD, HERE, MISTAKES

from healgate.problems import UsageProblem
from healgate.scenario.catalogue import Catalogue
from healgate.scenario.lint import check

CATALOGUE = Catalogue.load()


@pytest.mark.parametrize("name", CATALOGUE.scenarios)
def test_every_shipped_scenario_is_sound(name: str) -> None:
    assert check(CATALOGUE.scenarios[name].path) == []


def test_the_small_good_one_is_sound() -> None:
    assert check(HERE / "good.yaml") == []


def test_the_broken_ones_are_those_of_the_list() -> None:
    written = {path.stem: path.read_text() for path in HERE.glob("*.yaml")}
    assert written == {"good": GOOD, **{n: GOOD.replace(*change, 1) for n, change in MISTAKES.items()}}


def test_every_mistake_is_named_where_it_is() -> None:
    said = [str(problem) for path in sorted(HERE.glob("*.yaml")) for problem in check(path)]
    expected = (HERE / "expected.txt").read_text().splitlines()
    assert [line.replace(f"{HERE}/", "") for line in said] == expected
    assert {line.partition(".yaml")[0] for line in expected} == set(MISTAKES)


def test_a_missing_file_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    (problem,) = check(tmp_path / "none.yaml")
    assert "cannot be read" in problem.message


@pytest.mark.parametrize("text", ["a: &a [*a]", "[" * 3000 + "]" * 3000])
def test_what_holds_itself_is_no_scenario(tmp_path: Path, text: str) -> None:
    (tmp_path / "deep.yaml").write_text(text)
    (problem,) = check(tmp_path / "deep.yaml")
    assert "nested too deeply" in problem.message


@pytest.mark.parametrize(
    ("raw", "place", "said"),
    [
        ("title: größer\n".encode("latin-1"), ":1:10", "expected text in UTF-8; found the byte 0xf6"),
        ("title: größer\nx: \x07\n".encode(), ":2:4", "not YAML: found the character U+0007, which it does not take"),
    ],
)
def test_what_is_no_text_is_named_with_its_place(tmp_path: Path, raw: bytes, place: str, said: str) -> None:
    (tmp_path / "odd.yaml").write_bytes(raw)
    (problem,) = check(tmp_path / "odd.yaml")
    assert str(problem) == f"{tmp_path}/odd.yaml{place}: {said}"


def test_a_few_lines_that_stand_for_millions_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    (problem,) = check(tmp_path / "bomb.yaml")
    assert "its aliases (*) repeat too much" in problem.message


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    scenarios, manifests = tmp_path / "scenarios" / "exit", tmp_path / "manifests" / "shop"
    scenarios.mkdir(parents=True)
    manifests.mkdir(parents=True)
    shutil.copy(HERE / "good.yaml", scenarios / "mine.yaml")
    (manifests / "10-broken.yaml").write_text("kind: [")
    (problem,) = check(scenarios / "mine.yaml")
    assert problem.place is not None
    assert problem.place.file == str(manifests / "10-broken.yaml")
    (manifests / "10-broken.yaml").write_text("kind: Deployment\n")
    (problem,) = check(scenarios / "mine.yaml")
    assert "apiVersion, kind and metadata.name" in problem.message


def test_a_teams_own_scenarios_stand_beside_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "scenarios" / "exit"
    own.mkdir(parents=True)
    shutil.copy(HERE / "good.yaml", own / "mine.yaml")
    monkeypatch.chdir(tmp_path)
    scenarios = Catalogue.load().scenarios
    assert set(scenarios) == {*CATALOGUE.scenarios, "exit/mine"}
    assert scenarios["exit/mine"].workload_folder.name == "shop"


def test_all_mistakes_of_a_folder_are_told_at_once(tmp_path: Path) -> None:
    for name in ("bad-duration", "duplicate-key"):
        folder = tmp_path / "exit"
        folder.mkdir(exist_ok=True)
        shutil.copy(HERE / f"{name}.yaml", folder)
    with pytest.raises(UsageProblem) as raised:
        Catalogue.load([tmp_path])
    assert len(raised.value.problems) == 2


def test_two_scenarios_of_one_name_are_refused(tmp_path: Path) -> None:
    for root in ("a", "b"):
        folder = tmp_path / root / "exit"
        folder.mkdir(parents=True)
        shutil.copy(HERE / "good.yaml", folder / "same.yaml")
    with pytest.raises(UsageProblem, match="exit/same is also the id of"):
        Catalogue.load([tmp_path / "a", tmp_path / "b"])
