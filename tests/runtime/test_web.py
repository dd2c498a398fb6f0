"""The programs' HTTP, held against the standard library's on the other side."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from healgate.actor.host import Reply, Request
from healgate.actor.web import BadMessage, Server, fetch


class Echo:
    """Answers with what it was asked, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Reply | None:
        self.asked.append(request)
        if request.route == "/stuck":
            return None
        return Reply(201 if request.method == "POST" else 200, f"{request.method} {request.body.decode()}")


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def port(echo: Echo) -> Iterator[int]:
    server = Server(0, echo)
    serving = threading.Thread(target=server.serve)
    serving.start()
    yield server.port
    server.close()
    serving.join()


def raw(port: int, *pieces: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def test_the_standard_librarys_client_is_answered(port: int, echo: Echo) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/topics?x=1", b"ping", {"User": "shop"})
    answer = connection.getresponse()
    assert (answer.status, answer.reason, answer.read()) == (201, "Created", b"POST ping")
    connection.close()
    (asked,) = echo.asked
    assert (asked.method, asked.route, asked.query, asked.body) == ("POST", "/topics", {"x": "1"}, b"ping")
    assert asked.headers["user"] == "shop"


def test_a_body_in_chunks(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", iter([b"one ", b"0\r\n\r\n", b"two"]), encode_chunked=True)
    assert connection.getresponse().read() == b"POST one 0\r\n\r\ntwo"
    connection.close()


def test_a_head_has_no_body(port: int) -> None:
    answer = raw(port, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"Content-Length: 5\r\nConnection: close\r\n\r\n")


def test_a_request_in_pieces(port: int) -> None:
    pieces = (b"POST / HT", b"TP/1.1\r\nContent-Le", b"ngth: 4\r\n\r", b"\npi", b"ng")
    assert raw(port, *pieces).endswith(b"POST ping")


def test_whoever_waits_for_leave_to_go_on_gets_it(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ping")
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read().endswith(b"POST ping")


@pytest.mark.parametrize(
    "nonsense", [b"", b"\x16\x03\x01", b"GET /\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"]
)
def test_nonsense_is_hung_up_on_and_the_next_is_served(port: int, nonsense: bytes) -> None:
    assert raw(port, nonsense) == b""
    assert fetch("127.0.0.1", port, Request("GET", "/"), 10).body == "GET "


def test_one_that_is_stuck_says_nothing_until_one_hangs_up(port: int, echo: Echo) -> None:
    with pytest.raises(TimeoutError):
        fetch("127.0.0.1", port, Request("GET", "/stuck"), 0.05)
    assert raw(port, b"GET /stuck HTTP/1.1\r\n\r\n") == b""
    assert [asked.path for asked in echo.asked] == ["/stuck", "/stuck"]


class _Theirs(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        if self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\none\r\n4;x=y\r\n two\r\n0\r\n\r\n")
        elif self.path == "/to-end":
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def theirs() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Theirs)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    serving.join()


@pytest.mark.parametrize(("path", "body"), [("/", "ping"), ("/chunks", "one two"), ("/to-end", "ping")])
def test_the_standard_librarys_server_is_understood(theirs: int, path: str, body: str) -> None:
    answer = fetch("127.0.0.1", theirs, Request("PUT", path, b"ping"), 10)
    assert (answer.status, answer.body) == (202, body)


def test_an_answer_that_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"\x00\x00\x00\x04kafka\r\n\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(BadMessage):
            fetch("127.0.0.1", listener.getsockname()[1], Request("GET", "/"), 10)
        answering.join()
