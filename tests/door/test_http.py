"""The door for everybody else: real sockets, real clients, and whatever is thrown at it."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml
from kubernetes import client, config, watch
from kubernetes.client import ApiException, CoreV1Api

from healgate.embedded.clock import Clock
from healgate.embedded.door.http import HttpDoor, PortTaken
from healgate.embedded.door.kubeconfig import NotOurs, write_kubeconfig

from .fake import PODS, FakeServer

# Real seconds after which a test that would hang fails instead.
LIMIT = 20


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> FakeServer:
    return FakeServer(clock)


@pytest.fixture
def door(server: FakeServer, clock: Clock) -> Iterator[HttpDoor]:
    # A minute passes in a hundredth of a second: what a test waits for is virtual.
    with HttpDoor(server, clock, warp=6000, tokens={"secret": "alice"}) as opened:  # type: ignore[arg-type]
        yield opened


@pytest.fixture
def connection(door: HttpDoor) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(door.url.removeprefix("http://"), timeout=LIMIT)
    yield made
    made.close()


@pytest.fixture
def api(door: HttpDoor, tmp_path: Path) -> Iterator[CoreV1Api]:
    write_kubeconfig(tmp_path / "config", door.url, "secret")
    with config.new_client_from_config(str(tmp_path / "config")) as made:
        yield CoreV1Api(made)


def ask(connection: http.client.HTTPConnection, method: str, path: str, **more: object) -> tuple[int, bytes]:
    connection.request(method, path, **more)  # type: ignore[arg-type]
    response = connection.getresponse()
    return response.status, response.read()


def test_the_official_client_over_a_socket(api: CoreV1Api, server: FakeServer) -> None:
    api.create_namespaced_pod("default", {"metadata": {"name": "web"}})
    assert [pod.metadata.name for pod in api.list_namespaced_pod("default").items] == ["web"]
    with pytest.raises(ApiException) as caught:
        api.read_namespaced_pod("absent", "default")
    assert caught.value.status == 404
    assert {request.user for request in server.requests} == {"alice"}


def test_a_watch_sees_what_happens(api: CoreV1Api) -> None:
    seen: list[str] = []
    watcher = watch.Watch()
    api.create_namespaced_pod("default", {"metadata": {"name": "pod-0"}})
    for event in watcher.stream(api.list_namespaced_pod, "default"):
        seen.append(event["object"].metadata.name)
        if len(seen) == 4:
            watcher.stop()
        else:
            api.create_namespaced_pod("default", {"metadata": {"name": f"pod-{len(seen)}"}})
    assert seen == ["pod-0", "pod-1", "pod-2", "pod-3"]


def test_the_headers_of_a_silent_watch_come_at_once(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", f"{PODS}?watch=1&timeoutSeconds=3600")
    response = connection.getresponse()  # returns once the headers are there
    assert response.status == 200
    assert response.getheader("Transfer-Encoding") == "chunked"


def test_a_client_that_goes_ends_its_watch(connection: http.client.HTTPConnection, server: FakeServer) -> None:
    stopped = threading.Event()
    watching = server.handle

    def handle(request: object) -> object:
        given = watching(request)  # type: ignore[arg-type]
        if request.flag("watch"):  # type: ignore[attr-defined]
            stop = given.stop  # type: ignore[union-attr]
            given.stop = lambda: (stop(), stopped.set())  # type: ignore[union-attr, assignment]
        return given

    server.handle = handle  # type: ignore[assignment, method-assign]
    connection.request("GET", f"{PODS}?watch=1&timeoutSeconds=3600")
    response = connection.getresponse()
    response.close()
    connection.close()
    assert stopped.wait(LIMIT)


def test_time_runs_while_nobody_asks(connection: http.client.HTTPConnection, server: FakeServer, clock: Clock) -> None:
    over = threading.Event()
    left = [50]

    def tick() -> None:
        left[0] -= 1
        if left[0]:
            clock.call_later(60, tick)
        else:
            over.set()

    # Scheduled inside a request, where the door's thread owns the cluster.
    handle = server.handle
    server.handle = lambda request: (tick(), handle(request))[1]  # type: ignore[method-assign]
    ask(connection, "GET", PODS)
    assert over.wait(LIMIT)


def test_one_connection_serves_many_requests(connection: http.client.HTTPConnection) -> None:
    ask(connection, "GET", PODS)
    first = connection.sock
    for number in range(20):
        status, _ = ask(connection, "POST", PODS, body=json.dumps({"metadata": {"name": f"p{number}"}}))
        assert status == 201
    _, listing = ask(connection, "GET", PODS)
    assert len(json.loads(listing)["items"]) == 20
    assert connection.sock is first


def test_who_asks(connection: http.client.HTTPConnection, server: FakeServer) -> None:
    ask(connection, "GET", PODS)
    ask(connection, "GET", PODS, headers={"Authorization": "Bearer secret"})
    assert [request.user for request in server.requests] == ["", "alice"]
    status, body = ask(connection, "GET", PODS, headers={"Authorization": "Bearer guessed"})
    assert (status, json.loads(body)["reason"]) == (401, "Unauthorized")
    assert len(server.requests) == 2


def test_encoded_selectors_and_chunked_bodies_arrive_whole(
    connection: http.client.HTTPConnection, server: FakeServer
) -> None:
    ask(connection, "GET", f"{PODS}?labelSelector=a%3Db%2Cc%20in%20(d)&limit=5&watch")
    assert server.requests[0].query == [("labelSelector", "a=b,c in (d)"), ("limit", "5"), ("watch", "")]
    pieces = iter([b'{"metadata":', b'{"name":"in-pieces"}}'])
    status, _ = ask(
        connection, "POST", PODS, body=pieces, encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    assert status == 201
    assert server.requests[1].body == b'{"metadata":{"name":"in-pieces"}}'


def test_a_body_may_be_announced_first(door: HttpDoor) -> None:
    body = b'{"metadata":{"name":"announced"}}'
    with socket.create_connection(("127.0.0.1", int(door.url.rpartition(":")[2])), LIMIT) as wire:
        wire.sendall(
            f"POST {PODS} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        assert wire.recv(1024).startswith(b"HTTP/1.1 100 ")
        wire.sendall(body)
        assert wire.recv(1024).startswith(b"HTTP/1.1 201 ")


BAD = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello TLS\r\n\r\n",
    "half a line": b"GET\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "a bad length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "a bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a bad escape": b"GET /api/%zz?a=%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a body that never comes": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nshort",
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_harms_nobody_else(door: HttpDoor, connection: http.client.HTTPConnection, what: str) -> None:
    with socket.create_connection(("127.0.0.1", int(door.url.rpartition(":")[2])), LIMIT) as wire:
        wire.sendall(BAD[what])
        wire.shutdown(socket.SHUT_WR)
        answered = wire.recv(65536)
    assert answered == b"" or answered.split()[1] in (b"400", b"404")
    assert ask(connection, "GET", PODS)[0] == 200


def test_a_bug_is_an_answer_of_500_and_the_door_stays_open(
    connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    status, body = ask(connection, "GET", "/broken")
    assert status == 500
    assert json.loads(body)["reason"] == "InternalError"
    assert "LookupError" in caplog.text
    assert ask(connection, "GET", PODS)[0] == 200


def test_a_port_that_is_taken_is_named(door: HttpDoor, server: FakeServer, clock: Clock) -> None:
    port = int(door.url.rpartition(":")[2])
    with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
        HttpDoor(server, clock, port=port).open()  # type: ignore[arg-type]


def test_closing_ends_open_watches(server: FakeServer, clock: Clock) -> None:
    with HttpDoor(server, clock) as door:  # type: ignore[arg-type]
        made = http.client.HTTPConnection(door.url.removeprefix("http://"), timeout=LIMIT)
        made.request("GET", f"{PODS}?watch=1&timeoutSeconds=3600")
        response = made.getresponse()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    made.close()
    assert server.watches[0].closed


def test_a_watchs_time_is_the_clients_own(connection: http.client.HTTPConnection, server: FakeServer) -> None:
    """With time 6000 times as fast, a watch of 300 seconds would else be over in a twentieth of one."""
    connection.request("GET", f"{PODS}?watch=1&timeoutSeconds=300")
    connection.getresponse()
    assert server.requests[0].param("timeoutSeconds") == "1800000"


# -- the kubeconfig


def test_a_kubeconfig_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config"
    write_kubeconfig(path, "http://127.0.0.1:1", "t")
    assert path.stat().st_mode & 0o777 == 0o600
    write_kubeconfig(path, "http://127.0.0.1:2", "t")  # what a killed run left behind
    assert yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"] == "http://127.0.0.1:2"
    assert [file.name for file in path.parent.iterdir()] == ["config"]


@pytest.mark.parametrize(
    "theirs", ["", "clusters: []", "clusters:\n- name: prod\n  cluster: {server: https://prod}\n", "{", "- a"]
)
def test_somebody_elses_kubeconfig_stays(tmp_path: Path, theirs: str) -> None:
    path = tmp_path / "config"
    path.write_text(theirs)
    with pytest.raises(NotOurs):
        write_kubeconfig(path, "http://127.0.0.1:1", "t")
    assert path.read_text() == theirs


def test_it_is_what_clients_read(tmp_path: Path) -> None:
    write_kubeconfig(tmp_path / "config", "http://127.0.0.1:7", "t0k")
    made = client.Configuration()
    config.load_kube_config(str(tmp_path / "config"), client_configuration=made)
    assert made.host == "http://127.0.0.1:7"
    assert [key.endswith("t0k") for key in made.api_key.values()] == [True]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with openssl")
def test_it_speaks_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    clock = Clock()
    with HttpDoor(FakeServer(clock), clock, tokens={"t": "alice"}, tls=tls) as door:  # type: ignore[arg-type]
        configuration = client.Configuration(host=door.url)
        configuration.ssl_ca_cert = str(certificate)
        configuration.api_key = {"authorization": "Bearer t"}
        with client.ApiClient(configuration) as made:
            assert CoreV1Api(made).list_namespaced_pod("default").items == []
        with pytest.raises(URLError, match="self-signed certificate"):
            urlopen(door.url)
