"""pytest-kind's KindCluster, and the only place that imports it.

It is given what it would otherwise download or make up: absolute paths to kind and kubectl, a kubeconfig of the run's
own, a node image. Around it stands what it lacks: what kind printed when it failed, and a folder of its own (it leaves
one wherever it is called). The trap is its import, which warns and takes a third of a second.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..problems import UsageProblem
from . import kind_tools
from .kind_tools import ToolFailed

EXPORTED_WITHIN = 120.0


class KindAdapter:
    """One kind cluster, there or to be made."""

    def __init__(self, name: str, folder: Path, image: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.kubeconfig = folder / "kubeconfig"
        self._kind = kind_tools.find("kind")
        kubectl = kind_tools.find("kubectl")
        if self._kind is None:
            print("healgate: kind is not on PATH; pytest-kind downloads one", file=sys.stderr)
        with contextlib.chdir(folder):
            self._cluster: Any = _kind_cluster()(
                name, kubeconfig=self.kubeconfig, image=image, kind_path=self._kind, kubectl_path=kubectl
            )
        if self._kind is None:
            self._cluster.kind_path = (folder / self._cluster.kind_path).absolute()

    def create(self, config: Path) -> None:
        """Raises ToolFailed."""
        with _told() as output:
            try:
                self._cluster.create(str(config))
            except subprocess.CalledProcessError as error:
                raise ToolFailed(output() or str(error)) from None
            except Exception as error:  # a download that failed, a kubeconfig that was not written
                raise ToolFailed(f"{output()}\n{type(error).__name__}: {error}".strip()) from None

    def delete(self) -> None:
        """Raises ToolFailed."""
        with _told() as output:
            try:
                self._cluster.delete()
            except (subprocess.CalledProcessError, OSError) as error:
                raise ToolFailed(output() or str(error)) from None

    def export_logs(self, folder: Path) -> None:
        """Raises ToolFailed."""
        self._run("export", "logs", str(folder), within=EXPORTED_WITHIN)

    def nodes(self) -> list[str]:
        """Containers that are nodes."""
        return self._run("get", "nodes").split()

    def exists(self) -> bool:
        return self.name in self.known()

    def known(self) -> list[str]:
        return self._run("get", "clusters").split()

    def write_kubeconfig(self) -> None:
        """Of a cluster that somebody else made."""
        self.kubeconfig.touch(0o600)
        self.kubeconfig.write_text(self._run("get", "kubeconfig"))

    def _run(self, *args: str, within: float = kind_tools.ANSWERS_WITHIN) -> str:
        of = [] if args == ("get", "clusters") else ["--name", self.name]
        return kind_tools.run([str(self._cluster.kind_path), *args, *of], within=within)


def _kind_cluster() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pytest_kind import KindCluster
        except ImportError:
            raise UsageProblem(
                "--cluster kind: expected pytest-kind to be installed; found none. pip install 'healgate[kind]'"
            ) from None
    return KindCluster


@contextlib.contextmanager
def _told() -> Iterator[Any]:
    """Take in what programs print that inherit our output; without it nobody knows why they failed."""
    with tempfile.TemporaryFile("w+b") as file:
        kept = [os.dup(number) for number in (1, 2)]
        sys.stdout.flush()
        sys.stderr.flush()

        def output() -> str:
            file.seek(0)
            return file.read().decode(errors="replace").strip()

        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield output
        finally:
            for number, saved in zip((1, 2), kept, strict=True):
                os.dup2(saved, number)
                os.close(saved)
