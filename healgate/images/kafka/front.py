"""The broker's port: HTTP for those who ask over HTTP, the broker itself for everybody else.

The first bytes tell: a Kafka request begins with its size, and none is as large as the letters of GET would make it.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .wire import NOT_YET, UNKNOWN_TOPIC, Client, Refused, connected

METHODS = (b"GET ", b"POST", b"PUT ", b"PATC", b"DELE", b"HEAD")
PIECE = 1 << 16


class Topics:
    """Topics as JSON: {"id": its own, "partitions": n, "messages": how many were read}."""

    def __init__(self, port: int, data: Path) -> None:
        self._port = port
        self._data = data
        self._lock = threading.Lock()
        self._read: dict[tuple[str, int], tuple[int, int]] = {}  # (id, partition) -> (messages, next offset)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, str]:
        url = urlsplit(path)
        parts = url.path.strip("/").split("/")
        wanted = int(parse_qs(url.query).get("partitions", ["1"])[0])
        try:
            with connected(self._port) as client:
                if parts[0] != "topics":  # whoever asks whether it is there does not wait for those who work with it
                    client.topics()
                    return 200, "pong"
                with self._lock:
                    if len(parts) == 1:
                        return 200, json.dumps({name: self._state(client, name) for name in client.topics()})
                    return self._one(client, method, parts[1], parts[2:], wanted, body)
        except Refused as no:
            return 409, str(no)
        except OSError as problem:
            return 503, str(problem)

    def _one(
        self, client: Client, method: str, name: str, rest: list[str], wanted: int, body: bytes
    ) -> tuple[int, str]:
        if method == "PUT":
            client.create(name, wanted)
            return 201, json.dumps({"id": self._id(name), "partitions": wanted, "messages": 0})
        topic = client.topics().get(name)
        if topic is None or topic.error == UNKNOWN_TOPIC:
            return 404, f"Topic '{name}' does not exist as expected"
        if method == "PATCH":
            client.grow(name, wanted)
        elif method == "DELETE":
            client.delete(name)
            return 200, "{}"
        elif method == "POST" and rest == ["messages"]:
            self._send(client, name, topic.partitions, body)
        return 201 if method == "POST" else 200, json.dumps(self._state(client, name))

    def _send(self, client: Client, name: str, partitions: list[int], message: bytes) -> None:
        """In turn to every partition; one that is new may still be without a leader."""
        id_ = self._id(name)
        sent = sum(self._read.get((id_, each), (0, 0))[0] for each in partitions)
        for attempt in range(len(partitions)):
            try:
                client.send(name, partitions[(sent + attempt) % len(partitions)], message)
                return
            except Refused as no:
                if no.code not in NOT_YET or attempt == len(partitions) - 1:
                    raise

    def _id(self, name: str) -> str:
        """Who deletes a topic and creates it anew has another one; the broker writes which it is beside its data."""
        try:
            told = (self._data / f"{name}-0" / "partition.metadata").read_text()
        except OSError:
            return ""
        return next((line.split()[1] for line in told.splitlines() if line.startswith("topic_id:")), "")

    def _state(self, client: Client, name: str) -> dict[str, Any]:
        id_, partitions = self._id(name), client.topics()[name].partitions
        for partition in partitions:
            had, offset = self._read.get((id_, partition), (0, 0))
            try:
                while (found := client.read(name, partition, offset))[0]:
                    had, offset = had + found[0], found[1]
            except Refused as no:
                if no.code not in NOT_YET:
                    raise
            self._read[id_, partition] = (had, offset)
        messages = sum(self._read[id_, each][0] for each in partitions)
        return {"id": id_, "partitions": len(partitions), "messages": messages}


class Ask(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, text = self.server.topics.answer(self.command, self.path, body)
        answer = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """The broker says what there is to say."""

    def version_string(self) -> str:
        return "server"


class Front(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, behind: int, data: Path) -> None:
        super().__init__(("", port), Pass)
        self.behind = behind
        self.topics = Topics(behind, data)


class Pass(BaseRequestHandler):
    server: Front

    def handle(self) -> None:
        first = self.request.recv(4, socket.MSG_PEEK)
        if first in METHODS:
            Ask(self.request, self.client_address, self.server)
        elif first:
            with socket.create_connection(("127.0.0.1", self.server.behind)) as broker:
                back = threading.Thread(target=_copy, args=(broker, self.request), daemon=True)
                back.start()
                _copy(self.request, broker)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until the source has no more to say; then the target is told so."""
    done: Callable[[], None] = lambda: target.shutdown(socket.SHUT_WR)  # noqa: E731
    try:
        while data := source.recv(PIECE):
            target.sendall(data)
        done()
    except OSError:
        for side in (source, target):
            side.close()
