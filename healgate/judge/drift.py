"""What a workload's containers are given, and what of it a repair took away or swapped: images, settings, mounts.

Compared with every revision that ran before the break, so that whoever rolls back brings nothing new. The trap is a
workload that runs and is another one: on an empty disk, with its password in plain sight, as somebody else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..evidence import Obj, Ref
from ..quantities import number
from .containers import PAIRED, pairs
from .paths import look_up
from .weakening import PATIENCE, PROBES, powers

HOSTNAME, REQUIRED = "kubernetes.io/hostname", "requiredDuringSchedulingIgnoredDuringExecution"
NODES_NAME = frozenset({HOSTNAME, "metadata.name"})


class Speaks(NamedTuple):
    """What is known of a workload beside its specs."""

    paths: frozenset[str]  # of which the scenario says what is right or forbidden
    entries: Callable[[Obj], frozenset[str]]  # what a ConfigMap or Secret of `envFrom` held, by its reference
    tags: Mapping[str, str]  # images by digest -> by tag
    ports: Mapping[str, Ref]  # by name, those that a Service leads to
    alone: frozenset[str]  # claims that are for one writer


def drifted(ref: Ref, before: Obj, now: Obj, known: list[Obj], speaks: Speaks) -> Iterator[str]:
    """Of two pod specs; `known` are those that ran before."""
    yield from _of_the_pod(ref, before, now, known)
    for port in sorted(speaks.ports.keys() & _port_names(before) - _port_names(now)):
        yield f"{ref} has no port {port} any more, to which {speaks.ports[port]} leads"
    for group, container, after in pairs(before, now):
        ran = [one for pod in known for one in pod.get(group, ()) if one["name"] == container["name"]]
        own = f"spec.template.spec.{group}[{container['name']}]"
        for told in _of_a_container(container, after, ran, own, speaks):
            yield f"{ref} {told} of {container['name']}"
        for told in _mounts(container, after, before, now, known, group):
            yield f"{ref} {told}"


def _of_the_pod(ref: Ref, before: Obj, now: Obj, known: list[Obj]) -> Iterator[str]:
    account = now.get("serviceAccountName", "default")
    if account not in {one.get("serviceAccountName", "default") for one in known}:
        yield f"{ref} runs as another service account: {account}"
    for secret in sorted(_pull_secrets(before) - _pull_secrets(now)):
        if all(secret in _pull_secrets(one) for one in known):
            yield f"{ref} lost its pull secret {secret}"
    for node in sorted(_pinned(now).difference(*map(_pinned, known))):
        yield f"{ref} is bound to the node {node}"
    if not now.get("terminationGracePeriodSeconds", 30) and before.get("terminationGracePeriodSeconds", 30):
        yield f"{ref} is given no time to end"


def _port_names(pod: Obj) -> set[str]:
    return {port.get("name", "") for container in _all(pod) for port in container.get("ports") or ()}


def _pull_secrets(pod: Obj) -> set[str]:
    return {one.get("name", "") for one in pod.get("imagePullSecrets") or ()}


def _pinned(pod: Obj) -> set[str]:
    """The nodes by name, where the scheduler has no choice."""
    named = [pod.get("nodeName"), (pod.get("nodeSelector") or {}).get(HOSTNAME)]
    terms = look_up(pod, f"affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[*]")
    asked = [one for term in terms for one in (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ()))]
    named += [node for one in asked if one["key"] in NODES_NAME and one["operator"] == "In" for node in one["values"]]
    return {node for node in named if node}


def _of_a_container(before: Obj, now: Obj, ran: list[Obj], own: str, speaks: Speaks) -> Iterator[str]:
    image = speaks.tags.get(now.get("image", ""), now.get("image", ""))
    if _repository(image) not in {_repository(one.get("image", "")) for one in ran}:
        yield f"runs another image than before, {image}, instead"
    elif f"{own}.image" not in speaks.paths and _tagged(image) not in {_tagged(one.get("image", "")) for one in ran}:
        yield f"runs a release that never ran before, {image}, instead"
    if now.get("imagePullPolicy") == "Never" and before.get("imagePullPolicy") != "Never":
        yield "never pulls the image"
    for probe in PROBES:
        asked, asks = {_asked(one.get(probe)) for one in ran} - {""}, _asked(now.get(probe))
        judged_there = any(path.startswith(f"{own}.{probe}") for path in speaks.paths)
        if asked and asks and asks not in asked and not judged_there:
            yield f"asks for {asks}, which nobody asked for before, in the {probe}"
    yield from _settings(before, now, ran, own, speaks)
    for resource, limit in before.get("resources", {}).get("limits", {}).items():
        left = number(now.get("resources", {}).get("limits", {}).get(resource))
        least = [number(one.get("resources", {}).get("limits", {}).get(resource)) for one in ran]
        if left is not None and left < min([value for value in least if value is not None], default=0.0):
            yield f"has less than the {limit} of {resource} that were the limit"


def _asked(probe: Obj | None) -> str:
    """The path that a probe asks for; "" if it asks for none, or there is none."""
    asks = (probe or {}).get("httpGet")
    return str(asks.get("path", "/")) if asks else ""


def _settings(before: Obj, now: Obj, ran: list[Obj], own: str, speaks: Speaks) -> Iterator[str]:
    """Environment variables: what is new is nobody's loss."""
    left = {one["name"]: one for one in now.get("env") or ()}
    for variable in before.get("env") or ():
        name = variable["name"]
        if _spoken_of(f"{own}.env[{name}]", left.get(name, {}), speaks):
            continue
        values = [_value(one) for container in ran for one in container.get("env") or () if one["name"] == name]
        dropped = name not in left and any(all(one["name"] != name for one in each.get("env") or ()) for each in ran)
        if name not in left and not dropped:
            yield f"lost the setting {name}"
        elif name in left and _value(left[name]) not in values:
            plain = "valueFrom" in variable and "valueFrom" not in left[name]
            told = f"has another setting {name}={_shown(left[name])}"
            yield f"has in plain sight the setting {name}" if plain else told
    inherited, inherits = _inherited(before, speaks), _inherited(now, speaks)
    had = {one["name"] for one in before.get("env") or ()}
    for name in sorted(inherited.keys() & left.keys() - had):
        if not _spoken_of(f"{own}.env[{name}]", left[name], speaks):
            own_value = f"{name}={_shown(left[name])}"
            yield f"has a setting {own_value} of its own, over that of {_named(inherited[name])},"
    for name in sorted(inherited.keys() & inherits.keys() - left.keys()):
        if all(inherits[name] not in (one.get("envFrom") or ()) for one in ran):
            yield f"has its setting {name} from {_named(inherits[name])}, not from {_named(inherited[name])},"
    sources = [_json(one) for one in now.get("envFrom") or ()]
    for source in before.get("envFrom") or ():
        if _json(source) not in sources and all(source in (one.get("envFrom") or ()) for one in ran):
            yield f"lost the settings from {_named(source)}"


def _inherited(container: Obj, speaks: Speaks) -> dict[str, Obj]:
    """From which source each setting comes: of several that have it, the last."""
    return {name: source for source in container.get("envFrom") or () for name in speaks.entries(source)}


def _spoken_of(path: str, variable: Obj, speaks: Speaks) -> bool:
    """Whether the scenario judges it itself; one that speaks of a value does not see where else it may come from."""
    return path in speaks.paths or (f"{path}.value" in speaks.paths and "valueFrom" not in variable)


def _shown(variable: Obj) -> str:
    return _named(variable["valueFrom"]) if "valueFrom" in variable else str(variable.get("value", ""))


def _value(variable: Obj) -> str:
    return _json({key: value for key, value in variable.items() if key != "name"} or {"value": ""})


def _mounts(before: Obj, now: Obj, pod: Obj, pod_now: Obj, known: list[Obj], group: str) -> Iterator[str]:
    """What lies where: a volume by another name is the same, another one by the same name is not."""
    had, there = dict(_mounted(before, pod)), dict(_mounted(now, pod_now))
    for path, what in had.items():
        ever = {
            dict(_mounted(one, each)).get(path, "")
            for each in known
            for one in each.get(group, ())
            if one["name"] == before["name"]
        }
        if there.get(path, "") not in ever | {what}:
            lost = "has nothing" if path not in there else "has something else"
            yield f"{lost} at {path} in {before['name']}, where {_named(json.loads(what))} was"
    named = " ".join([*now.get("command", ()), *now.get("args", ())]).split()
    for path, what in there.items():
        source = json.loads(what)
        covers = any(word == path or word.startswith(f"{path}/") for word in named)
        if path not in had and covers and source.keys() & {"configMap", "secret", "hostPath"}:
            yield f"has {_named(source)} at {path} in {before['name']}, over what its program names"


def _mounted(container: Obj, pod: Obj) -> Iterator[tuple[str, str]]:
    volumes = {
        one["name"]: {key: value for key, value in one.items() if key != "name"} for one in pod.get("volumes", ())
    }
    for mount in container.get("volumeMounts") or ():
        if not mount["mountPath"].startswith("/var/run/secrets/kubernetes.io/"):
            part = {"subPath": mount["subPath"]} if mount.get("subPath") else {}
            yield mount["mountPath"].rstrip("/"), _json({**_bare(volumes.get(mount["name"], {})), **part})


def _bare(volume: Obj) -> Obj:
    """Without what a server writes in where nobody said anything."""
    return {
        kind: {key: value for key, value in source.items() if key != "defaultMode" and (key != "optional" or value)}
        if isinstance(source, dict)
        else source
        for kind, source in volume.items()
    }


def _named(source: Any) -> str:
    """A volume's or a setting's source, by its kind and its name."""
    for kind, about in source.items() if isinstance(source, dict) else ():
        if isinstance(about, dict):
            name = next((str(about[key]) for key in ("name", "secretName", "claimName", "path") if key in about), "")
            return f"{kind} {name}".strip()
    return "something else"


def _repository(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _tagged(image: str) -> str:
    """Its name and tag: a mirror has the same, and a digest beside them names the same."""
    return image.partition("@")[0].rpartition("/")[2]


_json = json.JSONEncoder(sort_keys=True).encode


def rollout_weakened(ref: Ref, before: Obj, now: Obj, speaks: Speaks) -> Iterator[str]:
    """Of two workloads: how their next revision will come about."""
    was, is_now = before.get("spec", {}), now.get("spec", {})
    if is_now.get("paused") and not was.get("paused"):
        yield f"{ref} was left paused: no later release is rolled out"
    if (ready := is_now.get("minReadySeconds", 0)) > max(PATIENCE, was.get("minReadySeconds", 0)):
        yield f"{ref} takes a pod for available only after {ready}s; {PATIENCE}s are the most"
    if was.get("revisionHistoryLimit", 10) and is_now.get("revisionHistoryLimit", 10) == 0:
        yield f"{ref} keeps no revision to go back to"
    if is_now.get("completions", 1) < was.get("completions", 1):
        yield f"{ref} has to complete less often than before"
    if _strategy(was) == "RollingUpdate" and _strategy(is_now) != "RollingUpdate":
        yield f"{ref} is replaced all at once ({_strategy(is_now)}), where it was rolled"
    if _strategy(was) == "Recreate" and _strategy(is_now) == "RollingUpdate" and _surges(is_now):
        for claim in sorted(_claims(is_now) & speaks.alone):
            yield f"{ref} is rolled, where it was replaced all at once: two of its pods would write to {claim}"
    most = _gone_at_once(is_now)
    if most == "100%" != _gone_at_once(was):
        yield f"{ref} may lose all its pods at once while it is rolled"


def _strategy(spec: Obj) -> str:
    return str((spec.get("strategy") or spec.get("updateStrategy") or {}).get("type", "RollingUpdate"))


def _surges(spec: Obj) -> bool:
    """Whether a new pod comes before an old one goes."""
    return ((spec.get("strategy") or {}).get("rollingUpdate") or {}).get("maxSurge", "25%") not in (0, "0%")


def _claims(spec: Obj) -> set[str]:
    return set(look_up(spec, "template.spec.volumes[*].persistentVolumeClaim.claimName"))


def _gone_at_once(spec: Obj) -> str:
    rolling = (spec.get("strategy") or spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    most = rolling.get("maxUnavailable", "25%")
    if isinstance(most, int):
        return "100%" if most >= spec.get("replicas", 1) > 1 else str(most)
    return str(most)


def dangerous(pod: Obj) -> Iterator[str]:
    """What gives a pod that nobody needs power over its node."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    for volume in pod.get("volumes") or ():
        if "hostPath" in volume:
            yield f"{volume['hostPath'].get('path')} of its node"
    for container in _all(pod):
        if (container.get("securityContext") or {}).get("privileged"):
            yield f"privileged in {container['name']}"
    yield from powers(pod)


def _all(pod: Obj) -> Iterable[Obj]:
    for group in (*PAIRED, "ephemeralContainers"):
        yield from pod.get(group) or ()
