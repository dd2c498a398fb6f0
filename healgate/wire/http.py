"""HTTP/1.1 as bytes on a stream: just enough to know where a head and a body end.

A proxy that records must not change what it carries: a watch has to arrive line by line, gzip stays gzip, and after an
upgrade (exec, port-forward; websocket or SPDY) there is no HTTP any more. HTTP libraries own their connections and know
websockets at best, so the bytes are passed on as they come. The trap is the end of an answer: it stands in one of four
places, and whoever waits for the wrong one waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

LARGEST_HEAD = 1 << 20
LARGEST_BODY = 1 << 26
PIECE = 1 << 16


class BadMessage(Exception):
    """Not HTTP/1.1, or more of it than anybody sends."""


class Reader(asyncio.StreamReader):
    """Also tells that the other side is gone while nobody reads: a client may leave in the middle of a watch."""

    def __init__(self) -> None:
        super().__init__(limit=LARGEST_HEAD)
        self.ended = asyncio.Event()

    def feed_eof(self) -> None:
        super().feed_eof()
        self.ended.set()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self.ended.set()


@dataclass(frozen=True, slots=True)
class Head:
    """A request's or an answer's first line and headers."""

    first: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """All values of a header, as one; names in lower case."""
        return ", ".join(value for key, value in self.headers if key.lower() == name)

    @property
    def method(self) -> str:
        return self.first.split(" ", 1)[0]

    @property
    def target(self) -> str:
        return self.first.split(" ")[1]

    @property
    def status(self) -> int:
        return int(self.first.split(" ")[1])

    @property
    def upgrades(self) -> bool:
        return bool(self.get("upgrade")) and "upgrade" in self.get("connection").lower()

    @property
    def keeps_alive(self) -> bool:
        said = self.get("connection").lower()
        return "close" not in said and ("HTTP/1.1" in self.first or "keep-alive" in said)

    def encode(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """None: the other side hung up between two messages."""
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise BadMessage("the connection ended in the middle of a head") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadMessage(f"a head of more than {LARGEST_HEAD} bytes") from None
    first, *rest = data.decode("latin-1").strip("\r\n").split("\r\n")
    headers = []
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadMessage(f"expected a header, found {line!r}")
        headers.append((name.strip(), value.strip()))
    if len(first.split(" ")) < 2:
        raise BadMessage(f"expected a first line of HTTP/1.1, found {first!r}")
    return Head(first, tuple(headers))


async def read_body(head: Head, reader: asyncio.StreamReader) -> bytes:
    """A request's whole body, out of its chunks."""
    if "chunked" in head.get("transfer-encoding").lower():
        pieces = []
        async for _, data in _chunks(reader):
            pieces.append(data)
            if sum(map(len, pieces)) > LARGEST_BODY:
                raise BadMessage(f"a body of more than {LARGEST_BODY} bytes")
        return b"".join(pieces)
    length = _length(head)
    if length > LARGEST_BODY:
        raise BadMessage(f"a body of more than {LARGEST_BODY} bytes")
    return await reader.readexactly(length) if length else b""


async def read_answer_body(head: Head, reader: asyncio.StreamReader, method: str) -> bytes:
    """An answer's whole body."""
    if not _has_body(head, method):
        return b""
    if head.get("transfer-encoding") or head.get("content-length"):
        return await read_body(head, reader)
    return await reader.read()


async def relay_answer_body(
    head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str
) -> bool:
    """Pass an answer's body on, byte by byte as it comes. False: only the end of the connection ends it."""
    if not _has_body(head, method):
        return True
    if "chunked" in head.get("transfer-encoding").lower():
        async for raw, _ in _chunks(reader):
            writer.write(raw)
            await writer.drain()
        return True
    if head.get("content-length"):
        left = _length(head)
        while left:
            piece = await reader.read(min(PIECE, left))
            if not piece:
                raise BadMessage("the answer ended too early")
            left -= len(piece)
            writer.write(piece)
            await writer.drain()
        return True
    await relay(reader, writer)
    return False


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything until the end."""
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()


async def lines(head: Head, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """An answer's body as lines: a watch."""
    rest = b""
    if "chunked" in head.get("transfer-encoding").lower():
        async for _, data in _chunks(reader):
            *whole, rest = (rest + data).split(b"\n") if b"\n" in data else (rest + data,)
            for line in whole:
                yield line
    else:
        while data := await reader.read(PIECE):
            *whole, rest = (rest + data).split(b"\n") if b"\n" in data else (rest + data,)
            for line in whole:
                yield line


def _has_body(head: Head, method: str) -> bool:
    return method != "HEAD" and head.status >= 200 and head.status not in (204, 304)


def _length(head: Head) -> int:
    text = head.get("content-length") or "0"
    if not text.isdecimal():
        raise BadMessage(f"expected a length, found {text!r}")
    return int(text)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bytes]]:
    """(as it came, what it carries) of each chunk, and of the end with its trailers."""
    while True:
        line = await reader.readline()
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise BadMessage(f"expected the size of a chunk, found {line[:40]!r}") from None
        if size == 0:
            raw = line
            while (trailer := await reader.readline()) not in (b"\r\n", b"\n", b""):
                raw += trailer
            yield raw + b"\r\n", b""
            return
        if size > LARGEST_BODY:
            raise BadMessage(f"a chunk of {size} bytes")
        data = await reader.readexactly(size + 2)
        yield line + data, data[:-2]
