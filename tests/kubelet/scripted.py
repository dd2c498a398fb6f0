"""A runtime whose programs do what a test says, and a node around it.

The kubelet under test is real and so is the API below it; only the containers are played.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from healgate.embedded.api.registry import Registry
from healgate.embedded.clock import Clock
from healgate.embedded.kubelet import STOCK, Kubelet, KubeletTiming
from healgate.embedded.runtime.references import why_not
from healgate.embedded.runtime.seam import (
    ContainerRun,
    ExecResult,
    Exit,
    HttpAnswer,
    LogLine,
    Process,
    Pulled,
    PullFailed,
)
from healgate.embedded.store import Store

Obj = dict[str, Any]


FAILS = Exit(1, "Error")
COMPLETES = Exit(0, "Completed")


def nothing_to_say(_argv: tuple[str, ...]) -> ExecResult:
    return ExecResult(0, "")


@dataclass
class Program:
    """What a container does."""

    lasts: float | None = None  # seconds until it ends by itself; None: for ever
    ends: Exit = FAILS
    on_term: Exit | None = COMPLETES  # None: ignores TERM
    term_takes: float = 0.05
    logs: tuple[str, ...] = ("ready",)
    memory: int = 0
    start_error: str = ""
    exec: Callable[[tuple[str, ...]], ExecResult] = nothing_to_say


class Run:
    """One run of a program."""

    def __init__(self, clock: Clock, program: Program, run: ContainerRun, on_exit: Callable[[Process], None]) -> None:
        self._clock = clock
        self._program = program
        self._on_exit = on_exit
        self.run = run
        self.log = [LogLine(clock.now(), "stdout", text) for text in program.logs]
        self.exit: Exit | None = None
        self.files = dict(run.files)
        self.limit = run.memory_limit
        if program.start_error:
            self.exit = Exit(128, "StartError", program.start_error, started=False)
        elif program.lasts is not None:
            clock.call_later(program.lasts, self._end, program.ends)

    @property
    def memory(self) -> int:
        return self._program.memory

    def _end(self, exit: Exit) -> None:
        if self.exit is None:
            self.exit = exit
            self._on_exit(self)

    def terminate(self) -> None:
        if self._program.on_term is not None:
            self._clock.call_later(self._program.term_takes, self._end, self._program.on_term)

    def kill(self) -> None:
        self._end(Exit(137, "Error"))

    def exec(self, argv: tuple[str, ...], timeout: float) -> ExecResult:  # noqa: ARG002
        return self._program.exec(argv)

    def stored(self, mount: str = "") -> int:  # noqa: ARG002
        return 0

    def set_memory_limit(self, limit: int | None) -> None:
        self.limit = limit

    def refresh_files(self, files: Mapping[str, bytes]) -> None:
        self.files.update(files)


@dataclass
class ScriptedRuntime:
    clock: Clock
    programs: dict[str, Program | Callable[[ContainerRun], Program]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)  # missing images -> the error of pulling them
    absent: set[str] = field(default_factory=set)
    opens: dict[str, set[bytes]] = field(default_factory=dict)  # private images -> the credentials that open them
    takes: float = 0.077  # seconds for a pull
    runs: list[Run] = field(default_factory=list)
    pulls: list[tuple[float, str, tuple[bytes, ...]]] = field(default_factory=list)
    ports: dict[int, Callable[[str], HttpAnswer]] = field(default_factory=dict)
    changes: int = 0
    memory_grows: Callable[[float], None] = field(default=lambda _: None)
    resting: dict[Callable[[], None], None] = field(default_factory=dict)

    def why_not(self, image: str) -> str:
        return why_not(image)

    def resolve(self, image: str) -> str | None:
        return None if " " in image or image != image.lower() else f"docker.io/library/{image}"

    def _pulled(self, image: str, seconds: float) -> Pulled:
        return Pulled(f"docker.io/library/{image}", f"docker.io/library/{image.split(':')[0]}@sha256:0", 1234, seconds)

    def present(self, image: str) -> Pulled | None:
        return None if image in self.absent or image in self.images else self._pulled(image, 0.0)

    def pull(self, image: str, credentials: tuple[bytes, ...]) -> Pulled | PullFailed:
        self.pulls.append((self.clock.now(), image, credentials))
        if image in self.images:
            return PullFailed(self.images[image], 0.1)
        if not self.opens.get(image, set(credentials)) >= set(credentials) or (image in self.opens and not credentials):
            return PullFailed("access denied", 0.1)
        self.absent.discard(image)
        return self._pulled(image, self.takes)

    def start(self, run: ContainerRun, on_exit: Callable[[Process], None]) -> Process:
        program = self.programs.get(run.container, Program())
        if not isinstance(program, Program):
            program = program(run)
        started = Run(self.clock, program, run, on_exit)
        self.runs.append(started)
        return started

    def connect(self, pod_ip: str, port: int) -> str:  # noqa: ARG002
        return "" if port in self.ports else "refused"

    def http_get(self, _pod_ip: str, port: int, path: str, **_more: Any) -> HttpAnswer:
        answer = self.ports.get(port)
        return answer(path) if answer else HttpAnswer(0, problem="refused")

    def on_memory(self, call: Callable[[float], None]) -> None:
        self.memory_grows = call

    def on_next_change(self, call: Callable[[], None]) -> None:
        self.resting[call] = None

    def change(self) -> None:
        """A test changed what it answered to be lasting."""
        self.changes += 1
        resting, self.resting = self.resting, {}
        for call in resting:
            call()


class Bench:
    """A cluster of one node without controllers."""

    def __init__(self, timing: KubeletTiming = STOCK, seed: str = "0") -> None:
        self.clock = Clock(seed)
        self.store = Store(self.clock)
        self.registry = Registry(self.store, self.clock)
        self.runtime = ScriptedRuntime(self.clock)
        self.kubelet = Kubelet(self.registry, self.clock, self.runtime, timing, "node-1")
        for name in ("default", "shop"):
            if self.registry.find("namespaces", None, name) is None:
                self.registry.create("namespaces", {"metadata": {"name": name}})
        self.kubelet.start()
        self.history: list[tuple[float, Obj]] = []
        self.store.subscribe("pods", lambda change: self.history.append((self.t, change.object)))

    @property
    def t(self) -> float:
        return self.clock.now() - self.clock.epoch

    def pod(
        self, name: str = "web", *, containers: list[Obj] | None = None, meta: Obj | None = None, **spec: Any
    ) -> Obj:
        """Create a pod that is bound to the node already."""
        containers = containers or [container()]
        body = {
            "metadata": {"name": name, **(meta or {})},
            "spec": {"nodeName": "node-1", "automountServiceAccountToken": False, "containers": containers, **spec},
        }
        return self.registry.create("pods", body, namespace="shop")

    def until(self, t: float) -> None:
        self.clock.run_until(self.clock.epoch + t)

    def get(self, name: str = "web") -> Obj:
        return self.registry.get("pods", "shop", name)

    def status(self, name: str = "web") -> Obj:
        found: Obj = self.get(name)["status"]
        return found

    def main(self, name: str = "web") -> Obj:
        found: Obj = self.status(name)["containerStatuses"][0]
        return found

    def condition(self, kind: str, name: str = "web") -> Obj:
        return next(one for one in self.status(name)["conditions"] if one["type"] == kind)

    def events(self, reason: str = "") -> list[Obj]:
        return [one for one in self.registry.list("events", "shop") if not reason or one["reason"] == reason]

    def event(self, reason: str) -> Obj:
        found = self.events(reason)
        assert len(found) == 1, [one["message"] for one in found]
        return found[0]

    def waits(self) -> list[tuple[Obj, Obj]]:
        """(pod, waiting state of its first container) of every version of the pod that had one."""
        found = []
        for _, pod in self.history:
            for one in ((pod.get("status") or {}).get("containerStatuses") or ())[:1]:
                if "waiting" in one["state"]:
                    found.append((pod, one["state"]["waiting"]))
        return found

    def waiting_messages(self, reason: str) -> set[str]:
        return {waiting["message"] for _, waiting in self.waits() if waiting["reason"] == reason}

    def last_waiting_message(self) -> str:
        return str(self.waits()[-1][1]["message"])

    def pod_with_reason(self, reason: str) -> Obj:
        """The first version of the pod that waited for this reason."""
        return next(pod for pod, waiting in self.waits() if waiting["reason"] == reason)

    def states(self) -> list[str]:
        """The distinct states of the first container, in order."""
        seen: list[str] = []
        for _, pod in self.history:
            for one in (pod.get("status") or {}).get("containerStatuses") or ():
                kind, state = next(iter(one["state"].items()))
                told = f"{state.get('reason', kind)}#{one['restartCount']}"
                if not seen or seen[-1] != told:
                    seen.append(told)
                break
        return seen


def container(name: str = "main", **more: Any) -> Obj:
    return {"name": name, "image": "busybox:1.36", **more}
