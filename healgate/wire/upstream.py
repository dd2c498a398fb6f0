"""The way to the API server: its address, its certificate, and the credentials that lead there.

Read from the official client's configuration, so that whatever a kubeconfig can say (client certificates, tokens, exec
plugins) works here as it does for kubectl. HTTP/2 is not offered, since the wire passes HTTP/1.1 on as bytes. The trap
is a token that expires: the client is asked for it at every request, and has it renewed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .http import BadMessage, Head, Reader, read_answer_body, read_head

# A server that does not take a connection within so long is not there.
CONNECT_WITHIN = 10.0
ANSWER_WITHIN = 30.0


class Unreachable(ConnectionError):
    """The API server is not there, or went away."""


@dataclass(slots=True)
class Connection:
    """One connection to the API server."""

    reader: Reader
    writer: asyncio.StreamWriter

    @property
    def usable(self) -> bool:
        return not self.reader.ended.is_set() and not self.writer.is_closing()

    def close(self) -> None:
        self.writer.close()


class Upstream:
    """Opens connections, and knows the harness's own credentials."""

    def __init__(self, api_client: Any) -> None:
        self._client = api_client
        configuration = api_client.configuration
        parts = urlsplit(configuration.host)
        self.host = parts.hostname or "localhost"
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.prefix = parts.path.rstrip("/")
        self._tls = _tls(configuration) if parts.scheme == "https" else None
        self._server_name = configuration.tls_server_name or self.host

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def credentials(self) -> dict[str, str]:
        """Headers that say who the harness is; empty where a client certificate does."""
        headers: dict[str, str] = {}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        return {name: value for name, value in headers.items() if value}

    async def connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        reader = Reader()
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                transport, protocol = await loop.create_connection(
                    lambda: asyncio.StreamReaderProtocol(reader),
                    self.host,
                    self.port,
                    ssl=self._tls,
                    server_hostname=self._server_name if self._tls else None,
                )
        except (OSError, TimeoutError) as error:
            said = str(error) or f"no connection within {CONNECT_WITHIN:g}s"
            raise Unreachable(f"the API server at {self.address} cannot be reached: {said}") from None
        return Connection(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    def head(self, method: str, target: str, headers: dict[str, str]) -> Head:
        """The head of a request of the harness's own."""
        given = {"Host": self.address, "Accept": "application/json", **self.credentials(), **headers}
        return Head(f"{method} {self.prefix}{target} HTTP/1.1", tuple(given.items()))

    async def get(self, connection: Connection, target: str, accept: str = "application/json") -> tuple[Head, Any]:
        """Read something with the harness's credentials: (head, decoded JSON or None)."""
        connection.writer.write(self.head("GET", target, {"Accept": accept}).encode())
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                head = await read_head(connection.reader)
                if head is None:
                    raise Unreachable(f"the API server at {self.address} hung up")
                body = await read_answer_body(head, connection.reader, "GET")
        except (OSError, TimeoutError, asyncio.IncompleteReadError, BadMessage) as error:
            connection.close()
            said = str(error) or f"no answer within {ANSWER_WITHIN:g}s"
            raise Unreachable(f"the API server at {self.address}: {said}") from None
        try:
            return head, json.loads(body)
        except ValueError:
            return head, None


def _tls(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # Strict mode wants an authority key identifier, which clusters' own certificates lack.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.assert_hostname is False:
        context.check_hostname = False
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
