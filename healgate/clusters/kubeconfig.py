"""The harness's access to a cluster that only a kubeconfig leads to: raw JSON over the official client's connection.

The client's typed methods are not used: it validates what it reads against models of its own, and a harness must see
what the server said. Errors of the API come back as answers, which is what `Rest` promises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from kubernetes import config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from ..problems import UsageProblem
from .seam import Answer


class ClientRest:
    """`Rest` over an ApiClient."""

    def __init__(self, api_client: Any) -> None:
        self._client = api_client

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Answer:
        url = self._client.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        headers = {**self._client.default_headers, "Accept": "application/json", "Content-Type": content_type}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        try:
            answer = self._client.rest_client.request(method, url, headers=headers, body=body)
            code, data = answer.status, answer.read()
        except ApiException as error:
            code, data = error.status or 0, error.body
        text = data.decode() if isinstance(data, bytes) else data or ""
        try:
            return Answer(code, json.loads(text))
        except ValueError:
            return Answer(code, text)


def client_from_kubeconfig(context: str | None = None) -> Any:
    """An ApiClient for the kubeconfig that kubectl would use."""
    try:
        return config.new_client_from_config(context=context)  # type: ignore[no-untyped-call]
    except ConfigException as error:
        what = f"context {context!r}" if context else "a current context"
        raise UsageProblem(
            f"expected a kubeconfig with {what}; {error}. Set KUBECONFIG, or start a cluster with `healgate up`."
        ) from None


def rest_from_kubeconfig(context: str | None = None) -> ClientRest:
    """The same, in plain dictionaries."""
    return ClientRest(client_from_kubeconfig(context))
