"""In-place resize, with the real kubelet's gap: what does not run is resized on paper only."""

from __future__ import annotations

from .scripted import COMPLETES, Bench, Obj, Program, container

MI = 2**20


def limited(memory: str) -> Obj:
    return {"limits": {"memory": memory}, "requests": {"memory": memory}}


def resize(bench: Bench, memory: str, name: str = "main") -> None:
    body = {"spec": {"containers": [{"name": name, "resources": limited(memory)}]}}
    bench.registry.patch("pods", "shop", "web", body, "application/strategic-merge-patch+json", subresource="resize")


def node(bench: Bench, memory: str = "8Gi") -> None:
    bench.registry.create(
        "nodes",
        {"metadata": {"name": "node-1"}, "status": {"allocatable": {"cpu": "4", "memory": memory}}},
    )


def test_a_running_container_gets_its_new_limit_and_so_does_the_pod(bench: Bench):
    bench.pod(containers=[container(resources=limited("32Mi"))])
    bench.until(5)
    resize(bench, "256Mi")
    bench.until(8)
    run = bench.runtime.runs[0]
    assert run.limit == 256 * MI
    assert len(bench.runtime.runs) == 1
    assert bench.main()["allocatedResources"] == {"memory": "256Mi"}
    assert bench.main()["resources"]["limits"] == {"memory": "256Mi"}
    assert bench.status()["resources"]["limits"] == {"memory": "256Mi"}
    assert bench.status()["observedGeneration"] == 2
    told = (
        '{"containers":[{"name":"main","resources":{"limits":{"memory":"256Mi"},"requests":{"memory":"256Mi"}}}],'
        '"generation":2}'
    )
    assert bench.event("ResizeStarted")["message"] == f"Pod resize started: {told}"
    assert bench.event("ResizeCompleted")["message"] == f"Pod resize completed: {told}"


def test_one_that_is_down_restarts_at_once_under_its_old_limit(bench: Bench):
    bench.runtime.programs["main"] = Program(lasts=0.1)
    bench.pod(containers=[container(resources=limited("32Mi"))])
    bench.until(100)
    assert bench.main()["restartCount"] >= 4
    runs = len(bench.runtime.runs)
    resize(bench, "256Mi")
    bench.until(103)
    assert len(bench.runtime.runs) > runs, "new resources, new back-off"
    assert bench.runtime.runs[-1].limit == 32 * MI
    assert bench.event("ResizeCompleted")
    assert bench.main()["allocatedResources"] == {"memory": "256Mi"}
    status = bench.status()
    assert (status["allocatedResources"], status["resources"]["limits"]) == ({"memory": "256Mi"}, {"memory": "32Mi"})


def test_a_limit_below_the_use_is_not_applied(bench: Bench):
    bench.runtime.programs["main"] = Program(memory=100 * MI)
    bench.pod(containers=[container(resources=limited("128Mi"))])
    bench.until(5)
    resize(bench, "64Mi")
    bench.until(8)
    assert bench.runtime.runs[0].limit == 128 * MI
    condition = bench.condition("PodResizeInProgress")
    assert (condition["status"], condition["reason"]) == ("True", "Error")
    assert condition["message"].startswith("cannot decrease memory limits")


def test_what_the_node_cannot_hold_waits_or_is_infeasible(bench: Bench):
    node(bench, "1Gi")
    bench.pod("other", containers=[container(resources=limited("600Mi"))])
    bench.pod(containers=[container(resources=limited("32Mi"))])
    bench.until(5)
    resize(bench, "700Mi")
    bench.until(8)
    assert bench.condition("PodResizePending")["reason"] == "Deferred"
    assert bench.main()["allocatedResources"] == {"memory": "32Mi"}
    resize(bench, "2Gi")
    bench.until(11)
    assert bench.condition("PodResizePending")["reason"] == "Infeasible"
    resize(bench, "64Mi")
    bench.until(14)
    assert all(one["type"] != "PodResizePending" for one in bench.status()["conditions"])
    assert {started.run.pod: started.limit for started in bench.runtime.runs}["web"] == 64 * MI


def test_what_ran_before_the_others_leaves_room(bench: Bench):
    node(bench, "1Gi")
    for name in ("setup", "more"):
        bench.runtime.programs[name] = Program(lasts=1.0, ends=COMPLETES)
    first = [container(name, resources=limited("400Mi")) for name in ("setup", "more")]
    bench.pod("other", initContainers=first, containers=[container(resources=limited("32Mi"))])
    bench.pod(containers=[container(resources=limited("32Mi"))])
    bench.until(8)
    resize(bench, "500Mi")
    bench.until(11)
    assert bench.main()["allocatedResources"] == {"memory": "500Mi"}


def test_a_policy_may_ask_for_a_restart(bench: Bench):
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    bench.pod(containers=[container(resources=limited("32Mi"), resizePolicy=policy)])
    bench.until(5)
    resize(bench, "64Mi")
    bench.until(10)
    assert bench.event("Killing")["message"] == "Container main resize requires restart"
    assert bench.main()["restartCount"] == 1
    assert bench.runtime.runs[-1].limit == 64 * MI


def test_until_it_is_restarted_a_container_is_shown_with_what_it_has(bench: Bench):
    bench.runtime.programs["main"] = Program(on_term=COMPLETES, term_takes=20)
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    bench.pod(containers=[container(resources=limited("32Mi"), resizePolicy=policy)])
    bench.until(5)
    resize(bench, "64Mi")
    bench.until(20)
    assert bench.main()["resources"] == limited("32Mi")
    assert bench.main()["allocatedResources"] == {"memory": "64Mi"}
    assert bench.condition("PodResizeInProgress")["status"] == "True"
    assert bench.events("ResizeCompleted") == []
    bench.until(35)
    assert bench.main()["resources"] == limited("64Mi")
    assert len(bench.events("ResizeCompleted")) == 1
    assert all(one["type"] != "PodResizeInProgress" for one in bench.status()["conditions"])


def test_the_pods_limit_is_the_sum_only_if_every_container_has_one(bench: Bench):
    bench.pod(containers=[container(resources=limited("32Mi")), container("free")])
    bench.until(5)
    assert {started.run.container: started.limit for started in bench.runtime.runs} == {"main": 32 * MI, "free": None}
    assert bench.status()["resources"] == {"requests": {"memory": "32Mi"}}


def test_an_init_container_may_need_more_than_what_follows_it(bench: Bench):
    bench.runtime.programs["setup"] = Program(lasts=1.0, ends=COMPLETES)
    bench.pod(
        initContainers=[container("setup", resources=limited("512Mi"))],
        containers=[container(resources=limited("32Mi"))],
    )
    bench.until(10)
    limits = {started.run.container: started.limit for started in bench.runtime.runs}
    assert limits == {"setup": 512 * MI, "main": 32 * MI}
