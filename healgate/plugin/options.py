"""What a run can be told, on the command line or in pytest's own configuration file.

Every option `--name` has the twin `healgate_name` in the configuration; the command line wins. A value that makes no
sense is a usage error (exit status 4) with the sentence that says what was expected. The trap is a check that only one
of the two ways passes through: both end in the same `_Option.check`.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

import pytest

from ..clusters import NAMES as CLUSTERS
from ..problems import Place, suggest

# Every trial is a test item; more than these, of every scenario, do not fit into a machine's memory.
MOST_TRIALS = 10_000
TIMINGS = ("fast", "stock")


@dataclass(frozen=True)
class Options:
    """A run's settings, checked."""

    trials: int
    seed: str
    healer: str
    cluster: str
    budget_scale: float
    resume: bool
    min_pass_rate: float | None
    baseline: Path | None
    save_baseline: Path | None
    out: Path
    keep: bool
    kind_image: str | None
    reuse_cluster: str | None
    timing: str
    context: str | None

    @property
    def gated(self) -> bool:
        return self.baseline is not None or self.min_pass_rate is not None


def _trials(text: str) -> int:
    expected = f"a whole number from 1 to {MOST_TRIALS}"
    value = int(_number(text, expected, text))
    if not 1 <= value <= MOST_TRIALS or str(value) != text.strip():
        raise _unexpected(expected, text)
    return value


def _scale(text: str) -> float:
    expected = "a number above 0, like 1.5"
    value = _number(text, expected, text)
    if not 0 < value < 1e6:
        raise _unexpected(expected, text)
    return value


def share(text: str) -> float:
    expected = "a share from 0 to 1, like 0.95, or a percentage, like 95%"
    value = _number(text.removesuffix("%"), expected, text)
    if text.endswith("%"):
        value /= 100
    if not 0 <= value <= 1:
        raise _unexpected(expected, text)
    return value


def _number(text: str, expected: str, found: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _unexpected(expected, found) from None
    if not math.isfinite(value):
        raise _unexpected(expected, found)
    return value


def _unexpected(expected: str, found: str) -> ValueError:
    return ValueError(f"expected {expected}; found {found!r}")


def _cluster(text: str) -> str:
    if text not in CLUSTERS:
        raise ValueError(f"expected one of {', '.join(CLUSTERS)}; found {text!r}")
    return text


def _timing(text: str) -> str:
    if text not in TIMINGS:
        raise ValueError(f"expected one of {', '.join(TIMINGS)}; found {text!r}")
    return text


def _word(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a value; found nothing")
    return text


@dataclass(frozen=True)
class _Option:
    """One option: how it is read and what it is for."""

    name: str
    help: str
    check: Callable[[str], Any] | None = None  # None: a flag
    default: Any = None
    metavar: str = ""
    ini: Literal["string", "int", "float", "bool"] = "string"
    path: bool = False

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def twin(self) -> str:
        return "healgate_" + self.name.replace("-", "_")

    def parse(self, text: str) -> Any:
        """For argparse, which shows only the message of its own error."""
        assert self.check is not None
        try:
            return self.check(text)
        except ValueError as problem:
            raise argparse.ArgumentTypeError(str(problem)) from None


_OPTIONS = (
    _Option("trials", "how often each scenario is run (default 1)", _trials, 1, "N", "int"),
    _Option("seed", "decides every parameter of every trial (default 0)", _word, "0", "TEXT"),
    _Option(
        "healer", "the healer under test: a built-in name or package.module:name (default reference)", _word,
        "reference", "HEALER",
    ),
    _Option("cluster", "where trials run: embedded (default), kind or existing", _cluster, "embedded", "NAME"),
    _Option("budget-scale", "multiply every time budget by this (default 1)", _scale, 1.0, "X", "float"),
    _Option("resume", "go on with the run in --out: what has a result there is not run again", ini="bool"),
    _Option("min-pass-rate", "gate: no pass rate, of a scenario or of all, significantly below this", share, None,
            "SHARE"),
    _Option("baseline", "gate: compare with this baseline file", _word, None, "FILE", path=True),
    _Option("save-baseline", "write this run's results as a baseline file, unless the gate does not pass", _word, None,
            "FILE", path=True),
    _Option("out", "the folder for everything that a run writes (default healgate-out)", _word, "healgate-out", "DIR",
            path=True),
    _Option("keep", "leave a failed trial's cluster or namespace standing and say how to look into it (without -n)",
            ini="bool"),
    _Option("kind-image", "kind: the node image (default: $HEALGATE_KIND_IMAGE, or kind's own)", _word, None, "IMAGE"),
    _Option("reuse-cluster", "kind: run on this kind cluster, and leave it standing", _word, None, "NAME"),
    _Option("timing", "kind: how long a crashed container waits: fast (5s, default) or stock (up to 5m)", _timing,
            "fast", "NAME"),
    _Option("context", "existing: the context of the kubeconfig; its cluster must be marked as disposable", _word, None,
            "NAME"),
)  # fmt: skip

# Options that the plugin of pytest-kind adds as well, where it is installed, and where it keeps them.
_PYTEST_KINDS = {"kind-image": "kind_image"}

# Options that mean something on one kind of cluster only.
_ONLY_ON = {"kind-image": "kind", "reuse-cluster": "kind", "timing": "kind", "context": "existing"}
# What pytest makes of a setting's text before it gets here.
_KINDS = {"string": "a text", "int": "a whole number", "float": "a number", "bool": "true or false"}
_PREFIX = "healgate_"

FLAGS = frozenset(option.flag for option in _OPTIONS)
WITH_VALUE = frozenset(option.flag for option in _OPTIONS if option.check is not None)


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("healgate", "healgate: trials of a Kubernetes healer")
    for option in _OPTIONS:
        dest = option.twin
        if option.name in _PYTEST_KINDS and _pytest_kind_is_loaded():
            pass  # it has an option of the same name and meaning
        elif option.check is None:
            group.addoption(option.flag, dest=dest, action="store_true", default=None, help=option.help)
        else:
            group.addoption(
                option.flag, dest=dest, type=option.parse, default=None, metavar=option.metavar, help=option.help
            )
        parser.addini(option.twin, option.help, type=option.ini, default=None)


def _pytest_kind_is_loaded() -> bool:
    if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        return False
    return any(entry.name == "pytest-kind" for entry in entry_points(group="pytest11"))


def read_options(config: pytest.Config) -> Options:
    """The command line, else the configuration file, else the default."""
    _refuse_unknown_settings(config)
    values = {option.twin.removeprefix(_PREFIX): _value(config, option) for option in _OPTIONS}
    options = Options(**values)
    _refuse_what_would_do_nothing(config, options)
    if options.baseline is not None and not options.baseline.is_file():
        raise pytest.UsageError(
            f"--baseline {options.baseline}: there is no such file. --save-baseline FILE writes one from a run."
        )
    return options


def has_settings(config: pytest.Config) -> bool:
    """Whether the configuration says anything of healgate."""
    return any(_from_file(config, option) is not None for option in _OPTIONS)


def _refuse_what_would_do_nothing(config: pytest.Config, options: Options) -> None:
    """On the command line. In the configuration it may stand for other runs."""
    for option in _OPTIONS:
        if config.getoption(option.twin, None) is None:
            continue
        if _ONLY_ON.get(option.name, options.cluster) != options.cluster:
            raise pytest.UsageError(
                f"{option.flag}: expected --cluster {_ONLY_ON[option.name]} beside it; found {options.cluster}"
            )
        if option.name == "keep" and getattr(config.option, "tx", None):
            raise pytest.UsageError("--keep: expected no -n beside it: a worker takes its clusters with it")


def wants_real_cluster(config: pytest.Config) -> bool:
    """Asked in every run of every project, so it reads no more than it must."""
    said = config.getoption("healgate_cluster", None) or config.getini("healgate_cluster")
    return said not in (None, "", "embedded")


def _value(config: pytest.Config, option: _Option) -> Any:
    value = config.getoption(option.twin, None)
    if value is None and option.name in _PYTEST_KINDS:
        value = config.getoption(_PYTEST_KINDS[option.name], None)
    if value is not None:
        return config.invocation_params.dir / value if option.path else value
    value = _from_file(config, option)
    if value is not None:
        return config.rootpath / value if option.path else value
    if option.path and option.default is not None:
        return config.invocation_params.dir / option.default
    return bool(option.default) if option.check is None else option.default


def _from_file(config: pytest.Config, option: _Option) -> Any:
    try:
        raw = config.getini(option.twin)
    except (TypeError, ValueError, pytest.UsageError):  # pytest's own words name neither the file nor the option
        place, found = _written(config, option.twin)
        expected = f"expected {_KINDS[option.ini]}; found {found}"
        raise pytest.UsageError(f"{place}: {option.twin}: {expected}") from None
    if raw is None or raw == "":
        return None
    try:
        return raw if option.check is None else option.check(str(raw))
    except ValueError as problem:
        raise pytest.UsageError(f"{_written(config, option.twin)[0]}: {option.twin}: {problem}") from None


def _refuse_unknown_settings(config: pytest.Config) -> None:
    """Behind a slip in a setting's name stands a default that nobody chose. pytest warns of it, and goes on."""
    known = [option.twin for option in _OPTIONS]
    for name in getattr(config, "_inicfg", ()):  # pytest shows the names of its settings nowhere else
        if name.startswith(_PREFIX) and name not in known:
            place, _ = _written(config, name)
            raise pytest.UsageError(f"{place}: unknown setting {name!r}; {suggest(name, known)}")


def _written(config: pytest.Config, name: str) -> tuple[Place, str]:
    """Where a setting stands, and the text that it has there."""
    for line in config.option.override_ini or ():
        key, _, value = line.partition("=")
        if key == name:
            return Place(f"-o {line}"), value
    lines = config.inipath.read_text(encoding="utf-8").splitlines() if config.inipath is not None else []
    for number, line in enumerate(lines, 1):
        key, _, value = line.partition("=")
        if key.strip() == name:
            return Place(str(config.inipath), number, line.index(name) + 1), value.strip()
    return Place(str(config.inipath or "the configuration")), "something else"
