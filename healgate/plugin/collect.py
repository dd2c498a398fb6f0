"""Scenarios × trials as ordinary parametrised items, one collector a scenario file.

    scenarios/oom/limit-too-low.yaml::heals[oom/limit-too-low-t3]

A scenario file is collected as a module whose one function is `heals.heals`, so everything that pytest knows of
functions holds: -k, -m, fixtures of a conftest.py, parameters in reports, the same ids on every xdist worker. The
trap is an id that depends on anything but the file's place and the trial's number. A scenario whose file says that it
needs simulated time is collected everywhere, and deselected where there is none, so that it is counted and named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from ..problems import Place, Problem, UsageProblem
from ..scenario.catalogue import LoadedScenario, load_scenario, scenario_id
from . import heals
from .places import FOLDER, is_scenario, misplaced, root_of, scenarios_below

T = TypeVar("T")

# Marks with a meaning of their own: a tag of that name would change what pytest does.
_SPECIAL = frozenset(
    {"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "tryfirst", "trylast", "flaky"}
)
_TRIAL = re.compile(r"::heals\[(.+)-t(\d+)\](?:@.*)?$")


def trial_of(nodeid: str) -> tuple[str, int] | None:
    """Scenario and number of the trial that an item is, if it is one (xdist may add a group)."""
    found = _TRIAL.search(nodeid)
    return (_unescaped(found[1]), int(found[2])) if found else None


def _unescaped(text: str) -> str:
    """pytest writes ids in ASCII, unless it is told not to."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape")


class ScenarioFile(pytest.Module):
    """One scenario file; its items are the trials."""

    scenario: LoadedScenario

    def istestfunction(self, obj: object, name: str) -> bool:
        return obj is heals.heals and name == "heals"

    def istestclass(self, obj: object, name: str) -> bool:  # noqa: ARG002
        return False

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        self.obj = heals
        return super().collect()


class Collection:
    """Turns scenario files into items; the same in every process of a run."""

    def __init__(self, config: pytest.Config, roots: tuple[Path, ...], trials: int, cluster: str) -> None:
        self.config = config
        self.roots = roots
        self.trials = trials
        self.cluster = cluster
        self.scenarios: dict[str, LoadedScenario] = {}
        self._marks = {line.partition(":")[0].partition("(")[0].strip() for line in config.getini("markers")}

    def load(self, path: Path) -> LoadedScenario:
        """Also remembers it; two files may not have one id. Raises UsageProblem."""
        known = self.scenarios.get(scenario_id(path))
        if known is not None and known.path == path:
            return known
        loaded = load_scenario(path)
        if known is not None:
            message = f"{known.path} has the id {loaded.id} already. Rename one of them."
            raise UsageProblem(Problem(message, Place(str(path))))
        self.scenarios[loaded.id] = loaded
        return loaded

    def load_all(self) -> None:
        """Every scenario that the arguments reach, so that all wrong files are named before anything runs."""
        problems: dict[Problem, None] = {}
        for arg in self.config.args:
            path = Path(arg.partition("::")[0]).resolve()
            for root in self.roots:
                for file in scenarios_below(root):
                    if (path == file or path in file.parents) and (path == file or is_scenario(file)):
                        try:
                            self.load(file)
                        except UsageProblem as problem:
                            problems.update(dict.fromkeys(problem.problems))
                for file in misplaced(root):
                    if path in file.parents:
                        message = f"nobody looks for a scenario here: put it into {FOLDER}/CLASS, or name it by itself"
                        problems[Problem(message, Place(str(file)))] = None
        if problems:
            raise pytest.UsageError("\n".join(map(str, problems)))

    def check(self) -> None:
        """What a scenario names and is not there: every trial would break on it, so none begins."""
        from ..scenario.lint import wrong_functions

        if problems := [str(one) for scenario in self.scenarios.values() for one in wrong_functions(scenario)]:
            raise pytest.UsageError("\n".join(problems))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A scenario folder is a folder, even where an __init__.py makes it a package that would be imported."""
        if root_of(path.resolve(), self.roots) is None:
            return None
        return pytest.Dir.from_parent(parent, path=path)

    @pytest.hookimpl
    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if file_path.suffix != ".yaml":
            return None
        path = file_path.resolve()
        root = root_of(path, self.roots)
        if root is None or path not in (root, root / path.parent.name / path.name):
            return None
        if not parent.session.isinitpath(file_path) and not is_scenario(path):
            return None
        file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
        try:
            file.scenario = self.load(path)
        except UsageProblem as problem:
            raise pytest.UsageError(str(problem)) from None
        return file

    def runs_here(self, scenario: LoadedScenario) -> bool:
        return self.cluster == "embedded" or not scenario.default.embedded_only

    @pytest.hookimpl
    def pytest_report_header(self) -> list[str]:
        """Which scenarios cannot run on this cluster, and why."""
        return [
            f"not on {self.cluster}: {scenario.id} ({scenario.default.embedded_only})"
            for scenario in self.scenarios.values()
            if not self.runs_here(scenario)
        ]

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Also of those that were named one by one: on a real cluster hours are hours."""
        left = [
            item for item in items if isinstance(item.parent, ScenarioFile) and not self.runs_here(item.parent.scenario)
        ]
        if left:
            config.hook.pytest_deselected(items=left)
            items[:] = [item for item in items if item not in left]
        if self.cluster != "embedded":
            workers = getattr(config, "workerinput", {}).get("workercount", 1)
            items[:] = for_workers(items, _lasts, workers)

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        file = metafunc.definition.parent
        if not isinstance(file, ScenarioFile):
            return
        marks = self._marks_of(file.scenario)
        metafunc.parametrize(
            ("scenario", "trial"),
            [
                pytest.param(file.scenario.id, trial, marks=marks, id=f"{file.scenario.id}-t{trial}")
                for trial in range(1, self.trials + 1)
            ],
        )

    def _marks_of(self, scenario: LoadedScenario) -> list[pytest.MarkDecorator]:
        """Its class, its folder, its number in the catalogue of crashes and its tags."""
        plan = scenario.default
        names = (str(plan.crash_class), scenario.id.partition("/")[0], plan.catalogue, *scenario.tags)
        marks = []
        for name in dict.fromkeys(name for name in names if name and name not in _SPECIAL):
            if name not in self._marks:
                self.config.addinivalue_line("markers", f"{name}: scenarios with this tag")
                self._marks.add(name)
            marks.append(getattr(pytest.mark, name))
        return marks


def _lasts(item: pytest.Item) -> float:
    """What tells most of how long a trial takes, whether its healer heals or not: how soon it must be seen."""
    return item.parent.scenario.default.budgets.detect if isinstance(item.parent, ScenarioFile) else 0.0


def for_workers(items: Sequence[T], lasts: Callable[[T], float], workers: int) -> list[T]:
    """In the order in which so many workers have done all of them soonest, the longest first.

    xdist hands each worker two at the beginning, and the second one waits for the first: beside the longest belongs the
    shortest of those. The others come one by one, to whom has time. With fewer than two for each it hands them round.
    """
    ordered = sorted(items, key=lasts, reverse=True)
    first, second, later = ordered[:workers], ordered[workers : 2 * workers], ordered[2 * workers :]
    if len(second) < workers:
        return [*reversed(first), *second]
    return [*(item for pair in zip(first, reversed(second), strict=True) for item in pair), *later]
