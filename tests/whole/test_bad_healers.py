"""A healer that is broken itself gets a verdict that says what happened and where: no traceback, no hang.

Each is run through a whole trial. The trap is a healer that takes the trial with it: the loop that never lets go, the
lock that nobody opens, the exit that is meant for the whole process.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from time import sleep
from typing import Any

import pytest
from kubernetes.client import AppsV1Api, CoreV1Api

from healgate.clusters import open_cluster
from healgate.drivers import HealerSpec
from healgate.embedded.door import participants
from healgate.scenario.catalogue import Catalogue
from healgate.trial import Outcome, run_trial
from healgate.words import Reason, Verdict

Healer = Callable[[Any, Any], None]

SCENARIO = Catalogue.load().scenarios["bad-image/tag-does-not-exist"]


def outcome(healer: Healer) -> Outcome:
    spec = HealerSpec(healer.__name__, "1.0", healer)
    return run_trial(SCENARIO, 1, seed="bad healers", cluster=open_cluster("embedded"), healer=spec)


def raises_at_once(_client: Any, _report: Any) -> None:
    raise LookupError("no such remedy\nin my books")


def asks_for_what_is_not_there(client: Any, _report: Any) -> None:
    CoreV1Api(client).read_namespaced_pod("none", "default")


def raises_in_the_middle(_client: Any, report: Any) -> None:
    sleep(600)
    report.detected("Deployment/frontend")
    raise ZeroDivisionError("seven pods by none")


def leaves(_client: Any, _report: Any) -> None:
    sys.exit(3)


def interrupts(_client: Any, _report: Any) -> None:
    raise KeyboardInterrupt


def starts_a_thread(_client: Any, _report: Any) -> None:
    threading.Thread(target=print, name="heart").start()


def starts_a_thread_and_hides_it(_client: Any, _report: Any) -> None:
    while True:
        try:
            threading.Thread(target=print, name="heart").start()
        except Exception:
            time.sleep(5)


def runs_asyncio(_client: Any, _report: Any) -> None:
    async def heal() -> None:
        await asyncio.sleep(1)

    asyncio.run(heal())


def loops(_client: Any, _report: Any) -> None:
    while True:
        pass


def waits_for_a_lock(_client: Any, _report: Any) -> None:
    lock = threading.Lock()
    with lock:
        lock.acquire()


def floods(client: Any, _report: Any) -> None:
    pods: Any = CoreV1Api(client)
    while True:
        pods.list_pod_for_all_namespaces(_preload_content=False)


def does_nothing(_client: Any, _report: Any) -> None:
    return


def polls(_client: Any, _report: Any) -> None:
    while True:
        sleep(1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A healer that hangs may do so for a moment of real time, not for twenty seconds."""
    monkeypatch.setattr(participants.Participants.__init__, "__defaults__", (1.0,))


def where(healer: Healer, line: int) -> str:
    return f"{__file__}:{healer.__code__.co_firstlineno + line}"


@pytest.mark.parametrize(
    ("healer", "line", "said"),
    [
        (raises_at_once, 1, "the healer raised LookupError: no such remedy at "),
        (asks_for_what_is_not_there, 1, 'Exception: 404 pods "none" not found at '),
        (raises_in_the_middle, 3, "the healer raised ZeroDivisionError: seven pods by none at "),
        (leaves, 1, "the healer raised SystemExit: 3 at "),
        (interrupts, 1, "the healer raised KeyboardInterrupt at "),
        (starts_a_thread, 1, "; the healer cannot run on virtual time: it starts a thread (heart), at "),
        (starts_a_thread_and_hides_it, 3, "; the healer cannot run on virtual time: it starts a thread (heart), at "),
        (runs_asyncio, 4, "; the healer cannot run on virtual time: it runs an asyncio event loop, at "),
    ],
)
def test_what_it_did_and_where_is_said(healer: Healer, line: int, said: str) -> None:
    found = outcome(healer).record
    assert found.verdict is Verdict.FAIL, found.message
    assert found.reason in (Reason.NOT_DETECTED, Reason.DETECTED_LATE), found.message
    assert said + where(healer, line) in found.message
    assert "Traceback" not in found.message
    assert "\n" not in found.message


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("healer", "lines"), [(loops, {1, 2}), (waits_for_a_lock, {3})])
def test_one_that_never_lets_go_is_left_behind(healer: Healer, lines: set[int]) -> None:
    found = outcome(healer)
    assert (found.record.verdict, found.record.reason) == (Verdict.FAIL, Reason.NOT_DETECTED)
    assert "the healer hung: it stopped calling in at " in found.record.message
    assert any(where(healer, line) in found.record.message for line in lines)
    assert found.evidence.ended is not None
    assert found.evidence.live is not None
    assert found.evidence.ended - found.evidence.live > SCENARIO.default.budgets.recover


def test_requests_without_end_are_a_hang_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(participants, "CALLS_PER_INSTANT", 500)  # enough requests to see that they are counted
    found = outcome(floods).record
    assert (found.verdict, found.reason) == (Verdict.FAIL, Reason.NOT_DETECTED)
    assert "the healer hung: it made 500 calls without letting any time pass, the last one at " in found.message
    assert where(floods, 3) in found.message


@pytest.mark.parametrize("healer", [does_nothing, polls])
def test_one_that_does_nothing_has_not_detected_it(healer: Healer) -> None:
    found = outcome(healer)
    assert (found.record.verdict, found.record.reason) == (Verdict.FAIL, Reason.NOT_DETECTED)
    assert "wrote nothing about it" in found.record.message
    assert found.evidence.healer.how == "running"
    assert found.cost.wall < 20, "its sleep was real"


def looks(client: Any, report: Any, after: Callable[[Any, str], object]) -> None:
    """Says the right things, does something, and has a pod of its own look around with what nobody here can run."""
    pods: Any = CoreV1Api(client)
    while True:
        for one in pods.list_pod_for_all_namespaces().items:
            ill = [status for status in one.status.container_statuses or () if status.state.waiting]
            if ill and "PullBackOff" in ill[0].state.waiting.reason:
                report.detected(f"Pod/{one.metadata.name}")
                report.classified("bad-image", about=f"Pod/{one.metadata.name}")
                after(client, one.metadata.namespace)
                container = {"name": "look", "image": "busybox:1.36", "command": ["sh", "-c", "echo hello; ps | wc -l"]}
                body = {"metadata": {"name": "look"}, "spec": {"restartPolicy": "Never", "containers": [container]}}
                pods.create_namespaced_pod(one.metadata.namespace, body)
                sleep(10**6)
        sleep(5)


def goes_back(client: Any, namespace: str) -> None:
    apps: Any = AppsV1Api(client)
    old = [
        one
        for one in apps.list_namespaced_replica_set(namespace).items
        if one.metadata.labels["app"] == "backend" and one.status.ready_replicas
    ]
    apps.patch_namespaced_deployment("backend", namespace, {"spec": {"template": old[0].spec.template}})


def scales_to_zero(client: Any, namespace: str) -> None:
    apps: Any = AppsV1Api(client)
    apps.patch_namespaced_deployment("backend", namespace, {"spec": {"replicas": 0}})


@pytest.mark.parametrize(
    ("does", "verdict", "said"),
    [
        (goes_back, Verdict.PASS, ""),
        (scales_to_zero, Verdict.FAIL, "scale to zero"),
        (lambda _client, _namespace: None, Verdict.ERROR, "cannot run the command ps (look of Pod/look), and without"),
    ],
)
def test_what_the_embedded_cluster_cannot_run_hides_no_verdict(
    does: Callable[[Any, str], object], verdict: Verdict, said: str
) -> None:
    def healer(client: Any, report: Any) -> None:
        looks(client, report, does)

    found = outcome(healer)
    assert [one.what for one in found.evidence.refused] == ["the command ps"]
    assert (found.record.verdict, said in found.record.message) == (verdict, True), found.record.message
