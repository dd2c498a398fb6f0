"""Starting and stopping one container: the steps, their latencies, their events.

Every step takes the little time that it takes on a node, because what a relist sees depends on it: a program
that exits at once is caught running or not by some ten milliseconds. The trap is grace: a hook and the wait for one's
turn consume it, two seconds are always left, and who ignores TERM is killed only when it has run out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..runtime.seam import ContainerRun, Exit, Process, Pulled, Runtime
from .hooks import HookFailed, run_hook
from .images import StartFailed
from .records import Container, Seen
from .restart import definition
from .tasks import Interrupt, Steps
from .turns import Turns

if TYPE_CHECKING:
    from .pods import PodWorker

Obj = dict[str, Any]

MINIMAL_GRACE = 2.0
FALLBACK_LINES = 80
FALLBACK_BYTES = 2048


@dataclass(frozen=True)
class Latency:
    """How long a node takes, as (least, most) seconds."""

    sandbox: tuple[float, float] = (0.05, 0.30)
    create: tuple[float, float] = (0.008, 0.04)
    start: tuple[float, float] = (0.07, 0.15)
    started: tuple[float, float] = (0.002, 0.012)  # from the process's start to the end of the sync
    hook: tuple[float, float] = (0.05, 0.15)  # until a command beside process 1 runs
    stop: tuple[float, float] = (0.02, 0.06)
    stop_sandbox: tuple[float, float] = (0.08, 0.25)


class ContainerManager:
    """What the node does with containers, for all its pods."""

    def __init__(self, clock: Clock, runtime: Runtime) -> None:
        self.clock = clock
        self.runtime = runtime
        self.latency = Latency()
        self._random = clock.random("kubelet/latency")
        self._ids = clock.random("kubelet/containers")

    def takes(self, span: tuple[float, float]) -> float:
        return self._random.uniform(*span)

    def new_id(self) -> str:
        return f"{self._ids.getrandbits(256):064x}"

    def start(self, worker: PodWorker, container: Obj, image: Pulled, attempt: int) -> Steps[None]:
        """Create, start and run the hook; raises StartFailed."""
        name = container["name"]
        run = worker.inputs_of(container, attempt)
        yield from worker.interrupt.sleep(self.takes(self.latency.create))
        seen = Seen(
            id=self.new_id(),
            name=name,
            attempt=attempt,
            state="created",
            image=image.reference,
            image_id=image.image_id,
            spec_image=definition(container),
            created=self.clock.now(),
        )
        record = Container(seen)
        worker.record.containers.insert(0, record)
        worker.tell(name, "Normal", "Created", "Container created")
        yield self.takes(self.latency.start)
        self._run(worker, container, record, run)
        exit = record.seen.exit
        if exit is not None and exit.reason == "StartError":
            raise StartFailed("RunContainerError", exit.message)
        worker.tell(name, "Normal", "Started", "Container started")
        yield self.takes(self.latency.started)
        hook = (container.get("lifecycle") or {}).get("postStart")
        if hook:
            yield from self._post_start(worker, container, record, hook)

    def _run(self, worker: PodWorker, container: Obj, record: Container, run: ContainerRun) -> None:
        clock = self.clock

        def on_exit(process: Process) -> None:
            record.finished(_with_message(container, process), clock.now())
            if record.ended.awaited:
                # Whoever waits goes on from the agenda, not from inside the runtime's call.
                clock.call_later(0.0, record.ended.give)
            worker.relister.changed()

        process = self.runtime.start(run, on_exit)
        if record.seen.state == "exited":
            return  # it was over before `start` returned
        record.started(process, clock.now())
        if process.exit is not None:
            record.finished(process.exit, clock.now())
        worker.relister.changed()

    def _post_start(self, worker: PodWorker, container: Obj, record: Container, hook: Obj) -> Steps[None]:
        try:
            yield from worker.interrupt.sleep(self.takes(self.latency.hook))
            yield from run_hook(worker, container, record, hook, worker.interrupt.sleep)
        except HookFailed as error:
            worker.tell(container["name"], "Warning", "FailedPostStartHook", "PostStartHook failed")
            grace = grace_of(worker.pod, container)
            yield from self.kill(worker, container, record, "FailedPostStartHook", grace, worker.interrupt)
            raise StartFailed("PostStartHookError", str(error), "") from None

    def kill(
        self,
        worker: PodWorker,
        container: Obj,
        record: Container,
        message: str,
        grace: float,
        interrupt: Interrupt | None = None,
        turns: Turns | None = None,
    ) -> Steps[None]:
        """Stop one container and wait until it is gone; with `turns` its TERM waits for those that go first."""
        if not record.running:
            return
        name = container["name"]
        worker.tell(name, "Normal", "Killing", message or f"Stopping container {name}")
        asked = self.clock.now()
        hook = (container.get("lifecycle") or {}).get("preStop")
        if hook and grace > 0:
            try:
                yield from run_hook(worker, container, record, hook, _plain_sleep, longest=grace)
            except HookFailed:
                worker.tell(name, "Warning", "FailedPreStopHook", "PreStopHook failed")
        if turns is not None:
            yield from turns.wait(name, grace - (self.clock.now() - asked))
        grace = max(grace - (self.clock.now() - asked), MINIMAL_GRACE)
        process = record.process
        if record.running and process is not None:
            process.terminate()
            end = self.clock.now() + grace
            while record.running and self.clock.now() < end:
                if interrupt is not None:
                    yield from _ended_or(record, end - self.clock.now(), interrupt)
                else:
                    yield (record.ended, end - self.clock.now())
            if record.running:
                process.kill()
            while record.running:
                yield record.ended
        yield self.takes(self.latency.stop)


def _with_message(container: Obj, process: Process) -> Exit:
    """How it ended, with the end of its log as the message if that was asked for and there is no better one."""
    exit = process.exit or Exit(255, "Unknown")
    if exit.message or exit.code == 0 or container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return exit
    text = "".join(f"{line.text}\n" for line in process.log[-FALLBACK_LINES:])
    return replace(exit, message=text[-FALLBACK_BYTES:])


def _plain_sleep(seconds: float) -> Steps[None]:
    yield seconds


def _ended_or(record: Container, seconds: float, interrupt: Interrupt) -> Steps[None]:
    """Wait for the container's end, but no longer than the pod's worker may."""
    record.ended.wait(interrupt.nudge)
    try:
        yield from interrupt.sleep_or_nudge(seconds)
    finally:
        record.ended.unwait(interrupt.nudge)


def grace_of(pod: Obj, container: Obj, cause: str = "") -> float:
    """How long a container has between TERM and KILL."""
    meta, spec = pod["metadata"], pod["spec"]
    if meta.get("deletionTimestamp") and meta.get("deletionGracePeriodSeconds") is not None:
        return float(meta["deletionGracePeriodSeconds"])
    if cause:
        own = (container.get(f"{cause}Probe") or {}).get("terminationGracePeriodSeconds")
        if own is not None:
            return float(own)
    grace = spec.get("terminationGracePeriodSeconds")
    return 30.0 if grace is None else float(grace)
