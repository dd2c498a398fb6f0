"""The runtime of one node: what the kubelet talks to."""

from __future__ import annotations

from collections.abc import Callable

from ...actor.effects import Program, Unsupported
from ...actor.host import Request
from ..clock import Clock
from . import memory
from .container import Container, Machine, refusing
from .names import Names
from .network import Network
from .programs import CannotStart, found_at, launch
from .pulling import Puller, pulled
from .references import full_name, parse, why_not
from .seam import ContainerRun, HttpAnswer, Process, Pulled, PullFailed, Registries
from .shelf import NATIVE, Image, ImageShelf

PRELOADED = ("busybox:1.36",)
# runc's words, as recorded.
_START_FAILED = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
)


class SimulatedRuntime:
    """`Runtime` on the virtual clock: profiles and shell scripts instead of processes."""

    def __init__(
        self,
        clock: Clock,
        names: Names,
        shelf: ImageShelf,
        registries: Registries,
        preloaded: tuple[str, ...] = PRELOADED,
    ) -> None:
        self.clock = clock
        self.shelf = shelf
        self.registries = registries
        self.network = Network(clock, names)
        self._puller = Puller(clock, shelf, registries)
        self.machine = Machine(clock, self.network)
        self._images: dict[str, Image] = {}
        for name in preloaded:
            reference = parse(name)
            found = shelf.find(reference) if reference else None
            if found is None:
                raise ValueError(f"preloaded image {name}: the shelf has no such image")
            self._images[found.reference] = found

    # -- images

    def resolve(self, image: str) -> str | None:
        return full_name(image)

    def why_not(self, image: str) -> str:
        return why_not(image)

    def present(self, image: str) -> Pulled | None:
        name = self.resolve(image)
        found = self._images.get(name) if name else None
        return None if found is None else pulled(found, 0.0)

    def pull(self, image: str, credentials: tuple[bytes, ...]) -> Pulled | PullFailed:
        answer = self._puller.pull(image, credentials, self.present(image) is not None)
        if isinstance(answer, Pulled):
            reference = parse(image)
            assert reference is not None
            found = self.shelf.find(reference)
            assert found is not None
            self._images[answer.reference] = found
        return answer

    # -- processes

    def start(self, run: ContainerRun, on_exit: Callable[[Process], None]) -> Process:
        name = self.resolve(run.image)
        image = self._images.get(name) if name else None
        if image is None:
            raise LookupError(f"container {run.container}: image {run.image} was started before it was pulled")
        box = Container(self.machine, run, image, on_exit)
        if run.memory_limit is not None and run.memory_limit < memory.INIT:
            box.fail(
                f"{_START_FAILED}unable to start container process: container init was OOM-killed "
                "(memory limit too low?)"
            )
            return box
        if problem := box.unmountable():
            box.fail(f"{_START_FAILED}unable to start container process: error during container init: {problem}")
            return box
        argv = (*run.command, *run.args) if run.command else (*image.entrypoint, *(run.args or image.command))
        try:
            program = launch(box.main_proc(), argv)
        except CannotStart as problem:
            box.fail(f"{_START_FAILED}unable to start container process: {problem}")
        except Unsupported as problem:
            box.begin(refusing(problem))
        else:
            box.begin(program if image.architecture == NATIVE else _foreign(box, argv[0]))
        return box

    # -- the node's own connections

    def connect(self, pod_ip: str, port: int) -> str:
        return self.network.connect(pod_ip, port)

    def http_get(
        self, pod_ip: str, port: int, path: str, *, method: str = "GET", body: bytes = b"", timeout: float = 1.0
    ) -> HttpAnswer:
        answer = self.network.ask(pod_ip, port, Request(method, path, body), timeout)
        return HttpAnswer(answer.status, answer.body, answer.problem, answer.seconds, answer.lasts)

    def on_memory(self, call: Callable[[float], None]) -> None:
        self.machine.memory.changed = call

    @property
    def changes(self) -> int:
        return self.network.changes

    def on_next_change(self, call: Callable[[], None]) -> None:
        self.network.on_next_change(call)


def _foreign(box: Container, name: str) -> Program:
    """A program for another processor: the container counts as started, and the kernel's word is all that it says."""
    proc = box.main_proc()
    proc.emit(f"exec {found_at(proc, name)}: exec format error\n", True)
    return 255
    yield  # a generator, as programs are
