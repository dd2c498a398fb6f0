"""Running a scenario's experiment in process, and reading its journal strictly.

Chaos Toolkit means well: an action that fails does not stop the method, Ctrl-C ends as a status, and signals are taken
over while it runs. A trial must know, so every activity has to have succeeded, an interruption is raised again, and the
process keeps its signals. Only the break goes through Chaos Toolkit here: deploying and proving are the trial's own
steps, since it watches where `chaos run` polls.
"""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import chaoslib.run
from chaoslib import substitute
from chaoslib.activity import run_activity
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import run_experiment
from chaoslib.hypothesis import within_tolerance
from chaoslib.types import Strategy

from ..clusters.seam import Lease
from ..evidence import Ref
from ..problems import HarnessError
from . import stock
from .place import acting_on

Experiment = Mapping[str, Any]
Journal = dict[str, Any]

HYPOTHESIS = "steady-state-hypothesis"

logging.getLogger("chaostoolkit").addHandler(logging.NullHandler())


def deploy(experiment: Experiment, lease: Lease) -> None:
    """The method's first activity."""
    activity = experiment["method"][0]
    with acting_on(lease):
        _call(activity, _configuration(experiment, lease))


def break_workload(experiment: Experiment, lease: Lease) -> Journal:
    """Everything of the method between the first activity, which deploys, and the last, which proves."""
    activities = experiment["method"][1:-1]
    broken = {
        "title": experiment["title"],
        "description": experiment["description"],
        "configuration": _configuration(experiment, lease),
        "method": activities,
    }
    with acting_on(lease), _keeping_signals(), stock.clients(activities, lease):
        journal: Journal = run_experiment(broken, settings={}, strategy=Strategy.SKIP)
    _read_strictly(journal, len(activities))
    return journal


def works(experiment: Experiment, lease: Lease) -> tuple[bool, str]:
    """Does the workload do its work? Asks the hypothesis' probes directly; the text says what it lacks."""
    configuration = _configuration(experiment, lease)
    with acting_on(lease):
        for probe in experiment[HYPOTHESIS]["probes"]:
            try:
                found = _call(probe, configuration)
            except HarnessError as problem:
                return False, f"{probe['name']}: {problem}"
            if not within_tolerance(probe["tolerance"], found, configuration=configuration):
                return False, f"{probe['name']}: expected {probe['tolerance']!r}, found {found!r}"
    return True, ""


def delete(lease: Lease, refs: Sequence[Ref]) -> None:
    """By the harness; what is gone already is no trouble."""
    with acting_on(lease) as here:
        for ref in refs:
            here.objects.delete(ref, gone_already=True)


def logs(lease: Lease, pods: Sequence[Ref]) -> dict[str, str]:
    """What the pods' containers wrote, "pod/container" -> text; for whoever reads the record."""
    found: dict[str, str] = {}
    with acting_on(lease) as here:
        for ref in pods:
            pod = here.objects.get(ref)
            told = (pod or {}).get("status", {})
            for status in (*told.get("initContainerStatuses", ()), *told.get("containerStatuses", ())):
                name = f"{ref.name}/{status['name']}"
                path = f"{here.objects.path('Pod', ref.name)}/log"
                for suffix, previous in (("", "false"), (" (previous)", "true")):
                    if previous == "true" and not status["restartCount"]:
                        continue
                    answer = lease.rest.request("GET", path, {"container": status["name"], "previous": previous})
                    if answer.ok:
                        found[name + suffix] = str(answer.body)
    return found


def _configuration(experiment: Experiment, lease: Lease) -> dict[str, Any]:
    return {**experiment.get("configuration", {}), "namespace": lease.namespace}


def _call(activity: Mapping[str, Any], configuration: dict[str, Any]) -> Any:
    """As Chaos Toolkit calls a Python function, which looks into the function longer than a probe takes.

    Whatever else an activity may be is left to Chaos Toolkit itself, which wraps what is raised.
    """
    provider = activity["provider"]
    try:
        if provider["type"] != "python":
            return run_activity(activity, configuration, {})
        function = getattr(importlib.import_module(provider["module"]), provider["func"])
        arguments = substitute(dict(provider.get("arguments", {})), configuration, {})
        if _wants_configuration(function):
            arguments["configuration"] = dict(configuration)
        return function(**arguments)
    except HarnessError:
        raise
    except Exception as problem:
        said = str(problem) if isinstance(problem, ChaosException) else f"{type(problem).__name__}: {problem}"
        raise RuntimeError(f"{activity['name']}: {said}") from problem


@cache
def _wants_configuration(function: Callable[..., Any]) -> bool:
    return "configuration" in inspect.signature(function).parameters


def _read_strictly(journal: Journal, activities: int) -> None:
    if journal["status"] == "interrupted":
        raise KeyboardInterrupt
    for run in journal["run"]:
        name = run["activity"]["name"]
        if run.get("status") != "succeeded":
            said = "".join(run.get("exception") or ["it did not end"]).strip().splitlines()[-1]
            raise HarnessError(f"the break failed at {name!r}: {said}")
        tolerance = run["activity"].get("tolerance")
        if tolerance is not None and not within_tolerance(tolerance, run["output"]):
            raise HarnessError(f"the break failed at {name!r}: expected {tolerance!r}, found {run['output']!r}")
    if journal["status"] != "completed" or len(journal["run"]) != activities or not activities:
        ran = f"{len(journal['run'])} of {activities} activities ran"
        raise HarnessError(f"the break did not run: status {journal['status']}, {ran}")


@contextmanager
def _keeping_signals() -> Iterator[None]:
    """Chaos Toolkit takes SIGTERM, SIGUSR1 and SIGUSR2, and refuses to run outside the main thread; not in here."""
    exit_signals = chaoslib.run.exit_signals
    chaoslib.run.exit_signals = nullcontext
    try:
        yield
    finally:
        chaoslib.run.exit_signals = exit_signals
