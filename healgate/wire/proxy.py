"""The server that a healer dials in place of the API server: it lets in, fences, records, and passes on.

One for each healer, so the connection itself says whose requests they are. Each of the healer's connections gets one of
its own to the API server: a watch that loses either end loses both, and nothing is held back in between. Who asks is
settled by one of three:

    the proxy's own token   -> the harness's credentials (a Python healer and whatever we hand a kubeconfig to)
    any other bearer token  -> passed on as it is; the API server decides (a healer with a service account of its own)
    a client certificate    -> ends here, since TLS does; its subject goes on as impersonation by the harness

The trap is a write that was sent on and never answered: it may have been done, so it is recorded as such, and the
cluster shows whether it was.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from ..evidence import COMMANDS, DELETIONS, UNANSWERED, WRITES, Obj, Request, decoded_body, is_dry_run
from .callers import Caller, who_calls
from .fence import Fence, Passage, tried
from .http import BadMessage, Head, Reader, read_body, read_head, relay, relay_answer_body
from .kinds import Kinds, Target, from_list, group_of, verb_of
from .upstream import Connection, Unreachable, Upstream

HOST = "127.0.0.1"
# An API server gives up a request after a minute itself.
ANSWERS_WITHIN = 70.0

_T = TypeVar("_T")

# Of one connection, not of the message.
_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
_OURS = frozenset({"host", "content-length", "expect"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, understood."""

    head: Head
    body: bytes
    caller: Caller
    target: Target | None
    path: str
    query: str
    verb: str
    time: float


class Proxy:
    """Lives in the loop that starts it."""

    def __init__(
        self,
        upstream: Upstream,
        kinds: Kinds,
        fence: Fence,
        *,
        token: str,
        user: str,
        now: Callable[[], float],
        record: Callable[[Request], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._upstream = upstream
        self._kinds = kinds
        self._fence = fence
        self._token = token
        self._user = user
        self._now = now
        self._record = record
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        # For reading what a write will find; one at a time, or the answers would mix.
        self._own: Connection | None = None
        self._own_lock = asyncio.Lock()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(Reader(), self._accept)

        self._server = await loop.create_server(protocol, HOST, 0, ssl=self._tls)

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"{'https' if self._tls else 'http'}://{HOST}:{port}"

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._own is not None:
            self._own.close()

    # -- one connection of a client

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, Reader)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        client = Connection(reader, writer)
        server: Connection | None = None
        try:
            while (head := await read_head(reader)) is not None:
                asked = await self._understand(head, client)
                if asked is None:
                    break
                passage = self._fence.passage(asked.target, asked.verb)
                if passage in (Passage.HIDDEN, Passage.CLOSED):
                    answer = _not_there(asked) if passage is Passage.HIDDEN else _not_allowed(asked)
                    # A command that cannot be tried is on record as given.
                    command = asked.target is not None and asked.target.sub in COMMANDS
                    given = passage is Passage.CLOSED and command
                    self._take_down(asked, HTTPStatus.SWITCHING_PROTOCOLS if given else answer[0])
                    _reply(writer, *answer)
                    continue
                if server is None or not server.usable:
                    server = await self._upstream.connect()
                if not await self._pass_on(asked, passage, client, server):
                    break
        except (OSError, asyncio.IncompleteReadError, BadMessage):
            pass  # whoever went, went; the other end is told by hanging up
        finally:
            for connection in (client, server):
                if connection is not None:
                    connection.close()

    async def _understand(self, head: Head, client: Connection) -> Asked | None:
        """Read it whole and see who asks for what. None: nobody whom we know."""
        path, _, query = head.target.partition("?")
        if head.get("expect").lower() == "100-continue":
            client.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b"" if head.upgrades else await read_body(head, client.reader)
        caller = who_calls(head, client.writer.get_extra_info("ssl_object"), self._token, self._user)
        if caller is None:
            _reply(client.writer, 401, _status(401, "Unauthorized", "Unauthorized"))
            return None
        target = await self._target(path)
        watch = dict(parse_qsl(query)).get("watch") in ("1", "true", "True") or "/watch/" in path
        return Asked(head, body, caller, target, path, query, verb_of(head.method, target, watch=watch), self._now())

    async def _pass_on(self, asked: Asked, passage: Passage, client: Connection, server: Connection) -> bool:
        """One request and its answer. False: the connection is used up."""
        before = await self._standing(asked)
        # With a body a deletion's query is not read: only without can it be tried.
        body = b"" if passage is Passage.TRIED and asked.verb in DELETIONS else asked.body
        server.writer.write(self._rewritten(asked, passage, body).encode() + body)
        answered = asyncio.ensure_future(read_head(server.reader))
        try:
            # Of a write the answer is waited for even if the client is not: it tells whether it was done.
            patiently = asked.verb in WRITES
            answer = await (
                asyncio.wait_for(answered, ANSWERS_WITHIN) if patiently else _while_connected(answered, client)
            )
            while answer is not None and 100 <= answer.status < 200 and answer.status != 101:
                answer = await read_head(server.reader)
        except BaseException:
            self._take_down(asked, UNANSWERED, before)
            raise
        if answer is None:
            self._take_down(asked, UNANSWERED, before)
            return False
        changed = answer.status < 300 and asked.verb in ("update", "patch")
        self._take_down(asked, answer.status, before, await self._standing(asked) if changed else None)
        client.writer.write(answer.encode())
        if answer.status == 101:
            await _tunnel(client, server)
            return False
        relayed = asyncio.ensure_future(relay_answer_body(answer, server.reader, client.writer, asked.head.method))
        whole = await _while_connected(relayed, client)
        return whole and answer.keeps_alive and asked.head.keeps_alive

    def _rewritten(self, asked: Asked, passage: Passage, body: bytes) -> Head:
        """As the API server gets it."""
        query = self._fence.narrowed(asked.target, asked.verb, asked.query)
        if passage is Passage.TRIED:
            query = tried(query)
        kept = _OURS | {"authorization", "impersonate-user", "impersonate-group"} if asked.caller.is_ours else _OURS
        headers = [
            (name, value)
            for name, value in asked.head.headers
            if name.lower() not in kept and (asked.head.upgrades or name.lower() not in _HOP)
        ]
        headers.append(("Host", self._upstream.address))
        if asked.caller.is_ours:
            headers += [*self._upstream.credentials().items(), *asked.caller.headers]
        if body or asked.head.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(body))))
        target = self._upstream.prefix + asked.path + (f"?{query}" if query else "")
        return Head(f"{asked.head.method} {target} HTTP/1.1", tuple(headers))

    # -- the record

    async def _target(self, path: str) -> Target | None:
        target = self._kinds.parse(path)
        group = group_of(path)
        if target is None and group and "/watch/" not in path:
            try:
                head, found = await self._read(group)
            except Unreachable:
                return None
            if head.status == 200 and found:
                self._kinds.add(from_list(found))
                target = self._kinds.parse(path)
        return target

    async def _standing(self, asked: Asked) -> Obj | None:
        """What a write will find, or has left."""
        if asked.verb not in WRITES or asked.target is None or not asked.target.name:
            return None
        try:
            head, found = await self._read(asked.target.path)
        except Unreachable:
            return None
        return found if head.status == 200 else None

    async def _read(self, path: str) -> tuple[Head, Any]:
        async with self._own_lock:
            if self._own is None or not self._own.usable:
                self._own = await self._upstream.connect()
            return await self._upstream.get(self._own, path)

    def _take_down(self, asked: Asked, code: int, before: Obj | None = None, after: Obj | None = None) -> None:
        target, body = asked.target, decoded_body(asked.body)
        self._record(
            Request(
                time=asked.time,
                user=asked.caller.user,
                method=asked.head.method,
                path=asked.path,
                verb=asked.verb,
                resource=target.kind.key if target else "",
                kind=target.kind.kind if target else "",
                subresource=target.sub if target else "",
                namespace=target.namespace if target else "",
                name=target.name if target else "",
                code=code,
                body=body,
                before=before,
                after=after,
                dry_run=is_dry_run(asked.verb, parse_qsl(asked.query), body),
            )
        )


async def _while_connected(work: asyncio.Future[_T], client: Connection) -> _T:
    """The work's result, unless the client leaves before."""
    gone = asyncio.ensure_future(client.reader.ended.wait())
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ConnectionResetError("the client went")
        return work.result()
    finally:
        gone.cancel()
        if not work.done():
            work.cancel()


async def _tunnel(client: Connection, server: Connection) -> None:
    """No HTTP any more: bytes both ways, until one side is done."""
    ways = [
        asyncio.ensure_future(relay(client.reader, server.writer)),
        asyncio.ensure_future(relay(server.reader, client.writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


def _reply(writer: asyncio.StreamWriter, code: int, status: Obj) -> None:
    body = json.dumps(status).encode()
    headers = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
    writer.write(Head(f"HTTP/1.1 {code} {HTTPStatus(code).phrase}", headers).encode() + body)


def _not_there(asked: Asked) -> tuple[int, Obj]:
    assert asked.target is not None
    what = f'{asked.target.kind.key} "{asked.target.name}" not found' if asked.target.name else "not found"
    return 404, _status(404, "NotFound", what)


def _not_allowed(asked: Asked) -> tuple[int, Obj]:
    assert asked.target is not None
    what = f'{asked.target.kind.key} "{asked.target.name}" is forbidden: it is outside of your namespace'
    return 403, _status(403, "Forbidden", what)


def _status(code: int, reason: str, message: str) -> Obj:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code}  # fmt: skip
