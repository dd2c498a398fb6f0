"""The official `kubernetes` client over a function call instead of a socket.

Everything of it stays as it is, with its quirks (how it encodes bodies, that it retries a 429), except the
connection pool at its bottom: ours hands the request to the API server of this process. A read of a watch parks the
thread on virtual time until there is a line.

The trap is what the client keeps outside of itself: the dynamic client caches discovery in a file named after the
host, so every client gets a host of its own, and the file goes when the client goes.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import uuid
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.client import responses
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import urllib3
from kubernetes.client import ApiClient, Configuration
from urllib3.exceptions import MaxRetryError, ReadTimeoutError
from urllib3.util.retry import Retry

from ..api.messages import ApiAnswer, ApiRequest
from ..api.streams import Answer, Stream
from .participants import Participants, Signal

if TYPE_CHECKING:
    from ..api.server import Server


def api_client(server: Server, participants: Participants, user: str, user_agent: str = "") -> ApiClient:
    """An official client that talks to `server` as `user`."""
    # A random host, as managed clusters have one: see above.
    configuration = Configuration(host=f"https://{uuid.uuid4().hex}.k8s.invalid")
    client = ApiClient(configuration)
    if user_agent:
        client.user_agent = user_agent
    pool: Any = Pool(server, participants, user, configuration)
    client.rest_client.pool_manager = pool
    weakref.finalize(client, pool.clear)  # for those that nobody closes
    return client


class Pool:
    """What the client uses of urllib3's PoolManager."""

    def __init__(self, server: Server, participants: Participants, user: str, configuration: Configuration) -> None:
        self._server = server
        self._participants = participants
        self._user = user
        self._configuration = configuration

    def request(
        self,
        method: str,
        url: str,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: urllib3.Timeout | None = None,
        retries: Retry | int | bool | None = None,
        **_: Any,  # preload_content is always False, fields always empty
    ) -> urllib3.HTTPResponse:
        """As urllib3 does: a 429 or 503 that says when to come back is tried again then, up to three times."""
        tries = Retry.from_int(retries, default=self._configuration.retries)
        while True:
            response = self._send(method, url, body, headers or {}, timeout)
            if not tries.is_retry(method, response.status, "Retry-After" in response.headers):
                return response
            try:
                tries = tries.increment(method, url, response=response)
            except MaxRetryError:
                if tries.raise_on_status:
                    raise
                return response
            self._participants.sleep(tries.get_retry_after(response) or tries.get_backoff_time())

    def clear(self) -> None:
        """The client was closed."""
        host = hashlib.md5(self._configuration.host.encode(), usedforsecurity=False).hexdigest()
        with suppress(OSError):
            Path(tempfile.gettempdir(), f"osrcp-{host}.json").unlink(missing_ok=True)

    def _send(
        self,
        method: str,
        url: str,
        body: str | bytes | None,
        headers: Mapping[str, str],
        timeout: urllib3.Timeout | None,
    ) -> urllib3.HTTPResponse:
        parts = urlsplit(url)
        request = ApiRequest(
            method=method,
            path=unquote(parts.path),
            query=parse_qsl(parts.query, keep_blank_values=True),
            headers={name.lower(): str(value) for name, value in headers.items()},
            body=body.encode() if isinstance(body, str) else body or b"",
            user=self._user,
        )
        answer = self._participants.call(self._server.handle, request)
        if isinstance(answer, ApiAnswer):
            return urllib3.HTTPResponse(
                body=io.BytesIO(answer.body), preload_content=False, **_head(answer, method, url)
            )
        return StreamResponse(Lines(answer, self._participants, _read_limit(timeout), url), _head(answer, method, url))


def _head(answer: Answer, method: str, url: str) -> dict[str, Any]:
    return {
        "headers": answer.headers,
        "status": answer.status,
        "reason": responses.get(answer.status, ""),
        "version": 11,
        "version_string": "HTTP/1.1",
        "request_method": method,
        "request_url": url,
    }


def _read_limit(timeout: urllib3.Timeout | None) -> float | None:
    """How long one read may take. The total of a request bounds each read of its stream, as in urllib3."""
    if timeout is None:
        return None
    limit = timeout.total if timeout.total is not None else timeout.read_timeout
    return float(limit) if isinstance(limit, int | float) else None


class Lines(io.RawIOBase):
    """A watch as a file: a read waits on virtual time for the next line."""

    def __init__(self, watch: Stream, participants: Participants, limit: float | None, url: str) -> None:
        self._watch = watch
        self._participants = participants
        self._limit = limit
        self._url = url
        self._rest = b""
        self._signal = Signal()
        watch.on_ready = self._signal.set

    def __iter__(self) -> Iterator[bytes]:
        while not self.closed:
            self._signal.clear()
            lines = self._participants.call(self._watch.take)
            yield from lines
            if not lines:
                if self._watch.closed:
                    return
                if not self._participants.wait(self._signal, self._limit):
                    raise ReadTimeoutError(None, self._url, "Read timed out.")  # type: ignore[arg-type]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(iter(self), b"")
        taken = min(len(buffer), len(self._rest))
        buffer[:taken], self._rest = self._rest[:taken], self._rest[taken:]
        return taken

    def close(self) -> None:
        if not self.closed:
            self._watch.on_ready = None
            self._watch.stop()
        super().close()


class StreamResponse(urllib3.HTTPResponse):
    """A response whose body comes bit by bit."""

    def __init__(self, lines: Lines, head: dict[str, Any]) -> None:
        super().__init__(body=lines, preload_content=False, **head)
        self._lines = lines

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:  # type: ignore[override]  # noqa: ARG002
        yield from self._lines

    def read_chunked(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:  # type: ignore[override]
        return self.stream(amt, decode_content)
