"""What a trial needs of a cluster; nothing above this seam knows which kind it is on.

The harness talks to a cluster in plain dictionaries over `Rest`, since the official client spends a millisecond a
pod on types that a harness does not need. The healer gets the official client, and what it sends is recorded. The
trap is a shortcut past the seam: a scenario that only works because the cluster is simulated proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from ..evidence import HealerEnd, Refusal, Request, Seen

# How long a kubelet lets a crashed container wait at most, by the timing of a cluster.
LONGEST_BACK_OFF = {"stock": 300.0, "fast": 10.0}


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    body: Any  # decoded JSON, or text

    @property
    def ok(self) -> bool:
        return self.code < 300


class Rest(Protocol):
    """Raw Kubernetes REST: paths, dictionaries, status codes. Errors of the API are answers, not exceptions."""

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Answer: ...


# (official ApiClient, report) -> None: a Python healer, looping or one pass
HealerCall = Callable[[Any, Any], None]


class RunningHealer(Protocol):
    """A healer at work beside a trial."""

    def end(self) -> HealerEnd:
        """How it stands now; "running" if it still works."""

    def stop(self) -> HealerEnd:
        """Stop it and say how it stood just before."""

    @property
    def cpu_seconds(self) -> float: ...


class Lease(Protocol):
    """One trial's place on a cluster: a fresh namespace with a neutral name, and the harness's own access to it."""

    @property
    def namespace(self) -> str: ...

    @property
    def rest(self) -> Rest: ...

    @property
    def requests(self) -> list[Request]:
        """What the healer sent, in order."""

    @property
    def refused(self) -> list[Refusal]:
        """What containers were to run and a simulated cluster does not know."""

    def now(self) -> float:
        """The cluster's clock, seconds since 1970."""

    def sleep(self, seconds: float) -> None: ...

    def wait(self, until: Callable[[], bool], timeout: float) -> bool:
        """Wait until it is true; asked again after every change seen. False: the time ran out."""

    def watch(self, see: Callable[[Seen], None]) -> None:
        """From now on hand over every change of every object in the namespace, in order."""

    def turn(self) -> AbstractContextManager[None]:
        """A turn at starting a workload: waits for one where too many at once would hold each other up."""

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Have something done later on the cluster's clock: how co-actors act beside a trial."""

    def official_client(self) -> Any:
        """A kubernetes.client.ApiClient with the harness's access, for stock Chaos Toolkit actions."""

    def run_python_healer(self, call: HealerCall, report: Any, pass_every: float) -> RunningHealer:
        """Start it with a client of its own. One that returns is called again after `pass_every` seconds."""

    def close(self, keep: bool = False) -> None:
        """Tear down and wait until it is gone."""


class Cluster(Protocol):
    """A place where trials run."""

    @property
    def name(self) -> str: ...  # embedded, kind, existing

    @property
    def kubernetes(self) -> str: ...

    @property
    def timing(self) -> str: ...  # stock, fast

    @property
    def virtual(self) -> bool:
        """Whether its time costs nothing."""

    def lease(self, seed: str) -> Lease:
        """The seed decides whatever this cluster draws by chance."""

    def look_into(self, say: Callable[[str], None]) -> None:
        """Say how to look into what was kept, and stay for as long as that takes."""
