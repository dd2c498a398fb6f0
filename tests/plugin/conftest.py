"""A folder with scenarios and a stand-in for the engine, so that the plugin is tested without a cluster."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

# Imported before any run under test: pytester forgets what such a run imported, and C extensions bear no second life.
places = importlib.import_module("healgate.plugin.places")
for module in ("healgate.plugin.wiring", "healgate.scenario.lint", "healgate.chaos.actions", "healgate.chaos.probes"):
    importlib.import_module(module)

SCENARIO = """\
title: {name}
description: made up
tags: [{tags}]
runtime: {{hypothesis: {{strategy: after-method-only}}}}
extensions:
  - name: healgate
    catalogue: {number}
    workload: shop
    class: {crash_class}
    due: [{due}]
    target: [Deployment/backend]
    signature: {{within: 2m, all: [{{of: Deployment/backend, restarts: true}}]}}
    budgets: {{detect: 1m, classify: 2m, recover: 8m}}
    hold: {{time-to-crash: 12s}}
steady-state-hypothesis:
  title: it works
  probes:
    - type: probe
      name: works
      tolerance: true
      provider:
        {{type: python, module: healgate.chaos.probes, func: stands, arguments: {{workload: Deployment/backend}}}}
method:
  - type: action
    name: deploy
    provider: {{type: python, module: healgate.chaos.actions, func: deploy, arguments: {{workload: shop}}}}
  - type: action
    name: break
    provider:
      {{type: python, module: healgate.chaos.actions, func: delete_object, arguments: {{object: Deployment/backend}}}}
"""

# Runs in every process of a run under test. verdicts.json says what each trial ends as; ran.txt shows what was run.
ENGINE = '''\
"""A stand-in for the engine."""
import json, os, sys, types
from pathlib import Path
from healgate.evidence import Evidence
from healgate.record import Cost, Times, TrialRecord
from healgate.words import Reason, Verdict

HERE = Path(__file__).parent
cluster = types.SimpleNamespace(name="embedded", kubernetes="1.36.2", timing="stock")


def run_trial(scenario, trial, *, seed, cluster, healer, budget_scale, keep, tell):
    name = f"{scenario.id}-t{trial}"
    with open(HERE / "ran.txt", "a") as ran:
        ran.write(name + "\\n")
    path = HERE / "verdicts.json"
    script = json.loads(path.read_text()) if path.exists() else {}
    verdict = script.get(name, script.get(scenario.id, "PASS"))
    tell("break", "")
    if verdict == "die":
        os._exit(9)
    if verdict == "interrupt":
        raise KeyboardInterrupt
    if verdict == "bug":
        raise ValueError("a bug in the engine")
    verdict = Verdict(verdict)
    plan = scenario.default
    row = TrialRecord(
        scenario=scenario.id, trial=trial, seed=seed, healer=healer.label, cluster="embedded", kubernetes="1.36.2",
        timing="stock", crash_class=str(plan.crash_class), verdict=verdict,
        reason=Reason.RELAPSED if verdict == "FAIL" else None,
        message="" if verdict == "PASS" else script.get("says", f"what happened in {name}"),
        times=Times(2.0 + trial, 3.0, 40.0) if verdict == "PASS" else Times(), parameters={"trial": trial},
    )
    evidence = Evidence("team", 1000.0, broken=1010.0, live=1012.0, ended=1700.0)
    cost = Cost(scenario.id, trial, 0.1, 0.1, 0.0, 700.0)
    return types.SimpleNamespace(record=row, cost=cost, evidence=evidence, plan=plan)


def find_healer(text):
    from healgate.problems import UsageProblem
    if text == "unknown":
        raise UsageProblem("healer unknown: expected a built-in healer")
    return types.SimpleNamespace(name=text, version="1.0", label=f"{text} 1.0", call=None)


def kill_at(moment, torn):
    """kill -9 of this process at the n-th moment at which something is written, or in the middle of writing it."""
    import signal
    from healgate import record
    from healgate.reports import story
    left = [moment]

    def deadly(write):
        def do(path, what):
            left[0] -= 1
            if left[0] < 0:
                if torn:
                    write(path, what[: len(what) // 2]) if isinstance(what, str) else path.write_text("{")
                os.kill(os.getpid(), signal.SIGKILL)
            write(path, what)
        return do

    record.append = deadly(record.append)
    story.write = deadly(story.write)


if "KILL_AT" in os.environ:
    kill_at(int(os.environ["KILL_AT"]), os.environ["TORN"] == "1")

import healgate.chaos.actions, healgate.chaos.probes  # which need the real modules
sys.modules["healgate.trial"] = types.SimpleNamespace(run_trial=run_trial)
sys.modules["healgate.drivers"] = types.SimpleNamespace(find_healer=find_healer)
sys.modules["healgate.clusters"] = types.SimpleNamespace(open_cluster=lambda name: cluster)
'''


class Place:
    """The folder in which pytest is run."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path

    def scenario(self, name: str, crash_class: str = "oom", due: str = "repair", tags: str = "core") -> Path:
        path = self.path / "scenarios" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        number = f"X-{len(list((self.path / 'scenarios').rglob('*.yaml'))) + 1:02}"
        path.write_text(SCENARIO.format(name=name, crash_class=crash_class, due=due, tags=tags, number=number))
        return path

    def verdicts(self, by_name: dict[str, str]) -> None:
        (self.path / "verdicts.json").write_text(json.dumps(by_name))

    def run(self, *args: str) -> pytest.RunResult:
        """In this process."""
        return self.pytester.runpytest_inprocess("-p", "no:hypothesispytest", "-p", "no:cacheprovider", *args)

    def spawn(self, *args: str) -> pytest.RunResult:
        """In a process of its own: for xdist, for crashes."""
        return self.pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:cacheprovider", *args)

    def ran(self) -> list[str]:
        path = self.path / "ran.txt"
        names = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return names

    def rows(self, out: str = "healgate-out") -> dict[str, dict[str, object]]:
        rows = [json.loads(line) for line in (self.path / out / "trials.jsonl").read_bytes().split(b"\n") if line]
        return {f"{row['scenario']}-t{row['trial']}": row for row in rows}


@pytest.fixture
def place(pytester: pytest.Pytester) -> Place:
    pytester.makeconftest(ENGINE)
    return Place(pytester)


CATALOGUE = Path(__file__).parents[2] / "scenarios"


@pytest.fixture
def shipped(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The catalogue where a wheel has it: in a folder of its own, not below this repository's conftest.py.

    `-p moved` has the same effect in a process of its own."""
    site = tmp_path_factory.mktemp("site")
    folder = site / "healgate" / "scenarios"
    shutil.copytree(CATALOGUE, folder)
    (site / "moved.py").write_text(
        "import healgate.plugin.places, pathlib\n"
        f"healgate.plugin.places.shipped_scenarios = lambda: pathlib.Path({str(folder)!r})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setattr(places, "shipped_scenarios", lambda: folder)
    return folder


@pytest.fixture
def two(place: Place) -> Place:
    """Two scenarios of two classes."""
    place.scenario("oom/leak")
    place.scenario("bad-image/typo", "bad-image", tags="slow")
    return place


@pytest.fixture
def collected() -> Callable[[pytest.RunResult], list[str]]:
    """The ids that --collect-only -q showed."""

    def ids(result: pytest.RunResult) -> list[str]:
        return [line for line in result.outlines if "::" in line]

    return ids
