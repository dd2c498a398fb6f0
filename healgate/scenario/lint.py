"""Everything that can be wrong with a scenario file, found without running it.

Loading finds what one file shows by itself; this goes on to what it names: functions and their arguments, objects of
the manifests, parameters that nobody uses. A scenario is checked as several trials would draw it, since a wrong name
may hide behind a parameter's third value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..evidence import Obj, Ref
from ..problems import Problem, UsageProblem, suggest
from ..quantities import number
from ..words import Due
from .catalogue import LoadedScenario, load_scenario
from .model import Property, Scenario, Signature
from .parameters import placeholders, put_in
from .rulepaths import astray, brought_by
from .source import Loc, dotted
from .workloads import Workload, load_workload

DEPLOY = ("healgate.chaos.actions", "deploy")
SHOWS = ("healgate.chaos.probes", "shows")
NAMESPACE = "namespace"
NOTHING = "nothing"
# As many draws as it takes to meet every value of a list of a few.
DRAWS = 12
SEED = "lint"


def check(path: Path) -> list[Problem]:
    """Every mistake in one file, in the order of the file."""
    try:
        loaded = load_scenario(path)
    except UsageProblem as problem:
        return _sorted(problem.problems)
    return _sorted(_unique(_mistakes(loaded)))


def _mistakes(loaded: LoadedScenario) -> Iterator[Problem]:
    yield from wrong_functions(loaded)
    yield from _method(loaded)
    yield from _parameters(loaded)
    yield from _plan(loaded, loaded.default)
    for trial in range(1, DRAWS + 1):
        try:
            drawn = loaded.plan(SEED, trial)
        except UsageProblem as problem:
            yield from problem.problems
            return
        yield from _plan(loaded, drawn.scenario)
    yield from _co_actors(loaded)


def wrong_functions(loaded: LoadedScenario) -> Iterator[Problem]:
    """Functions that do not exist or take other arguments, and what Chaos Toolkit says to the whole.

    Every trial would break on them, so this is also asked before any is run."""
    from ..chaos import providers

    found = False
    for loc, activity in _activities(loaded.experiment):
        wrong = False
        provider = put_in(activity["provider"], {**loaded.defaults, NAMESPACE: "default"})
        for message, inside, key in providers.mistakes(provider):
            wrong = True
            yield loaded.source.problem(f"{activity['name']}: {message}", (*loc, "provider", *inside), key=key)
        tolerance = activity.get("tolerance", True)
        if not (wrong or isinstance(tolerance, bool)) and providers.answers_yes_or_no(provider):
            wrong = True
            message = f"tolerance: expected true or false; found {tolerance!r}"
            yield loaded.source.problem(f"{activity['name']}: {message}", (*loc, "tolerance"))
        found = found or wrong
    if not found and (said := providers.invalid(loaded.experiment)):
        yield loaded.source.problem(f"Chaos Toolkit does not accept it: {said}", ("method",))


def _activities(experiment: Mapping[str, Any]) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    for index, probe in enumerate(experiment["steady-state-hypothesis"]["probes"]):
        yield ("steady-state-hypothesis", "probes", index), probe
    for index, activity in enumerate(experiment["method"]):
        yield ("method", index), activity


def _method(loaded: LoadedScenario) -> Iterator[Problem]:
    """Deploy first, prove last, break in between; both ends say what the extension says."""
    method = loaded.experiment["method"]
    first, last = method[0]["provider"], method[-1]["provider"]
    end = len(method) - 1
    extension = loaded.experiment["extensions"][loaded.extension_at[1]]
    if (first["module"], first["func"]) != DEPLOY:
        yield loaded.source.problem(f"method: expected {'.'.join(DEPLOY)} first; found {_name(first)}", ("method", 0))
    elif first.get("arguments", {}).get("workload") != extension["workload"]:
        message = f"method[0]: expected the workload of the extension, {extension['workload']!r}; deploys another"
        yield loaded.source.problem(message, ("method", 0, "provider", "arguments"))
    if (last["module"], last["func"]) != SHOWS:
        message = f"method: expected {'.'.join(SHOWS)} last, the proof; found {_name(last)}"
        yield loaded.source.problem(message, ("method", end))
    elif last.get("arguments", {}).get("signature") != extension["signature"]:
        message = "method: expected the proof to ask for the signature of the extension; use an anchor (&) and *"
        yield loaded.source.problem(message, ("method", end, "provider", "arguments"))
    elif method[-1].get("tolerance", False) is False:
        yield loaded.source.problem("method: expected tolerance: true on the proof", ("method", end))
    if end < 2:
        yield loaded.source.problem("method: nothing between deploying and proving breaks anything", ("method",))


def _name(provider: Mapping[str, Any]) -> str:
    return f"{provider['module']}.{provider['func']}"


def _parameters(loaded: LoadedScenario) -> Iterator[Problem]:
    """Used, defined, and at least one."""
    configuration = loaded.experiment.get("configuration", {})
    at = (*loaded.extension_at, "parameters")
    if not loaded.default.parameters:
        yield loaded.source.problem("expected at least one parameter: without one every trial is the same", at)
    namespace = configuration.get(NAMESPACE)
    if not isinstance(namespace, dict) or namespace.get("key") != "HEALGATE_NAMESPACE" or namespace["type"] != "env":
        message = "configuration: expected a namespace, {type: env, key: HEALGATE_NAMESPACE, default: ...}"
        yield loaded.source.problem(message, ("configuration", NAMESPACE))
    used: set[str] = set()
    for name, loc in placeholders(_without_parameters(loaded)):
        used.add(name)
        if name not in configuration:
            known = suggest(name, configuration)
            yield loaded.source.problem(f"{dotted(loc)}: no parameter {name!r}; {known}", loc)
        elif name == NAMESPACE and loc[0] == "extensions":
            yield loaded.source.problem(f"{dotted(loc)}: the namespace is nothing that a verdict may depend on", loc)
    for form in loaded.default.parameters.values():
        if isinstance(form, dict):
            used.update(str(form[key]) for key in ("of", "times", "over", "plus", "minus") if key in form)
    for name in loaded.default.parameters:
        if name not in used:
            yield loaded.source.problem(f"the parameter {name!r} is used nowhere", (*at, name), key=True)
    for name in configuration:
        if name not in loaded.default.parameters and name != NAMESPACE:
            message = f"configuration.{name} is no parameter; write its value where it is used"
            yield loaded.source.problem(message, ("configuration", name), key=True)


def _without_parameters(loaded: LoadedScenario) -> dict[str, Any]:
    extensions = [{k: v for k, v in e.items() if k != "parameters"} for e in loaded.experiment["extensions"]]
    return {**loaded.experiment, "extensions": extensions}


def _plan(loaded: LoadedScenario, plan: Scenario) -> Iterator[Problem]:
    """What the extension says, with one trial's parameters."""
    workload = load_workload(loaded.workload_folder)
    at = loaded.extension_at
    brought = brought_by(loaded.experiment)

    def problem(message: str, *loc: str | int) -> Problem:
        return loaded.source.problem(f"{dotted(loc)}: {message}", (*at, *loc))

    for loc, ref in _refs(plan):
        if workload.find(ref) is None:
            yield problem(_no_such(ref, workload), *loc)
        elif loc[0] in ("target", "may-touch") and ref in workload.bystanders:
            yield problem(f"{ref} is the bystander, which nobody may touch", *loc)
    for index, sign in enumerate(plan.signature.all):
        if not sign.model_fields_set - {"of", "container", "old"}:
            yield problem("says where to look and not for what", "signature", "all", index)
    for index, forbidden in enumerate(plan.forbidden):
        if forbidden.object and (text := _bad_pattern(forbidden.object, workload)):
            yield problem(text, "forbidden", index, "object")
    for loc, about, path in _paths(plan):
        if text := astray(path, workload.find(about) if about else None, brought):
            yield problem(text, *loc)
    for loc, limit in _limits(plan):
        if limit is not None and number(limit) is None:
            yield problem(f'expected a number or a quantity as "512Mi"; found {limit!r}', *loc)
    for index, sign in enumerate(plan.signature.all):
        there = _named(workload.find(sign.of), "containers") | _named(workload.find(sign.of), "initContainers")
        if sign.container and there and sign.container not in there:
            text = f"{sign.of} has no container {sign.container}; {suggest(sign.container, sorted(there))}"
            yield problem(text, "signature", "all", index, "container")
    budgets = plan.budgets
    if not budgets.detect <= budgets.classify <= budgets.recover:
        yield problem("expected detect <= classify <= recover", "budgets")
    if plan.hold.time_to_crash <= 0 and not plan.nothing_is_due:
        yield problem("expected how long the broken workload runs before it crashes", "hold", "time-to-crash")
    if Due.REPAIR in plan.due and not plan.right:
        yield problem("a repair is due, so expected at least one property of the mended state", "right")
    for index, right in enumerate(plan.right):
        if right.matches and (text := _bad_expression(right.matches)):
            yield problem(text, "right", index, "matches")
    if plan.nothing_is_due != (loaded.path.parent.name == NOTHING):
        place = "belongs" if plan.nothing_is_due else "does not belong"
        yield problem(f"a scenario where nothing is due {place} into a folder named {NOTHING!r}", "due")
    if plan.nothing_is_due != (plan.crash_class == NOTHING):
        yield problem("class nothing and due nothing go together; name other right answers in `accept`", "class")


def _paths(plan: Scenario) -> Iterator[tuple[Loc, Ref | None, str]]:
    """Where a rule looks, and into what, if that is one object."""
    for index, right in enumerate(plan.right):
        yield ("right", index, "path"), right.object, right.path
    for index, rule in enumerate(plan.forbidden):
        single = rule.object and "*" not in rule.object and " of " not in rule.object
        yield ("forbidden", index, "path"), Ref.parse(rule.object) if single else None, rule.path


def _limits(plan: Scenario) -> Iterator[tuple[Loc, Any]]:
    wanted: list[tuple[Loc, Property]] = [(("right", index), one) for index, one in enumerate(plan.right)]
    wanted += [(("forbidden", index, "to"), rule.to) for index, rule in enumerate(plan.forbidden) if rule.to]
    for loc, one in wanted:
        yield (*loc, "at-least"), one.at_least
        yield (*loc, "at-most"), one.at_most


def _named(found: Obj | None, group: str) -> set[str]:
    spec = (found or {}).get("spec", {})
    pod = spec.get("template", {}).get("spec", spec)
    return {one["name"] for one in pod.get(group) or ()}


def _refs(plan: Scenario) -> Iterator[tuple[Loc, Ref]]:
    yield from ((("target", index), ref) for index, ref in enumerate(plan.target))
    yield from ((("may-touch", index), ref) for index, ref in enumerate(plan.may_touch))
    yield from ((("right", index, "object"), right.object) for index, right in enumerate(plan.right))
    yield from ((("temporary", index, "object"), one.object) for index, one in enumerate(plan.temporary))
    yield from ((("signature", *loc), ref) for loc, ref in _signs(plan.signature))


def _signs(signature: Signature) -> Iterator[tuple[Loc, Ref]]:
    yield from ((("all", index, "of"), sign.of) for index, sign in enumerate(signature.all))


def _no_such(ref: Ref, workload: Workload) -> str:
    alike = [str(other) for other in workload.refs if other.kind == ref.kind] or [str(other) for other in workload.refs]
    return f"{ref} is not in the manifests of {workload.folder.name}; {suggest(str(ref), alike)}"


def _bad_pattern(pattern: str, workload: Workload) -> str:
    """ "Deployment/backend", "Pod/*", "*/*" or "Pod of Deployment/backend"."""
    _, of, owner = pattern.partition(" of ")
    if not of:
        if "/" not in pattern:
            return f'expected "Kind/name", "Kind/*" or "Pod of Kind/name"; found {pattern!r}'
        if "*" in pattern:
            return ""
        owner = pattern
    try:
        ref = Ref.parse(owner)
    except ValueError as error:
        return str(error)
    return "" if workload.find(ref) is not None else _no_such(ref, workload)


def _bad_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        return f"expected a regular expression; {text!r} is none: {error}"
    return ""


def _co_actors(loaded: LoadedScenario) -> Iterator[Problem]:
    from ..chaos.coactors import SecretSourceSpec
    from .source import parse

    for index, spec in enumerate(loaded.default.co_actors):
        try:
            parse(SecretSourceSpec, spec, loaded.source, (*loaded.extension_at, "co-actors", index))
        except UsageProblem as problem:
            yield from problem.problems


def _unique(problems: Iterator[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _sorted(problems: tuple[Problem, ...] | list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: (p.place.line, p.place.column) if p.place else (0, 0))
