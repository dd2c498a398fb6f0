"""What the doors cost. Not a test: `python -m tests.benchmarks.doors` prints numbers of this machine, in CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable

from kubernetes import watch
from kubernetes.client import AppsV1Api, CoreV1Api

from healgate.embedded.api.messages import ApiRequest
from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.client import api_client
from healgate.embedded.door.patches import patched
from tests.door.test_cluster import deployment

HOUR = 3600.0
cpu = time.process_time


def each(what: str, times: int, call: Callable[[], object]) -> None:
    call()
    began = cpu()
    for _ in range(times):
        call()
    print(f"{what:<50} {(cpu() - began) / times * 1e6:10.0f} µs")


def hour(what: str, *healers: Callable[[CoreV1Api], None]) -> None:
    cluster = EmbeddedCluster("benchmark")
    AppsV1Api(cluster.client()).create_namespaced_deployment("default", deployment())
    cluster.run_for(60)
    core = CoreV1Api(cluster.client())
    began = cpu()
    with patched(), cluster.participants.adopt():
        for healer in healers:
            cluster.participants.spawn(healer.__name__, lambda healer=healer: healer(core))
        cluster.run_for(HOUR)
    print(f"{what:<50} {cpu() - began:10.3f} s")


def polling(core: CoreV1Api) -> None:
    while True:
        core.list_namespaced_pod("default")
        time.sleep(10)


def watching(core: CoreV1Api) -> None:
    for _ in watch.Watch().stream(core.list_namespaced_pod, "default"):
        pass


def main() -> None:
    each("a cluster", 100, EmbeddedCluster)
    cluster = EmbeddedCluster("benchmark")
    AppsV1Api(cluster.client()).create_namespaced_deployment("default", deployment())
    cluster.run_for(10)
    core = CoreV1Api(cluster.client())
    name = core.list_namespaced_pod("default").items[0].metadata.name
    path = f"/api/v1/namespaces/default/pods/{name}"
    each("an official client", 200, lambda: api_client(cluster.server, cluster.participants, ""))
    each("GET pod: the server alone", 3000, lambda: cluster.server.handle(ApiRequest("GET", path)))
    each(
        "GET pod: in process, raw",
        3000,
        lambda: core.read_namespaced_pod(name, "default", _preload_content=False).data,
    )
    each("GET pod: in process, as a model", 2000, lambda: core.read_namespaced_pod(name, "default"))
    hour("a virtual hour of a crash loop")
    hour("... and a healer that polls every 10 s", polling)
    hour("... and one that watches", watching)
    hour("... and both", polling, watching)


if __name__ == "__main__":
    main()
