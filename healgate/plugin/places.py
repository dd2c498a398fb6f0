"""Which scenarios a pytest run is about: decided once, before anything is collected, from the command line alone.

healgate may be installed beside anything, so somebody else's `pytest` must stay what it was. The rule:

1. Paths on the command line: these and nothing else. A path into a scenario folder gives its scenarios, and a file
   that is a scenario is one wherever it lies; `scenarios/...` also finds the shipped catalogue where there is no such
   folder.
2. No path, but `testpaths` in the configuration: these and nothing else.
3. Neither: everything here, and the shipped catalogue as well, unless this folder is somebody's project: it has tests
   or a pytest configuration of its own, and nothing says healgate (no option or setting of healgate's, no ./scenarios).

Scenario folders are the shipped one, and `scenarios` where pytest is called or in its root folder. A file in one is a
scenario if the word healgate is in it. A run without any is somebody else's, unless its command line asks for a
verdict: that is refused, or other tests would give it. The trap is to import anything heavy here: every pytest run
passes through.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from .options import FLAGS, has_settings

FOLDER = "scenarios"
SHIPPED = "healgate.scenarios"
ASKS_FOR_A_VERDICT = ("--baseline", "--min-pass-rate", "--save-baseline")


@dataclass(frozen=True)
class Places:
    """What this run reaches (scenario folders, and scenario files that lie in none), and what pytest collects from."""

    roots: tuple[Path, ...]
    args: tuple[str, ...]


def shipped_scenarios() -> Path:
    """In the wheel inside the package, in a clone beside it."""
    spec = find_spec(SHIPPED)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(__file__).resolve().parents[2] / FOLDER


def find_places(config: pytest.Config) -> Places | None:
    """None: this run has nothing to do with healgate."""
    here = config.invocation_params.dir.resolve()
    shipped = shipped_scenarios()
    local = _unique(here / FOLDER, config.rootpath.resolve() / FOLDER)
    local = [root for root in local if _has_scenarios(root)]
    if config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR:
        args = [str(here)]
        if shipped not in local and (local or _says_healgate(config) or not _is_a_project(config, here)):
            # An argument in another counts as a duplicate, and would open the virtual environment that it lies in.
            args = [*(_entries(config, here) if here in shipped.parents else args), str(shipped)]
    else:
        args = [_shipped_instead(arg, here, shipped) for arg in config.args]
    reached = [
        root for root in _unique(shipped, *local) if any(_reaches(config, arg, here, root, local) for arg in args)
    ]
    named = [file for file in _unique(*(_path(arg, here) for arg in args)) if file.is_file() and is_scenario(file)]
    alone = [file for file in named if not any(file in scenarios_below(root) for root in reached)]
    return Places((*alone, *reached), tuple(args)) if reached or alone else None


def refuse_a_gate_without_scenarios(config: pytest.Config) -> None:
    """Whoever asks for a verdict on the command line must not get the exit status of other tests for one. In the
    configuration it stands for the runs that have scenarios."""
    asked = next((flag for flag in ASKS_FOR_A_VERDICT if flag in _given(config)), None)
    if asked is None:
        return
    by = " (testpaths)" if config.args_source is pytest.Config.ArgsSource.TESTPATHS else ""
    where = " ".join(map(str, config.args))
    raise pytest.UsageError(
        f"{asked}: expected scenarios to run; found none in {where!r}{by}. Name them: `pytest {FOLDER} {asked} ...` "
        f"runs ./{FOLDER}, or the shipped ones where there is no such folder."
    )


class Elsewhere:
    """In a run that is none of ours and found nothing, a word to whoever meant scenarios."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and (said := self._said()):
            terminalreporter.write_line(f"healgate: {said}")

    def _said(self) -> str:
        given = self._config.invocation_params
        if self._config.args_source is pytest.Config.ArgsSource.ARGS:
            folders = [_path(arg, given.dir) for arg in self._config.args]
            there = [path for folder in folders for path in folder.glob("**/*.yaml") if _is_experiment(path)]
            if not there:
                return ""
            return f"{there[0]} is a scenario: name it, or put it where they are looked for, {FOLDER}/CLASS/NAME.yaml"
        asked = re.findall(r"[\w-]+", f"{self._config.option.keyword} {self._config.option.markexpr}")
        known = {name for path in scenarios_below(shipped_scenarios()) for name in (path.parent.name, path.stem)}
        if known.isdisjoint(asked):
            return ""
        return (
            "a folder with tests or a configuration of its own runs the shipped scenarios when they are asked for: "
            + shlex.join(["pytest", FOLDER, *given.args])
        )


def root_of(path: Path, roots: Iterable[Path]) -> Path | None:
    """The scenario folder that a path is in; of a file that was named itself, that file."""
    return next((root for root in roots if root == path or root in path.parents), None)


def scenarios_below(root: Path) -> list[Path]:
    """Where scenarios are looked for, and nowhere else: FOLDER/<class>/NAME.yaml."""
    return [root] if root.is_file() else sorted(root.glob("*/*.yaml"))


def misplaced(root: Path) -> Iterator[Path]:
    """Scenarios in a scenario folder that nobody would find there."""
    for path in sorted(root.rglob("*.yaml")) if root.is_dir() else ():
        if len(path.relative_to(root).parts) != 2 and _is_experiment(path):
            yield path


def is_scenario(path: Path) -> bool:
    return path.suffix == ".yaml" and b"healgate" in path.read_bytes()


def _is_experiment(path: Path) -> bool:
    """More than the word: other files may have it, too."""
    return is_scenario(path) and b"steady-state-hypothesis" in path.read_bytes()


def _unique(*paths: Path) -> list[Path]:
    return list(dict.fromkeys(path.resolve() for path in paths))


def _has_scenarios(root: Path) -> bool:
    return any(is_scenario(path) for path in scenarios_below(root))


def _shipped_instead(arg: str, here: Path, shipped: Path) -> str:
    """`scenarios/oom` names the shipped folder where there is none of that name."""
    text, _, node = arg.partition("::")
    path = Path(text)
    if path.is_absolute() or not path.parts or path.parts[0] != FOLDER or (here / path).exists():
        return arg
    there = shipped.joinpath(*path.parts[1:])
    return str(there) + (f"::{node}" if node else "") if there.exists() else arg


def _reaches(config: pytest.Config, arg: str, here: Path, root: Path, local: list[Path]) -> bool:
    text = arg.partition("::")[0]
    if config.getoption("pyargs", False) and text.startswith(SHIPPED):
        return root == shipped_scenarios()
    path = _path(arg, here)
    return path == root or root in path.parents or (root in local and path in root.parents)


def _path(arg: str, here: Path) -> Path:
    return Path(os.path.abspath(here / arg.partition("::")[0])).resolve()


def _says_healgate(config: pytest.Config) -> bool:
    return bool(_given(config) & FLAGS) or has_settings(config)


def _given(config: pytest.Config) -> set[str]:
    """What the options on the command line are called."""
    return {str(arg).partition("=")[0] for arg in config.invocation_params.args}


def _is_a_project(config: pytest.Config, here: Path) -> bool:
    return config.inipath is not None or any(_own_tests(config, here))


def _own_tests(config: pytest.Config, here: Path) -> Iterator[str]:
    for folder, below, files in os.walk(here):
        below[:] = [name for name in below if not _passed_over(config, folder, name)]
        yield from (name for name in files if _is_test_file(config, name))


def _entries(config: pytest.Config, here: Path) -> list[str]:
    """What there is to collect from right below."""
    return [
        entry.path
        for entry in sorted(os.scandir(here), key=lambda entry: entry.name)
        if (entry.is_dir() and not _passed_over(config, here, entry.name)) or _is_test_file(config, entry.name)
    ]


def _passed_over(config: pytest.Config, folder: os.PathLike[str] | str, name: str) -> bool:
    """Folders that pytest does not go into."""
    patterns: list[str] = config.getini("norecursedirs")
    if any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
        return True
    return os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


def _is_test_file(config: pytest.Config, name: str) -> bool:
    patterns: list[str] = config.getini("python_files")
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
