"""Kafka's protocol, as little of it as sending, reading and counting messages takes.

Every request is of the newest version before Kafka's compact encodings, all of which Kafka 4 still answers.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

PRODUCE, FETCH, LIST_OFFSETS, METADATA, CREATE_TOPICS, DELETE_TOPICS, CREATE_PARTITIONS = 0, 1, 2, 3, 19, 20, 37
VERSIONS = {
    PRODUCE: 3,
    FETCH: 4,
    LIST_OFFSETS: 1,
    METADATA: 1,
    CREATE_TOPICS: 2,
    DELETE_TOPICS: 1,
    CREATE_PARTITIONS: 0,
}
UNKNOWN_TOPIC = 3
NOT_YET = (UNKNOWN_TOPIC, 5, 6)  # a partition that is so new that nobody leads it
MAX_BYTES = 1 << 20
TIMEOUT_MS = 10_000


class Refused(Exception):
    """The broker said no: Kafka's error code, and its words if it has any."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message or f"error code {code}")
        self.code = code


class Writer:
    def __init__(self) -> None:
        self.data = bytearray()

    def put(self, form: str, *values: int) -> Writer:
        self.data += struct.pack(">" + form, *values)
        return self

    def text(self, value: str) -> Writer:
        raw = value.encode()
        self.put("h", len(raw)).data += raw
        return self

    def blob(self, value: bytes) -> Writer:
        self.put("i", len(value)).data += value
        return self


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def get(self, form: str) -> int:
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return int(value)

    def take(self, size: int) -> bytes:
        self.at += max(0, size)
        return self.data[self.at - max(0, size) : self.at]

    def text(self) -> str:
        return self.take(self.get("h")).decode()

    def blob(self) -> bytes:
        return self.take(self.get("i"))

    def each(self, read: Callable[[], T]) -> list[T]:
        return [read() for _ in range(self.get("i"))]


@dataclass
class Topic:
    error: int
    name: str
    partitions: list[int] = field(default_factory=list)


class Client:
    """One connection to one broker, which leads every partition."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._asked = 0

    def _ask(self, api: int, body: Writer) -> Reader:
        self._asked += 1
        request = Writer().put("hhi", api, VERSIONS[api], self._asked).text("bridge")
        request.data += body.data
        self._connection.sendall(struct.pack(">i", len(request.data)) + request.data)
        (size,) = struct.unpack(">i", self._receive(4))
        answer = Reader(self._receive(size))
        answer.get("i")
        return answer

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._connection.recv(size - len(data))
            if not piece:
                raise ConnectionResetError("the broker hung up")
            data += piece
        return bytes(data)

    def topics(self) -> dict[str, Topic]:
        answer = self._ask(METADATA, Writer().put("i", -1))

        def broker() -> None:
            answer.get("i")
            answer.text()
            answer.get("i")
            answer.text()

        def partition() -> int:
            answer.get("h")
            number = answer.get("i")
            answer.get("i")
            for _ in range(2):
                answer.each(lambda: answer.get("i"))
            return number

        def topic() -> Topic:
            found = Topic(answer.get("h"), answer.text())
            answer.get("b")
            found.partitions = sorted(answer.each(partition))
            return found

        answer.each(broker)
        answer.get("i")
        return {found.name: found for found in answer.each(topic)}

    def create(self, name: str, partitions: int) -> None:
        body = Writer().put("i", 1).text(name).put("ihiiib", partitions, 1, 0, 0, TIMEOUT_MS, 0)
        self._result(self._ask(CREATE_TOPICS, body))

    def grow(self, name: str, partitions: int) -> None:
        body = Writer().put("i", 1).text(name).put("iiib", partitions, -1, TIMEOUT_MS, 0)
        self._result(self._ask(CREATE_PARTITIONS, body))

    def delete(self, name: str) -> None:
        self._result(self._ask(DELETE_TOPICS, Writer().put("i", 1).text(name).put("i", TIMEOUT_MS)), words=False)

    @staticmethod
    def _result(answer: Reader, words: bool = True) -> None:
        answer.get("i")  # throttled for
        answer.get("i")  # one result
        answer.text()
        code = answer.get("h")
        if code:
            raise Refused(code, answer.text() if words else "")

    def send(self, topic: str, partition: int, message: bytes) -> None:
        body = Writer().put("hhii", -1, 1, TIMEOUT_MS, 1).text(topic).put("ii", 1, partition).blob(batch(message))
        answer = self._ask(PRODUCE, body)
        answer.get("i")
        answer.text()
        answer.get("i")
        answer.get("i")
        if code := answer.get("h"):
            raise Refused(code)

    def read(self, topic: str, partition: int, offset: int) -> tuple[int, int]:
        """Messages from an offset on: how many there were, and the next offset."""
        body = Writer().put("iiiib", -1, 0, 1, MAX_BYTES, 0).put("i", 1).text(topic)
        answer = self._ask(FETCH, body.put("iiqi", 1, partition, offset, MAX_BYTES))
        answer.get("i")
        answer.get("i")
        answer.text()
        answer.get("i")
        answer.get("i")
        if code := answer.get("h"):
            raise Refused(code)
        answer.get("q")
        answer.get("q")
        for _ in range(answer.get("i")):  # aborted transactions
            answer.get("q")
            answer.get("q")
        count, after = 0, offset
        for first, records in batches(answer.blob()):
            count += max(0, first + records - max(first, offset))
            after = max(after, first + records)
        return count, after


def batch(message: bytes) -> bytes:
    """A record batch with one message in it."""
    now = int(time.time() * 1000)
    record = Writer().put("b", 0)
    record.data += varint(0) + varint(0) + varint(-1) + varint(len(message)) + message + varint(0)
    body = Writer().put("hiqqqhii", 0, 0, now, now, -1, -1, -1, 1)
    body.data += varint(len(record.data)) + record.data
    head = Writer().put("qiibI", 0, 4 + 1 + 4 + len(body.data), -1, 2, crc32c(bytes(body.data)))
    return bytes(head.data + body.data)


def batches(data: bytes) -> Iterator[tuple[int, int]]:
    """(first offset, number of records) of each whole batch; the last one may be cut."""
    at = 0
    while at + 61 <= len(data):
        first, size = struct.unpack_from(">qi", data, at)
        if at + 12 + size > len(data):
            return
        (last,) = struct.unpack_from(">i", data, at + 23)
        yield first, last + 1
        at += 12 + size


def varint(value: int) -> bytes:
    """Zigzag, seven bits at a time."""
    left = (value << 1) ^ (value >> 63)
    out = bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@contextmanager
def connected(port: int) -> Iterator[Client]:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_MS / 1000) as connection:
        yield Client(connection)
