"""Whether a node can take a pod, and in which words it says no.

The words are read by healers out of FailedScheduling, so they are the scheduler's own. The trap is to count
a pod's usage instead of its requests: a node full of requests is full however idle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any

from ..api.demand import demand
from ..api.quantities import parse
from ..api.selectors import selects
from ..store.store import Obj
from . import neighbours
from .objects import is_terminal, labels_of

# Refusals for which evicting other pods could help; for the others preemption is pointless.
_PORTS = "node(s) didn't have free ports for the requested pod ports"
_RESOLVABLE = ("Insufficient", "Too many pods", _PORTS, *neighbours.RESOLVABLE, neighbours.SPREAD)


HostPort = tuple[str, str, int]  # address ("" for all), protocol, port


def host_ports(spec: Obj) -> frozenset[HostPort]:
    """The ports of the node itself that a pod takes."""
    return frozenset(
        (port.get("hostIP") or "", port.get("protocol") or "TCP", int(port["hostPort"]))
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def _clash(one: HostPort, other: HostPort) -> bool:
    anywhere = ("", "0.0.0.0", other[0])
    return one[1:] == other[1:] and (one[0] in anywhere or other[0] in ("", "0.0.0.0"))


class Loads:
    """Requests and number of the pods on each node, kept as pods come and go."""

    def __init__(self) -> None:
        self._requests: dict[str, dict[str, Fraction]] = {}
        self._pods: dict[str, int] = {}
        self._placed: dict[str, tuple[str, dict[str, Fraction]]] = {}
        self._ports: dict[str, tuple[str, frozenset[HostPort]]] = {}  # pod -> node, what it holds there

    def note(self, pod: Obj, *, gone: bool) -> None:
        """Idempotent: what a pod weighed before is taken off first."""
        uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName", "")
        old = self._placed.pop(uid, None)
        self._ports.pop(uid, None)
        if old is not None:
            self._add(old[0], old[1], -1)
        if node and not gone and not is_terminal(pod):
            if ports := host_ports(pod["spec"]):
                self._ports[uid] = (node, ports)
            self._placed[uid] = (node, demand(pod["spec"]))
            self._add(node, self._placed[uid][1], 1)

    def _add(self, node: str, requests: Mapping[str, Fraction], sign: int) -> None:
        load = self._requests.setdefault(node, {})
        for name, amount in requests.items():
            load[name] = load.get(name, Fraction(0)) + sign * amount
        self._pods[node] = self._pods.get(node, 0) + sign

    def refusals(self, spec: Obj, node: Obj) -> list[str]:
        """Why there is no room on this node."""
        name = node["metadata"]["name"]
        if self._ports and (wanted := host_ports(spec)):
            held = [ports for where, ports in self._ports.values() if where == name]
            if any(_clash(one, other) for one in wanted for ports in held for other in ports):
                return [_PORTS]
        room = node.get("status", {}).get("allocatable") or node.get("status", {}).get("capacity") or {}
        found = []
        if self._pods.get(name, 0) + 1 > parse(room.get("pods", "110")):
            found.append("Too many pods")
        load = self._requests.get(name, {})
        for resource, amount in demand(spec).items():
            if amount and load.get(resource, Fraction(0)) + amount > parse(room.get(resource, "0")):
                found.append(f"Insufficient {resource}")
        return found

    def lightest(self, nodes: list[Obj]) -> Obj:
        """The node with the fewest pods, the first by name among equals."""
        return min(nodes, key=lambda node: self._pods.get(node["metadata"]["name"], 0))

    def fits_empty(self, spec: Obj, node: Obj) -> bool:
        room = node.get("status", {}).get("allocatable") or node.get("status", {}).get("capacity") or {}
        return all(amount <= parse(room.get(name, "0")) for name, amount in demand(spec).items())


def refusals(spec: Obj, node: Obj, loads: Loads) -> list[str]:
    """Why this node does not take the pod, in the scheduler's order of filters; empty if it does."""
    accepted = spec.get("tolerations") or ()
    taints = [one for one in node.get("spec", {}).get("taints") or () if one["effect"] in ("NoSchedule", "NoExecute")]
    if node.get("spec", {}).get("unschedulable") and not tolerates(accepted, _CORDON):
        return ["node(s) were unschedulable"]
    if any(not tolerates(accepted, taint) for taint in taints):
        return ["node(s) had untolerated taint(s)"]
    if not matches_selector(spec, node) or not matches_affinity(spec, node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    return loads.refusals(spec, node)


_CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def tolerates(tolerations: Iterable[Mapping[str, Any]], taint: Mapping[str, Any]) -> bool:
    return any(accepts(one, taint) for one in tolerations)


def accepts(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key") and toleration.get("value", "") == taint.get("value", ""))


def matches_selector(spec: Obj, node: Obj) -> bool:
    labels = labels_of(node)
    return all(labels.get(key) == value for key, value in (spec.get("nodeSelector") or {}).items())


def matches_affinity(spec: Obj, node: Obj) -> bool:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(
        (term.get("matchExpressions") or term.get("matchFields"))
        and selects({"matchExpressions": term.get("matchExpressions") or ()}, labels_of(node))
        and selects({"matchExpressions": term.get("matchFields") or ()}, fields)
        for term in required["nodeSelectorTerms"]
    )


def explain(reasons: Mapping[str, list[str]], total: int, hopeless: Collection[str]) -> str:
    """The text of FailedScheduling for the refusals by node; `hopeless` are nodes where preemption cannot help."""
    counts: dict[str, int] = {}
    for found in reasons.values():
        for reason in found:
            counts[reason] = counts.get(reason, 0) + 1
    listed = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    after: dict[str, int] = {}
    for node, found in reasons.items():
        could_help = node not in hopeless and all(
            reason.startswith(_RESOLVABLE) and reason != neighbours.NO_LABEL for reason in found
        )
        text = (
            "No preemption victims found for incoming pod" if could_help else "Preemption is not helpful for scheduling"
        )
        after[text] = after.get(text, 0) + 1
    preemption = ", ".join(sorted(f"{count} {text}" for text, count in after.items()))
    prefix = f"0/{total} nodes are available"
    return f"{prefix}: {listed}. no new claims to deallocate, preemption: {prefix}: {preemption}."
