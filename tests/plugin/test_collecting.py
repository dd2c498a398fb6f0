"""Which items a run has, what they are called, and how they are selected."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.plugin.collect import for_workers
from healgate.scenario.catalogue import Catalogue

from .conftest import Place

Collected = Callable[[pytest.RunResult], list[str]]

LEAK = "scenarios/oom/leak.yaml::heals[oom/leak-t{}]"
TYPO = "scenarios/bad-image/typo.yaml::heals[bad-image/typo-t{}]"


def test_every_scenario_has_one_item_for_each_trial(two: Place, collected: Collected) -> None:
    result = two.run("--collect-only", "-q", "--trials", "2", "scenarios")
    assert collected(result) == [TYPO.format(1), TYPO.format(2), LEAK.format(1), LEAK.format(2)]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["scenarios", "-k", "oom"], [LEAK.format(1)]),
        (["scenarios", "-k", "leak-t1"], [LEAK.format(1)]),
        (["scenarios", "-m", "bad-image"], [TYPO.format(1)]),
        (["scenarios", "-m", "not oom and slow"], [TYPO.format(1)]),
        (["scenarios", "-k", "X-01"], [LEAK.format(1)]),
        (["scenarios/oom"], [LEAK.format(1)]),
        (["scenarios/bad-image/typo.yaml"], [TYPO.format(1)]),
        ([LEAK.format(1)], [LEAK.format(1)]),
    ],
)
def test_selecting(two: Place, collected: Collected, args: list[str], expected: list[str]) -> None:
    assert collected(two.run("--collect-only", "-q", *args)) == expected


def test_a_scenario_has_the_mark_of_its_folder_too(place: Place, collected: Collected) -> None:
    place.scenario("nothing/blip", "bad-image", due="nothing")
    for mark in ("nothing", "bad-image"):
        assert len(collected(place.run("--collect-only", "-q", "scenarios", "-m", mark))) == 1


def test_marks_are_registered_under_strict(two: Place) -> None:
    two.pytester.makeini("[pytest]\nstrict = true\nfilterwarnings = error\n")
    result = two.spawn("scenarios")
    result.assert_outcomes(passed=2)


def test_a_tag_cannot_switch_a_scenario_off(place: Place) -> None:
    place.scenario("oom/leak", tags="skip, core")
    place.run("scenarios").assert_outcomes(passed=1)


def test_fixtures_of_a_conftest_surround_trials(two: Place) -> None:
    (two.path / "scenarios" / "conftest.py").write_text(
        "import pytest\n@pytest.fixture(autouse=True)\ndef told(request):\n    print('around', request.node.name)\n"
    )
    result = two.run("scenarios/oom", "-s")
    result.stdout.fnmatch_lines(["*around heals[[]oom/leak-t1[]]*"])


def test_a_wrong_file_is_named_with_its_place_before_anything_runs(two: Place) -> None:
    path = two.scenario("oom/wrong")
    path.write_text(path.read_text().replace("detect: 1m", "detekt: 1m"))
    result = two.run("scenarios")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*scenarios/oom/wrong.yaml:13:*unknown key 'detekt'*"])
    assert not two.ran()


def test_all_wrong_files_are_named_at_once(two: Place) -> None:
    for name in ("oom/wrong", "bad-image/wrong"):
        path = two.scenario(name)
        path.write_text(path.read_text().replace("detect: 1m", "detekt: 1m"))
    (two.path / "scenarios/oom/torn.yaml").write_text("title: [healgate\nx: 1\n")
    result = two.run("scenarios")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*bad-image/wrong.yaml:13:*", "*oom/torn.yaml:2:*", "*oom/wrong.yaml:13:*"])


@pytest.mark.parametrize("place_of_it", ["stray.yaml", "oom/deep/stray.yaml"])
def test_a_scenario_where_nobody_would_find_it_is_named(two: Place, place_of_it: str) -> None:
    path = two.path / "scenarios" / place_of_it
    path.parent.mkdir(exist_ok=True)
    path.write_text((two.path / "scenarios/oom/leak.yaml").read_text())
    result = two.run("scenarios")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *scenarios/{place_of_it}: *put it into scenarios/CLASS*"])
    two.run(f"scenarios/{place_of_it}").assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_scenario_file_that_is_named_runs_wherever_it_lies(two: Place, workers: tuple[str, ...]) -> None:
    (two.path / "drafts").mkdir()
    (two.path / "scenarios/oom/leak.yaml").rename(two.path / "drafts/ok.yaml")
    (two.path / "drafts/other.yaml").write_text("of: healgate, and no scenario")
    result = two.spawn("drafts/ok.yaml", *workers)
    result.assert_outcomes(passed=1)
    assert set(two.rows()) == {"drafts/ok-t1"}


@pytest.mark.parametrize(
    ("there", "instead", "said"),
    [
        (
            "func: delete_object",
            "func: delete_objekt",
            "*leak.yaml:*func: healgate.chaos.actions has no *",
        ),
        ("module: healgate.chaos.probes", "module: probes_of_mine", "*leak.yaml:*probes_of_mine does not import*"),
        ("{object: Deployment", "{objekt: Deployment", "*leak.yaml:*delete_object takes no 'objekt'*"),
    ],
)
def test_a_function_that_is_not_there_is_named_before_anything_runs(
    two: Place, there: str, instead: str, said: str
) -> None:
    path = two.path / "scenarios/oom/leak.yaml"
    text = path.read_text()
    assert there in text
    path.write_text(text.replace(there, instead))
    result = two.run("scenarios")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    assert not two.ran()


def test_broken_yaml_is_a_usage_error(two: Place) -> None:
    (two.path / "scenarios/oom/torn.yaml").write_text("title: [healgate\nx: 1\n")
    result = two.run("scenarios")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *scenarios/oom/torn.yaml:2:*"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_a_wrong_file_elsewhere_does_not_stop_a_selection(two: Place) -> None:
    (two.path / "scenarios/oom/torn.yaml").write_text("title: [healgate\nx: 1\n")
    two.run("scenarios/bad-image").assert_outcomes(passed=1)


@pytest.mark.usefixtures("shipped")
def test_an_own_scenario_may_not_have_the_name_of_a_shipped_one(place: Place) -> None:
    place.scenario("oom/limit-too-low")
    result = place.run("--collect-only", "-q", "--trials", "1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *oom/limit-too-low*Rename one*"])


def test_all_workers_collect_the_same(two: Place) -> None:
    result = two.spawn("scenarios", "--trials", "3", "-n", "2")
    result.assert_outcomes(passed=6)


@pytest.fixture
def slow(two: Place) -> Place:
    """One of the two scenarios needs hours."""
    path = two.path / "scenarios" / "oom" / "leak.yaml"
    path.write_text(
        path.read_text().replace("    workload: shop\n", "    workload: shop\n    embedded-only: it takes hours\n")
    )
    return two


def test_what_needs_simulated_time_runs_on_simulated_time(slow: Place) -> None:
    result = slow.run("scenarios")
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*takes hours*")


def test_what_needs_simulated_time_is_left_out_elsewhere_and_said_so(slow: Place, collected: Collected) -> None:
    result = slow.run("--collect-only", "--cluster", "kind", "scenarios")
    assert collected(slow.run("--collect-only", "-q", "--cluster", "kind", "scenarios")) == [TYPO.format(1)]
    result.stdout.fnmatch_lines(["not on kind: oom/leak (it takes hours)", "*1 deselected*"])


def test_nor_does_it_run_there_when_it_is_named(slow: Place, collected: Collected) -> None:
    assert collected(slow.run("--collect-only", "-q", "--cluster", "kind", LEAK.format(1))) == []


@pytest.mark.usefixtures("shipped")
def test_on_a_real_cluster_what_lasts_longest_is_begun_first(place: Place, collected: Collected) -> None:
    def budgets(cluster: str) -> list[float]:
        found = collected(place.run("--collect-only", "-q", "--trials", "1", "--cluster", cluster))
        names = [name.rpartition("[")[2].removesuffix("-t1]") for name in found]
        scenarios = Catalogue.load().scenarios
        return [scenarios[name].default.budgets.detect for name in names]

    assert budgets("kind") == sorted(budgets("kind"), reverse=True)
    assert budgets("embedded") != sorted(budgets("embedded"), reverse=True)


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 8))
def test_no_worker_gets_two_long_items_while_another_has_short_ones(lengths: list[int], workers: int) -> None:
    order = for_workers(lengths, float, workers)
    assert sorted(order) == sorted(lengths)
    if len(order) < 2 * workers:
        given_out = [order[worker::workers] for worker in range(workers)]  # handed round
    else:
        given_out = [order[2 * worker : 2 * worker + 2] for worker in range(workers)]
    by_first = sorted((hand for hand in given_out if hand), key=lambda hand: (hand[0], -hand[-1]))
    seconds = [hand[1] for hand in by_first if len(hand) > 1]
    assert seconds == sorted(seconds, reverse=True)
    assert order[2 * workers :] == sorted(order[2 * workers :], reverse=True)
