"""What stands before a real broker, held against a broker that plays by hand what a real one said."""

from __future__ import annotations

import json
import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TypeVar

import pytest

from healgate.images.kafka import wire
from healgate.images.kafka.front import Front
from healgate.images.kafka.wire import Reader, Writer, batch, batches, crc32c, varint

T = TypeVar("T", bound=ThreadingTCPServer)
SHRINK = "The topic orders currently has 3 partition(s); 2 would not be an increase."


class Handmade(ThreadingTCPServer):
    """One topic store that speaks just enough of Kafka's protocol, from its description and not from our client."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Speak)
        self.topics: dict[str, list[list[bytes]]] = {}
        self.data: Path | None = None
        self.leaderless: set[tuple[str, int]] = set()
        self.creates, self.may_create = threading.Event(), threading.Event()
        self.may_create.set()
        self.heard: list[bytes] = []


class _Speak(BaseRequestHandler):
    server: Handmade

    def handle(self) -> None:
        while size := self._read(4):
            data = self._read(struct.unpack(">i", size)[0])
            self.server.heard.append(data)
            if data[:2] == b"RA":  # no request of Kafka's: handed back
                self.request.sendall(data)
                continue
            asked = Reader(data)
            api, version, number = asked.get("h"), asked.get("h"), asked.get("i")
            assert wire.VERSIONS[api] == version
            asked.text()
            answer = Writer().put("i", number)
            answer.data += self._answer(api, asked).data
            self.request.sendall(struct.pack(">i", len(answer.data)) + answer.data)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.request.recv(size - len(data))
            if not piece:
                return b""
            data += piece
        return data

    def _answer(self, api: int, asked: Reader) -> Writer:
        topics = self.server.topics
        if api == wire.METADATA:
            out = Writer().put("ii", 1, 0).text("localhost").put("ihi", 9092, -1, 0).put("i", len(topics))
            for name, partitions in topics.items():
                out.put("h", 0).text(name).put("bi", 0, len(partitions))
                for index in range(len(partitions)):
                    out.put("hiiiiii", 0, index, 0, 1, 0, 1, 0)
            return out
        if api == wire.PRODUCE:
            asked.get("h"), asked.get("h"), asked.get("i"), asked.get("i")
            name = asked.text()
            asked.get("i")
            partition, records = asked.get("i"), asked.blob()
            code = 6 if (name, partition) in self.server.leaderless else 0
            if not code:
                topics[name][partition].append(records)
            return Writer().put("i", 1).text(name).put("iihqqi", 1, partition, code, 0, -1, 0)
        if api == wire.FETCH:
            for form in "iiiib":
                asked.get(form)
            asked.get("i")
            name = asked.text()
            asked.get("i")
            partition, offset = asked.get("i"), asked.get("q")
            code = 6 if (name, partition) in self.server.leaderless else 0
            held = topics[name][partition]
            data = b"".join(struct.pack(">q", at) + each[8:] for at, each in enumerate(held))
            out = Writer().put("ii", 0, 1).text(name).put("iihqqi", 1, partition, code, len(held), len(held), 0)
            return out.blob(data if offset < len(held) else b"")
        asked.get("i")
        name = asked.text()
        wanted = asked.get("i") if api != wire.DELETE_TOPICS else 0
        out = Writer().put("ii", 0, 1).text(name)
        if api == wire.CREATE_TOPICS:
            self.server.creates.set()
            assert self.server.may_create.wait(10)
            if name in topics:
                return out.put("h", 36).text(f"Topic '{name}' already exists.")
            topics[name] = [[] for _ in range(wanted)]
            if self.server.data is not None:  # as the broker writes it beside a partition's data
                beside = self.server.data / f"{name}-0"
                beside.mkdir(exist_ok=True)
                (beside / "partition.metadata").write_text(f"version: 0\ntopic_id: id-{len(self.server.heard)}")
            return out.put("hh", 0, -1)
        if api == wire.CREATE_PARTITIONS:
            if wanted < len(topics[name]):
                return out.put("h", 37).text(SHRINK)
            topics[name] += [[] for _ in range(wanted - len(topics[name]))]
            return out.put("hh", 0, -1)
        del topics[name]
        return out.put("h", 0)


@pytest.fixture
def broker() -> Iterator[Handmade]:
    yield from _serving(Handmade())


@pytest.fixture
def front(broker: Handmade, tmp_path: Path) -> Iterator[Front]:
    yield from _serving(Front(0, broker.server_address[1], tmp_path))


def _serving(server: T) -> Iterator[T]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def ask(front: Front, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    url = f"http://127.0.0.1:{front.server_address[1]}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as no:
        with no:
            return no.code, no.read().decode()


def test_messages_that_were_sent_are_read(front: Front) -> None:
    assert ask(front, "PUT", "/topics/orders?partitions=3")[0] == 201
    for count in range(1, 6):
        status, text = ask(front, "POST", "/topics/orders/messages", b"ping")
        assert (status, json.loads(text)) == (201, {"id": "", "partitions": 3, "messages": count})
    assert json.loads(ask(front, "GET", "/topics")[1]) == {"orders": {"id": "", "partitions": 3, "messages": 5}}


def test_a_broker_that_was_there_before_is_read_from_the_beginning(front: Front, broker: Handmade) -> None:
    broker.topics["orders"] = [[batch(b"a"), batch(b"b")], [batch(b"c")]]
    assert json.loads(ask(front, "GET", "/topics/orders")[1]) == {"id": "", "partitions": 2, "messages": 3}


def test_a_broker_that_is_at_work_says_that_it_is_there(front: Front, broker: Handmade) -> None:
    """On a busy node a topic takes seconds, and clients that only asked gave up and ended."""
    broker.may_create.clear()
    worker = threading.Thread(target=ask, args=(front, "PUT", "/topics/orders?partitions=3"))
    worker.start()
    try:
        assert broker.creates.wait(10)
        assert ask(front, "GET", "/ping") == (200, "pong")
        assert broker.topics == {}
    finally:
        broker.may_create.set()
        worker.join()


def test_the_brokers_own_words_of_refusal(front: Front) -> None:
    ask(front, "PUT", "/topics/orders?partitions=3")
    assert ask(front, "PUT", "/topics/orders?partitions=3") == (409, "Topic 'orders' already exists.")
    assert ask(front, "PATCH", "/topics/orders?partitions=2") == (409, SHRINK)
    assert json.loads(ask(front, "PATCH", "/topics/orders?partitions=4")[1])["partitions"] == 4


def test_a_topic_that_is_not_there(front: Front) -> None:
    for method, path in (("GET", "/topics/x"), ("POST", "/topics/x/messages"), ("DELETE", "/topics/x")):
        assert ask(front, method, path) == (404, "Topic 'x' does not exist as expected")


def test_a_partition_without_a_leader_is_passed_over(front: Front, broker: Handmade) -> None:
    ask(front, "PUT", "/topics/orders?partitions=2")
    broker.leaderless = {("orders", 0)}
    assert ask(front, "POST", "/topics/orders/messages", b"ping")[0] == 201
    broker.leaderless.add(("orders", 1))
    assert ask(front, "POST", "/topics/orders/messages", b"ping")[0] == 409


def test_deleting(front: Front, broker: Handmade) -> None:
    ask(front, "PUT", "/topics/orders?partitions=1")
    assert ask(front, "DELETE", "/topics/orders") == (200, "{}")
    assert broker.topics == {}


def test_a_topic_that_is_made_anew_is_another_one(front: Front, broker: Handmade, tmp_path: Path) -> None:
    broker.data = tmp_path
    seen = []
    for _ in range(2):
        ask(front, "PUT", "/topics/orders?partitions=1")
        ask(front, "POST", "/topics/orders/messages", b"ping")
        seen.append(json.loads(ask(front, "GET", "/topics/orders")[1]))
        ask(front, "DELETE", "/topics/orders")
    assert [one["messages"] for one in seen] == [1, 1]
    assert "" != seen[0]["id"] != seen[1]["id"] != ""


def test_a_broker_that_is_gone(front: Front, broker: Handmade) -> None:
    front.topics._port = 1
    assert ask(front, "GET", "/ping")[0] == 503
    front.topics._port = broker.server_address[1]
    assert ask(front, "GET", "/ping") == (200, "pong")


def test_what_is_no_http_reaches_the_broker_byte_by_byte(front: Front, broker: Handmade) -> None:
    with socket.create_connection(("127.0.0.1", front.server_address[1]), timeout=10) as client:
        client.sendall(struct.pack(">i", 6) + b"RA\x00\xffxy")
        client.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").read() == b"RA\x00\xffxy"
    assert broker.heard == [b"RA\x00\xffxy"]


def test_a_probe_that_hangs_up_without_a_word(front: Front) -> None:
    socket.create_connection(("127.0.0.1", front.server_address[1]), timeout=10).close()
    assert ask(front, "GET", "/ping") == (200, "pong")


def test_checksums_and_numbers_as_kafka_has_them() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert [varint(value) for value in (0, -1, 1, 63, 64, 300)] == [
        b"\x00",
        b"\x01",
        b"\x02",
        b"\x7e",
        b"\x80\x01",
        b"\xd8\x04",
    ]


def test_a_batch_that_is_cut_off_is_not_counted() -> None:
    whole = batch(b"one") + batch(b"two")
    assert list(batches(whole)) == [(0, 1), (0, 1)]
    assert list(batches(whole[:-1])) == [(0, 1)]
    assert list(batches(whole[:40])) == []
