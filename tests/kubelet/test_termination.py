"""How pods end: grace, order, the final status, and who removes the object."""

from __future__ import annotations

from typing import Any

from healgate.embedded.runtime.seam import ExecResult, Exit

from .scripted import COMPLETES, Bench, Program, container


def delete(bench: Bench, **how: int) -> None:
    bench.registry.delete("pods", "shop", "web", **how)  # type: ignore[arg-type]


def gone_at(bench: Bench) -> float:
    while bench.registry.find("pods", "shop", "web") is not None and bench.t < 200:
        bench.clock.step()
    return bench.t


def test_a_pod_that_honours_term_is_gone_within_seconds(bench: Bench):
    bench.pod()
    bench.until(10)
    delete(bench)
    bench.until(10.05)
    assert bench.event("Killing")["message"] == "Stopping container main"
    assert 10.1 < gone_at(bench) < 13
    final = bench.history[-1][1]["status"]
    assert final["phase"] == "Succeeded"
    assert {one["type"]: (one["status"], one.get("reason")) for one in final["conditions"]} == {
        "PodReadyToStartContainers": ("False", None),
        "Initialized": ("True", "PodCompleted"),
        "Ready": ("False", "PodCompleted"),
        "ContainersReady": ("False", "PodCompleted"),
        "PodScheduled": ("True", None),
    }


def test_one_that_does_not_is_killed_after_its_grace_and_failed(bench: Bench):
    bench.runtime.programs["main"] = Program(on_term=None)
    bench.pod(terminationGracePeriodSeconds=7)
    bench.until(10)
    delete(bench)
    assert 17 <= gone_at(bench) < 20
    final = bench.history[-1][1]["status"]
    assert final["phase"] == "Failed"
    assert final["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_the_request_may_shorten_the_grace(bench: Bench):
    bench.runtime.programs["main"] = Program(on_term=None)
    bench.pod(terminationGracePeriodSeconds=60)
    bench.until(10)
    delete(bench, grace=3)
    assert gone_at(bench) < 17


def test_a_forced_deletion_removes_the_object_at_once_and_the_processes_soon(bench: Bench):
    bench.runtime.programs["main"] = Program(on_term=None)
    bench.pod()
    bench.until(10)
    delete(bench, grace=0)
    assert bench.registry.find("pods", "shop", "web") is None
    bench.until(14)
    assert bench.runtime.runs[0].exit == Exit(137, "Error")


def test_a_stop_hook_consumes_grace_but_two_seconds_stay(bench: Bench):
    bench.runtime.programs["main"] = Program(on_term=None, exec=lambda _argv: ExecResult(0, "", seconds=60.0))
    hook = {"preStop": {"exec": {"command": ["drain"]}}}
    bench.pod(containers=[container(lifecycle=hook)], terminationGracePeriodSeconds=10)
    bench.until(10)
    delete(bench)
    assert 22 <= gone_at(bench) < 25


def test_two_seconds_of_grace_are_the_least(bench: Bench):
    bench.runtime.programs["main"] = Program(on_term=None)
    bench.pod(terminationGracePeriodSeconds=1)
    bench.until(10)
    delete(bench)
    bench.until(11.9)
    assert bench.runtime.runs[0].exit is None
    assert 12 < gone_at(bench) < 15


def test_a_start_hook_that_fails_ends_the_container(bench: Bench):
    bench.runtime.programs["main"] = Program(exec=lambda _argv: ExecResult(3, "hook broke\n"))
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "exit 3"]}}}
    pod = bench.pod(containers=[container(lifecycle=hook)])
    bench.until(1.5)
    uid = pod["metadata"]["uid"]
    assert bench.waiting_messages("PostStartHookError") == {
        f'Exec lifecycle hook ([sh -c exit 3]) for Container "main" in Pod "web_shop({uid})" failed - error: '
        "command 'sh -c exit 3' exited with 3: , message: \"hook broke\\n\""
    }
    assert bench.event("FailedPostStartHook")["message"] == "PostStartHook failed"
    assert bench.event("Killing")["message"] == "FailedPostStartHook"
    assert not bench.events("Failed")
    bench.until(40)
    assert "CrashLoopBackOff#1" in bench.states()


def test_a_pod_is_deleted_while_it_waits_for_an_image_or_a_volume(bench: Bench):
    bench.pod(
        containers=[container(volumeMounts=[{"name": "s", "mountPath": "/s"}])],
        volumes=[{"name": "s", "secret": {"secretName": "no"}}],
    )
    bench.until(50)
    delete(bench)
    assert gone_at(bench) < 54
    count = bench.event("FailedMount")["count"]
    bench.until(300)
    assert bench.event("FailedMount")["count"] == count


def test_a_crash_looping_pod_is_deleted_without_waiting_for_its_back_off(bench: Bench):
    bench.runtime.programs["main"] = Program(lasts=0.03)
    bench.pod()
    bench.until(120)
    runs = len(bench.runtime.runs)
    delete(bench)
    assert gone_at(bench) < 123
    bench.until(400)
    assert len(bench.runtime.runs) == runs


def test_sidecars_start_first_and_stop_last(bench: Bench):
    order: list[str] = []
    for name in ("main", "mesh", "logs"):
        bench.runtime.programs[name] = Program(term_takes=0.5)
    bench.runtime.programs["setup"] = Program(lasts=1.0, ends=Exit(0, "Completed"))
    bench.pod(
        initContainers=[
            container("mesh", restartPolicy="Always"),
            container("setup"),
            container("logs", restartPolicy="Always"),
        ]
    )
    bench.until(20)
    assert [started.run.container for started in bench.runtime.runs] == ["mesh", "setup", "logs", "main"]
    assert bench.status()["phase"] == "Running"
    assert [one["ready"] for one in bench.status()["initContainerStatuses"]] == [True, True, True]
    delete(bench)
    while bench.registry.find("pods", "shop", "web") is not None:
        bench.clock.step()
        for started in bench.runtime.runs:
            if started.exit is not None and started.run.container not in order:
                order.append(started.run.container)
    assert order == ["setup", "main", "logs", "mesh"]


def with_sidecars(bench: Bench, **spec: Any) -> None:
    """A pod that runs, with two sidecars that have stop hooks."""
    hook = {"preStop": {"exec": {"command": ["drain"]}}}
    sidecars = [container(name, restartPolicy="Always", lifecycle=hook) for name in ("mesh", "logs")]
    bench.pod(initContainers=sidecars, **spec)
    bench.until(20)


def test_all_containers_are_said_to_stop_and_run_their_hooks_at_once(bench: Bench):
    drained: list[float] = []

    def drain(_argv: tuple[str, ...]) -> ExecResult:
        drained.append(bench.t)
        return ExecResult(0, "")

    bench.runtime.programs["main"] = Program(term_takes=5.0)
    bench.runtime.programs["mesh"] = bench.runtime.programs["logs"] = Program(exec=drain)
    with_sidecars(bench)
    delete(bench)
    bench.until(20.1)
    stopping = {one["message"] for one in bench.events("Killing")}
    assert stopping == {f"Stopping container {name}" for name in ("main", "mesh", "logs")}
    assert len(drained) == 2
    bench.until(24.9)
    assert [run.exit for run in bench.runtime.runs] == [None, None, None]
    assert gone_at(bench) < 28


def test_a_sidecar_waits_for_its_turn_no_longer_than_its_grace(bench: Bench):
    for name in ("main", "logs"):
        bench.runtime.programs[name] = Program(on_term=None)
    with_sidecars(bench, terminationGracePeriodSeconds=6)
    delete(bench)
    bench.until(26.3)
    exits = {run.run.container: run.exit and run.exit.code for run in bench.runtime.runs}
    assert exits == {"main": 137, "mesh": 0, "logs": None}
    bench.until(28.3)
    assert bench.runtime.runs[1].exit == Exit(137, "Error")


def test_a_failing_init_container_keeps_the_pod_pending(bench: Bench):
    bench.runtime.programs["setup"] = Program(lasts=0.03)
    bench.pod(initContainers=[container("setup")])
    bench.until(20)
    assert bench.status()["phase"] == "Pending"
    assert bench.main()["state"]["waiting"] == {"reason": "PodInitializing"}
    assert bench.status()["initContainerStatuses"][0]["restartCount"] == 2
    initialized = bench.condition("Initialized")
    assert (initialized["status"], initialized["reason"], initialized["message"]) == (
        "False",
        "ContainersNotInitialized",
        "containers with incomplete status: [setup]",
    )
    assert bench.event("BackOff")["involvedObject"]["fieldPath"] == "spec.initContainers{setup}"


def test_under_never_a_failing_init_container_fails_the_pod(bench: Bench):
    bench.runtime.programs["setup"] = Program(lasts=0.03)
    bench.pod(initContainers=[container("setup")], restartPolicy="Never")
    bench.until(20)
    assert bench.status()["phase"] == "Failed"
    assert len(bench.runtime.runs) == 1


def test_an_over_pod_keeps_its_log_until_it_is_deleted(bench: Bench):
    bench.runtime.programs["main"] = Program(lasts=1.0, ends=Exit(0, "Completed"), logs=("done",))
    bench.pod(restartPolicy="Never")
    bench.until(30)
    assert bench.status()["phase"] == "Succeeded"
    assert bench.kubelet.logs(bench.get(), "main") == b"done\n"
    delete(bench)
    bench.until(35)
    assert bench.registry.find("pods", "shop", "web") is None


def test_the_end_of_the_log_may_serve_as_the_message(bench: Bench):
    bench.runtime.programs["main"] = Program(lasts=1.0, logs=("starting", "no such table"))
    bench.pod(containers=[container(terminationMessagePolicy="FallbackToLogsOnError")], restartPolicy="Never")
    bench.until(10)
    assert bench.main()["state"]["terminated"]["message"] == "starting\nno such table\n"


def addresses(bench: Bench, *names: str) -> list[str]:
    return [bench.status(name)["podIP"] for name in names]


def go_round(bench: Bench) -> None:
    """Draw addresses until the node would begin anew."""
    services, drawn = bench.kubelet.services, ""
    while drawn != "10.244.0.1":
        drawn = services.new_address()
        services.release(drawn)


def test_what_ended_long_ago_gives_its_address_back_but_once(bench: Bench):
    bench.runtime.programs["brief"] = Program(lasts=1.0, ends=COMPLETES)
    bench.pod("over", containers=[container("brief")], restartPolicy="Never")
    bench.until(10)
    go_round(bench)
    bench.pod("heir")
    bench.until(20)
    bench.registry.delete("pods", "shop", "over")
    bench.until(30)
    go_round(bench)
    bench.pod("third")
    bench.until(40)
    assert addresses(bench, "heir", "third") == ["10.244.0.2", "10.244.0.3"]


def test_a_pod_in_the_nodes_network_takes_no_address(bench: Bench):
    bench.pod("host", hostNetwork=True)
    bench.until(5)
    bench.pod("plain")
    bench.until(10)
    assert addresses(bench, "host", "plain") == ["172.18.0.2", "10.244.0.2"]
