"""The official client in process: unmodified above, no socket below, and it waits on virtual time."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes import client, watch
from kubernetes.client import ApiException, CoreV1Api
from kubernetes.informer import SharedInformer
from kubernetes.stream import stream

from healgate.embedded.clock import Clock
from healgate.embedded.door.baton import CannotRunVirtually, Participant
from healgate.embedded.door.client import api_client
from healgate.embedded.door.participants import Participants
from healgate.embedded.door.patches import patched

from .fake import FakeServer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> FakeServer:
    return FakeServer(clock)


@pytest.fixture
def people(clock: Clock) -> Participants:
    return Participants(clock, patience=2)


@pytest.fixture
def api(server: FakeServer, people: Participants) -> Iterator[CoreV1Api]:
    with api_client(server, people, "operator", "kubectl/1.2") as made:  # type: ignore[arg-type]
        yield CoreV1Api(made)


def run(people: Participants, call: Callable[[], Any], seconds: float = 100_000) -> Participant:
    with patched(), people.adopt():
        guest = people.spawn("healer", call)
        people.wait(guest.done, seconds)
        return guest


def test_reading_and_writing(api: CoreV1Api, server: FakeServer) -> None:
    made = api.create_namespaced_pod("default", {"metadata": {"name": "web"}})
    assert made.metadata.name == "web"
    assert [pod.metadata.name for pod in api.list_namespaced_pod("default").items] == ["web"]
    changed = api.patch_namespaced_pod("web", "default", {"metadata": {"labels": {"tier": "front"}}})
    assert changed.metadata.labels == {"tier": "front"}
    api.delete_namespaced_pod("web", "default")
    assert api.list_namespaced_pod("default", label_selector="a in (b,c)").items == []
    patch, listing = server.requests[2], server.requests[-1]
    assert patch.headers["content-type"] == "application/strategic-merge-patch+json"
    assert patch.headers["user-agent"] == "kubectl/1.2"
    assert listing.query == [("labelSelector", "a in (b,c)")]
    assert {request.user for request in server.requests} == {"operator"}


def test_errors_are_the_clients_own(api: CoreV1Api) -> None:
    with pytest.raises(ApiException) as caught:
        api.read_namespaced_pod("absent", "default")
    assert (caught.value.status, caught.value.reason) == (404, "Not Found")
    assert 'pods \\"absent\\" not found' in str(caught.value.body)


def test_a_raw_answer_reads_like_a_file(api: CoreV1Api, server: FakeServer) -> None:
    server.put("web")
    raw = api.read_namespaced_pod("web", "default", _preload_content=False)
    assert isinstance(raw, urllib3.HTTPResponse)
    assert raw.headers["content-type"] == "application/json"
    assert raw.json()["metadata"]["name"] == "web"
    raw.release_conn()


def test_a_429_that_says_when_is_tried_again_then(
    api: CoreV1Api, server: FakeServer, people: Participants, clock: Clock
) -> None:
    server.retry_later = 2
    guest = run(people, lambda: api.list_namespaced_pod("default").items)
    assert guest.result == []
    assert clock.now() - clock.epoch == 14
    assert len(server.requests) == 3


def test_a_429_that_stays_is_told(api: CoreV1Api, server: FakeServer, people: Participants) -> None:
    server.retry_later = 99
    guest = run(people, lambda: api.list_namespaced_pod("default"))
    assert isinstance(guest.error, ApiException)
    assert guest.error.status == 429


def test_a_watch_crosses_hours_of_virtual_time(
    api: CoreV1Api, server: FakeServer, people: Participants, clock: Clock
) -> None:
    server.put("old")
    for hour in range(1, 6):
        clock.call_later(hour * 3600.0, server.put, f"pod-{hour}")

    def healer() -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []
        watcher = watch.Watch()
        for event in watcher.stream(api.list_namespaced_pod, "default"):
            seen.append((event["object"].metadata.name, clock.now() - clock.epoch))
            if len(seen) == 6:
                watcher.stop()
        return seen

    guest = run(people, healer)
    assert guest.error is None
    assert guest.result == [("old", 0), *((f"pod-{hour}", hour * 3600) for hour in range(1, 6))]
    assert all(watched.closed for watched in server.watches)
    # The server ended it every half hour, and the client came back for what it had not seen.
    versions = [request.param("resourceVersion") for request in server.requests if request.flag("watch")]
    assert len(versions) > 5
    assert versions[0] == ""
    assert "" not in versions[1:]


def test_a_watch_ends_with_the_time_it_asked_for(api: CoreV1Api, people: Participants, clock: Clock) -> None:
    def healer() -> list[Any]:
        return list(watch.Watch().stream(api.list_namespaced_pod, "default", timeout_seconds=90))

    assert run(people, healer).result == []
    assert clock.now() - clock.epoch == 90


@pytest.mark.parametrize("timeout", [30, (5, 30)])
def test_a_silent_watch_runs_into_the_read_timeout(
    api: CoreV1Api, server: FakeServer, people: Participants, clock: Clock, timeout: Any
) -> None:
    clock.call_later(20, server.put, "web")

    def healer() -> None:
        for _ in watch.Watch().stream(api.list_namespaced_pod, "default", _request_timeout=timeout):
            pass

    guest = run(people, healer)
    assert isinstance(guest.error, urllib3.exceptions.ReadTimeoutError)
    assert clock.now() - clock.epoch == 50
    assert server.watches[0].closed


def test_a_raw_watch_reads_like_a_file(api: CoreV1Api, server: FakeServer, people: Participants, clock: Clock) -> None:
    server.put("a")
    clock.call_later(10, server.put, "b")

    def healer() -> bytes:
        raw = api.list_namespaced_pod("default", watch=True, timeout_seconds=60, _preload_content=False)
        return bytes(raw.read(8) + raw.data)

    guest = run(people, healer)
    assert guest.result.startswith(b'{"type":"ADDED"')
    assert guest.result.count(b"\n") == 2
    assert clock.now() - clock.epoch == 60


def test_a_watching_healer_can_be_stopped(
    api: CoreV1Api, server: FakeServer, people: Participants, clock: Clock
) -> None:
    def healer() -> None:
        while True:
            try:
                for _ in watch.Watch().stream(api.list_namespaced_pod, "default"):
                    pass
            except Exception:
                continue

    with patched(), people.adopt():
        guest = people.spawn("healer", healer)
        people.sleep(4000)
        people.stop(guest)
        assert guest.finished
        assert clock.now() - clock.epoch == 4000
    assert all(watched.closed for watched in server.watches)


def test_twenty_runs_send_the_same_requests() -> None:
    def once() -> list[tuple[float, str, str]]:
        clock = Clock("seed")
        server, people = FakeServer(clock), Participants(clock)
        sent: list[tuple[float, str, str]] = []
        handle = server.handle
        server.handle = lambda request: (  # type: ignore[method-assign]
            sent.append((clock.now(), request.user, request.method)) or handle(request)  # type: ignore[func-returns-value]
        )
        draw = clock.random("world")
        for number in range(40):
            clock.call_later(draw.random() * 600, server.put, f"pod-{number}")

        def watcher(api: CoreV1Api) -> None:
            for event in watch.Watch().stream(api.list_namespaced_pod, "default"):
                if event["object"].metadata.name.endswith("3"):
                    api.delete_namespaced_pod(event["object"].metadata.name, "default")

        def poller(api: CoreV1Api) -> None:
            while True:
                api.list_namespaced_pod("default")
                people.sleep(15)

        with patched(), people.adopt():
            for name, life in (("watcher", watcher), ("poller", poller)):
                api = CoreV1Api(api_client(server, people, name))  # type: ignore[arg-type]
                people.spawn(name, lambda life=life, api=api: life(api))
            people.sleep(700)
        return sent

    first = once()
    assert {user for _, user, _ in first} == {"watcher", "poller"}
    assert all(once() == first for _ in range(19))


def test_nobody_has_to_be_on_virtual_time_to_use_it(api: CoreV1Api, server: FakeServer, clock: Clock) -> None:
    clock.call_later(30, server.put, "web")
    seen = [
        event["object"].metadata.name
        for event in watch.Watch().stream(api.list_namespaced_pod, "default", timeout_seconds=60)
    ]
    assert seen == ["web"]
    assert clock.now() - clock.epoch == 60


def test_making_a_client_starts_no_thread_and_leaves_no_file(server: FakeServer, people: Participants) -> None:
    before = threading.active_count()
    files = {path.name for path in Path(tempfile.gettempdir()).glob("osrcp-*")}
    made = api_client(server, people, "operator")  # type: ignore[arg-type]
    CoreV1Api(made).list_namespaced_pod("default")
    made.close()
    assert threading.active_count() == before
    assert {path.name for path in Path(tempfile.gettempdir()).glob("osrcp-*")} == files


def informer(api: CoreV1Api) -> None:
    SharedInformer(api.list_namespaced_pod, namespace="default").start()


def background(api: CoreV1Api) -> None:
    api.list_namespaced_pod("default", async_req=True)


def run_a_command(api: CoreV1Api) -> None:
    stream(api.connect_get_namespaced_pod_exec, "web", "default", command=["ls"])


@pytest.mark.parametrize("use", [informer, background, run_a_command])
def test_what_needs_threads_or_sockets_is_refused(
    api: CoreV1Api, people: Participants, use: Callable[[CoreV1Api], None]
) -> None:
    guest = run(people, lambda: use(api))
    assert "healgate up" in guest.refused
    assert isinstance(guest.error, CannotRunVirtually | ApiException)
    assert "healgate up" in str(guest.error)


def test_a_bug_in_the_server_is_not_an_answer(api: CoreV1Api, people: Participants) -> None:
    def healer() -> None:
        api.api_client.call_api("GET", f"{api.api_client.configuration.host}/broken")

    with patched(), people.adopt():
        guest = people.spawn("healer", healer)
        with pytest.raises(LookupError):
            people.wait(guest.done, 10)


def test_models_are_the_clients_own(api: CoreV1Api) -> None:
    assert type(api.api_client) is client.ApiClient
