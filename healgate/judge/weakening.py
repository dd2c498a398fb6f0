"""What guards a workload's pods, and what of it is weaker than before the break: probes, limits, security, programs.

All is compared with the baseline: who never had a probe owes none. The trap is to ask only whether a guard is there: a
probe that runs `true`, or that waits for an hour, is there and finds nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..evidence import Obj, Ref
from ..quantities import number
from .containers import containers, pairs
from .paths import look_up

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
OVER_THE_NETWORK = ("httpGet", "tcpSocket", "grpc")
# Whoever is stuck for so many seconds has been noticed by somebody else.
PATIENCE = 600

# Less than a tenth of a processor is what a program's own probes are lost on.
LEAST_CPU = 0.1
# Taints of a node that does not answer.
SILENT = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})

# The priorities of what a node cannot do without: anybody else is evicted for them.
SYSTEM = "system-"

# What takes a wall down, by path.
PRIVILEGED = ("securityContext.privileged", True)
OF_EITHER = (
    ("securityContext.runAsNonRoot", False),
    ("securityContext.runAsUser", 0),
    ("securityContext.runAsGroup", 0),
    ("securityContext.seccompProfile.type", "Unconfined"),
    ("securityContext.appArmorProfile.type", "Unconfined"),
)
OF_A_POD = (
    ("hostNetwork", True),
    ("hostPID", True),
    ("hostIPC", True),
    ("shareProcessNamespace", True),
    ("securityContext.fsGroup", 0),
    *OF_EITHER,
)
OF_A_CONTAINER = (
    PRIVILEGED,
    ("securityContext.allowPrivilegeEscalation", True),
    ("securityContext.readOnlyRootFilesystem", False),
    ("securityContext.procMount", "Unmasked"),
    *OF_EITHER,
)
# What is as insecure where nobody says anything.
BY_DEFAULT = frozenset(
    {
        "securityContext.runAsNonRoot",
        "securityContext.runAsGroup",  # who is given a user alone has the group 0
        "securityContext.readOnlyRootFilesystem",
        "securityContext.allowPrivilegeEscalation",
        "securityContext.seccompProfile.type",
    }
)


def weakened(ref: Ref, before: Obj, now: Obj, programs: set[tuple[str, str]]) -> Iterator[str]:
    """Of two pod specs; `programs` are those that each container may run."""
    for field in _missing(before.get("securityContext", {}), now.get("securityContext", {})):
        yield f"{ref} lost its securityContext.{field}"
    for path in _opened(OF_A_POD, before, now):
        yield f"{ref} was left with {path}"
    left = containers(now)
    for place, container in containers(before).items():
        if place not in left:
            yield f"{ref} lost its container {container['name']}"
    yield from weakened_probes(ref, before, now)
    for _, container, after in pairs(before, now):
        name = container["name"]
        limits = after.get("resources", {}).get("limits", {})
        for resource in _missing(container.get("resources", {}).get("limits", {}), limits):
            yield f"{ref} lost the {resource} limit of {name}"
        if "cpu" not in container.get("resources", {}).get("limits", {}) and throttled(limits):
            yield f"{ref} was given a CPU limit of {limits['cpu']} in {name}, which had none"
        for field in _missing(container.get("securityContext", {}), after.get("securityContext", {})):
            yield f"{ref} lost the securityContext.{field} of {name}"
        for run in (program(after), *hooks(after)):
            if (name, run) not in programs:
                yield f"{ref} runs another program in {name}: {run}"
    yield from _more_powerful(ref, before, now)
    for power in sorted(set(powers(now)) - set(powers(before))):
        yield f"{ref} was given {power}"
    for path in sorted(_of_the_node(now) - _of_the_node(before)):
        yield f"{ref} was given {path} of its node"


def powers(pod: Obj) -> Iterator[str]:
    """What lifts a pod above others or out of its walls, whatever value it has."""
    if str(pod.get("priorityClassName", "")).startswith(SYSTEM):
        yield f"the priority {pod['priorityClassName']}"
    if 0 in look_up(pod, "securityContext.supplementalGroups[*]"):
        yield "the group 0"
    for toleration in pod.get("tolerations") or ():
        if yields_to_nothing(toleration):
            yield f"a toleration of {toleration.get('key', 'whatever a node has')}, for ever"
    for name in look_up(pod, "securityContext.sysctls[*].name"):
        yield f"the kernel setting {name}"
    for holder in (pod, *containers(pod).values()):
        for field in ("user", "role", "type"):
            for value in look_up(holder, f"securityContext.seLinuxOptions.{field}"):
                yield f"the SELinux {field} {value}"


def throttled(limits: Obj) -> bool:
    return (number(limits.get("cpu")) or LEAST_CPU) < LEAST_CPU


def yields_to_nothing(toleration: Obj) -> bool:
    """Whether its pod stays on a node that is gone, or goes where nobody should."""
    if "key" not in toleration:
        return toleration.get("operator") == "Exists"
    evicts = toleration.get("effect", "NoExecute") == "NoExecute" and "tolerationSeconds" not in toleration
    return evicts and toleration["key"] in SILENT


def _of_the_node(pod: Obj) -> set[str]:
    return {str(volume["hostPath"].get("path")) for volume in pod.get("volumes", ()) if "hostPath" in volume}


def weakened_probes(ref: Ref, before: Obj, now: Obj) -> Iterator[str]:
    """Probes that are gone, or that are there and find nothing."""
    for _, container, after in pairs(before, now):
        for kind in PROBES:
            what = f"the {kind} of {container['name']}"
            if kind not in container:
                if kind == "startupProbe" and kind in after and "livenessProbe" in container:
                    yield from _impatient(f"{ref} was given {what}", {}, after[kind])
            elif kind not in after:
                yield f"{ref} lost {what}"
            else:
                left = f"{ref} was left with {what}"
                yield from _blunted(left, container[kind], after[kind])
                yield from _misdirected(left, (container, container[kind]), (after, after[kind]), now)


def program(container: Obj) -> str:
    """What it runs; how its text ends makes no other program of it."""
    words = [*container.get("command", ()), *container.get("args", ())]
    runs = " ".join(word.rstrip() if "\n" in word else word for word in words) or "the image's own"
    return f"{runs}, in {container['workingDir']}" if container.get("workingDir") else runs


def hooks(container: Obj) -> Iterator[str]:
    """What it runs beside its program, when it starts and before it stops; to wait is to run nothing."""
    for when, handler in sorted((container.get("lifecycle") or {}).items()):
        for how, what in handler.items() if isinstance(handler, dict) else ():
            if how != "sleep":
                yield f"{when} {how} {' '.join(what.get('command', ())) or what.get('path', '')}".rstrip()


def _blunted(what: str, before: Obj, now: Obj) -> Iterator[str]:
    asked = next((handler for handler in OVER_THE_NETWORK if handler in before), "")
    if asked and "exec" in now:
        yield f"{what} as a command where it was {asked}: {' '.join(now['exec'].get('command', ()))}"
    elif asked in ("httpGet", "grpc") and "tcpSocket" in now:
        yield f"{what} that only asks whether somebody listens, where it was {asked}"
    yield from _impatient(what, before, now)


def _impatient(what: str, before: Obj, now: Obj) -> Iterator[str]:
    for told, patience in (
        ("needs {}s to find anything", _patience),
        ("begins after {}s", _delay),
        ("waits {}s for who does not end", _grace),
    ):
        allowed, needed = max(PATIENCE, patience(before)), patience(now)
        if needed > allowed:
            yield f"{what} so patient that it {told.format(needed)}; {allowed}s are the most"


def _patience(probe: Obj) -> int:
    """How long a container that runs may be stuck until the probe has found it, in seconds."""
    every = max(probe.get("periodSeconds", 10), probe.get("timeoutSeconds", 1))
    return int(every * probe.get("failureThreshold", 3))


def _misdirected(what: str, was: tuple[Obj, Obj], is_now: tuple[Obj, Obj], pod: Obj) -> Iterator[str]:
    """A container and its probe, which asks somebody else than its container, or nobody."""
    (had, before), (has, now) = was, is_now
    for handler in OVER_THE_NETWORK:
        asked, asks = before.get(handler), now.get(handler)
        if asks is None:
            continue
        if asks.get("host") and not (asked or {}).get("host"):
            yield f"{what} that asks another host: {asks['host']}"
        ports = _ports(has)
        if not ports or (asked is not None and _port(asked, had) is None):
            continue
        port = _port(asks, has)
        if port is None:
            yield f"{what} that asks a port that the container lacks: {asks.get('port')}"
        elif port not in ports.values() and any(port in _ports(one).values() for one in pod.get("containers", ())):
            yield f"{what} that asks another container: {port}"


def _ports(container: Obj) -> dict[str, int]:
    return {one.get("name", str(one["containerPort"])): one["containerPort"] for one in container.get("ports") or ()}


def _port(handler: Obj, container: Obj) -> int | None:
    port = handler.get("port")
    return port if isinstance(port, int) else _ports(container).get(str(port))


def _grace(probe: Obj) -> int:
    return int(probe.get("terminationGracePeriodSeconds", 0))


def _delay(probe: Obj) -> int:
    return int(probe.get("initialDelaySeconds", 0))


def _more_powerful(ref: Ref, before: Obj, now: Obj) -> Iterator[str]:
    """A container that came with the repair is no weaker than before.

    It must have no power over the node, and nobody saw what it writes on the data.
    """
    had = containers(before)
    claims = {
        one["name"]: one["persistentVolumeClaim"].get("claimName")
        for one in now.get("volumes") or ()
        if "persistentVolumeClaim" in one and not one["persistentVolumeClaim"].get("readOnly")
    }
    for place, container in containers(now).items():
        known = had.get(place, {})
        for mount in () if known else container.get("volumeMounts") or ():
            if mount["name"] in claims and not mount.get("readOnly"):
                yield f"{ref} was given {container['name']}, which may write to {claims[mount['name']]}"
        for path in _opened(OF_A_CONTAINER if known else (PRIVILEGED,), known, container, before):
            yield f"{ref} was left with {path} in {container['name']}"
        for capability in sorted(_capabilities(container, "add") - _capabilities(known, "add")):
            yield f"{ref} was given the capability {capability} in {container['name']}"
        for capability in sorted(_capabilities(known, "drop") - _capabilities(container, "drop")):
            yield f"{ref} drops the capability {capability} no more in {container['name']}"


def _opened(table: tuple[tuple[str, Any], ...], before: Obj, now: Obj, pod: Obj | None = None) -> Iterator[str]:
    """Who writes out what held before, for the pod or by default, opens nothing."""
    for path, insecure in table:
        held = look_up(before, path) or look_up(pod or {}, path) or ([insecure] if path in BY_DEFAULT else [])
        if look_up(now, path) == [insecure] != held:
            yield f"{path}: {json.dumps(insecure)}"


def _capabilities(container: Obj, what: str) -> set[str]:
    return set(container.get("securityContext", {}).get("capabilities", {}).get(what, ()))


def _missing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return sorted(set(before) - set(now))
