"""How many trials a cluster holds at once, and how fast its kubelets restart what crashes.

A node that is full lets pods wait and probes fail, and a trial blames the healer for it. So the number is computed from
what the nodes offer and what runs there already, and more workers than that wait for a namespace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from ..durations import parse_duration
from ..evidence import Obj
from ..problems import HarnessError
from ..quantities import number
from .seam import LONGEST_BACK_OFF, Rest

# What a trial asks for at most, with its bystander, and while all its pods are replaced at once.
PODS = 12
MEMORY = 680 * 2**20
CPU = 0.07
STARTS_PER_CORE = 1.5


def capacity(rest: Rest, lent: Collection[str]) -> int:
    """At least one. What is in namespaces that are lent does not count against it: they are what it counts."""
    nodes, pods = rest.request("GET", "/api/v1/nodes"), rest.request("GET", "/api/v1/pods")
    if not nodes.ok or not pods.ok:
        raise HarnessError(f"the nodes and pods of the cluster could not be read: {nodes.code}, {pods.code}")
    offered = [node["status"].get("allocatable", {}) for node in nodes.body["items"]]
    there = [pod for pod in pods.body["items"] if _takes_room(pod) and pod["metadata"]["namespace"] not in lent]
    left = {
        "pods": _sum(node.get("pods", 110) for node in offered) - len(there),
        "memory": _sum(node.get("memory") for node in offered) - _asked(there, "memory"),
        "cpu": _sum(node.get("cpu") for node in offered) - _asked(there, "cpu"),
    }
    return max(1, int(min(left["pods"] / PODS, left["memory"] / MEMORY, left["cpu"] / CPU)))


def starts_at_once(rest: Rest) -> int:
    """How many workloads may start at the same time: two leave half of two cores idle, since they wait for probes."""
    nodes = rest.request("GET", "/api/v1/nodes")
    if not nodes.ok:
        raise HarnessError(f"the nodes of the cluster could not be read: {nodes.code}")
    cores = _sum(node["status"].get("allocatable", {}).get("cpu") for node in nodes.body["items"])
    return max(1, int(cores * STARTS_PER_CORE))


def _takes_room(pod: Obj) -> bool:
    return pod["status"].get("phase") in ("Pending", "Running") and "deletionTimestamp" not in pod["metadata"]


def _asked(pods: Iterable[Obj], resource: str) -> float:
    """What pods ask for: the scheduler counts nothing else."""
    return _sum(
        container.get("resources", {}).get("requests", {}).get(resource)
        for pod in pods
        for container in pod["spec"]["containers"]
    )


def _sum(quantities: Iterable[Any]) -> float:
    return sum(number(quantity) or 0.0 for quantity in quantities)


def timing(rest: Rest) -> str:
    """`fast` if every kubelet says so; a kubelet that is not asked is taken for an ordinary one."""
    nodes = rest.request("GET", "/api/v1/nodes")
    limits = []
    for node in nodes.body["items"] if nodes.ok else ():
        answer = rest.request("GET", f"/api/v1/nodes/{node['metadata']['name']}/proxy/configz")
        given = answer.body.get("kubeletconfig", {}) if answer.ok and isinstance(answer.body, dict) else {}
        limits.append(parse_duration(given.get("crashLoopBackOff", {}).get("maxContainerRestartPeriod", "5m")))
    return "fast" if limits and max(limits) <= LONGEST_BACK_OFF["fast"] else "stock"
