"""kind clusters: one for a run, made and deleted by the process that the person started, or one that is there already.

A healer sees node names, and a node is named after its cluster, so the name tells nothing; whose a cluster is stands in
a note on this machine (`leftovers.py`). The trap is a note that comes after the cluster, and a deletion that fails: the
note goes last.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from ..evidence import Obj
from ..problems import HarnessError, UsageProblem
from . import kind_tools, leftovers
from .capacity import capacity, timing
from .kind_adapter import KindAdapter
from .kind_config import kind_config
from .kind_ready import resolves_on, wait_until_ready
from .kind_tools import ToolFailed
from .lending import Lending
from .real_rest import RealRest
from .running import Running
from .server_time import ServerTime

IMAGE = "HEALGATE_KIND_IMAGE"
BASE_IMAGE = "HEALGATE_BASE_IMAGE"
KAFKA_IMAGE = "HEALGATE_KAFKA_IMAGE"
# What workloads' images sit on where nobody says otherwise.
PUBLIC_BASE = "python:3.13-slim"

NAMES = ("north", "south", "east", "west", "blue", "green", "alpha", "delta")

Say = Callable[[str], None]


class OpenedKind:
    """`Opened` for kind."""

    def __init__(self, adapter: KindAdapter, running: Running, note: leftovers.Note, say: Say) -> None:
        self.running = running
        self._adapter = adapter
        self._note = note
        self._say = say

    def nodes(self) -> list[str]:
        return self._adapter.nodes()

    def export_logs(self, folder: Path) -> None:
        self._adapter.export_logs(folder)

    def close(self, *, keep: bool) -> None:
        if self.running.kept:
            lending = _lending(self.running)
            lending.sweep()
            lending.close()
        if keep:
            self._note.keep()
            return
        try:
            _take_away(self._note)
        except ToolFailed as problem:  # what was judged stands
            self._say(f"the kind cluster {self.running.name} could not be deleted; the next run will: {problem}")


def open_kind(*, image: str | None, speed: str, reuse: str | None, say: Say) -> OpenedKind:
    """Raises UsageProblem for what a person can mend, HarnessError for a cluster that does not come up."""
    kind_tools.check_engine()
    clean(say)
    opened = _reuse(reuse, say) if reuse else _make(image or os.environ.get(IMAGE) or None, speed, say)
    try:
        KindRegistries(opened.running).start(opened.nodes())
    except BaseException:
        opened.close(keep=False)
        raise
    return opened


def clean(say: Say) -> None:
    """Take away what killed runs left on this machine, and what was around a cluster that was kept and is gone."""
    leftovers.folder().mkdir(parents=True, exist_ok=True)
    with FileLock(leftovers.folder() / "lock"):
        for done in leftovers.end_processes():
            say(done)
        for left in list(leftovers.notes()):
            if "folder" not in left.what or not left.owner.is_dead:
                continue
            if "kept" in left.what:
                with suppress(ToolFailed):  # the next run looks again
                    _clear_away_around(left)
                continue
            cluster = f"the kind cluster {left.what.get('kind')} of a killed run"
            if left.what.get("engine", _engine()) != _engine():
                say(f"{cluster} is on another engine ({left.what['engine']})")
                continue
            try:
                _take_away(left)
            except ToolFailed as problem:
                say(f"{cluster} could not be deleted: {problem}")
            else:
                if "kind" in left.what:
                    say(f"deleted {cluster}")


def _make(image: str | None, speed: str, say: Say) -> OpenedKind:
    name = f"{random.SystemRandom().choice(NAMES)}-{secrets.token_hex(2)}"
    note = leftovers.note(f"kind-{name}", {"folder": name, "kind": name, "engine": _engine()})
    say(f"making the kind cluster {name} (timing {speed}, node image {image or 'as kind has it'})")
    try:
        _prepare_images()
        adapter = KindAdapter(name, _folder(note), image)
        config = _folder(note) / "kind.yaml"
        config.write_text(yaml.safe_dump(kind_config(speed)))
        try:
            adapter.create(config)
        except ToolFailed as problem:
            raise UsageProblem(
                f"--cluster kind: the cluster could not be made: {kind_tools.in_words(str(problem))}"
            ) from None
        return OpenedKind(adapter, _ready(adapter, kept=False), note, say)
    except BaseException:
        with suppress(ToolFailed):
            _take_away(note)
        raise


def _prepare_images() -> None:
    """Put together what the registry will serve while the cluster comes up; what goes wrong, starting it will say."""
    from ..images.registry import prepare

    def work() -> None:
        with suppress(HarnessError):
            prepare(os.environ.get(BASE_IMAGE, PUBLIC_BASE), os.environ.get(KAFKA_IMAGE, ""))

    threading.Thread(target=work, name="images", daemon=True).start()


def _reuse(name: str, say: Say) -> OpenedKind:
    folder = f"reused-{name}-{os.getpid()}"
    note = leftovers.note(folder, {"folder": folder, "reused": name, "engine": _engine()})
    try:
        adapter = KindAdapter(name, _folder(note))
        if not adapter.exists():
            there = ", ".join(adapter.known()) or "none"
            raise UsageProblem(
                f"--reuse-cluster {name}: there is no such kind cluster (there are: {there}). "
                f"`kind create cluster --name {name}` makes it."
            )
        adapter.write_kubeconfig()
        running = _ready(adapter, kept=True)
        for done in _lending(running).sweep():
            say(done)
        return OpenedKind(adapter, running, note, say)
    except BaseException as problem:
        _take_away(note)
        if isinstance(problem, ToolFailed):
            raise UsageProblem(f"--reuse-cluster {name}: {kind_tools.in_words(str(problem))}") from None
        raise


def _ready(adapter: KindAdapter, *, kept: bool) -> Running:
    running = Running(
        cluster="kind",
        name=adapter.name,
        kubeconfig=str(adapter.kubeconfig),
        context=None,
        capacity=1,
        timing="stock",
        base_image=os.environ.get(BASE_IMAGE, PUBLIC_BASE),
        kafka_image=os.environ.get(KAFKA_IMAGE, ""),
        kept=kept,
    )
    rest = RealRest(running.new_client(), ServerTime())
    docker = kind_tools.find("docker")
    if docker is None or os.environ.get(kind_tools.OTHER_ENGINE):
        wait_until_ready(rest, lambda _server: "")
    else:
        wait_until_ready(rest, resolves_on(docker, adapter.nodes()[0]))
    return Running(**{**running.as_dict(), "capacity": capacity(rest, Lending(rest, 1).pool), "timing": timing(rest)})


def _take_away(note: leftovers.Note) -> None:
    """What the note is about, and then the note."""
    if (name := note.what.get("kind")) is not None:
        adapter = KindAdapter(name, _folder(note))
        try:
            adapter.delete()
        except ToolFailed:  # Docker gives a busy node ten seconds to die; by now it has
            adapter.delete()
        docker = kind_tools.find("docker")
        if docker is not None:
            kind_tools.run([str(docker), "rm", "--force", "--volumes", f"{name}-registry"])
    shutil.rmtree(_folder(note), ignore_errors=True)
    note.forget()


def _clear_away_around(kept: leftovers.Note) -> None:
    """Of a cluster that somebody wanted to look into, the registry and the folder, once it is gone itself."""
    name = str(kept.what.get("kind") or kept.what.get("reused"))
    if kept.what.get("engine") == _engine() and not KindAdapter(name, _folder(kept)).exists():
        _take_away(kept)


def _lending(running: Running) -> Lending:
    return Lending(RealRest(running.new_client(), ServerTime()), running.capacity)


def _folder(note: leftovers.Note) -> Path:
    return leftovers.folder() / str(note.what["folder"])


def _engine() -> str:
    """Which engine a cluster is on: the same name on another one is another cluster."""
    return os.environ.get(kind_tools.OTHER_ENGINE, "docker") + " " + os.environ.get("DOCKER_HOST", "")


class KindRegistries:
    """The image registry beside a kind cluster: started once for the run, known to every worker."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def start(self, nodes: Sequence[str]) -> None:
        from ..images.registry import start_registry

        with FileLock(leftovers.folder() / "registry.lock"):  # two runs may use one cluster
            start_registry(
                self._running.name, nodes=nodes, base=self._running.base_image, kafka=self._running.kafka_image
            )

    @cached_property
    def _registry(self) -> Any:
        from ..images.registry import attach_registry

        return attach_registry(self._running.name)

    def cut_off(self, host: str, seconds: float, namespace: str) -> None:
        self._registry.cut_off(host, seconds, namespace)

    def own_account(self, obj: Obj, namespace: str) -> Obj:
        changed: Obj = self._registry.own_account(obj, namespace)
        return changed
