"""One run of one container: its processes, memory, files, log, and how it ends.

Ends with process 1, with a kill, or with memory. The trap is process 1 itself: without a handler of its own it ignores
SIGTERM, so most containers of tutorials die by SIGKILL at the end of their grace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...actor.effects import Program, Terminated, Unsupported
from ...actor.host import Answer, Handler, Reply, Request
from ..clock import Clock
from .files import Files, Volume
from .memory import Memory, NodeMemory
from .network import Network, Origin
from .seam import ContainerRun, ExecResult, Exit, LogLine
from .shelf import Image
from .tasks import Task, run_now

START = 0.02  # seconds from the runtime's start of a container to the program's first instruction
NODE_MEMORY = 16 * 1024**3
OVERHEAD = 600 * 1024  # bytes that a container holds before its program holds anything
Sink = Callable[[str], None]
SIGTERM = 128 + 15
REFUSED = 127


def _refuse(_: ContainerRun, problem: Unsupported) -> None:
    raise problem


@dataclass
class Machine:
    """What the containers of a node share."""

    clock: Clock
    network: Network
    volumes: dict[str, Volume] = field(default_factory=dict)
    memory: NodeMemory = field(default_factory=NodeMemory)
    # What falls when memory is out: the whole container, as under cgroup v2, or the process that holds most of it.
    falls_whole: bool = True
    # Told of what a container was to run and nobody here knows. Who takes note of it has the container end with that;
    # for everybody else the run is worthless.
    refuse: Callable[[ContainerRun, Unsupported], None] = _refuse


@dataclass
class _Chat:
    due: float
    every: float
    line: Callable[[float], str]
    stream: str


class IntoFile:
    """Where a redirection leads: text, or so many bytes that nobody keeps. Both are added to the file."""

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path

    def __call__(self, text: str) -> None:
        self._files.write(self._path, text.encode(), append=True)

    def fill(self, size: int) -> None:
        self._files.write(self._path, b"", append=True, size=size)


class Stdin:
    """What a command reads; several commands may read on from where the last one stopped.

    An endless one says its text again and again; only a reader that stops by itself can have it.
    """

    def __init__(self, text: str = "", endless: bool = False) -> None:
        self._text = text
        self._at = 0
        self.endless = endless

    def line(self) -> str | None:
        if self.endless:
            return self._text
        if self._at >= len(self._text):
            return None
        end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end + 1
        line = self._text[self._at : end]
        self._at = end
        return line

    def rest(self) -> str:
        if self.endless:
            raise Unsupported("reading what does not end")
        text = self._text[self._at :]
        self._at = len(self._text)
        return text


class KilledForMemory(Exception):
    """Raised in a task in which a process runs that has to go, where it waits."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


class Proc:
    """A process in a container: the `Host` of its program."""

    def __init__(self, box: Container, pid: int, env: Mapping[str, str], cwd: str, out: Sink, err: Sink) -> None:
        self.box = box
        self.pid = pid
        self.env = env
        self.cwd = cwd
        self.out = out
        self.err = err
        self.stdin = Stdin()
        self.unordered = False  # whoever reads its output does not care for the order of lines
        self.perhaps_first = False  # it may be in the place of process 1
        self.killed = ""  # a shell's word for the signal that ended it
        self.traps_term = False  # a shell that has a trap for SIGTERM and is not process 1
        self.task = pid  # the task that it runs in: its own, or that of a shell which waits for it
        self._held: dict[str, None] = {}

    def child(self, env: Mapping[str, str], cwd: str, stdin: Stdin, out: Sink, err: Sink) -> Proc:
        child = Proc(self.box, self.box.new_pid(), env, cwd, out, err)
        child.stdin = stdin
        child.task = self.task
        return child

    def now(self) -> float:
        return self.box.machine.clock.now()

    def emit(self, text: str, error: bool = False) -> None:
        (self.err if error else self.out)(text)

    def chat(self, every: float, line: Callable[[float], str]) -> Callable[[], None]:
        return self.box.chat(every, line)

    def path(self, name: str) -> str:
        """A file name as seen from the working directory."""
        return normal(name if name.startswith("/") else f"{self.cwd}/{name}")

    def read(self, path: str) -> bytes | None:
        return self.box.files.read(self.path(path))

    def write(self, path: str, content: bytes) -> str:
        files, target = self.box.files, self.path(path)
        parent = target.rsplit("/", 1)[0]
        if parent and not files.is_directory(parent) and (problem := files.make_directory(parent, True)):
            return problem
        return files.write(target, content)

    def use(self, purpose: str, size: int, over: float = 0.0) -> None:
        key = f"{self.pid}/{purpose}"
        self._hold(key)
        self.box.usage.use(key, size, self.now(), over)
        self.box.watch_memory()

    def leak(self, rate: float) -> None:
        key = f"{self.pid}/leak {len(self._held)}"
        self._hold(key)
        self.box.usage.leak(rate, self.now(), key)
        self.box.watch_memory()

    def _hold(self, key: str) -> None:
        self._held[key] = None
        if self.pid != 1:
            self.box.holds(self)

    def release(self) -> None:
        """The process is gone, and what it held with it."""
        if self._held:
            for key in self._held:
                self.box.usage.drop(key)
            self._held.clear()
            self.box.watch_memory()

    def listen(self, port: int, handler: Handler) -> None:
        box = self.box

        def answer(request: Request) -> Reply | None:
            return handler(request) if box.exit is None else Reply(0)

        box.machine.network.listen(box, box.run.pod_ip, port, answer)

    def changed(self, after: float = 0.0) -> None:
        network = self.box.machine.network
        if after:
            self.box.machine.clock.call_later(after, network.changed)
        else:
            network.changed()

    def dial(self, host: str, port: int, timeout: float) -> Answer:
        return self.box.machine.network.dial(self.box.origin, host, port, timeout)

    def fetch(self, host: str, port: int, request: Request, timeout: float) -> Answer:
        return self.box.machine.network.fetch(self.box.origin, host, port, request, timeout)

    def catch_term(self) -> None:
        self.box.catch_term(self.pid)


class Container:
    """The runtime's `Process`: everything that runs in one container."""

    def __init__(self, machine: Machine, run: ContainerRun, image: Image, on_exit: Callable[[Container], None]) -> None:
        self.machine = machine
        self.run = run
        self.image = image
        self.origin = Origin(run.namespace, run.pod_ip, run.hostname, run.resolver)
        self.usage = Memory()
        image_files = _image_files(run, image)
        self.files = Files(
            run.files, self._mounts(), run.read_only_root, image_files, run.user or 0, run.termination_log
        )
        self.environment = {"PATH": image.path, "HOSTNAME": run.hostname, "HOME": "/root", **run.env}
        self.tasks: dict[int, Task] = {}
        # What SIGTERM does to process 1: nothing, unless its program says otherwise.
        self.on_term: Callable[[], None] | None = None
        self.catching: dict[int, None] = {}  # further processes that handle it
        self._exit: Exit | None = None
        self._on_exit = on_exit
        self._log: list[LogLine] = []
        self._partial = {"stdout": "", "stderr": ""}
        self._logged = 0
        self._chats: list[_Chat] = []
        self._limit = run.memory_limit
        self._oom: Callable[[], Any] = lambda: None
        self._pids = 1
        self._procs: dict[int, Proc] = {}  # further processes that hold memory
        self._short_of_memory = False
        machine.network.join(run.pod_ip)

    def _mounts(self) -> dict[str, Volume]:
        run, volumes = self.run, self.machine.volumes
        return {
            mount: volumes.setdefault(run.volumes.get(mount, f"{run.pod_uid}{mount}"), Volume())
            for mount in run.writable
        }

    # -- process 1

    def main_proc(self) -> Proc:
        cwd = normal(self.run.working_dir or self.image.working_dir)
        if not self.files.is_directory(cwd):
            self.files.layer.directories[cwd] = None  # the runtime creates a missing one
        return Proc(self, 1, self.environment, cwd, self.sink("stdout"), self.sink("stderr"))

    def unmountable(self) -> str:
        """Why what it is given does not fit into its image, as the runtime says it."""
        cwd = normal(self.run.working_dir or self.image.working_dir)
        if self.files.exists(cwd) and not self.files.is_directory(cwd):
            return f"mkdir {cwd}: not a directory"
        for path, source in self.run.parts.items():
            if path in self.run.files and self.files.in_image(path):
                told = f"mount {source}:{path} (via /proc/self/fd/6), flags: 0x5001: not a directory"
                return f'error mounting "{source}" to rootfs at "{path}": {told}'
        return ""

    def begin(self, program: Program) -> None:
        self.usage.use("system", OVERHEAD, self.machine.clock.now())
        task = self.tasks[1] = self._task(program, lambda code: self._finish(_exit(code)))
        task.start(START)

    def fail(self, message: str) -> None:
        """It could not be started; nobody is told, the caller sees."""
        self._exit = Exit(128, "StartError", message, started=False)
        self._forget()

    # -- further processes

    def new_pid(self) -> int:
        self._pids += 1
        return self._pids

    def spawn(self, proc: Proc, program: Program) -> Task:
        proc.task = proc.pid

        def ended(_: int) -> None:
            proc.release()
            self.tasks.pop(proc.pid, None)

        task = self.tasks[proc.pid] = self._task(program, ended)
        task.start(0)
        return task

    def _task(self, program: Program, ended: Callable[[int], None]) -> Task:
        return Task(self.machine.clock, self.machine.network, program, ended, self._refused)

    def _refused(self, problem: Unsupported) -> None:
        """How it would go on from here nobody can tell."""
        self.machine.refuse(self.run, problem)
        self.sink("stderr")(f"{problem}: not supported\n")
        self._finish(_exit(REFUSED))

    def holds(self, proc: Proc) -> None:
        self._procs[proc.pid] = proc

    # -- signals

    def catch_term(self, pid: int) -> None:
        if pid == 1:
            self.on_term = self._throw
        else:
            self.catching[pid] = None

    def _throw(self) -> None:
        self.on_term = None  # one is enough: a program that is stopping already does not start again
        self.tasks[1].throw(Terminated())

    def terminate(self) -> None:
        if self._exit is None and self.on_term is not None:
            self.on_term()

    def kill(self) -> None:
        self._finish(_exit(137))

    # -- the seam's reading side

    @property
    def exit(self) -> Exit | None:
        return self._exit

    @property
    def memory(self) -> int:
        return int(self.usage.at(self.machine.clock.now())) if self._exit is None else 0

    @property
    def log(self) -> list[LogLine]:
        self._talk()
        return self._log

    def stored(self, mount: str = "") -> int:
        if mount:
            volume = self.files.volumes.get(mount.rstrip("/"))
            return volume.used() if volume else 0
        return self.files.layer.used() + self._logged

    def set_memory_limit(self, limit: int | None) -> None:
        self._limit = limit
        self.watch_memory()

    def refresh_files(self, files: Mapping[str, bytes]) -> None:
        self.files.mounted = dict(files)

    def exec(self, argv: tuple[str, ...], timeout: float) -> ExecResult:
        from .programs import CannotStart, launch  # the shell launches programs, and programs are shells

        if self._exit is not None:
            why = "rpc error: code = Unknown desc = failed to exec in container: container is in CONTAINER_EXITED state"
            return ExecResult(-1, why)
        said: list[str] = []
        proc = Proc(self, self.new_pid(), self.environment, self.main_proc().cwd, said.append, said.append)
        try:
            program = launch(proc, argv)
        except CannotStart as problem:
            return ExecResult(-1, f"OCI runtime exec failed: exec failed: unable to start container process: {problem}")
        except Unsupported as problem:
            program = refusing(problem)
        try:
            code, seconds = run_now(program, timeout)
        except Unsupported as problem:
            self.machine.refuse(self.run, problem)
            return ExecResult(REFUSED, f"{problem}: not supported\n")
        finally:
            proc.release()
        if code is None:
            return ExecResult(137, "".join(said), timed_out=True, seconds=timeout)
        return ExecResult(code, "".join(said), seconds=seconds)

    # -- memory

    def watch_memory(self) -> None:
        self._oom()
        if self._exit is not None:
            return
        now = self.machine.clock.now()
        most = self.usage.most()
        self.machine.memory.note(id(self), most if self._limit is None else min(most, self._limit))
        limit = NODE_MEMORY if self._limit is None else self._limit
        when = self.usage.crossing(limit, now)
        if when is not None:
            self._oom = self.machine.clock.call_at(when, self._out_of_memory).cancel

    def _out_of_memory(self) -> None:
        victim = self.usage.largest(self.machine.clock.now())
        proc = self._procs.get(victim)
        if self.machine.falls_whole or proc is None or proc.perhaps_first or proc.task not in self.tasks:
            self._finish(Exit(137, "OOMKilled"))
            return
        self._short_of_memory = True
        proc.release()
        self.tasks[proc.task].throw(KilledForMemory(victim))

    # -- log

    def sink(self, stream: str) -> Sink:
        def write(text: str) -> None:
            self._talk()
            self._logged += len(text)
            *lines, self._partial[stream] = (self._partial[stream] + text).split("\n")
            now = self.machine.clock.now()
            self._log.extend(LogLine(now, stream, line) for line in lines)

        return write

    def chat(self, every: float, line: Callable[[float], str]) -> Callable[[], None]:
        chat = _Chat(self.machine.clock.now() + every, every, line, "stdout")
        self._chats.append(chat)

        def stop() -> None:
            self._talk()
            if chat in self._chats:
                self._chats.remove(chat)

        return stop

    def _talk(self) -> None:
        """Write the periodic lines that are due: they are worked out when somebody looks, or says something else."""
        now = self.machine.clock.now()
        for chat in self._chats:
            while chat.due <= now:
                line = chat.line(chat.due)
                self._log.append(LogLine(chat.due, chat.stream, line))
                self._logged += len(line) + 1
                chat.due += chat.every

    # -- the end

    def _finish(self, end: Exit) -> None:
        if self._exit is not None:
            return
        self._talk()
        self._chats.clear()
        for stream, text in self._partial.items():
            if text:
                self._log.append(LogLine(self.machine.clock.now(), stream, text))
        said = self.files.read(self.run.termination_log) or b""
        # However it ends: that it was short of memory once is what is told of it.
        reason = "OOMKilled" if self._short_of_memory else end.reason
        self._exit = Exit(end.code, reason, said[:4096].decode(errors="replace"))
        self._oom()
        for task in list(self.tasks.values()):
            task.stop(137)
        self.machine.memory.note(id(self), 0.0)
        self.machine.network.leave(self, self.run.pod_ip)
        tell = self._on_exit
        self._forget()
        tell(self)

    def _forget(self) -> None:
        """Let go of whoever holds this: runs of a crash loop are many, and none should wait to be found as garbage."""
        self._on_exit = _nobody
        self._oom = _nothing
        self.on_term = None
        self.tasks.clear()


def refusing(problem: Unsupported) -> Program:
    """What is refused before it has begun."""
    raise problem
    yield  # a generator, as programs are


def _nobody(_: Container) -> None:
    pass


def _nothing() -> None:
    pass


def normal(path: str) -> str:
    """An absolute path without . and .. and doubled slashes."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _exit(code: int) -> Exit:
    return Exit(code & 0xFF, "Completed" if code == 0 else "Error")


def _image_files(run: ContainerRun, image: Image) -> dict[str, str]:
    files = {
        "/etc/hostname": f"{run.hostname}\n",
        "/etc/hosts": run.resolver.hosts_file(run.pod_ip, run.hostname),
        "/etc/resolv.conf": run.resolver.resolv_conf(run.namespace),
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    }
    for path in image.programs:
        files[path] = ""
    return files
