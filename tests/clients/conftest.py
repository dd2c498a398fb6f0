"""A cluster behind the HTTP door, as clients of all kinds see it, and the clients."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.http import HttpDoor
from healgate.embedded.door.kubeconfig import write_kubeconfig

from . import fetch

TOKEN = "a-token-of-the-administrator"


@dataclass(frozen=True)
class Served:
    """An address and the file that leads to it."""

    url: str
    kubeconfig: Path

    def run(self, *command: str, fails: bool = False, **more: str) -> subprocess.CompletedProcess[str]:
        """A command that finds the cluster as every client does; its exit code must be as expected."""
        done = self.tried(*command, **more)
        assert (done.returncode != 0) == fails, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done

    def tried(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        home = self.kubeconfig.parent
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "HOME": str(home),
            "KUBE_EDITOR": "true",
            **more,
        }
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, cwd=home
        )

    def until(self, fine: Callable[[], bool], seconds: float = 30) -> None:
        """Ask until it is so; the cluster's time goes on meanwhile."""
        end = time.monotonic() + seconds
        while not fine():
            assert time.monotonic() < end, f"not within {seconds} s"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A fresh cluster, whose time runs five times as fast as here."""
    yield from serve(tmp_path)


def serve(home: Path, warp: float = 5) -> Iterator[Served]:
    cluster = EmbeddedCluster("clients", epoch=time.time())
    with HttpDoor(cluster.server, cluster.clock, tokens={TOKEN: ""}, warp=warp) as door:
        kubeconfig = home / "kubeconfig"
        write_kubeconfig(kubeconfig, door.url, TOKEN)
        yield Served(door.url, kubeconfig)
    cluster.close()


def client(name: str) -> Path:
    """The folder of a fetched client. Skips where it is not at hand, except in CI, where it is fetched."""
    if fetch.whole(name):
        return fetch.folder(name)
    if not os.environ.get("CI"):
        pytest.skip(f"{name} is not in {fetch.CACHE}; `make clients` fetches it")
    return fetch.fetched(name)


@pytest.fixture(scope="session")
def kubectl() -> str:
    return str(client("kubectl") / "kubectl")


@pytest.fixture(scope="session")
def shopwatch() -> str:
    return str(client("shopwatch") / "shopwatch")


@pytest.fixture(scope="session")
def helm() -> str:
    return str(client("helm") / "helm")


@pytest.fixture(scope="session")
def python_clients() -> str:
    return str(client("python") / "bin/python")
