"""The HTTP door under load: `make bench-api`. Needs wrk, which Debian has (`apt-get install wrk`).

Eight connections on loopback read one object, list 160 pods, and merge-patch one object, as was once measured on a
real kube-apiserver with etcd on the same kind of machine; then a thousand watchers wait for one change. The trap is a
number without its neighbour: load on the machine changes all of them. So it is printed, and beside the requests of a
second on the wall stand those of a second of the server's processor time, which hardly depend on it.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.http import HOST, HttpDoor

# Requests per second of Kubernetes 1.36.2 with etcd, 2 cores; and how many times as many are wanted here.
REAL = {"GET one pod": (2395, 1), "LIST 160 pods": (85, 1), "merge-PATCH one": (238, 10)}
PODS = "/api/v1/namespaces/default/pods"
MAP = "/api/v1/namespaces/default/configmaps/one"
SECONDS = 5
WATCHERS = 1000
CHANGES = 20

PATCH = """
wrk.method = "PATCH"
wrk.headers["Content-Type"] = "application/merge-patch+json"
local count = 0
request = function()
  count = count + 1
  return wrk.format(nil, nil, nil, '{"data":{"count":"' .. count .. '"}}')
end
"""
TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 100000"]}]},
}


def serve() -> None:
    """A cluster of 160 pods behind the door, until standard input ends."""
    cluster = EmbeddedCluster("bench")
    cluster.registry.create("configmaps", {"metadata": {"name": "one", "namespace": "default"}})
    node = cluster.registry.list("nodes")[0]
    room = {**node["status"]["allocatable"], "pods": "500"}
    status = {**node["status"], "allocatable": room, "capacity": room}
    cluster.registry.set_status("nodes", None, node["metadata"]["name"], status)
    spec = {"replicas": 160, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
    cluster.registry.create("deployments.apps", {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    cluster.run_for(60)
    with HttpDoor(cluster.server, cluster.clock) as door:
        print(door.url, cluster.registry.list("pods", "default")[0]["metadata"]["name"], flush=True)
        sys.stdin.read()


def processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk(server: int, url: str, script: str = "") -> tuple[float, float, str]:
    """Requests a second, requests a second of processor time, latency of the slowest in a hundred."""
    before = processor_seconds(server)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        words = ["wrk", "-t1", "-c8", f"-d{SECONDS}s", "--latency", *(["-s", file.name] if script else []), url]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        sys.exit(said)
    spent = processor_seconds(server) - before
    done = re.search(r"(\d+) requests in ([\d.]+)s", said)
    slow = re.search(r"99% +(\S+)", said)
    assert done is not None, said
    return int(done[1]) / float(done[2]), int(done[1]) / spent, slow[1] if slow else ""


async def watchers(url: str) -> list[float]:
    """Milliseconds from the answer to a write until a watcher has it, for each watcher and write."""
    port = int(url.rpartition(":")[2])
    latencies: list[float] = []
    written = 0.0

    async def watch(ready: asyncio.Semaphore) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        path = "/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name%3Done"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b'"ADDED"')
        ready.release()
        for _ in range(CHANGES):
            await reader.readuntil(b'"MODIFIED"')
            latencies.append((time.perf_counter() - written) * 1000)
        writer.close()

    ready = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(watch(ready)) for _ in range(WATCHERS)]
    for _ in tasks:
        await ready.acquire()
    for number in range(CHANGES):
        body = b'{"data":{"watched":"%d"}}' % number
        headers = {"Content-Type": "application/merge-patch+json"}
        request = Request(url + MAP, body, headers, method="PATCH")
        written = time.perf_counter()
        await asyncio.to_thread(lambda request=request: urlopen(request).read())
        while len(latencies) < WATCHERS * (number + 1):
            await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    return sorted(latencies)


_ROW = "{:<20} {:>9} {:>13} {:>9} {:>7} {:>7} {:>7}"


def main() -> None:
    if shutil.which("wrk") is None:
        sys.exit("wrk is not on this machine; Debian has it: apt-get install wrk")
    command = [sys.executable, "-m", "tests.benchmarks.api", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url, pod = server.stdout.readline().split()
        size = len(urlopen(url + PODS).read())
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; a list is {size / 1e6:.2f} MB")
        print(_ROW.format("8 connections", "a second", "a CPU second", "99 %", "real", "times", "wanted"))
        for what, target, script in (
            ("GET one pod", f"{url}{PODS}/{pod}", ""),
            ("LIST 160 pods", f"{url}{PODS}", ""),
            ("merge-PATCH one", f"{url}{MAP}", PATCH),
        ):
            rate, worth, slow = wrk(server.pid, target, script)
            real, wanted = REAL[what]
            shown = f"{rate:.0f}", f"{worth:.0f}", slow, str(real), f"{rate / real:.1f}", str(wanted)
            print(_ROW.format(what, *shown), flush=True)
        found = asyncio.run(watchers(url))
        print(f"{WATCHERS} watchers, from a write to its event: median {median(found):.1f} ms, ", end="")
        print(f"99 % {found[len(found) * 99 // 100]:.1f} ms, last {found[-1]:.1f} ms")
        server.communicate()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
