"""Whatever containers do, a pod's story hangs together."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from healgate.embedded.runtime.seam import Exit, HttpAnswer

from .scripted import Bench, Obj, Program, container

ENDS = st.sampled_from([Exit(0, "Completed"), Exit(1, "Error"), Exit(137, "OOMKilled")])
RUNS = st.lists(st.tuples(st.one_of(st.none(), st.floats(0.0, 90.0)), ENDS), min_size=1, max_size=6)
PROBE = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 3}
PROBES = st.dictionaries(st.sampled_from(["livenessProbe", "readinessProbe", "startupProbe"]), st.just(PROBE))


def played(runs: list[tuple[float | None, Exit]]) -> Any:
    def program(run: Any) -> Program:
        lasts, ends = runs[min(run.attempt, len(runs) - 1)]
        return Program(lasts=lasts, ends=ends)

    return program


@settings(max_examples=60, deadline=None)
@given(
    runs=RUNS,
    init=st.one_of(st.none(), RUNS),
    policy=st.sampled_from(["Always", "OnFailure", "Never"]),
    probes=PROBES,
    healthy=st.booleans(),
    deleted_at=st.one_of(st.none(), st.floats(0.0, 200.0)),
    grace=st.sampled_from([0, 1, 30]),
)
def test_the_story_of_a_pod(
    runs: Any,
    init: Any,
    policy: str,
    probes: Obj,
    healthy: bool,
    deleted_at: float | None,
    grace: int,
):
    bench = Bench()
    bench.runtime.programs["main"] = played(runs)
    if healthy:
        bench.runtime.ports[8080] = lambda _path: HttpAnswer(200)
    spec: Obj = {"restartPolicy": policy}
    if init is not None:
        bench.runtime.programs["init"] = played(init)
        spec["initContainers"] = [container("init")]
    bench.pod(containers=[container(**probes)], **spec)
    if deleted_at is not None:
        bench.until(deleted_at)
        bench.registry.delete("pods", "shop", "web", grace=grace)
    bench.until(300)

    if deleted_at is not None:
        assert bench.registry.find("pods", "shop", "web") is None
        assert all(started.exit is not None for started in bench.runtime.runs)
    story = [pod["status"] for _, pod in bench.history if pod["status"].get("containerStatuses")]
    over = False
    restarts = 0
    for status in story:
        assert not over or status["phase"] in ("Succeeded", "Failed"), "an end is final"
        over = status["phase"] in ("Succeeded", "Failed")
        main = status["containerStatuses"][0]
        assert len(main["state"]) == 1
        assert main["restartCount"] >= restarts
        restarts = main["restartCount"]
        assert main["started"] or not main["ready"]
        assert "running" in main["state"] or not main["started"]
        conditions = {one["type"]: one["status"] for one in status["conditions"]}
        assert (conditions["ContainersReady"] == "True") == main["ready"]
        assert conditions["Ready"] == conditions["ContainersReady"]
    if policy == "Never":
        assert restarts == 0
    running = [started for started in bench.runtime.runs if started.exit is None]
    assert len(running) <= 1, "never two runs of one container, nor the init container beside it"
