"""What a kubelet asks of a container runtime, and what the node's network answers.

The kubelet above this seam decides *when* containers start, stop and restart; the runtime below it decides
what their processes *do*. The trap is a runtime that knows about pods' status or a kubelet that knows what a
program is: either makes a recording pass for the wrong reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .resolver import Resolver

CLUSTER_FIRST = Resolver()


@dataclass(frozen=True)
class Pulled:
    """An image is on the node."""

    reference: str  # as the runtime resolves it: docker.io/library/busybox:1.36
    image_id: str  # docker.io/library/busybox@sha256:...
    size: int
    seconds: float  # how long the pull took; 0 if it was there already


@dataclass(frozen=True)
class PullFailed:
    """The CRI's error text, and how long it took to come."""

    message: str
    seconds: float


@dataclass(frozen=True)
class ContainerRun:
    """Everything that one run of one container is given."""

    namespace: str
    pod: str
    pod_uid: str
    pod_ip: str
    pod_labels: Mapping[str, str]
    hostname: str
    service_account: str
    container: str
    attempt: int  # 0 for the first run in this pod
    image: str
    command: tuple[str, ...]  # the container's `command`; empty: the image's own
    args: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, bytes]  # mounted ConfigMaps, Secrets, tokens: absolute path -> content
    writable: tuple[str, ...]  # mount paths of volumes that can be written (emptyDir, PVC)
    read_only_root: bool
    working_dir: str
    memory_limit: int | None  # bytes: the smaller of the container's and the pod's as actuated
    # Mount path -> what is mounted there, for the writable ones: "pvc/<namespace>/<claim>" outlives the pod,
    # "emptydir/<pod uid>/<volume>" is shared by the pod's containers. A path that is missing here is private to
    # the pod and shared by all its containers that mount it at this path.
    volumes: Mapping[str, str] = field(default_factory=dict)
    # Mount path -> where on the node the part of a volume is that is mounted there.
    parts: Mapping[str, str] = field(default_factory=dict)
    termination_log: str = "/dev/termination-log"  # where the process may leave its last words
    user: int | None = None  # whom it runs as; None: the image says
    group: int | None = None
    groups: tuple[int, ...] = ()  # further ones
    cpus: int = 0  # the node's; 0: not known
    resolver: Resolver = CLUSTER_FIRST


@dataclass(frozen=True)
class Exit:
    """How a process ended."""

    code: int
    reason: str  # Completed, Error, OOMKilled, StartError
    message: str = ""
    started: bool = True  # False: it never ran (StartError); its startedAt reads 1970


@dataclass(frozen=True)
class LogLine:
    time: float
    stream: str  # stdout, stderr
    text: str  # without the newline


@dataclass(frozen=True)
class ExecResult:
    """How a command beside process 1 ended. Code -1: it could not be started, `output` is the runtime's error."""

    code: int
    output: str  # stdout and stderr as they came
    timed_out: bool = False
    seconds: float = 0.0  # how long it took (the answer comes at once, a hook holds the container for this long)


@dataclass(frozen=True)
class HttpAnswer:
    """What an HTTP request to a pod brought: a status, or why there was none."""

    status: int  # 0 if there was no answer
    body: str = ""
    problem: str = ""  # "refused", "timeout", "no such host", "reset"
    seconds: float = 0.0  # how long the answer took
    lasts: bool = False  # the same request would bring the same until the runtime's next change


class Process(Protocol):
    """A container's run, from the kubelet's side."""

    @property
    def log(self) -> list[LogLine]: ...

    @property
    def exit(self) -> Exit | None: ...

    @property
    def memory(self) -> int: ...

    def terminate(self) -> None:
        """SIGTERM to process 1; it may ignore it."""

    def kill(self) -> None:
        """SIGKILL: ends at once with 137/Error."""

    def exec(self, argv: tuple[str, ...], timeout: float) -> ExecResult:
        """Run a command beside process 1 (exec probes, hooks, `kubectl exec`); answers at once in virtual time."""

    def stored(self, mount: str = "") -> int:
        """Bytes written below a writable mount; without one, into the container's own layer and its log."""

    def set_memory_limit(self, limit: int | None) -> None: ...

    def refresh_files(self, files: Mapping[str, bytes]) -> None:
        """A mounted ConfigMap or Secret changed."""


class Runtime(Protocol):
    """The container runtime of one node, with its image store."""

    def resolve(self, image: str) -> str | None:
        """The full reference of an image name; None if it cannot be parsed (InvalidImageName)."""

    def why_not(self, image: str) -> str:
        """What is wrong with a name that cannot be parsed."""

    def present(self, image: str) -> Pulled | None:
        """The image if it is on the node already."""

    def pull(self, image: str, credentials: tuple[bytes, ...]) -> Pulled | PullFailed:
        """Decided now, takes `.seconds`. Credentials are the .dockerconfigjson contents of the pull secrets found."""

    def start(self, run: ContainerRun, on_exit: Callable[[Process], None]) -> Process:
        """Start it. A run that cannot start has `.exit` set with reason StartError at once and never calls on_exit."""

    def connect(self, pod_ip: str, port: int) -> str:
        """A TCP dial: "" if accepted (and then until the next change), else "refused" or "timeout"."""

    def http_get(
        self, pod_ip: str, port: int, path: str, *, method: str = "GET", body: bytes = b"", timeout: float = 1.0
    ) -> HttpAnswer:
        """An HTTP request from the node (probes, the service proxy) to a pod."""

    def on_memory(self, call: Callable[[float], None]) -> None:
        """Have it called when the most grows that all containers together may come to hold, which it is told."""

    @property
    def changes(self) -> int:
        """How often what pods answer may have changed. Whoever got a lasting answer need not ask in between."""

    def on_next_change(self, call: Callable[[], None]) -> None:
        """Have it called once; asking twice with the same function is asking once."""


@dataclass
class Registries:
    """The image registries that the node can reach. Injectors and co-actors turn these; a healer never sees them."""

    # host -> reachable; a host that is not listed here is unreachable (no such host)
    reachable: dict[str, bool] = field(default_factory=dict)
    # host -> what a connection to it ends with while it is unreachable; absent: it refuses them
    failures: dict[str, str] = field(default_factory=dict)
    # repository prefix -> the credentials (auth strings "user:password") that open it; absent: public
    private: dict[str, frozenset[str]] = field(default_factory=dict)
    # host -> base address of the mirror that containerd is told to ask instead, as a kind node often is
    mirrors: dict[str, str] = field(default_factory=dict)
