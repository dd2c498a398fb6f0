"""A large cluster that fails everywhere: `make bench-scale`.

Every pod of every Deployment crashes at once, for an hour of the cluster. Deployments are posted to the server that the
HTTP door serves, and one watch of all pods is open all the while, whose lines are made and taken as the door would.
CPU time, since machines are shared; each size runs in a process of its own, so that its peak of memory is its own. On a
machine with other work even CPU time is half as long again, so a yardstick, the same small work before and after,
stands beside each size, and whether the cost is linear is judged by it.

A node takes 110 pods, here and in life, unless its kubelet is told otherwise. Here it is told: there is one node, with
room for all of them (`--max-pods`), since it is the pods that cost.
All is in one namespace: whatever looks at all objects of a namespace for one of them would show as more than linear.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from statistics import median
from typing import Any

from healgate.clusters.garbage import collect_seldom
from healgate.embedded.api.messages import ApiRequest
from healgate.embedded.api.streams import Stream
from healgate.embedded.cluster import EmbeddedCluster

SIZES = (1000, 3000, 10_000)
REPLICAS = 10
HOUR = 3600.0
# What is asked of the largest.
CPU_SECONDS, PEAK_MIB, START_MS = 180.0, 1024.0, 50.0
# How much more a pod of the largest may cost than one of the smallest before it is called more than linear.
LINEAR = 1.25

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {
        "name": "main",
        "image": "busybox:1.36",
        "command": ["sh", "-c", "exit 1"],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


class Watcher:
    """A client that takes what comes when it comes, as the door does for it."""

    def __init__(self, cluster: EmbeddedCluster, path: str) -> None:
        answer = cluster.server.handle(ApiRequest.of("GET", f"{path}?watch=1&timeoutSeconds=1000000"))
        assert isinstance(answer, Stream)
        self._stream = answer
        self.lines = self.bytes = 0
        answer.on_ready = self._take
        self._take()

    def _take(self) -> None:
        for line in self._stream.take():
            self.lines += 1
            self.bytes += len(line)


def yardstick() -> float:
    """Milliseconds of CPU for work that never changes and is of the same kind."""
    began = time.process_time()
    kept: dict[int, dict[str, object]] = {}
    for number in range(200_000):
        kept[number % 5000] = {"metadata": {"name": str(number)}, "status": dict.fromkeys("abcdef", number)}
    return (time.process_time() - began) * 1000


def make_room(cluster: EmbeddedCluster, pods: int) -> None:
    node = cluster.registry.list("nodes")[0]
    room = {**node["status"]["allocatable"], "pods": str(pods), "cpu": str(pods), "memory": f"{pods}Gi"}
    status = {**node["status"], "allocatable": room, "capacity": room}
    cluster.registry.set_status("nodes", None, node["metadata"]["name"], status)


def measure(pods: int, seconds: float = HOUR, *, watched: bool = True) -> dict[str, float]:
    EmbeddedCluster("warm")  # imports and caches
    cluster = EmbeddedCluster("bench")
    make_room(cluster, pods)
    # A trial has Python look for garbage as seldom.
    collect_seldom()
    before = yardstick()
    began = time.process_time()
    watcher = Watcher(cluster, "/api/v1/pods") if watched else None
    for number in range(pods // REPLICAS):
        answer = cluster.server.handle(ApiRequest.of("POST", DEPLOYMENTS, deployment(f"app-{number:04}")))
        assert answer.status == 201, answer
    cluster.run_for(seconds)
    spent = time.process_time() - began
    found = cluster.registry.list("pods", "default")
    restarts = Counter(pod["status"]["containerStatuses"][0]["restartCount"] for pod in found)
    assert len(found) == pods, len(found)
    if seconds == HOUR:
        assert min(restarts) >= 14, restarts
    return {
        "pods": pods,
        "cpu": spent,
        "yardstick": (before + yardstick()) / 2,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "restarts": sum(count * times for count, times in restarts.items()),
        "lines": watcher.lines if watcher else 0,
        "revisions": cluster.store.revision,
    }


def start_ms() -> float:
    """How long a cluster takes to be there, once its modules are."""
    spent = []
    for number in range(11):
        began = time.process_time()
        EmbeddedCluster(str(number))
        spent.append((time.process_time() - began) * 1000)
    return median(spent[1:])


def _relative(row: dict[str, float]) -> float:
    """What a pod costs, in yardsticks."""
    return row["cpu"] / row["pods"] / row["yardstick"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--one", type=int, help="measure one size in this process and print it as JSON")
    parser.add_argument("--unwatched", action="store_true", help="without the watch")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, watched=not options.unwatched)))
        return
    start = start_ms()
    print(f"a cluster starts in {start:.1f} ms CPU (asked: {START_MS:.0f})")
    print("  pods    CPU s   ms/pod  yardstick ms  peak MiB  restarts    writes   watched")
    rows = []
    for size in options.sizes:
        words = [sys.executable, "-m", "tests.benchmarks.scale", "--one", str(size)]
        said = subprocess.run([*words, *(["--unwatched"] if options.unwatched else [])], stdout=-1, check=True).stdout
        row = json.loads(said)
        rows.append(row)
        each = row["cpu"] / row["pods"] * 1000
        print(
            f"{row['pods']:6} {row['cpu']:8.1f} {each:8.2f} {row['yardstick']:13.0f} {row['mib']:9.0f} "
            f"{row['restarts']:9} {row['revisions']:9} {row['lines']:9}",
            flush=True,
        )
    first, last = rows[0], rows[-1]
    growth = _relative(last) / _relative(first)
    print(f"a pod of {last['pods']} costs {growth:.2f} times one of {first['pods']} (asked: {LINEAR})")
    if last["pods"] == SIZES[-1] and (last["cpu"] > CPU_SECONDS or last["mib"] > PEAK_MIB or growth > LINEAR):
        sys.exit(f"asked for {last['pods']} pods: {CPU_SECONDS:.0f} s, {PEAK_MIB:.0f} MiB, linear")
    if start > START_MS:
        sys.exit("a cluster takes too long to start")


if __name__ == "__main__":
    main()
