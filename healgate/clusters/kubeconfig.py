"""The way to a cluster that only a kubeconfig leads to."""

from __future__ import annotations

from typing import Any

from kubernetes import config
from kubernetes.config.config_exception import ConfigException

from ..problems import UsageProblem
from .real_rest import RealRest
from .server_time import ServerTime


def client_from_kubeconfig(context: str | None = None, path: str | None = None) -> Any:
    """An ApiClient for a kubeconfig; without a path, for the one that kubectl would use."""
    try:
        return config.new_client_from_config(config_file=path, context=context)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        what = f"a context {context!r}" if context else "a current context"
        raise UsageProblem(
            f"expected a kubeconfig with {what}; {error}. Set KUBECONFIG, or start a cluster with `healgate up`."
        ) from None


def rest_from_kubeconfig() -> RealRest:
    """The harness's own access to it, in plain dictionaries."""
    return RealRest(client_from_kubeconfig(), ServerTime())
