"""All scenarios there are: the shipped ones, and a team's own beside them.

Loading checks what can be checked without importing anything (the YAML, the keys, the values, the parameters), since
a wrong file must be named before anything runs; `lint` checks the rest. The trap is a scenario that is checked with
its placeholders in it: a model is made from the parameters' defaults here, and made again from each trial's own.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..evidence import Ref
from ..problems import Place, Problem, UsageProblem
from . import parameters as drawing
from .experiment import Experiment
from .model import Scenario
from .source import Loc, Source, load_yaml, parse
from .workloads import find_folder, load_workload

EXTENSION = "healgate"


@dataclass(frozen=True)
class Drawn:
    """One trial's scenario: what is judged, what is run, and with which parameters."""

    scenario: Scenario
    experiment: dict[str, Any]  # its configuration holds the parameters; Chaos Toolkit puts them into the arguments
    parameters: dict[str, Any]
    deployed: tuple[Ref, ...]
    bystanders: frozenset[Ref]


@dataclass(frozen=True)
class LoadedScenario:
    """One scenario file, checked."""

    id: str
    source: Source
    extension_at: Loc
    default: Scenario  # with the parameters' defaults put in
    workload_folder: Path

    @property
    def path(self) -> Path:
        return self.source.path

    @property
    def experiment(self) -> dict[str, Any]:
        data: dict[str, Any] = self.source.data
        return data

    @property
    def title(self) -> str:
        return str(self.experiment["title"])

    @property
    def description(self) -> str:
        return str(self.experiment["description"])

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.experiment.get("tags", ()))

    @property
    def defaults(self) -> dict[str, Any]:
        configuration = self.experiment.get("configuration", {})
        return {name: configuration[name] for name in self.default.parameters}

    def plan(self, seed: str, trial: int) -> Drawn:
        """The scenario with one trial's parameters."""
        parameters = drawing.draw(self.default.parameters, seed, self.id, trial)
        extension = self.experiment["extensions"][self.extension_at[1]]
        scenario = parse(Scenario, _filled(extension, parameters), self.source, self.extension_at)
        configuration = {**self.experiment.get("configuration", {}), **parameters}
        experiment = {**self.experiment, "configuration": configuration}
        deploy, *rest = experiment["method"]
        arguments = {**deploy["provider"]["arguments"], "workload": str(self.workload_folder)}
        provider = {**deploy["provider"], "arguments": arguments}
        experiment["method"] = [{**deploy, "provider": provider}, *rest]
        workload = load_workload(self.workload_folder)
        return Drawn(scenario, experiment, parameters, workload.refs, workload.bystanders)


@dataclass(frozen=True)
class Catalogue:
    """Scenarios by id, sorted."""

    scenarios: Mapping[str, LoadedScenario]

    @classmethod
    def load(cls, roots: Sequence[Path] | None = None) -> Catalogue:
        """Every scenario below the roots (by default the shipped ones and ./scenarios), or every mistake in them."""
        found: dict[str, LoadedScenario] = {}
        problems: list[Problem] = []
        for root in _distinct(default_roots() if roots is None else roots):
            for path in sorted(root.glob("*/*.yaml")):
                try:
                    loaded = load_scenario(path)
                except UsageProblem as problem:
                    problems.extend(problem.problems)
                    continue
                if loaded.id in found:
                    other = found[loaded.id].path
                    problems.append(Problem(f"{loaded.id} is also the id of {other}; rename one", Place(str(path))))
                found[loaded.id] = loaded
        if problems:
            raise UsageProblem(*problems)
        return cls(dict(sorted(found.items())))


def default_roots() -> list[Path]:
    shipped = Path(next(iter(importlib.import_module("healgate.scenarios").__path__)))
    own = Path.cwd() / "scenarios"
    return [shipped, own] if own.is_dir() else [shipped]


def scenario_id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def load_scenario(path: Path) -> LoadedScenario:
    """One file. Raises UsageProblem with everything that is wrong with it at this depth."""
    source = load_yaml(path)
    if not isinstance(source.data, dict):
        raise UsageProblem(source.problem("expected a mapping: a Chaos Toolkit experiment"))
    parse(Experiment, source.data, source)
    at, extension = _find_extension(source)
    spec = _parameters(source, at, extension)
    defaults = _defaults(source, at, spec)
    scenario = parse(Scenario, _filled(extension, defaults), source, at)
    try:
        folder = find_folder(scenario.workload, [path.parent.parent.parent / "manifests"])
    except LookupError as problem:
        raise UsageProblem(source.problem(f"workload: {problem}", (*at, "workload"))) from None
    load_workload(folder)
    return LoadedScenario(scenario_id(path), source, at, scenario, folder)


def _filled(extension: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but the parameters' own specifications, with their values put in."""
    filled: dict[str, Any] = drawing.put_in({k: v for k, v in extension.items() if k != "parameters"}, parameters)
    return {**filled, "parameters": extension.get("parameters", {})}


def _extension(experiment: Mapping[str, Any]) -> tuple[int, dict[str, Any] | None]:
    for index, extension in enumerate(experiment["extensions"]):
        if extension.get("name") == EXTENSION:
            return index, extension
    return -1, None


def _find_extension(source: Source) -> tuple[Loc, dict[str, Any]]:
    index, extension = _extension(source.data)
    if extension is None:
        message = f'extensions: expected one with "name: {EXTENSION}"; found none'
        raise UsageProblem(source.problem(message, ("extensions",)))
    return ("extensions", index), extension


def _parameters(source: Source, at: Loc, extension: Mapping[str, Any]) -> dict[str, Any]:
    spec = extension.get("parameters", {})
    if not isinstance(spec, dict):
        message = f"parameters: expected a mapping of names to variations; found {spec!r}"
        raise UsageProblem(source.problem(message, (*at, "parameters")))
    return spec


def _defaults(source: Source, at: Loc, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters' values in `configuration`: each must be one that could be drawn."""
    configuration = source.data.get("configuration", {})
    problems = [
        source.problem(f"configuration lacks a default for the parameter {name!r}", (*at, "parameters", name), key=True)
        for name in spec
        if name not in configuration
    ]
    if problems:
        raise UsageProblem(*problems)
    try:
        strange = list(drawing.members(spec, configuration))
    except drawing.BadParameter as error:
        message = f"parameters.{error.loc[0]}: {error}"
        raise UsageProblem(source.problem(message, (*at, "parameters", *error.loc))) from None
    for name, possible in strange:
        shown = ", ".join(repr(one) for one in possible[:8]) + (", ..." if len(possible) > 8 else "")
        message = f"configuration.{name}: expected a value that a trial could draw ({shown}); found "
        problems.append(source.problem(f"{message}{configuration[name]!r}", ("configuration", name)))
    if problems:
        raise UsageProblem(*problems)
    return {name: configuration[name] for name in spec}


def _distinct(roots: Sequence[Path]) -> list[Path]:
    return list({root.resolve(): root for root in roots}.values())
