"""LimitRanges: what containers ask for where they say nothing, and the bounds that a namespace sets.

Defaults are filled in before the pod has its name, and the bounds are held against it afterwards, so the words of a
refusal name the pod. The trap is a bound on something of which the pod says nothing at all: that is a breach too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..store.store import Obj, Store
from . import errors
from .demand import demand
from .quantities import canonical, parse

MARK = "kubernetes.io/limit-ranger"

Amounts = Mapping[str, str]


def fill(store: Store, pod: Obj) -> None:
    """Each LimitRange in turn; the last one's note stands."""
    for one in store.list("limitranges", pod["metadata"]["namespace"]):
        defaults: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
        for limit in _limits(one, "Container"):
            defaults["requests"] |= limit.get("defaultRequest") or {}
            defaults["limits"] |= limit.get("default") or {}
        told = [
            f"{', '.join(sorted(names))} {word} for {kind} {container['name']}"
            for kind, container in _containers(pod)
            for word, names in _merge(container, defaults)
            if names
        ]
        if told:
            notes = pod["metadata"].get("annotations") or {}
            pod["metadata"]["annotations"] = {**notes, MARK: f"LimitRanger plugin set: {'; '.join(told)}"}


def has_filled(pod: Obj) -> bool:
    """Whether a LimitRange gave it anything, or somebody says so."""
    return MARK in (pod["metadata"].get("annotations") or ())


def _merge(container: Obj, defaults: Mapping[str, Amounts]) -> Iterator[tuple[str, list[str]]]:
    resources = container["resources"] = dict(container.get("resources") or {})
    stated = dict(resources.get("limits") or {})
    for section, word in (("requests", "request"), ("limits", "limit")):
        given = dict(resources.get(section) or {})
        if section == "requests":
            # Whoever says how much it may have asks for as much.
            given = {**stated, **given}
        missing = [name for name in defaults[section] if name not in given]
        given |= {name: defaults[section][name] for name in missing}
        if given:
            resources[section] = given
        yield word, missing


def check_pod(store: Store, pod: Obj) -> None:
    ranges = store.list("limitranges", pod["metadata"]["namespace"])
    for one in ranges:
        broken: list[str] = []
        for limit in _limits(one, "Container"):
            for _, container in _containers(pod):
                resources = container.get("resources") or {}
                broken += _breaches(limit, resources.get("requests") or {}, resources.get("limits") or {})
        for limit in _limits(one, "Pod"):
            broken += _breaches(limit, _sum(pod, "requests"), _sum(pod, "limits"))
        _refuse("pods", pod, broken)


def check_claim(store: Store, claim: Obj) -> None:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    for one in store.list("limitranges", claim["metadata"]["namespace"]):
        broken: list[str] = []
        for limit in _limits(one, "PersistentVolumeClaim"):
            for name, bound in sorted((limit.get("min") or {}).items()):
                broken += _too_small(name, "PersistentVolumeClaim", bound, requests, {})
            for name, bound in sorted((limit.get("max") or {}).items()):
                what = f"maximum {name} usage per PersistentVolumeClaim is {bound}"
                if name not in requests:
                    broken.append(f"{what}.  No request is specified")
                elif parse(requests[name]) > parse(bound):
                    broken.append(f"{what}, but request is {requests[name]}")
        _refuse("persistentvolumeclaims", claim, broken)


def _refuse(resource: str, obj: Obj, broken: list[str]) -> None:
    if broken:
        text = broken[0] if len(broken) == 1 else f"[{', '.join(broken)}]"
        raise errors.forbidden(resource, obj["metadata"]["name"], text)


def _limits(one: Obj, kind: str) -> list[Obj]:
    return [limit for limit in one.get("spec", {}).get("limits") or () if limit.get("type") == kind]


def _containers(pod: Obj) -> Iterator[tuple[str, Obj]]:
    spec = pod.get("spec") or {}
    for container in spec.get("containers") or ():
        yield "container", container
    for container in spec.get("initContainers") or ():
        yield "init container", container


def _breaches(limit: Obj, requests: Amounts, limits: Amounts) -> list[str]:
    kind, found = limit["type"], []
    for name, bound in sorted((limit.get("min") or {}).items()):
        found += _too_small(name, kind, bound, requests, limits)
    for name, bound in sorted((limit.get("max") or {}).items()):
        found += _too_large(name, kind, bound, requests, limits)
    for name, bound in sorted((limit.get("maxLimitRequestRatio") or {}).items()):
        found += _too_far_apart(name, kind, bound, requests, limits)
    return found


def _too_small(name: str, kind: str, bound: str, requests: Amounts, limits: Amounts) -> list[str]:
    what = f"minimum {name} usage per {kind} is {bound}"
    if name not in requests:
        return [f"{what}.  No request is specified"]
    if parse(requests[name]) < parse(bound):
        return [f"{what}, but request is {requests[name]}"]
    if name in limits and parse(limits[name]) < parse(bound):
        return [f"{what}, but limit is {limits[name]}"]
    return []


def _too_large(name: str, kind: str, bound: str, requests: Amounts, limits: Amounts) -> list[str]:
    what = f"maximum {name} usage per {kind} is {bound}"
    if name not in limits:
        return [f"{what}.  No limit is specified"]
    if parse(limits[name]) > parse(bound):
        return [f"{what}, but limit is {limits[name]}"]
    if name in requests and parse(requests[name]) > parse(bound):
        return [f"{what}, but request is {requests[name]}"]
    return []


def _too_far_apart(name: str, kind: str, bound: str, requests: Amounts, limits: Amounts) -> list[str]:
    what = f"{name} max limit to request ratio per {kind} is {bound}"
    if not parse(requests.get(name, "0")):
        return [f"{what}, but no request is specified or request is 0"]
    if not parse(limits.get(name, "0")):
        return [f"{what}, but no limit is specified or limit is 0"]
    ratio = parse(limits[name]) / parse(requests[name])
    return [f"{what}, but provided ratio is {float(ratio):f}"] if ratio > parse(bound) else []


def _sum(pod: Obj, section: str) -> dict[str, str]:
    """What the whole pod asks for or may have, written as its containers write it."""
    whole = demand(pod["spec"], section)
    forms: dict[str, str] = {}
    for resources in (pod["spec"].get("resources"), *(one.get("resources") for _, one in _containers(pod))):
        forms = {**((resources or {}).get(section) or {}), **forms}
    return {name: canonical(amount, forms.get(name, "")) for name, amount in whole.items()}
