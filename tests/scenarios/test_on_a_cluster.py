"""Every scenario on the embedded cluster: it stands, it breaks as it says, and nothing there gives it away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from healgate.chaos import coactors, run
from healgate.chaos.probes import AFTERMATH
from healgate.chaos.signs import SignWatch
from healgate.clusters import open_cluster
from healgate.clusters.seam import Lease
from healgate.evidence import Seen
from healgate.problems import HarnessError
from healgate.scenario.catalogue import Catalogue, Drawn
from healgate.vigil import View, Vigil

CATALOGUE = Catalogue.load().scenarios
SEED = "proof"

# Words of this harness, and of the profiles that say what an image does.
OURS = {"healgate", "chaos", "scenario", "catalogue", "when_down", "per_request", "leak_per", "vandal", "inject"}


class Stage:
    """One scenario's first half: deployed, steady, broken, live."""

    def __init__(self, name: str, trial: int) -> None:
        self.loaded = CATALOGUE[name]
        self.drawn: Drawn = self.loaded.plan(SEED, trial)
        self.lease: Lease = open_cluster("embedded").lease(f"{SEED}/{name}/{trial}")
        self.view = View()
        self.signs = SignWatch(self.drawn.scenario.signature)
        self.vigil = Vigil(self.view, self.drawn.scenario.target)

    def see(self, seen: Seen) -> None:
        self.view.see(seen)
        self.signs.see(seen)

    def deploy(self) -> None:
        self.lease.watch(self.see)
        coactors.start(self.drawn.scenario.co_actors, self.lease)
        run.deploy(self.drawn.experiment, self.lease)
        assert self.lease.wait(self.vigil.settled, 300), self.vigil.why_unsettled()
        self.lease.sleep(30)
        assert self.works() == (True, "")
        plan = self.drawn.scenario
        named = [*plan.target, *plan.may_touch, *self.drawn.bystanders]
        assert [ref for ref in named if ref not in self.view.objects] == []
        assert any(ref.kind == "Deployment" for ref in self.drawn.bystanders)

    def break_it(self) -> None:
        self.broken = self.lease.now()
        self.signs.since(self.broken)
        run.break_workload(self.drawn.experiment, self.lease)
        within = self.drawn.scenario.signature.within
        assert self.lease.wait(lambda: self.signs.live is not None, within), self.signs.missing()

    def works(self) -> tuple[bool, str]:
        return run.works(self.drawn.experiment, self.lease)

    def deviates(self) -> bool:
        """A sign comes a moment before what it announces."""
        for _ in range(int(AFTERMATH)):
            works, why = self.works()
            if not works:
                return bool(why)
            self.lease.sleep(1)
        return False

    def readable(self) -> Iterator[tuple[str, str]]:
        """Everything that somebody with all rights can read, as text."""
        for root in ("/api/v1", *self._groups()):
            for resource in self._get(root)["resources"]:
                if "list" in resource["verbs"] and "/" not in resource["name"]:
                    for item in self._get(f"{root}/{resource['name']}")["items"]:
                        yield f"{resource['name']}/{item['metadata']['name']}", json.dumps(item)
        pods = [ref for ref in self.view.objects if ref.kind == "Pod"]
        yield from run.logs(self.lease, pods).items()

    def _groups(self) -> list[str]:
        return [f"/apis/{version['groupVersion']}" for g in self._get("/apis")["groups"] for version in g["versions"]]

    def _get(self, path: str) -> Any:
        answer = self.lease.rest.request("GET", path)
        assert answer.ok, (path, answer)
        return answer.body


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = Stage(*request.param)
    try:
        made.deploy()
        yield made
    finally:
        made.lease.close()


EVERY = [pytest.param((name, 1), id=name) for name in CATALOGUE]
BROKEN = [pytest.param((name, 1), id=name) for name, loaded in CATALOGUE.items() if not loaded.default.nothing_is_due]
NOTHING = [pytest.param((name, 1), id=name) for name, loaded in CATALOGUE.items() if loaded.default.nothing_is_due]


@pytest.mark.parametrize("stage", EVERY, indirect=True)
def test_it_breaks_as_it_says_and_nothing_gives_it_away(stage: Stage) -> None:
    healthy = dict(stage.readable())
    stage.break_it()
    live = stage.signs.live
    assert live is not None
    assert stage.broken <= live <= stage.broken + stage.drawn.scenario.signature.within
    assert stage.deviates(), "the fault is live and the hypothesis still holds"
    words = OURS | {stage.loaded.id, stage.loaded.default.catalogue.lower() or "healgate"}
    for name, text in {**healthy, **dict(stage.readable())}.items():
        told = [word for word in words if word in text.lower() or word in name.lower()]
        assert not told, f"{name} says {told}"


@pytest.mark.parametrize("stage", BROKEN, indirect=True)
def test_it_does_not_mend_itself(stage: Stage) -> None:
    stage.break_it()
    stage.lease.sleep(stage.drawn.scenario.budgets.recover)
    for _ in range(40):
        works, _ = stage.works()
        assert not works
        stage.lease.sleep(15)


@pytest.mark.parametrize("stage", NOTHING, indirect=True)
def test_what_needs_nothing_passes_by_itself(stage: Stage) -> None:
    stage.break_it()
    live = stage.signs.live
    assert live is not None
    stage.lease.sleep(live + stage.drawn.scenario.budgets.recover - stage.lease.now())
    assert stage.works() == (True, "")
    assert stage.vigil.why_unsettled() == ""


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_breaks_with_other_parameters_too(name: str) -> None:
    plans = [CATALOGUE[name].plan(SEED, trial).parameters for trial in range(1, 13)]
    other = next(trial for trial, plan in enumerate(plans, 1) if plan != plans[0])
    stage = Stage(name, other)
    try:
        stage.deploy()
        stage.break_it()
        assert stage.signs.live is not None
    finally:
        stage.lease.close()


def test_a_registry_that_nobody_has_cannot_be_cut_off() -> None:
    stage = Stage("nothing/registry-blip", 1)
    try:
        stage.deploy()
        method = stage.drawn.experiment["method"]
        arguments = {**method[1]["provider"]["arguments"], "host": "none.example"}
        method[1] = {**method[1], "provider": {**method[1]["provider"], "arguments": arguments}}
        with pytest.raises(HarnessError, match=r"cannot cut off the registry none\.example: 404"):
            run.break_workload(stage.drawn.experiment, stage.lease)
    finally:
        stage.lease.close()
