"""Requests and answers without a transport: what a socket, a browser or an in-process client all boil down to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..store.encoded import dumps
from .errors import bad_request

Obj = dict[str, Any]

JSON = "application/json"


@dataclass(slots=True)
class ApiRequest:
    """One request. Header names are lower-case; `user` is empty for the cluster's administrator."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: str = ""

    @classmethod
    def of(cls, method: str, url: str, body: Any = None, *, user: str = "", **headers: str) -> ApiRequest:
        """From a URL with its query; a body that is not bytes is sent as JSON."""
        parts = urlsplit(url)
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = dumps(body)
            named.setdefault("content-type", JSON)
        query = parse_qsl(parts.query, keep_blank_values=True)
        return cls(method, parts.path, query, named, body or b"", user)

    def param(self, name: str, default: str = "") -> str:
        for key, value in self.query:
            if key == name:
                return value
        return default

    def number(self, name: str) -> int:
        """Zero when it is not there, 400 when it is no number."""
        given = self.param(name)
        try:
            return int(given or 0)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{given}": invalid syntax') from None

    def flag(self, name: str) -> bool:
        value = self.param(name, "\0")
        return value not in ("\0", "false", "0", "False", "F", "f", "FALSE")

    def params(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


class ApiAnswer:
    """An answer whose bytes are made when somebody reads them: whoever is in this process may take what they say.

    `content` is that where the server has it at hand, the stored object as often as not, so it is nobody's to edit.
    """

    __slots__ = ("_body", "content", "headers", "status")

    def __init__(
        self, status: int, headers: dict[str, str], body: bytes | Callable[[], bytes], content: Any = None
    ) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self._body = body

    @property
    def body(self) -> bytes:
        if not isinstance(self._body, bytes):
            self._body = self._body()
        return self._body

    def json(self) -> Any:
        """A copy of one's own."""
        return json.loads(self.body)


def answer(status: int, obj: Any, headers: dict[str, str] | None = None) -> ApiAnswer:
    named = {"Content-Type": JSON, **(headers or {})}
    return ApiAnswer(status, named, obj) if isinstance(obj, bytes) else ApiAnswer(status, named, dumps(obj), obj)


def text(status: int, body: str | bytes, content_type: str = "text/plain; charset=utf-8") -> ApiAnswer:
    return ApiAnswer(status, {"Content-Type": content_type}, body if isinstance(body, bytes) else body.encode())
