"""ResourceQuota: why a namespace that is full refuses what is otherwise right.

Usage is counted from what is stored at the moment of the request, not read from the quota's status: that one
may lag, and a refusal must not depend on how far a controller got.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from ..store import Store
from . import errors
from .demand import Amounts, demand
from .quantities import canonical, parse

Obj = dict[str, Any]

_SPECIFIED = ("cpu", "memory")


def check(store: Store, resource: str, obj: Obj) -> None:
    """403 if creating the object would exceed a quota of its namespace."""
    namespace = obj["metadata"].get("namespace")
    quotas = store.list("resourcequotas", namespace) if namespace else []
    if not quotas or resource == "resourcequotas":
        return
    asked = usage(resource, [obj])
    for one in quotas:
        hard = one.get("spec", {}).get("hard", {})
        if not in_scope(one, resource, obj):
            continue
        wanted = {name: amount for name, amount in asked.items() if name in hard and amount}
        if resource == "pods":
            _must_specify(one, hard, obj)
        if not wanted:
            continue
        stored = [other for other in store.list(resource, namespace) if in_scope(one, resource, other)]
        used = usage(resource, stored)
        over = [name for name in sorted(wanted) if used.get(name, Fraction(0)) + wanted[name] > parse(hard[name])]
        if over:
            parts = (
                ("requested", wanted),
                ("used", used),
                ("limited", {name: parse(hard[name]) for name in over}),
            )
            texts = [
                f"{word}: " + ",".join(f"{n}={canonical(amounts.get(n, Fraction(0)), hard[n])}" for n in over)
                for word, amounts in parts
            ]
            why = f"exceeded quota: {one['metadata']['name']}, " + ", ".join(texts)
            raise errors.forbidden(resource, obj["metadata"].get("name", ""), why)


def _must_specify(quota: Obj, hard: Obj, pod: Obj) -> None:
    """A quota on cpu or memory forbids pods with a container that does not say how much."""
    containers = [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]
    missing: dict[str, set[str]] = {}
    for name in sorted(hard):
        part, _, kind = name.rpartition(".")
        if kind not in _SPECIFIED or part not in ("", "requests", "limits"):
            continue
        for container in containers:
            if kind not in ((container.get("resources") or {}).get(part or "requests") or {}):
                missing.setdefault(name, set()).add(container["name"])
    if missing:
        why = f"failed quota: {quota['metadata']['name']}: must specify "
        why += "; ".join(f"{name} for: {','.join(sorted(silent))}" for name, silent in missing.items())
        raise errors.forbidden("pods", pod["metadata"].get("name", ""), why)


def in_scope(quota: Obj, resource: str, obj: Obj) -> bool:
    """Whether a quota counts an object at all."""
    scopes = quota.get("spec", {}).get("scopes", ())
    if not scopes:
        return True
    if resource != "pods":
        return False
    best = obj.get("status", {}).get("qosClass") == "BestEffort"
    ends = obj["spec"].get("activeDeadlineSeconds") is not None
    truth = {"BestEffort": best, "NotBestEffort": not best, "Terminating": ends, "NotTerminating": not ends}
    return all(truth.get(scope, True) for scope in scopes)


def usage(resource: str, objects: Iterable[Obj]) -> Amounts:
    """What objects of one kind use, by the names that quotas know."""
    found: Amounts = {}

    def add(name: str, amount: Fraction) -> None:
        found[name] = found.get(name, Fraction(0)) + amount

    counted = f"count/{resource}"
    for obj in objects:
        if resource == "pods":
            if obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
                add(counted, Fraction(1))
                continue
            for section in ("requests", "limits"):
                for kind, amount in demand(obj["spec"], section).items():
                    add(f"{section}.{kind}", amount)
                    if section == "requests":
                        add(kind, amount)
        elif resource == "persistentvolumeclaims":
            size = obj["spec"].get("resources", {}).get("requests", {}).get("storage")
            if size:
                add("requests.storage", parse(size))
        elif resource == "services":
            kind = obj["spec"].get("type", "ClusterIP")
            add("services.loadbalancers", Fraction(kind == "LoadBalancer"))
            add(
                "services.nodeports",
                Fraction(len(obj["spec"].get("ports", ())) if kind != "ClusterIP" else 0),
            )
        add(counted, Fraction(1))
        add(resource, Fraction(1))
    return found
