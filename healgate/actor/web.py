"""HTTP, one request a connection: as much of it as the programs speak with each other and with probes.

The standard library's own would be right as well, but importing it takes longer than all the rest of a start and half
of the memory of a small program, and containers here are many and start often.
"""

from __future__ import annotations

import socket
import threading
import time

from .host import Answer, Handler, Reply, Request

_PHRASES = {200: "OK", 201: "Created", 202: "Accepted", 401: "Unauthorized", 404: "Not Found"}
_LONGEST_HEAD = 65536
_BACKLOG = 128
_HANG_UP = 5.0  # seconds that whoever asked has to take the answer in


class BadMessage(Exception):
    """Whatever this is, it is no HTTP."""


class Server:
    """Answers on a port, each connection in a thread of its own."""

    def __init__(self, port: int, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server(("", port), backlog=_BACKLOG)
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _meet(self, connection: socket.socket) -> None:
        with connection:
            try:
                request = _read_request(connection)
                reply = self._handler(request)
                if reply is None:
                    connection.recv(1)  # nothing ever comes; whoever asked hangs up some day
                    return
                time.sleep(reply.seconds)
                connection.sendall(_written(reply, request.method != "HEAD"))
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(_HANG_UP)
                connection.recv(1)
            except (OSError, BadMessage):
                return  # whoever asked has stopped waiting, or did not mean us


def fetch(host: str, port: int, request: Request, timeout: float) -> Answer:
    """Ask somebody. Raises OSError or BadMessage."""
    until = time.monotonic() + timeout
    with socket.create_connection((host, port), timeout) as connection:
        head = [f"{request.method} {request.path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close"]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        if request.body:
            head.append(f"Content-Length: {len(request.body)}")
        connection.sendall(_head(head) + request.body)
        status, headers, rest = _read_head(connection, until)
        parts = status.split(" ", 2)
        if len(parts) < 2 or not parts[1].isdigit():
            raise BadMessage(status)
        body = b"" if request.method == "HEAD" else _read_body(connection, headers, rest, until, to_end=True)
        return Answer(int(parts[1]), body.decode(errors="replace"))


def _read_request(connection: socket.socket) -> Request:
    line, headers, rest = _read_head(connection, None)
    parts = line.split(" ")
    if len(parts) != 3:
        raise BadMessage(line)
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = _read_body(connection, headers, rest, None, to_end=False)
    return Request(parts[0], parts[1], body, headers)


def _written(reply: Reply, with_body: bool) -> bytes:
    body = reply.body.encode()
    head = [
        f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}".rstrip(),
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return _head(head) + (body if with_body else b"")


def _head(lines: list[str]) -> bytes:
    return "\r\n".join((*lines, "", "")).encode()


def _read_head(connection: socket.socket, until: float | None) -> tuple[str, dict[str, str], bytes]:
    """First line, headers by their names in small letters, and what of the body has come with them."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = _receive(connection, until)
        if not piece or len(data) > _LONGEST_HEAD:
            raise BadMessage("it ends within its head")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    split = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in split}, rest


def _read_body(
    connection: socket.socket, headers: dict[str, str], rest: bytes, until: float | None, *, to_end: bool
) -> bytes:
    data = rest
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while (joined := _joined(data)) is None:
            data += _more(connection, until)
        return joined
    if "content-length" in headers:
        size = int(headers["content-length"])
        while len(data) < size:
            data += _more(connection, until)
        return data[:size]
    while to_end and (piece := _receive(connection, until)):
        data += piece
    return data


def _joined(chunks: bytes) -> bytes | None:
    """The body that was sent in chunks; None while some are missing."""
    body, at = b"", 0
    while (end := chunks.find(b"\r\n", at)) >= 0:
        size = int(chunks[at:end].split(b";")[0], 16)
        at = end + 2
        if len(chunks) < at + size + 2:
            return None
        if not size:
            return body
        body += chunks[at : at + size]
        at += size + 2
    return None


def _more(connection: socket.socket, until: float | None) -> bytes:
    piece = _receive(connection, until)
    if not piece:
        raise BadMessage("it ends within its body")
    return piece


def _receive(connection: socket.socket, until: float | None) -> bytes:
    if until is not None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
    return connection.recv(65536)
