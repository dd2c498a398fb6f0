"""When a pytest run is about scenarios, and when it is somebody else's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import CATALOGUE, Place

Collected = Callable[[pytest.RunResult], list[str]]

SHIPPED = len(list(CATALOGUE.glob("*/*.yaml")))
OOM = len(list(CATALOGUE.glob("oom/*.yaml")))


@pytest.fixture
def empty(pytester: pytest.Pytester, shipped: Path) -> Place:
    assert shipped.is_dir()
    return Place(pytester)


def ids(place: Place, *args: str) -> list[str]:
    result = place.run("--collect-only", "-q", *args)
    assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    return [line for line in result.outlines if "::" in line]


def test_an_empty_folder_runs_the_shipped_catalogue(empty: Place) -> None:
    found = ids(empty)
    assert len(found) == SHIPPED
    assert "oom/limit-too-low.yaml::heals[oom/limit-too-low-t1]" in found


def test_and_filters_it(empty: Place) -> None:
    assert 0 < len(ids(empty, "-m", "oom")) < SHIPPED


def test_own_scenarios_are_added_to_the_shipped_ones(empty: Place) -> None:
    empty.scenario("oom/ours")
    found = ids(empty)
    assert len(found) == SHIPPED + 1
    assert "scenarios/oom/ours.yaml::heals[oom/ours-t1]" in found


def test_own_tests_run_alone(empty: Place) -> None:
    empty.pytester.makepyfile(test_own="def test_own(): pass")
    assert ids(empty) == ["test_own.py::test_own"]


def test_own_tests_in_a_folder_below_run_alone(empty: Place) -> None:
    (empty.path / "tests").mkdir()
    (empty.path / "tests" / "test_own.py").write_text("def test_own(): pass")
    assert ids(empty) == ["tests/test_own.py::test_own"]


def test_an_option_of_healgate_asks_for_the_catalogue(empty: Place) -> None:
    empty.pytester.makepyfile(test_own="def test_own(): pass")
    assert len(ids(empty, "--trials", "1")) == SHIPPED + 1


def test_a_setting_of_healgate_asks_for_the_catalogue(empty: Place) -> None:
    empty.pytester.makepyfile(test_own="def test_own(): pass")
    empty.pytester.makeini("[pytest]\nhealgate_trials = 2\n")
    assert len(ids(empty)) == 2 * SHIPPED + 1


@pytest.mark.parametrize("args", [("-m", "bad-image"), ("-k", "limit-too-low or x")])
def test_who_selects_scenarios_beside_own_tests_is_told_how(empty: Place, args: tuple[str, ...]) -> None:
    empty.pytester.makepyfile(test_own="def test_own(): pass")
    empty.pytester.makeini("[pytest]\nmarkers = slow\n")
    result = empty.spawn("-p", "moved", *args)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["healgate: *when they are asked for: pytest scenarios *"])
    for other in (("-m", "slow"), ("-k", "nothing_of_the_kind")):
        empty.spawn("-p", "moved", *other).stdout.no_fnmatch_line("healgate: *")


def test_a_folder_of_scenarios_by_another_name_is_told_where_they_belong(empty: Place) -> None:
    path = empty.scenario("oom/ours")
    (empty.path / "drafts").mkdir()
    path.rename(empty.path / "drafts" / "ours.yaml")
    result = empty.run("drafts")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["healgate: *drafts/ours.yaml is a scenario: *scenarios/CLASS/NAME.yaml"])


def test_a_path_is_all_there_is(empty: Place) -> None:
    empty.scenario("oom/ours")
    empty.pytester.makepyfile(test_own="def test_own(): pass")
    assert ids(empty, "test_own.py", "--trials", "3") == ["test_own.py::test_own"]


def test_testpaths_are_all_there_is(empty: Place) -> None:
    empty.pytester.makepyfile(test_own="def test_own(): pass")
    empty.scenario("oom/ours")
    empty.pytester.makeini("[pytest]\ntestpaths = scenarios\n")
    assert ids(empty) == ["scenarios/oom/ours.yaml::heals[oom/ours-t1]"]


def test_a_project_with_a_configuration_and_no_tests_yet_is_a_project(empty: Place) -> None:
    empty.pytester.makeini("[pytest]\naddopts = -q\n")
    assert ids(empty) == []


def test_somebody_elses_scenarios_folder_is_left_alone(empty: Place) -> None:
    empty.pytester.makepyfile(test_own="def test_own(): pass")
    (empty.path / "scenarios" / "load").mkdir(parents=True)
    (empty.path / "scenarios" / "load" / "peak.yaml").write_text("users: [1\n")
    assert ids(empty) == ["test_own.py::test_own"]


def test_the_shipped_folder_by_the_name_it_has_in_a_clone(empty: Place) -> None:
    assert len(ids(empty, "scenarios/oom")) == OOM
    assert len(ids(empty, "scenarios/oom/limit-too-low.yaml")) == 1


def test_the_shipped_catalogue_by_its_package(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    assert len(ids(Place(pytester), "--pyargs", "healgate.scenarios", "test_own.py")) == SHIPPED + 1


def test_a_virtual_environment_below_is_not_somebodys_project(empty: Place) -> None:
    below = empty.path / "env" / "lib"
    below.mkdir(parents=True)
    (empty.path / "env" / "pyvenv.cfg").write_text("")
    (below / "test_of_a_library.py").write_text("def test_it(): pass")
    assert len(ids(empty)) == SHIPPED


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_the_catalogue_of_a_virtual_environment_below(
    place: Place, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual case: an empty folder, and healgate installed into .venv in it."""
    installed = place.path / ".venv" / "lib" / "healgate" / "scenarios"
    shutil.copytree(CATALOGUE / "oom", installed / "oom")
    (place.path / ".venv" / "pyvenv.cfg").write_text("")
    stray = place.path / ".venv" / "lib" / "other"
    stray.mkdir()
    (stray / "test_of_a_library.py").write_text("def test_it(): assert 0")
    (place.path / "below.py").write_text(
        "import healgate.plugin.places, pathlib\n"
        f"healgate.plugin.places.shipped_scenarios = lambda: pathlib.Path({str(installed)!r})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(place.path))
    place.scenario("oom/ours")
    result = place.spawn("-p", "below", *workers)
    result.assert_outcomes(passed=OOM + 1)


def test_another_run_is_not_touched(empty: Place) -> None:
    empty.pytester.makepyfile(test_own="def test_own(): pass")
    result = empty.spawn("-q")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*healgate*")
    assert not (empty.path / "healgate-out").exists()


def test_nothing_heavy_is_imported_for_another_run(empty: Place) -> None:
    empty.pytester.makepyfile(
        test_own="""
        import sys
        def test_own():
            heavy = {"kubernetes", "chaoslib", "pydantic", "allure_commons.logger", "yaml"} & set(sys.modules)
            assert not heavy and not [name for name in sys.modules if name.startswith("healgate.reports")]
        """
    )
    empty.spawn("-q", "-p", "no:allure_pytest", "-p", "no:pytest-kind").assert_outcomes(passed=1)
