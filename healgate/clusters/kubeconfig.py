"""The way to a cluster that only a kubeconfig leads to."""

from __future__ import annotations

from typing import Any

import yaml
from kubernetes import config
from kubernetes.config.config_exception import ConfigException

from ..problems import UsageProblem
from .real_rest import RealRest
from .server_time import ServerTime


def client_from_kubeconfig(context: str | None = None, path: str | None = None) -> Any:
    """An ApiClient for a kubeconfig, else the one that kubectl would use. Raises UsageProblem."""
    try:
        return config.new_client_from_config(config_file=path, context=context)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        said = str(error)
    except yaml.MarkedYAMLError as error:
        said = f"not YAML: {error.problem}{error.problem_mark}"
    except (yaml.YAMLError, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        # The library checks nothing of what it reads.
        said = f"{path or config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION} is none ({type(error).__name__}: {error})"
    what = f"a context {context!r}" if context else "a current context"
    raise UsageProblem(
        f"expected a kubeconfig with {what}; {' '.join(said.split())}. "
        "Set KUBECONFIG, or start a cluster with `healgate up`."
    )


def rest_from_kubeconfig() -> RealRest:
    """The harness's own access to it, in plain dictionaries."""
    return RealRest(client_from_kubeconfig(), ServerTime())
