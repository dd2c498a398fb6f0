"""Where an activity acts: a namespace of a cluster, with the cluster's own clock.

Chaos Toolkit calls plain functions, so the place is ambient: in process it is the trial's lease, put into a context
variable; under plain `chaos run` it is made from the kubeconfig at hand. The trap is the wall clock: a trial's time is
virtual, and an embedded cluster behind its HTTP door may run twenty times as fast, so time is always the cluster's.
"""

from __future__ import annotations

import os
import time as real_time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from ..clusters.seam import Lease, Rest
from ..problems import HarnessError
from .objects import Objects

# How often `chaos run` looks again, in real seconds.
POLL = 0.2


class Place(Protocol):
    """What activities need."""

    @property
    def namespace(self) -> str: ...

    @property
    def objects(self) -> Objects: ...

    @property
    def found(self) -> dict[str, Any]:
        """What activities found there at first, and compare with later."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def wait(self, until: Callable[[], bool], timeout: float) -> bool: ...


class LeasePlace:
    """A trial's lease."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.namespace = lease.namespace
        self.objects = Objects(lease.rest, lease.namespace)
        self.found = _found.setdefault(lease, {})
        self.now = lease.now
        self.sleep = lease.sleep
        self.wait = lease.wait


class ConnectedPlace:
    """A namespace behind a kubeconfig; polls, and asks the server for the time."""

    def __init__(self, rest: Rest, namespace: str) -> None:
        self.namespace = namespace
        self.objects = Objects(rest, namespace)
        self.found: dict[str, Any] = {}
        # When the last deployment stood: what was before that is no sign of a fault.
        self.steady_since = 0.0

    def now(self) -> float:
        """The server stamps what it would create. The namespace need not exist for long to be asked about this."""
        probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "clock-"}}
        path = "/api/v1/namespaces/default/configmaps"
        answer = self.objects.rest.request("POST", path, {"dryRun": "All"}, probe)
        if not answer.ok:
            raise HarnessError(f"the cluster does not tell its time: {answer.code} {answer.body}")
        return datetime.fromisoformat(answer.body["metadata"]["creationTimestamp"]).timestamp()

    def sleep(self, seconds: float) -> None:
        self.wait(lambda: False, seconds)

    def wait(self, until: Callable[[], bool], timeout: float) -> bool:
        over = self.now() + timeout
        while not until():
            if self.now() >= over:
                return until()
            real_time.sleep(POLL)
        return True


_found: WeakKeyDictionary[Lease, dict[str, Any]] = WeakKeyDictionary()
_here: ContextVar[LeasePlace | None] = ContextVar("place", default=None)
_connected: dict[tuple[str | None, str], ConnectedPlace] = {}


@contextmanager
def acting_on(lease: Lease) -> Iterator[LeasePlace]:
    """Within this, activities act on the lease."""
    place = LeasePlace(lease)
    token = _here.set(place)
    try:
        yield place
    finally:
        _here.reset(token)


def place(configuration: dict[str, Any] | None) -> Place:
    """Where the calling activity acts."""
    return _here.get() or connected(configuration)


def connected(configuration: dict[str, Any] | None) -> ConnectedPlace:
    """The namespace that the experiment's configuration names, behind the kubeconfig at hand."""
    namespace = (configuration or {}).get("namespace")
    if not namespace:
        raise HarnessError('expected the experiment\'s configuration to name a "namespace"; found none')
    key = (os.environ.get("KUBECONFIG"), namespace)
    if key not in _connected:
        from ..clusters.kubeconfig import rest_from_kubeconfig

        _connected[key] = ConnectedPlace(rest_from_kubeconfig(), namespace)
    return _connected[key]
