"""A server that does not answer: how long it is waited for, and whose trouble it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from healgate.clusters.real_rest import ANSWER_WITHIN, CONNECT_WITHIN, RealRest
from healgate.clusters.server_time import ServerTime
from healgate.wire.upstream import Unreachable


class Server:
    """An ApiClient's connections to a server that can fall silent."""

    def __init__(self) -> None:
        self.silent = False
        self.waited: list[float] = []
        self.configuration = SimpleNamespace(host="https://api.example")
        self.rest_client = SimpleNamespace(pool_manager=self)

    def update_params_for_auth(self, *_: Any) -> None: ...

    def request(self, _method: str, url: str, *, timeout: urllib3.Timeout, **_: Any) -> Any:
        self.waited.append(float(timeout._read or 0.0))
        if self.silent:
            raise urllib3.exceptions.ReadTimeoutError(SimpleNamespace(), url, "Read timed out.")  # type: ignore[arg-type]
        return SimpleNamespace(status=200, headers={}, data=b'{"items": []}')


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
