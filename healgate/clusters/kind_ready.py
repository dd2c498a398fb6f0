"""When a kind cluster can hold trials: its node is ready, and the names of services resolve.

`kind create` returns before either, and its `--wait` asks for the node only. A workload whose first look-up fails would
be a fault that nobody injected. So a name is asked of the cluster's DNS, from the node and by the service's own
address, which only answers once every part in between does: the proxy, CoreDNS, and what it knows.
"""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ..evidence import Obj
from ..problems import HarnessError
from ..wire.upstream import Unreachable
from .seam import Rest

READY_WITHIN = 180.0
LOOK_AGAIN = 0.5
NAME = "kubernetes.default.svc.cluster.local"


def wait_until_ready(rest: Rest, resolves: Callable[[str], str]) -> None:
    """Raises HarnessError with what is missing."""
    over = time.monotonic() + READY_WITHIN
    while why := _unready(rest, resolves):
        if time.monotonic() > over:
            raise HarnessError(f"the cluster was not ready within {READY_WITHIN:g}s: {why}")
        time.sleep(LOOK_AGAIN)


def _unready(rest: Rest, resolves: Callable[[str], str]) -> str:
    try:
        nodes = rest.request("GET", "/api/v1/nodes")
        dns = rest.request("GET", "/api/v1/namespaces/kube-system/services/kube-dns")
    except Unreachable as problem:
        return str(problem)
    if not nodes.ok or not nodes.body["items"]:
        return "there is no node"
    for node in nodes.body["items"]:
        ready = [c for c in node["status"].get("conditions", ()) if c["type"] == "Ready"]
        if not ready or ready[0]["status"] != "True":
            return (
                f"node {node['metadata']['name']} is not ready: {ready[0]['message'] if ready else 'it says nothing'}"
            )
    if not dns.ok:
        return "there is no service kube-dns"
    why = resolves(dns.body["spec"]["clusterIP"])
    return f"{why}{_sick(rest)}" if why else ""


def _sick(rest: Rest) -> str:
    """Which of the cluster's own pods may be why."""
    pods = rest.request("GET", "/api/v1/namespaces/kube-system/pods")
    said = []
    for pod in pods.body["items"] if pods.ok else ():
        for container in pod.get("status", {}).get("containerStatuses", ()):
            if not container["ready"]:
                state: Obj = next(iter(container["state"].values()), {})
                said.append(f"{pod['metadata']['name']} {state.get('reason', 'is not ready')}")
    return f" ({', '.join(said)})" if said else ""


def resolves_on(docker: Path, node: str) -> Callable[[str], str]:
    """Asks a name server from within a node: why it does not answer, "" if it does."""

    def ask(server: str) -> str:
        script = f"exec 3<>/dev/tcp/{server}/53 && cat >&3 && head -c 64 <&3"
        try:
            done = subprocess.run(
                [str(docker), "exec", "-i", node, "timeout", "1", "bash", "-c", script],
                input=_query(NAME),
                capture_output=True,
                timeout=15,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"node {node} does not run commands"
        return _why_not(done.stdout, server)

    return ask


def _query(name: str) -> bytes:
    """One question over TCP: its length, a header, the name, type A, class IN."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    message = struct.pack(">6H", 0x4847, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    return struct.pack(">H", len(message)) + message


def _why_not(answer: bytes, server: str) -> str:
    if len(answer) < 14:
        return f"the name server {server} does not answer"
    _, _, flags, _, answers = struct.unpack(">5H", answer[:10])
    if flags & 0xF or not answers:
        return f"the name server {server} does not know {NAME}"
    return ""
