"""Actions and probes of chaostoolkit-kubernetes, on a trial's cluster.

They build their client from a kubeconfig at each call, and there is none in process: while a break runs, the
modules that it uses are given a function that returns the lease's client instead.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..clusters.seam import Lease

PACKAGE = "chaosk8s"
CREATE = "create_k8s_api_client"


@contextmanager
def clients(activities: Sequence[Mapping[str, Any]], lease: Lease) -> Iterator[None]:
    """Within this, the stock modules that the activities name act on the lease."""
    names = {activity["provider"]["module"] for activity in activities}
    modules = [importlib.import_module(name) for name in sorted(names) if name.partition(".")[0] == PACKAGE]
    kept = [getattr(module, CREATE) for module in modules]
    if modules:
        client = lease.official_client()
        for module in modules:
            setattr(module, CREATE, lambda *_args, **_kwargs: client)
    try:
        yield
    finally:
        for module, create in zip(modules, kept, strict=True):
            setattr(module, CREATE, create)
