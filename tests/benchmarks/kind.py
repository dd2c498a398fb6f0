"""What trials on a real cluster cost, and what it saves to run many at once: `make bench-kind`.

In one run, since numbers of two runs on a shared machine say nothing about each other: how long a cluster takes to be
ready, six core scenarios × 3 trials one after the other and at once, the same verdicts both times, what the recording
proxy adds to a request, and a trial's processor time embedded against its time on the wall here.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from statistics import median
from typing import Any

from healgate.clusters.real import RealCluster
from healgate.clusters.running import Running, connect
from healgate.problems import HarnessError, UsageProblem
from healgate.wire.fence import Fence
from healgate.wire.proxy import Proxy

from ..kind.matrix import Got, Job, at_once, core, kind_cluster, longest_first, run_all

SIX = (
    "oom/limit-too-low",
    "bad-image/tag-does-not-exist",
    "missing-secret/env-secret-deleted",
    "failing-probe/liveness-wrong",
    "kafka/fewer-partitions",
    "exit/config-change",
)
TRIALS = 3
REQUESTS = 200
TOKEN = "bench"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _told(job: Job, got: Got) -> None:
    _say(f"  {job}: {got.what} {got.wall:.0f}s")


def _timed(jobs: list[Job], running: Running | None, workers: int) -> tuple[float, dict[Job, Got]]:
    began = time.monotonic()
    found = run_all(longest_first(jobs), running.as_dict() if running else None, workers, _told)
    return time.monotonic() - began, found


def _verdicts(found: dict[Job, Got]) -> dict[str, str]:
    return {str(job): got.what for job, got in found.items()}


def proxy_overhead(cluster: RealCluster) -> tuple[float, float]:
    """Median milliseconds of reading one object, straight and through the recording proxy."""
    import urllib3

    proxy = Proxy(
        cluster.upstream,
        cluster.kinds,
        Fence("default", frozenset(), frozenset()),
        token=TOKEN,
        user="bench",
        now=cluster.time.now,
        record=lambda _request: None,
    )
    cluster.loop.call(proxy.start(), 30.0)
    path = "/api/v1/namespaces/default/services/kubernetes"
    straight = _median_of(lambda: cluster.rest.request("GET", path))
    pool = urllib3.PoolManager()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    proxied = _median_of(lambda: pool.request("GET", proxy.url + path, headers=headers))
    cluster.loop.call(proxy.stop(), 10.0)
    return straight, proxied


def _median_of(ask: Any) -> float:
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return median(times) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=0, help="trials at once (default: as many as the cluster bears)")
    parser.add_argument("--reuse-cluster", metavar="NAME", help="on this kind cluster, which is left standing")
    parser.add_argument("--scale", type=float, default=1.5, help="of the budgets (default 1.5)")
    parser.add_argument("--all-core", action="store_true",
                        help=f"also every core scenario × {TRIALS}, as many at once as there is room for")  # fmt: skip
    chosen = parser.parse_args()
    six = [Job("reference", name, trial, chosen.scale) for name in SIX for trial in range(1, TRIALS + 1)]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    try:
        began = time.monotonic()
        with kind_cluster(_say, chosen.reuse_cluster) as running:
            print(f"cluster ready, with its registry: {time.monotonic() - began:.1f} s (wanted: 20 s for the cluster)")
            cluster = connect(running)
            straight, proxied = proxy_overhead(cluster)
            print(f"a read straight {straight:.1f} ms, through the recording proxy {proxied:.1f} ms")
            workers = at_once(running, chosen.n)
            one, first = _timed(six, running, 1)
            many, then = _timed(six, running, workers)
            same = _verdicts(first) == _verdicts(then)
            print(f"{len(SIX)} scenarios x {TRIALS}: one after the other {one:.0f} s, {workers} at once {many:.0f} s: "
                  f"{one / many:.1f} times as fast (wanted: 4), {'same' if same else 'OTHER'} verdicts")  # fmt: skip
            if not same:
                print(f"  {_verdicts(first)}\n  {_verdicts(then)}")
            if chosen.all_core:
                jobs = [
                    Job("reference", name, trial, chosen.scale) for name in core() for trial in range(1, TRIALS + 1)
                ]
                room = chosen.n or running.capacity
                took, found = _timed(jobs, running, room)
                passed = sum(got.what == "PASS" for got in found.values())
                print(f"core x {TRIALS}, {room} at once: {took / 60:.1f} min (wanted: 15), "
                      f"{passed} of {len(found)} PASS")  # fmt: skip
    except (UsageProblem, HarnessError, ConnectionError) as problem:
        print(f"make bench-kind: {problem}", file=sys.stderr)
        return 6
    _, embedded = _timed(six, None, 1)
    cpu = median(got.cpu for got in embedded.values())
    wall = median(got.wall for got in first.values())
    print(f"a trial: {cpu:.2f} s of processor embedded, {wall:.0f} s on the wall on kind: {wall / cpu:.0f} times")
    return 0 if same and one / many >= 4 else 1


if __name__ == "__main__":
    sys.exit(main())
