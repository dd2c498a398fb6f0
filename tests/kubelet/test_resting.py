"""A pod at rest is not looked at again in full; what a look would have found must show all the same."""

from __future__ import annotations

import pytest

from healgate.embedded.kubelet.pods import PodWorker
from healgate.embedded.runtime.seam import HttpAnswer

from .scripted import Bench, Obj, Program, container
from .test_resize import limited, node, resize

RESYNC = 90.0
MERGE = "application/merge-patch+json"


def test_what_others_write_into_a_status_is_put_right(bench: Bench):
    bench.pod()
    bench.until(300)
    own = bench.status()
    bench.registry.set_status("pods", "shop", "web", {**own, "podIP": "10.9.9.9", "phase": "Failed"})
    bench.until(311)
    assert bench.status() == own


def test_a_condition_of_somebody_elses_stays(bench: Bench):
    bench.pod()
    bench.until(300)
    own = bench.status()
    theirs = {"type": "example.com/audited", "status": "True"}
    bench.registry.set_status("pods", "shop", "web", {**own, "conditions": [*own["conditions"], theirs]})
    bench.until(300 + RESYNC)
    assert bench.condition("example.com/audited")["status"] == "True"
    assert bench.condition("Ready") == next(one for one in own["conditions"] if one["type"] == "Ready")


def test_nobody_makes_a_pod_ready_by_saying_so(bench: Bench):
    probe = {"httpGet": {"path": "/ready", "port": 8080}}
    bench.pod(containers=[container(readinessProbe=probe)])
    bench.until(300)
    own = bench.status()
    (main,) = own["containerStatuses"]
    ready = [{**one, "status": "True"} for one in own["conditions"]]
    bench.registry.set_status(
        "pods", "shop", "web", {**own, "conditions": ready, "containerStatuses": [{**main, "ready": True}]}
    )
    bench.until(311)
    assert not bench.main()["ready"]
    assert bench.condition("Ready")["status"] == "False"


def test_what_is_not_ready_is_asked_by_every_look(bench: Bench):
    asked: list[float] = []

    def refusing(_path: str) -> HttpAnswer:
        asked.append(bench.t)
        return HttpAnswer(503)

    bench.runtime.ports[8080] = refusing
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 3600}
    bench.pod(containers=[container(readinessProbe=probe)])
    bench.until(600)
    assert len([at for at in asked if at > 60]) >= 5


def test_a_pull_secret_that_is_missing_is_told_as_long_as_the_pod_runs(bench: Bench):
    bench.pod(imagePullSecrets=[{"name": "a"}])
    bench.until(300)
    before = bench.event("FailedToRetrieveImagePullSecret")["count"]
    bench.until(300 + RESYNC)
    assert bench.event("FailedToRetrieveImagePullSecret")["count"] > before


def test_a_resize_that_had_to_wait_is_done_when_there_is_room(bench: Bench):
    node(bench, "1Gi")
    bench.pod("other", containers=[container(resources=limited("600Mi"))])
    bench.pod(containers=[container(resources=limited("32Mi"))])
    bench.until(5)
    resize(bench, "700Mi")
    bench.until(300)
    assert bench.main()["allocatedResources"] == {"memory": "32Mi"}
    bench.registry.delete("pods", "shop", "other")
    bench.until(400 + RESYNC)
    assert bench.main()["allocatedResources"] == {"memory": "700Mi"}


@pytest.mark.parametrize("seed", range(3))
def test_a_turn_that_only_waits_for_a_back_off_writes_what_a_whole_one_would(
    seed: int, monkeypatch: pytest.MonkeyPatch
):
    """Crash loops beside what goes on in the same pod: the short way may be taken only where it changes nothing."""

    def written() -> list[tuple[float, Obj]]:
        bench = Bench(seed=str(seed))
        bench.runtime.programs["main"] = Program(lasts=0.7 + seed / 5)
        bench.runtime.programs["beside"] = Program(lasts=40)
        for name in ("web", "api"):
            main = container(resources=limited("32Mi"))
            bench.pod(name, containers=[main, container("beside"), container("stays")])
        bench.until(200)
        resize(bench, "64Mi")
        for turn in range(120):
            bench.until(200 + turn * 1.7)
            bench.registry.patch("pods", "shop", "web", {"metadata": {"labels": {"turn": str(turn)}}}, MERGE)
        return bench.history

    short = written()
    monkeypatch.setattr(PodWorker, "_only_backs_off", lambda _self: False)
    assert short == written()
