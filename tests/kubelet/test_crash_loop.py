"""The life of a crash loop as the API shows it."""

from __future__ import annotations

from itertools import pairwise

from healgate.embedded.clock.clock import seconds_of
from healgate.embedded.kubelet import FAST, KubeletTiming

from .scripted import Bench, Exit, Program, container


def crashing(bench: Bench, **program: object) -> None:
    bench.runtime.programs["main"] = Program(**{"lasts": 0.03, **program})  # type: ignore[arg-type]
    bench.pod()


def starts(bench: Bench) -> list[float]:
    return [started.log[0].time - bench.clock.epoch for started in bench.runtime.runs]


def test_the_first_crash_restarts_at_once_and_later_ones_wait(bench: Bench):
    crashing(bench)
    bench.until(400)
    gaps = [after - before for before, after in pairwise(starts(bench))]
    assert gaps[0] < 2
    for gap, nominal in zip(gaps[1:], (10, 20, 40, 80), strict=False):
        assert nominal <= gap <= 1.5 * nominal + 3
    assert 160 <= gaps[5] <= 250


def test_a_crash_is_seen_as_such_before_it_is_seen_as_a_back_off(bench: Bench):
    crashing(bench)
    bench.until(40)
    states = bench.states()
    assert states[:5] == ["ContainerCreating#0", "running#0", "Error#0", "running#1", "Error#1"]
    assert states[5] == "CrashLoopBackOff#1"
    waits = [t for t, pod in bench.history if "waiting" in str(pod["status"].get("containerStatuses", ""))]
    assert waits[-1] > 12, "the waiting state comes with the sync that restarts, not with the crash"


def test_before_1_35_the_waiting_state_follows_within_fifteen_seconds_and_restarts_come_late():
    bench = Bench(KubeletTiming(visibility="legacy"))
    crashing(bench)
    bench.until(300)
    # 10 s back-off: one look falls into it at most, the restart comes at the first look after it.
    gaps = [after - before for before, after in pairwise(starts(bench))]
    for gap, nominal in zip(gaps[1:5], (10, 20, 40, 80), strict=False):
        assert nominal <= gap <= nominal + 17
    seen = [state for state in bench.states() if state.startswith("CrashLoop")]
    assert "CrashLoopBackOff#3" in seen


def test_waiting_carries_the_message_and_the_last_run(bench: Bench):
    crashing(bench)
    bench.until(60)
    pod = bench.pod_with_reason("CrashLoopBackOff")
    main = pod["status"]["containerStatuses"][0]
    uid = pod["metadata"]["uid"]
    assert main["state"]["waiting"]["message"] == (f"back-off 10s restarting failed container=main pod=web_shop({uid})")
    last = main["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (1, "Error")
    assert main["containerID"] == last["containerID"]
    assert main["started"] is main["ready"] is False
    assert pod["status"]["phase"] == "Running"
    event = bench.event("BackOff")
    assert event["type"] == "Warning"
    assert event["message"] == f"Back-off restarting failed container main in pod web_shop({uid})"
    assert event["involvedObject"]["fieldPath"] == "spec.containers{main}"


def test_a_new_image_restarts_at_once_and_from_ten_seconds(bench: Bench):
    crashing(bench)
    bench.until(100)
    before = len(bench.runtime.runs)
    body = {"spec": {"containers": [{"name": "main", "image": "busybox:1.37"}]}}
    bench.registry.patch("pods", "shop", "web", body, "application/strategic-merge-patch+json")
    bench.until(102)
    assert len(bench.runtime.runs) > before
    bench.until(125)
    assert "back-off 10s" in bench.last_waiting_message()


def test_a_run_of_a_quarter_hour_clears_the_record(bench: Bench):
    runs = [0.03, 0.03, 0.03, 700.0, 0.03]
    bench.runtime.programs["main"] = lambda run: Program(lasts=runs[min(run.attempt, 4)])
    bench.pod()
    bench.until(800)
    # The crash after the long run restarts at once.
    gaps = [after - before for before, after in pairwise(starts(bench))]
    assert gaps[3] < 702


def test_exit_zero_backs_off_too_under_always(bench: Bench):
    crashing(bench, ends=Exit(0, "Completed"))
    bench.until(40)
    assert "CrashLoopBackOff#1" in bench.states()
    assert bench.main()["lastState"]["terminated"]["reason"] == "Completed"


def test_the_fast_profile_never_waits_longer_than_five_seconds_and_a_bit():
    bench = Bench(FAST)
    crashing(bench)
    bench.until(60)
    gaps = [after - before for before, after in pairwise(starts(bench))]
    assert 5 < max(gaps[1:]) < 8
    assert len(gaps) > 6


def test_a_command_that_does_not_exist_counts_as_a_run_of_the_year_1970(bench: Bench):
    bench.runtime.programs["main"] = Program(start_error="failed to create containerd task: no such file")
    bench.pod()
    bench.until(30)
    assert any(state.startswith("RunContainerError") for state in bench.states())
    last = bench.main()["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], last["startedAt"]) == (128, "StartError", "1970-01-01T00:00:00Z")
    assert last["message"].startswith("failed to create containerd task")
    assert bench.main()["restartCount"] >= 1
    assert bench.event("Failed")["message"] == "Error: failed to create containerd task: no such file"
    assert not bench.events("Started")


def test_on_failure_runs_until_it_succeeds(bench: Bench):
    bench.runtime.programs["main"] = lambda run: Program(
        lasts=0.5, ends=Exit(0, "Completed") if run.attempt else Exit(3, "Error")
    )
    bench.pod(restartPolicy="OnFailure")
    bench.until(30)
    assert bench.status()["phase"] == "Succeeded"
    assert bench.main()["restartCount"] == 1
    ready = bench.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "PodCompleted")


def test_never_fails_once_its_sandbox_is_gone(bench: Bench):
    crashing_pod = {"restartPolicy": "Never"}
    bench.runtime.programs["main"] = Program(lasts=0.5)
    bench.pod(**crashing_pod)
    bench.until(30)
    phases = [pod["status"].get("phase") for _, pod in bench.history]
    assert phases[-1] == "Failed"
    ended = next(pod for _, pod in bench.history if "terminated" in str(pod["status"].get("containerStatuses")))
    assert ended["status"]["phase"] == "Running", "the phase follows only when nothing runs any more"
    assert [one["reason"] for one in ended["status"]["conditions"] if one["type"] == "Ready"] == ["PodFailed"]
    assert bench.condition("PodReadyToStartContainers")["status"] == "False"
    assert len(bench.runtime.runs) == 1


def test_two_containers_count_apart(bench: Bench):
    bench.runtime.programs["proxy"] = Program(lasts=0.03)
    bench.pod(containers=[container(), container("proxy")])
    bench.until(60)
    main, proxy = bench.status()["containerStatuses"]
    assert (main["restartCount"], proxy["restartCount"] > 1) == (0, True)
    assert bench.condition("Ready")["message"] == "containers with unready status: [proxy]"


def test_transition_times_move_only_when_a_status_flips(bench: Bench):
    crashing(bench)
    bench.until(500)
    flips: dict[str, tuple[str, str]] = {}
    for t, pod in bench.history:
        for one in pod["status"].get("conditions") or ():
            status, since = flips.get(one["type"], ("", ""))
            if status == one["status"]:
                assert one["lastTransitionTime"] == since
            else:
                assert abs(seconds_of(one["lastTransitionTime"]) - bench.clock.epoch - t) <= 1.0
            flips[one["type"]] = (one["status"], one["lastTransitionTime"])


def test_one_seed_one_history():
    def history(seed: str) -> list[tuple[float, object]]:
        bench = Bench(seed=seed)
        crashing(bench)
        bench.until(300)
        return [(t, pod["status"]) for t, pod in bench.history]

    assert history("a") == history("a")
    assert history("a") != history("b")
