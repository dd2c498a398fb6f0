"""The harness's access to a real API server: raw JSON, a limit on everything, and the server's time by the way.

The trap is whose fault a silence is. An API server that does not answer is the harness's trouble and raises; a workload
that does not answer behind its proxy is the workload's, and an answer like any other.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from ..wire.upstream import Unreachable
from .seam import Answer
from .server_time import ServerTime

CONNECT_WITHIN = 5.0
ANSWER_WITHIN = 60.0
# What a workload gets behind the API server's proxy before it counts as mute.
WORKLOAD_ANSWERS_WITHIN = 10.0
# An API server that restarts is back within this, and one that has too much to do has time again.
BACK_WITHIN = 20.0
ASKED_AGAIN_AFTER = 0.5
TOO_MANY_REQUESTS = 429

_PROXIED = re.compile(r"/(pods|services)/[^/]+/proxy(/|$)")


class RealRest:
    """`Rest` over an ApiClient's connections."""

    def __init__(self, api_client: Any, server_time: ServerTime) -> None:
        self._client = api_client
        self._time = server_time
        self._host = api_client.configuration.host
        # Who has been silent for so long is asked again with less patience, or clearing up after it takes minutes.
        self._mute = False

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Answer:
        url = self._host + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        proxied = _PROXIED.search(path) is not None
        answers_within = CONNECT_WITHIN if self._mute else ANSWER_WITHIN
        over = time.monotonic() + (0.0 if self._mute else BACK_WITHIN)
        while True:
            self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            sent = self._time.local()
            try:
                answer = self._client.rest_client.pool_manager.request(
                    method,
                    url,
                    body=data,
                    headers=headers,
                    retries=False,
                    timeout=urllib3.Timeout(
                        connect=CONNECT_WITHIN, read=WORKLOAD_ANSWERS_WITHIN if proxied else answers_within
                    ),
                )
            except urllib3.exceptions.ReadTimeoutError as error:
                if proxied:
                    return Answer(504, f"no answer within {WORKLOAD_ANSWERS_WITHIN:g}s")
                raise self._unreachable(error) from None
            except (urllib3.exceptions.HTTPError, OSError) as error:
                # Whether a write was done before the connection broke is not known: it is not sent twice.
                never_sent = isinstance(error, urllib3.exceptions.NewConnectionError)
                if time.monotonic() > over or not (never_sent or method == "GET"):
                    raise self._unreachable(error) from None
                time.sleep(ASKED_AGAIN_AFTER)
                continue
            self._mute = False
            self._time.learn(answer.headers.get("Date"), sent, self._time.local())
            # Refused before anything was done, so even a write is sent again; a workload's own refusal is its answer.
            if answer.status == TOO_MANY_REQUESTS and not proxied and time.monotonic() < over:
                time.sleep(ASKED_AGAIN_AFTER)
                continue
            return Answer(answer.status, _read(answer.data))

    def _unreachable(self, error: Exception) -> Unreachable:
        self._mute = True
        return Unreachable(f"the API server at {self._host} does not answer: {error}")


def _read(data: bytes) -> Any:
    text = data.decode(errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
