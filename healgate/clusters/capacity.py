"""How many trials a cluster holds at once, and how fast its kubelets restart what crashes.

A node that is full lets pods wait and probes fail, and a trial blames the healer for it. So the number is computed from
what the nodes offer and what runs there already, and more workers than that wait for a namespace.
"""

from __future__ import annotations

from ..durations import parse_duration
from ..judge.quantities import number
from ..problems import HarnessError
from .seam import Rest

# What the largest workload of the catalogue asks for, with its bystander, and while pods are replaced.
PODS = 12
MEMORY = 700 * 2**20
CPU = 0.1
# A kubelet whose longest back-off is not above this restarts at once, as far as a trial is concerned.
FAST_AT_MOST = 10.0


def capacity(rest: Rest) -> int:
    """At least one."""
    nodes, pods = rest.request("GET", "/api/v1/nodes"), rest.request("GET", "/api/v1/pods")
    if not nodes.ok or not pods.ok:
        raise HarnessError(f"the nodes and pods of the cluster could not be read: {nodes.code}, {pods.code}")
    offered = [node["status"].get("allocatable", {}) for node in nodes.body["items"]]
    there = sum(pod["status"].get("phase") in ("Pending", "Running") for pod in pods.body["items"])
    by_pods = (sum(int(node.get("pods", 110)) for node in offered) - there) / PODS
    by_memory = sum((number(node.get("memory", "0")) or 0.0) for node in offered) / MEMORY
    by_cpu = sum((number(node.get("cpu", "0")) or 0.0) for node in offered) / CPU
    return max(1, int(min(by_pods, by_memory, by_cpu)))


def timing(rest: Rest) -> str:
    """`fast` if every kubelet says so; a kubelet that is not asked is taken for an ordinary one."""
    nodes = rest.request("GET", "/api/v1/nodes")
    limits = []
    for node in nodes.body["items"] if nodes.ok else ():
        answer = rest.request("GET", f"/api/v1/nodes/{node['metadata']['name']}/proxy/configz")
        given = answer.body.get("kubeletconfig", {}) if answer.ok and isinstance(answer.body, dict) else {}
        limits.append(parse_duration(given.get("crashLoopBackOff", {}).get("maxContainerRestartPeriod", "5m")))
    return "fast" if limits and max(limits) <= FAST_AT_MOST else "stock"
