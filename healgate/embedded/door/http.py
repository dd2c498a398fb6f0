"""The API on a loopback socket, for kubectl, helm, k9s and healers in any language.

One thread with one event loop owns the cluster while the door is open: requests are handled inside the loop, between
them `Pace` runs the clock. The trap is a watch: its headers must leave before there is a first line, and it must end
when the client goes, else the server keeps writing to nobody.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http import HttpVersion11

from ..api import errors
from ..api.messages import ApiAnswer, ApiRequest, answer
from ..api.streams import Answer, Stream
from ..clock import Clock
from .exec import is_exec, run_command, send_result
from .pace import Pace

if TYPE_CHECKING:
    from ..api.server import Server
    from ..runtime.seam import ExecResult

HOST = "127.0.0.1"
# Of the connection, not of the answer: aiohttp writes these.
_HOP = frozenset({"transfer-encoding", "content-length", "connection"})

log = logging.getLogger(__name__)


class PortTaken(OSError):
    """Somebody else listens there."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} on {HOST} is taken; choose another one, or 0 for any that is free")


class HttpDoor:
    """Open it, use `url`, close it. Meanwhile nobody else may touch the cluster."""

    def __init__(
        self,
        server: Server,
        clock: Clock,
        *,
        port: int = 0,
        warp: float = 1.0,
        tokens: Mapping[str, str] | None = None,
        nobody: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tokens` names the user of each bearer token; a request without one comes from `nobody` ("": admin).

        With `tls` it is HTTPS, for clients that insist, as those with an in-cluster configuration do.
        """
        self._server = server
        self._clock = clock
        self._port = port
        self._warp = warp
        self._tokens = dict(tokens or {})
        self._nobody = nobody
        self._tls = tls
        self._thread = threading.Thread(target=self._run, name="http-door", daemon=True)
        self._open = threading.Event()
        self._problem: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._pace: Pace | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{HOST}:{self._port}"

    def open(self) -> HttpDoor:
        self._thread.start()
        self._open.wait()
        if self._problem is not None:
            self._thread.join()
            raise self._problem
        return self

    def close(self) -> None:
        if self._loop is not None and self._closing is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def __enter__(self) -> HttpDoor:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- in the door's own thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._problem = error
        finally:
            self._open.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._pace = Pace(self._clock, self._warp, self._loop)
        # A handler is cancelled when its client goes, which is how a silent watch ends.
        runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
        )
        await runner.setup()
        try:
            await self._listen(runner)
            self._pace.catch_up()
            self._open.set()
            await self._closing.wait()
        finally:
            self._pace.stop()
            await runner.cleanup()

    async def _listen(self, runner: web.ServerRunner) -> None:
        try:
            await web.TCPSite(runner, HOST, self._port, ssl_context=self._tls).start()
        except OSError as error:
            raise PortTaken(self._port) if error.errno == errno.EADDRINUSE else error from None
        self._port = runner.addresses[0][1]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            asked = await self._read(request)
            given = self._answer(asked)
        except errors.ApiError as error:
            given = answer(error.status, error.status_object(), error.headers)
        except Exception as error:
            # A bug of ours, or a request that is none: either is answered, and the door stays open.
            log.exception("%s %s", request.method, request.raw_path)
            problem = errors.internal(f"{type(error).__name__}: {error}")
            given = answer(problem.status, problem.status_object())
        if isinstance(given, ApiAnswer):
            return web.Response(status=given.status, headers=_kept(given.headers), body=given.body)
        if isinstance(given, Stream):
            return await self._stream(request, given)
        return await send_result(request, given)

    def _answer(self, asked: ApiRequest) -> Answer | ExecResult:
        assert self._pace is not None
        self._pace.catch_up()
        try:
            return run_command(self._server, asked) if is_exec(asked) else self._server.handle(asked)
        finally:
            self._pace.catch_up()

    async def _read(self, request: web.BaseRequest) -> ApiRequest:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.version == HttpVersion11:
            assert request.transport is not None
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await request.content.read()
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._nobody
        if scheme.lower() == "bearer":
            known = self._tokens.get(token.strip(), self._server.tokens.get(token.strip()))
            if known is None:
                raise errors.unauthorized()
            user = known
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = [(name, self._warped(name, value)) for name, value in request.query.items()]
        return ApiRequest(request.method, request.path, query, headers, body, user)

    def _warped(self, name: str, value: str) -> str:
        """How long a client wants to watch is meant in its own, real time."""
        if name == "timeoutSeconds" and self._warp != 1 and value.isdecimal():
            return str(int(int(value) * self._warp))
        return value

    async def _stream(self, request: web.BaseRequest, watch: Stream) -> web.StreamResponse:
        response = web.StreamResponse(status=watch.status, headers=_kept(watch.headers))
        if request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        ready = asyncio.Event()
        watch.on_ready = ready.set
        try:
            await response.prepare(request)
            while True:
                ready.clear()
                if lines := watch.take():
                    await response.write(b"".join(lines))
                elif watch.closed:
                    break
                else:
                    await ready.wait()
            await response.write_eof()
        except ConnectionError:
            pass  # the client went in the middle of a line
        finally:
            watch.stop()
        return response


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP}
