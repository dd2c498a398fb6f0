"""A server that does not answer: how long it is waited for, and whose trouble it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from healgate.clusters import real_rest
from healgate.clusters.real_rest import ANSWER_WITHIN, CONNECT_WITHIN, RealRest
from healgate.clusters.server_time import ServerTime
from healgate.wire.upstream import Unreachable


class Server:
    """An ApiClient's connections to a server that can fall silent."""

    def __init__(self) -> None:
        self.silent = False
        self.waited: list[float] = []
        self.statuses: list[int] = []
        self.configuration = SimpleNamespace(host="https://api.example")
        self.rest_client = SimpleNamespace(pool_manager=self)

    def update_params_for_auth(self, *_: Any) -> None: ...

    def request(self, _method: str, url: str, *, timeout: urllib3.Timeout, **_: Any) -> Any:
        self.waited.append(float(timeout._read or 0.0))
        if self.silent:
            raise urllib3.exceptions.ReadTimeoutError(SimpleNamespace(), url, "Read timed out.")  # type: ignore[arg-type]
        status = self.statuses.pop(0) if self.statuses else 200
        return SimpleNamespace(status=status, headers={}, data=b'{"items": []}')


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def rest(server: Server) -> RealRest:
    return RealRest(server, ServerTime())


def test_a_silent_server_is_waited_for_once_and_not_with_every_request(server: Server, rest: RealRest) -> None:
    server.silent = True
    for _ in range(3):
        with pytest.raises(Unreachable, match=r"https://api\.example does not answer"):
            rest.request("GET", "/api/v1/pods")
    assert server.waited[0] == ANSWER_WITHIN
    assert server.waited[1:] == [CONNECT_WITHIN, CONNECT_WITHIN]


def test_a_server_that_has_answered_again_is_given_its_time_again(server: Server, rest: RealRest) -> None:
    server.silent = True
    with pytest.raises(Unreachable):
        rest.request("GET", "/api/v1/pods")
    server.silent = False
    assert [rest.request("GET", "/api/v1/pods").code for _ in range(2)] == [200, 200]
    assert server.waited[-1] == ANSWER_WITHIN


def test_a_workload_that_is_silent_says_nothing_about_the_server(server: Server, rest: RealRest) -> None:
    server.silent = True
    assert rest.request("GET", "/api/v1/namespaces/x/services/web/proxy/").code == 504
    with pytest.raises(Unreachable):
        rest.request("GET", "/api/v1/pods")
    assert server.waited[-1] == ANSWER_WITHIN


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_has_too_much_to_do_is_asked_again(
    server: Server, rest: RealRest, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """As one that dozens of trials begin on at once: it did nothing yet, so a write may be sent again."""
    pauses: list[float] = []
    monkeypatch.setattr(real_rest.time, "sleep", pauses.append)
    server.statuses = [429, 429, 201]
    assert rest.request(method, "/api/v1/namespaces", body={}).code == 201
    assert pauses == [real_rest.ASKED_AGAIN_AFTER] * 2


def test_who_never_has_time_is_not_asked_for_ever(
    server: Server, rest: RealRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 8))
    monkeypatch.setattr(real_rest, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: next(clock)))
    server.statuses = [429] * 100
    assert rest.request("GET", "/api/v1/pods").code == 429
    assert len(server.waited) == 3


def test_a_workload_that_has_too_much_to_do_gives_that_answer(server: Server, rest: RealRest) -> None:
    server.statuses = [429]
    assert rest.request("GET", "/api/v1/namespaces/x/services/web/proxy/").code == 429
