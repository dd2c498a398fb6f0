"""Probes: when they run, what counts, what follows."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.runtime.seam import ExecResult, HttpAnswer

from .scripted import COMPLETES, Bench, Obj, Program, container

HTTP: Obj = {"httpGet": {"path": "/healthz", "port": 8080}}


def serving(bench: Bench, status: int = 200) -> None:
    bench.runtime.ports[8080] = lambda _path: HttpAnswer(status)


def killings(bench: Bench) -> int:
    return sum(one["count"] for one in bench.events("Killing"))


def test_liveness_kills_at_the_third_failure_and_restarts_in_the_same_sync(bench: Bench):
    bench.pod(containers=[container(livenessProbe={**HTTP, "periodSeconds": 5})])
    bench.until(14)
    assert killings(bench) == 0
    bench.until(18)
    assert bench.event("Killing")["message"] == "Container main failed liveness probe, will be restarted"
    ip = bench.status()["podIP"]
    unhealthy = bench.event("Unhealthy")
    assert unhealthy["message"] == (
        f'Liveness probe failed: Get "http://{ip}:8080/healthz": dial tcp {ip}:8080: connect: connection refused'
    )
    assert (unhealthy["count"], unhealthy["type"]) == (3, "Warning")
    assert bench.main()["restartCount"] == 1
    assert "running" in bench.main()["state"]
    assert bench.main()["lastState"]["terminated"]["reason"] == "Completed"


def test_a_liveness_loop_backs_off_only_after_some_immediate_restarts(bench: Bench):
    bench.pod(containers=[container(livenessProbe={**HTTP, "periodSeconds": 5})])
    bench.until(58)
    assert bench.states()[-1] == "running#3"
    bench.until(66)
    assert bench.states()[-1] == "CrashLoopBackOff#3", "the fourth kill: the death before is younger than 20 s"
    assert "Error" not in " ".join(bench.states()), "the reason is cached before the death is seen"


def test_who_ignores_term_is_killed_when_grace_is_over(bench: Bench):
    bench.runtime.programs["main"] = Program(on_term=None)
    probe = {**HTTP, "periodSeconds": 5, "terminationGracePeriodSeconds": 3}
    bench.pod(containers=[container(livenessProbe=probe)], terminationGracePeriodSeconds=60)
    bench.until(17)
    assert bench.main()["restartCount"] == 0
    bench.until(20)
    last = bench.main()["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "Error")


def test_a_failing_readiness_probe_restarts_nothing_and_is_told_each_time(bench: Bench):
    bench.pod(containers=[container(readinessProbe={**HTTP, "periodSeconds": 5})])
    bench.until(58)
    assert (bench.main()["ready"], bench.main()["started"], bench.main()["restartCount"]) == (False, True, 0)
    assert bench.condition("Ready")["message"] == "containers with unready status: [main]"
    assert bench.event("Unhealthy")["count"] in (12, 13)
    serving(bench)
    bench.until(64)
    assert bench.condition("Ready")["status"] == "True"


def test_every_sync_of_a_pod_that_is_not_ready_has_readiness_tried(bench: Bench):
    serving(bench)
    bench.pod(containers=[container(readinessProbe={**HTTP, "periodSeconds": 60})])
    bench.until(10)
    patch = {"metadata": {"labels": {"any": "change"}}}
    bench.registry.patch("pods", "shop", "web", patch, "application/merge-patch+json")
    bench.until(11)
    assert bench.condition("Ready")["status"] == "True"


def test_the_initial_delay_counts_from_the_start_of_the_run(bench: Bench):
    bench.pod(containers=[container(livenessProbe={**HTTP, "periodSeconds": 1, "initialDelaySeconds": 20})])
    bench.until(19)
    assert not bench.events("Unhealthy")
    bench.until(25)
    assert bench.events("Unhealthy")


def test_nothing_else_runs_before_the_startup_probe_has_passed(bench: Bench):
    bench.pod(
        containers=[
            container(
                startupProbe={**HTTP, "periodSeconds": 2, "failureThreshold": 30},
                livenessProbe={"exec": {"command": ["false"]}, "periodSeconds": 1},
                readinessProbe={**HTTP, "periodSeconds": 1},
            )
        ]
    )
    bench.until(20)
    assert {one["message"].split()[0] for one in bench.events("Unhealthy")} == {"Startup"}
    assert bench.main()["started"] is False
    serving(bench)
    bench.until(25)
    assert (bench.main()["started"], bench.main()["ready"]) == (True, True)


def test_a_startup_probe_that_never_passes_kills(bench: Bench):
    bench.pod(containers=[container(startupProbe={**HTTP, "periodSeconds": 2, "failureThreshold": 3})])
    bench.until(10)
    assert bench.event("Killing")["message"] == "Container main failed startup probe, will be restarted"


@pytest.mark.parametrize(
    ("probe", "answer", "output"),
    [
        (HTTP, HttpAnswer(503), "HTTP probe failed with statuscode: 503"),
        (
            HTTP,
            HttpAnswer(0, problem="timeout", seconds=1.0),
            'Get "http://{ip}:8080/healthz": context deadline exceeded '
            "(Client.Timeout exceeded while awaiting headers)",
        ),
        ({"tcpSocket": {"port": 81}}, None, "dial tcp {ip}:81: connect: connection refused"),
        ({"exec": {"command": ["cat", "/ok"]}}, ExecResult(1, "cat: no\n"), "cat: no\n"),
        (
            {"exec": {"command": ["sleep", "9"]}},
            ExecResult(137, "", timed_out=True),
            'command timed out: "sleep 9" timed out after 1s',
        ),
        (
            {"grpc": {"port": 9090}},
            None,
            'timeout: failed to connect service "{ip}:9090" within 1s: context deadline exceeded',
        ),
    ],
)
def test_the_words_of_a_failure(bench: Bench, probe: Obj, answer: Any, output: str):
    if isinstance(answer, HttpAnswer):
        bench.runtime.ports[8080] = lambda _path: answer
    if isinstance(answer, ExecResult):
        bench.runtime.programs["main"] = Program(exec=lambda _argv: answer)
    bench.pod(containers=[container(readinessProbe={**probe, "periodSeconds": 5})])
    bench.until(10)
    expected = output.format(ip=bench.status()["podIP"])
    assert bench.event("Unhealthy")["message"] == f"Readiness probe failed: {expected}"


def test_a_probe_that_cannot_be_carried_out_changes_nothing(bench: Bench):
    probe = {"httpGet": {"path": "/", "port": "nowhere"}, "periodSeconds": 2, "failureThreshold": 1}
    bench.pod(containers=[container(livenessProbe=probe)])
    bench.until(20)
    assert bench.main()["restartCount"] == 0
    assert bench.event("Unhealthy")["message"] == (
        "Liveness probe errored and resulted in unknown state: couldn't find port: nowhere"
    )


def test_a_crash_with_a_readiness_probe_shows_the_back_off_soon(bench: Bench):
    serving(bench)
    bench.runtime.programs["main"] = Program(lasts=20.0)
    bench.pod(containers=[container(readinessProbe={**HTTP, "periodSeconds": 5})])
    bench.until(42)
    crash = bench.main()
    assert crash["restartCount"] == 1
    bench.until(48)
    assert bench.main()["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_a_resting_pod_costs_almost_nothing(bench: Bench):
    """No ticking: an idle pod is looked at once a minute."""
    bench.pod()
    bench.until(10)
    steps = 0
    while (due := bench.clock.next_due()) is not None and due < bench.clock.epoch + 610:
        bench.clock.step()
        steps += 1
    assert steps < 60


def ups_and_downs(*, lasts: bool) -> tuple[list[tuple[float, Obj]], list[Obj], list[float]]:
    """A pod's history, its events, and when it was probed; it is well but for some seconds."""
    bench, asked = Bench(), []

    def answer(_path: str) -> HttpAnswer:
        asked.append(bench.t)
        well = not 61 < bench.t < 83
        return HttpAnswer(200 if well else 503, seconds=0.001, lasts=lasts and well)

    bench.runtime.ports[8080] = answer
    probes = {f"{kind}Probe": {**HTTP, "periodSeconds": 5} for kind in ("readiness", "liveness")}
    bench.pod(containers=[container(**probes)])
    for t in (61, 83, 200):
        bench.until(t)
        bench.runtime.change()
    return bench.history, bench.events(), asked


def test_a_probe_that_would_hear_the_same_again_is_not_made_and_nobody_can_tell():
    history, events, asked = ups_and_downs(lasts=False)
    rested_history, rested_events, rested_asked = ups_and_downs(lasts=True)
    assert rested_history == history
    assert rested_events == events
    assert any(one["reason"] == "Unhealthy" for one in events)
    assert len(rested_asked) < len(asked) / 2
    assert set(rested_asked) <= set(asked), "on its grid, as ever"


def test_a_change_while_an_answer_is_on_its_way_is_not_missed():
    bench = Bench()
    broken = False

    def breaks() -> None:
        nonlocal broken
        broken = True
        bench.runtime.change()

    def answer(_path: str) -> HttpAnswer:
        if bench.t > 20 and not broken:
            bench.clock.call_later(0.1, breaks)
        return HttpAnswer(503 if broken else 200, seconds=0.5, lasts=not broken)

    bench.runtime.ports[8080] = answer
    bench.pod(containers=[container(readinessProbe={**HTTP, "periodSeconds": 5, "failureThreshold": 1})])
    bench.until(20)
    assert bench.condition("Ready")["status"] == "True"
    assert bench.runtime.resting
    bench.runtime.change()
    bench.until(31)
    assert bench.condition("Ready")["status"] == "False"


def test_a_command_in_a_container_that_has_just_died(bench: Bench):
    """The kubelet does not know yet: the probe says that it could not be carried out, and nothing changes."""
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 1}
    died = "rpc error: code = Unknown desc = failed to exec in container: container is in CONTAINER_EXITED state"
    bench.runtime.programs["main"] = Program(lasts=0.02, exec=lambda _argv: ExecResult(-1, died))
    bench.pod(containers=[container(livenessProbe=probe, readinessProbe=probe)])
    bench.until(30)
    said = {one["message"] for one in bench.events("Unhealthy")}
    assert said <= {f"{kind} probe errored and resulted in unknown state: {died}" for kind in ("Liveness", "Readiness")}
    assert said
    assert not bench.events("Killing")


def test_a_run_that_follows_a_kill_counts_as_started_until_it_is_asked(bench: Bench):
    started = iter([0])

    def answer(argv: tuple[str, ...]) -> ExecResult:
        return ExecResult(next(started, 1) if argv == ("startup",) else 1, "")

    bench.runtime.programs["main"] = Program(exec=answer)
    startup = {"exec": {"command": ["startup"]}, "periodSeconds": 2, "failureThreshold": 30}
    liveness = {"exec": {"command": ["liveness"]}, "periodSeconds": 3, "failureThreshold": 2}
    bench.pod(containers=[container(startupProbe=startup, livenessProbe=liveness)])
    seen = []
    for second in range(1, 200):
        bench.until(second / 10 + 5)
        main = bench.main()
        told = (main["restartCount"], main["started"], "running" in main["state"])
        if not seen or seen[-1] != told:
            seen.append(told)
    assert (1, True, True) in seen
    assert seen.index((1, True, True)) < seen.index((1, False, True))


def test_commands_that_are_asked_of_a_pod_on_its_way_out_are_broken_off() -> None:
    """Seen of 12 of 24 pods on a real node, whose containers took up to a second to stop, asked every two seconds."""
    broken_off = 0
    for seed in range(24):
        cluster = EmbeddedCluster(str(seed))
        stays = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"]
        probe = {"exec": {"command": ["true"]}, "periodSeconds": 2}
        main = {"name": "main", "image": "busybox:1.36", "command": stays, "readinessProbe": probe}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [main]}}
        cluster.registry.create("pods", pod, namespace="default")
        cluster.run_for(10 + seed / 7)
        cluster.registry.delete("pods", "default", "web")
        cluster.run_for(10)
        told = [one["message"] for one in cluster.registry.list("events", "default") if one["reason"] == "Unhealthy"]
        canceled = "rpc error: code = Canceled desc = context canceled"
        assert set(told) <= {f"Readiness probe errored and resulted in unknown state: {canceled}"}
        broken_off += bool(told)
    assert 6 <= broken_off <= 18


def test_a_command_that_was_asked_already_is_broken_off_in_the_middle(bench: Bench):
    bench.runtime.programs["main"] = Program(
        on_term=COMPLETES, term_takes=20, exec=lambda _argv: ExecResult(0, "", seconds=8)
    )
    bench.pod(containers=[container(readinessProbe={"exec": {"command": ["slow"]}, "timeoutSeconds": 9})])
    bench.until(15)
    bench.registry.delete("pods", "shop", "web")
    bench.until(15.5)
    assert bench.event("Unhealthy")["message"] == (
        "Readiness probe errored and resulted in unknown state: rpc error: code = Canceled desc = context canceled"
    )


def test_requests_are_asked_until_the_pod_is_gone(bench: Bench):
    bench.runtime.programs["main"] = Program(on_term=COMPLETES, term_takes=20)
    asked: list[float] = []

    def answering(_path: str) -> HttpAnswer:
        asked.append(bench.t)
        return HttpAnswer(200)

    bench.runtime.ports[8080] = answering
    bench.pod(containers=[container(readinessProbe={**HTTP, "periodSeconds": 5})])
    bench.until(15)
    bench.registry.delete("pods", "shop", "web")
    bench.until(40)
    assert bench.events("Unhealthy") == []
    assert [at for at in asked if at > 20]
