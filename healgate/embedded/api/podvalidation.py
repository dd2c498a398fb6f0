"""What the server refuses of a pod spec, alone or as a change of a running pod's."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from typing import Any

from . import quantities
from .errors import Cause, duplicate, missing, prohibited, required, unsupported, wrong
from .metadata import LABEL, LABEL_TEXT
from .podspec import containers_of, qos_class

Obj = dict[str, Any]

_ENV = re.compile(r"[^=\x00-\x1f\x7f]+")
CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
MOST_SERVERS = 3
_POLICIES = ["Always", "IfNotPresent", "Never"]
_RESTARTS = ["Always", "Never", "OnFailure"]
_ACTIONS = ["Restart", "RestartAllContainers"]
_OPERATORS = ["In", "NotIn"]

MAY_NOT_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)


def check_port(path: str, port: Any) -> list[Cause]:
    if not isinstance(port, int) or not 0 < port < 65536:
        return [wrong(path, port, "must be between 1 and 65535, inclusive")]
    return []


def check_spec(path: str, spec: Obj) -> list[Cause]:
    found: list[Cause] = []
    volumes = _check_volumes(f"{path}.volumes", spec.get("volumes") or [], found)
    if not spec.get("containers"):
        found.append(required(f"{path}.containers"))
    seen: list[str] = []
    for section in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(section) or ()):
            where = f"{path}.{section}[{index}]"
            found += _check_container(where, container, volumes, section == "containers")
            name = container.get("name")
            if name and name in seen:
                found.append(duplicate(f"{where}.name", name))
            seen.append(name or "")
    found += _check_names(path, spec)
    policy = spec.get("restartPolicy")
    if policy not in ("Always", "OnFailure", "Never"):
        found.append(unsupported(f"{path}.restartPolicy", policy, ["Always", "OnFailure", "Never"]))
    grace = spec.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace < 0:
        found.append(wrong(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0"))
    deadline = spec.get("activeDeadlineSeconds")
    if isinstance(deadline, int) and not 1 <= deadline <= 2**31 - 1:
        why = "must be between 1 and 2147483647, inclusive"
        found.append(wrong(f"{path}.activeDeadlineSeconds", deadline, why))
    return found


def _check_names(path: str, spec: Obj) -> list[Cause]:
    """Whom its programs ask for addresses, and what they know without."""
    found, config = [], spec.get("dnsConfig")
    where, servers = f"{path}.dnsConfig.nameservers", (config or {}).get("nameservers") or []
    if spec.get("dnsPolicy") == "None" and config is None:
        found.append(required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None"))
    elif spec.get("dnsPolicy") == "None" and not servers:
        found.append(required(where, "must provide at least one DNS nameserver when `dnsPolicy` is None"))
    if len(servers) > MOST_SERVERS:
        found.append(wrong(where, servers, f"must not have more than {MOST_SERVERS} nameservers"))
    for index, server in enumerate(servers):
        found += _check_address(f"{where}[{index}]", server)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        found += _check_address(f"{path}.hostAliases[{index}].ip", alias.get("ip", ""))
    return found


def _check_address(path: str, address: str) -> list[Cause]:
    try:
        ip_address(address)
    except ValueError:
        return [wrong(path, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    return []


def _check_volumes(path: str, volumes: list[Obj], found: list[Cause]) -> list[str]:
    names: list[str] = []
    for index, volume in enumerate(volumes):
        name = volume.get("name") or ""
        where = f"{path}[{index}]"
        if not name:
            found.append(required(f"{where}.name"))
        elif not LABEL.fullmatch(name) or len(name) > 63:
            found.append(wrong(f"{where}.name", name, LABEL_TEXT))
        elif name in names:
            found.append(duplicate(f"{where}.name", name))
        names.append(name)
        sources = [key for key in volume if key != "name"]
        if not sources:
            found.append(required(where, "must specify a volume type"))
        found += [prohibited(f"{where}.{key}", "may not specify more than 1 volume type") for key in sources[1:]]
        for kind, key in (
            ("secret", "secretName"),
            ("configMap", "name"),
            ("persistentVolumeClaim", "claimName"),
        ):
            if kind in volume and not volume[kind].get(key):
                found.append(required(f"{where}.{kind}.{key}"))
    return names


def _check_container(path: str, container: Obj, volumes: list[str], main: bool) -> list[Cause]:
    found: list[Cause] = []
    name = container.get("name") or ""
    if not name:
        found.append(required(f"{path}.name"))
    elif not LABEL.fullmatch(name) or len(name) > 63:
        found.append(wrong(f"{path}.name", name, LABEL_TEXT))
    image = container.get("image") or ""
    if not image:
        found.append(required(f"{path}.image"))
    elif image != image.strip():
        found.append(wrong(f"{path}.image", image, "must not have leading or trailing whitespace"))
    if container.get("imagePullPolicy") not in _POLICIES:
        found.append(unsupported(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _POLICIES))
    found += _check_environment(path, container)
    mounts: list[str] = []
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            found.append(missing(f"{where}.name", mount.get("name")))
        if not mount.get("mountPath"):
            found.append(required(f"{where}.mountPath"))
        elif mount["mountPath"] in mounts:
            found.append(wrong(f"{where}.mountPath", mount["mountPath"], "must be unique"))
        mounts.append(mount.get("mountPath", ""))
    found += _check_ports(f"{path}.ports", container.get("ports") or [])
    found += check_resources(f"{path}.resources", container.get("resources") or {})
    sidecar = container.get("restartPolicy") == "Always"
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(kind):
            if main or sidecar:
                found += _check_probe(f"{path}.{kind}", container[kind], kind)
            else:
                why = "must not be set for init containers without restartPolicy=Always"
                found.append(prohibited(f"{path}.{kind}", why))
    return found + _check_restart(path, container)


def _check_restart(path: str, container: Obj) -> list[Cause]:
    found: list[Cause] = []
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is None and rules:
        found.append(required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used"))
    elif policy is not None and policy not in _RESTARTS:
        found.append(unsupported(f"{path}.restartPolicy", policy, _RESTARTS))
    for index, rule in enumerate(rules):
        where = f"{path}.restartPolicyRules[{index}]"
        if rule.get("action") not in _ACTIONS:
            found.append(unsupported(f"{where}.action", rule.get("action", ""), _ACTIONS))
        codes = rule.get("exitCodes")
        if codes is None:
            found.append(required(f"{where}.exitCodes", "must be specified"))
        elif codes.get("operator") not in _OPERATORS:
            found.append(unsupported(f"{where}.exitCodes.operator", codes.get("operator", ""), _OPERATORS))
    return found


def _check_environment(path: str, container: Obj) -> list[Cause]:
    found: list[Cause] = []
    for index, variable in enumerate(container.get("env") or ()):
        where = f"{path}.env[{index}]"
        if not variable.get("name"):
            found.append(required(f"{where}.name"))
        elif not _ENV.fullmatch(variable["name"]):
            why = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            found.append(wrong(f"{where}.name", variable["name"], why))
        source = variable.get("valueFrom")
        if source is None:
            continue
        if variable.get("value"):
            why = "may not be specified when `value` is not empty"
            found.append(wrong(f"{where}.valueFrom", "", why))
        if len(source) != 1:
            why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            if len(source) > 1:
                why = "may not have more than one field specified at a time"
            found.append(wrong(f"{where}.valueFrom", "", why))
        for kind in ("secretKeyRef", "configMapKeyRef"):
            if kind in source:
                found += [
                    required(f"{where}.valueFrom.{kind}.{key}") for key in ("name", "key") if not source[kind].get(key)
                ]
    for index, source in enumerate(container.get("envFrom") or ()):
        if not source.get("configMapRef") and not source.get("secretRef"):
            why = "must specify one of: `configMapRef` or `secretRef`"
            found.append(wrong(f"{path}.envFrom[{index}]", "", why))
    return found


def _check_ports(path: str, ports: list[Obj]) -> list[Cause]:
    found: list[Cause] = []
    names: list[str] = []
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        if "containerPort" not in port:
            found.append(required(f"{where}.containerPort"))
        else:
            found += check_port(f"{where}.containerPort", port["containerPort"])
        if port.get("protocol") not in ("TCP", "UDP", "SCTP"):
            found.append(unsupported(f"{where}.protocol", port.get("protocol"), ["SCTP", "TCP", "UDP"]))
        name = port.get("name")
        if name and name in names:
            found.append(duplicate(f"{where}.name", name))
        names.append(name or "")
    return found


def check_resources(path: str, resources: Obj) -> list[Cause]:
    found: list[Cause] = []
    amounts: dict[str, dict[str, Any]] = {"limits": {}, "requests": {}}
    for section, parsed in amounts.items():
        for name, text in (resources.get(section) or {}).items():
            where = f"{path}.{section}[{name}]"
            try:
                amount = quantities.parse(text)
            except ValueError as error:
                found.append(wrong(where, text, str(error)))
                continue
            if amount < 0:
                found.append(wrong(where, text, "must be greater than or equal to 0"))
            parsed[name] = amount
    for name, amount in amounts["requests"].items():
        if name in amounts["limits"] and amount > amounts["limits"][name]:
            text = resources["requests"][name]
            why = f"must be less than or equal to {name} limit of {resources['limits'][name]}"
            found.append(wrong(f"{path}.requests", text, why))
    return found


_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def _check_probe(path: str, probe: Obj, kind: str) -> list[Cause]:
    found: list[Cause] = []
    handlers = [name for name in _HANDLERS if probe.get(name) is not None]
    if not handlers:
        found.append(required(path, "must specify a handler type"))
    found += [prohibited(f"{path}.{name}", "may not specify more than 1 handler type") for name in handlers[1:]]
    for name in ("httpGet", "tcpSocket", "grpc"):
        port = (probe.get(name) or {}).get("port")
        if probe.get(name) is not None and (isinstance(port, int) or port is None):
            found += check_port(f"{path}.{name}.port", port if port is not None else 0)
    if probe.get("exec") is not None and not probe["exec"].get("command"):
        found.append(required(f"{path}.exec.command"))
    for name in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        value = probe.get(name)
        if isinstance(value, int) and value < 0:
            found.append(wrong(f"{path}.{name}", value, "must be greater than or equal to 0"))
    if kind != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        found.append(wrong(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return found


# -- changes


def check_change(new: Obj, old: Obj) -> list[Cause]:
    """A pod's spec is fixed but for images, deadlines and added tolerations."""
    before, after = old["spec"], new["spec"]
    found: list[Cause] = []
    for section in ("initContainers", "containers"):
        if len(after.get(section) or ()) != len(before.get(section) or ()):
            return [prohibited(f"spec.{section}", "pod updates may not add or remove containers")]
    present = before.get("tolerations") or []
    added = after.get("tolerations") or []
    kept = all(any(_weaker(one, other) for other in added) for one in present)
    allowed = {**after}
    for section in ("initContainers", "containers"):
        if section in before:
            pairs = zip(after[section], before[section], strict=True)
            allowed[section] = [{**one, "image": other.get("image")} for one, other in pairs]
    for name in ("activeDeadlineSeconds", "tolerations"):
        allowed.pop(name, None)
        if name in before:
            allowed[name] = before[name]
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and after.get("terminationGracePeriodSeconds") == 1:
        allowed["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    if allowed.get("schedulingGates") != before.get("schedulingGates"):
        gone = [one for one in before.get("schedulingGates") or () if one not in (after.get("schedulingGates") or ())]
        if gone and all(one in before["schedulingGates"] for one in after.get("schedulingGates") or ()):
            allowed["schedulingGates"] = before["schedulingGates"]
    if allowed != before or not kept:
        found.append(prohibited("spec", MAY_NOT_CHANGE + _difference(before, allowed if kept else after)))
    deadline, was = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if was is not None and (deadline is None or deadline > was):
        why = (
            "must be less than or equal to previous value"
            if deadline is not None
            else "must not update from a positive integer to nil value"
        )
        found.append(wrong("spec.activeDeadlineSeconds", deadline, why))
    return found


def _weaker(old: Obj, new: Obj) -> bool:
    """Whether a toleration is still there, at most with another duration."""
    return {**old, "tolerationSeconds": 0} == {**new, "tolerationSeconds": 0}


def _difference(before: Obj, after: Obj) -> str:
    """What changed, field by field; a real server prints a Go diff here, which nobody parses."""
    lines: list[str] = []
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            lines.append(f"- {key}: {json.dumps(before.get(key), separators=(',', ':'))}")
            lines.append(f"+ {key}: {json.dumps(after.get(key), separators=(',', ':'))}")
    return "\n".join(lines) + "\n"


def check_resize(new: Obj, old: Obj) -> list[Cause]:
    """What the resize subresource accepts: cpu and memory, and no other class of service."""
    before, after = old["spec"], new["spec"]
    found: list[Cause] = []
    notes = old["metadata"].get("annotations", {})
    if "kubernetes.io/config.mirror" in notes:
        return [prohibited("", "static pods cannot be resized")]
    names = [[c.get("name") for c in spec.get("containers") or ()] for spec in (before, after)]
    if names[0] != names[1]:
        return [prohibited("spec.containers", "containers may not be renamed or reordered on resize")]
    statuses = {one.get("name"): one for one in old.get("status", {}).get("containerStatuses") or ()}
    for section in ("initContainers", "containers"):
        pairs = zip(before.get(section) or (), after.get(section) or (), strict=False)
        for index, (one, other) in enumerate(pairs):
            path = f"spec.{section}[{index}].resources"
            found += check_resources(path, other.get("resources") or {})
            found += _check_amounts(path, one, other, section)
            status = statuses.get(one.get("name"), {})
            if one != other and "running" in status.get("state", {}) and "resources" not in status:
                found.append(prohibited("", "Pod running on node without support for resize"))
    if found:
        return found
    if qos_class(before) != qos_class(after):
        found.append(wrong("spec", qos_class(after), "Pod QOS Class may not change as a result of resizing"))
    if _without_amounts(before) != _without_amounts(after):
        found.append(prohibited("spec", "only cpu and memory resources are mutable"))
    return found


def _check_amounts(path: str, one: Obj, other: Obj, section: str) -> list[Cause]:
    found: list[Cause] = []
    for kind in ("requests", "limits"):
        before = (one.get("resources") or {}).get(kind) or {}
        after = (other.get("resources") or {}).get(kind) or {}
        changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
        if any(name not in ("cpu", "memory") for name in changed):
            found.append(prohibited("spec", "only cpu and memory resources are mutable"))
        if any(name in before and name not in after for name in changed):
            found.append(prohibited(f"{path}.{kind}", f"resource {kind} cannot be removed"))
        if changed and section == "initContainers" and one.get("restartPolicy") != "Always":
            policies = {rule.get("restartPolicy") for rule in one.get("resizePolicy") or ()}
            if "RestartContainer" in policies:
                why = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
                found.append(prohibited("spec", why))
    return found


def _without_amounts(spec: Obj) -> Obj:
    found = dict(spec)
    for section in ("initContainers", "containers"):
        if section in spec:
            found[section] = [{**one, "resources": {}} for one in spec[section]]
    return found


_NOT_EPHEMERAL = ("ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


def check_ephemeral(new: Obj, old: Obj) -> list[Cause]:
    """Ephemeral containers may be added, nothing else."""
    before, after = old["spec"].get("ephemeralContainers") or [], new["spec"].get("ephemeralContainers") or []
    found: list[Cause] = []
    for index, one in enumerate(before):
        if one not in after:
            why = f'existing ephemeral containers "{one["name"]}" may not be removed or changed\n'
            found.append(prohibited(f"spec.ephemeralContainers[{index}]", why.strip()))
    names = [one.get("name") for one in containers_of(old["spec"])]
    for index, one in enumerate(after):
        path = f"spec.ephemeralContainers[{index}]"
        if not one.get("image"):
            found.append(required(f"{path}.image"))
        if one not in before and one.get("name") in names:
            found.append(duplicate(f"{path}.name", one.get("name")))
        found += [
            prohibited(f"{path}.{name}", "cannot be set for an Ephemeral Container")
            for name in _NOT_EPHEMERAL
            if one.get(name)
        ]
    others = ({k: v for k, v in o["spec"].items() if k != "ephemeralContainers"} for o in (old, new))
    first, second = others
    if first != second:
        found.append(prohibited("spec", "only ephemeral containers may be changed through this subresource"))
    return found
