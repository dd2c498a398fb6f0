"""`healgate up`: a cluster to play with, until Ctrl-C.

The trap is leaving something behind: the kubeconfig goes with the cluster that it points to.
"""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..cluster import EmbeddedCluster
from .http import HttpDoor
from .kubeconfig import write_kubeconfig

DEFAULT_KUBECONFIG = Path("healgate.kubeconfig")

WELCOME = """\
A simulated Kubernetes is up at {url}{pace}. In another terminal:

  export KUBECONFIG={path}
  kubectl get pods -A
  kubectl run crashy --image=busybox:1.36 -- sh -c 'echo no; exit 1'
  kubectl get pods --watch
  kubectl logs crashy --previous

Ctrl-C ends it, and everything in it."""


def up(
    *,
    warp: float = 1.0,
    port: int = 0,
    kubeconfig: Path = DEFAULT_KUBECONFIG,
    say: Callable[[str], None] = print,
) -> None:
    """Serve a fresh cluster until SIGINT or SIGTERM. Raises PortTaken or NotOurs before anything is up."""
    serve(EmbeddedCluster(secrets.token_hex(4), epoch=time.time()), WELCOME, warp, port, kubeconfig, say)


def serve(
    cluster: EmbeddedCluster,
    welcome: str,
    warp: float = 1.0,
    port: int = 0,
    kubeconfig: Path = DEFAULT_KUBECONFIG,
    say: Callable[[str], None] = print,
) -> None:
    """Let any client look into a cluster, until SIGINT or SIGTERM."""
    token = secrets.token_urlsafe(24)
    path = kubeconfig.resolve()
    try:
        with HttpDoor(cluster.server, cluster.clock, port=port, warp=warp, tokens={token: ""}) as door:
            write_kubeconfig(path, door.url, token)
            try:
                with _until_told() as told:
                    pace = "" if warp == 1 else f", where time runs {warp:g} times as fast as here"
                    say(welcome.format(url=door.url, pace=pace, path=path))
                    told.wait()
            finally:
                path.unlink(missing_ok=True)
    finally:
        cluster.close()


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets."""
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
