"""Pod Security Standards: what a namespace's `pod-security.kubernetes.io/enforce` label keeps out.

A hardened namespace is where a repair that would do elsewhere is refused, so the refusals are in the server's words.
The checks that nothing here would ever fail (Windows, SELinux, AppArmor, sysctls) are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..store import Store
from . import errors

Obj = dict[str, Any]
Violation = tuple[str, str]  # reason, detail

ENFORCE = "pod-security.kubernetes.io/enforce"
_DEFAULT_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
_VOLUMES = frozenset(
    [
        "name",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)


def check(store: Store, pod: Obj) -> None:
    """ApiError 403 if the pod's namespace does not admit it."""
    meta = pod["metadata"]
    space = store.get("namespaces", "", meta["namespace"])
    labels = (space or {}).get("metadata", {}).get("labels") or {}
    level = labels.get(ENFORCE, "privileged")
    if level not in ("baseline", "restricted"):
        return
    found = violations(pod["spec"], level)
    if found:
        version = labels.get(f"{ENFORCE}-version", "latest")
        shown = ", ".join(f"{reason} ({detail})" for reason, detail in found)
        why = f'violates PodSecurity "{level}:{version}": {shown}'
        raise errors.forbidden("pods", meta.get("name") or meta.get("generateName", ""), why)


def violations(spec: Obj, level: str) -> list[Violation]:
    checks = _BASELINE if level == "baseline" else _RESTRICTED
    return [found for one in checks for found in one(spec)]


def _containers(spec: Obj) -> list[Obj]:
    sections = ("initContainers", "containers", "ephemeralContainers")
    return [one for section in sections for one in spec.get(section) or ()]


def _security(one: Obj) -> Obj:
    return one.get("securityContext") or {}


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _named(bad: list[str], noun: str = "container") -> str:
    return f"{noun}{'' if len(bad) == 1 else 's'} {_quoted(bad)}"


def _escalation(spec: Obj) -> Iterator[Violation]:
    bad = [one["name"] for one in _containers(spec) if _security(one).get("allowPrivilegeEscalation") is not False]
    if bad:
        detail = f"{_named(bad)} must set securityContext.allowPrivilegeEscalation=false"
        yield "allowPrivilegeEscalation != false", detail


def _capabilities_baseline(spec: Obj) -> Iterator[Violation]:
    added = {
        one["name"]: [c for c in _capabilities(one).get("add") or () if c not in _DEFAULT_CAPABILITIES]
        for one in _containers(spec)
    }
    bad = [name for name, odd in added.items() if odd]
    if bad:
        odd = sorted({capability for name in bad for capability in added[name]})
        detail = f"{_named(bad)} must not include {_quoted(odd)} in securityContext.capabilities.add"
        yield "non-default capabilities", detail


def _capabilities(one: Obj) -> Obj:
    return _security(one).get("capabilities") or {}


def _capabilities_restricted(spec: Obj) -> Iterator[Violation]:
    found = _containers(spec)
    keeping = [one["name"] for one in found if "ALL" not in (_capabilities(one).get("drop") or ())]
    details = [f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]'] if keeping else []
    adding = {one["name"]: set(_capabilities(one).get("add") or ()) - {"NET_BIND_SERVICE"} for one in found}
    bad = [name for name, odd in adding.items() if odd]
    if bad:
        odd = sorted(set().union(*(adding[name] for name in bad)))
        details.append(f"{_named(bad)} must not include {_quoted(odd)} in securityContext.capabilities.add")
    if details:
        yield "unrestricted capabilities", "; ".join(details)


def _host_namespaces(spec: Obj) -> Iterator[Violation]:
    bad = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    if bad:
        yield "host namespaces", ", ".join(bad)


def _host_paths(spec: Obj) -> Iterator[Violation]:
    bad = [one["name"] for one in spec.get("volumes") or () if one.get("hostPath")]
    if bad:
        yield "hostPath volumes", _named(bad, "volume")


def _host_ports(spec: Obj) -> Iterator[Violation]:
    ports = {
        one["name"]: [p["hostPort"] for p in one.get("ports") or () if p.get("hostPort")] for one in _containers(spec)
    }
    bad = [name for name, found in ports.items() if found]
    if bad:
        numbers = sorted({str(port) for name in bad for port in ports[name]})
        noun = "hostPort" if len(numbers) == 1 else "hostPorts"
        yield "hostPort", f"{_named(bad)} {'uses' if len(bad) == 1 else 'use'} {noun} {', '.join(numbers)}"


def _privileged(spec: Obj) -> Iterator[Violation]:
    bad = [one["name"] for one in _containers(spec) if _security(one).get("privileged")]
    if bad:
        yield "privileged", f"{_named(bad)} must not set securityContext.privileged=true"


def _volumes(spec: Obj) -> Iterator[Violation]:
    odd = {one["name"]: sorted(set(one) - _VOLUMES) for one in spec.get("volumes") or ()}
    bad = [name for name, kinds in odd.items() if kinds]
    if bad:
        kinds = sorted({kind for name in bad for kind in odd[name]})
        noun = "restricted volume type" if len(kinds) == 1 else "restricted volume types"
        detail = f"{_named(bad, 'volume')} {'uses' if len(bad) == 1 else 'use'} {noun} {_quoted(kinds)}"
        yield "restricted volume types", detail


def _not_root(spec: Obj) -> Iterator[Violation]:
    for_all = _security(spec).get("runAsNonRoot")
    said = {one["name"]: _security(one).get("runAsNonRoot") for one in _containers(spec)}
    setters = ["pod"] if for_all is False else []
    wrong = [name for name, value in said.items() if value is False]
    if wrong:
        setters.append(_named(wrong))
    if setters:
        yield "runAsNonRoot != true", f"{' and '.join(setters)} must not set securityContext.runAsNonRoot=false"
        return
    silent = [name for name, value in said.items() if value is None]
    if silent and not for_all:
        yield "runAsNonRoot != true", f"pod or {_named(silent)} must set securityContext.runAsNonRoot=true"


def _user(spec: Obj) -> Iterator[Violation]:
    setters = ["pod"] if _security(spec).get("runAsUser") == 0 else []
    wrong = [one["name"] for one in _containers(spec) if _security(one).get("runAsUser") == 0]
    if wrong:
        setters.append(_named(wrong))
    if setters:
        yield "runAsUser=0", f"{' and '.join(setters)} must not set runAsUser=0"


def _profile(one: Obj) -> Any:
    return (_security(one).get("seccompProfile") or {}).get("type")


def _seccomp(spec: Obj, unset_is_bad: bool) -> Iterator[Violation]:
    allowed = ("RuntimeDefault", "Localhost")
    for_all = _profile(spec)
    said = {one["name"]: _profile(one) for one in _containers(spec)}
    setters = ["pod"] if for_all and for_all not in allowed else []
    wrong = [name for name, value in said.items() if value and value not in allowed]
    if wrong:
        setters.append(_named(wrong))
    if setters:
        values = sorted({value for value in (for_all, *said.values()) if value and value not in allowed})
        yield (
            "seccompProfile",
            f"{' and '.join(setters)} must not set securityContext.seccompProfile.type to {_quoted(values)}",
        )
        return
    silent = [name for name, value in said.items() if not value]
    if unset_is_bad and silent and not for_all:
        wanted = '"RuntimeDefault" or "Localhost"'
        yield "seccompProfile", f"pod or {_named(silent)} must set securityContext.seccompProfile.type to {wanted}"


Check = Callable[[Obj], Iterator[Violation]]
_BASELINE: tuple[Check, ...] = (
    _capabilities_baseline,
    _host_namespaces,
    _host_paths,
    _host_ports,
    _privileged,
    lambda spec: _seccomp(spec, False),
)
_RESTRICTED: tuple[Check, ...] = (
    _host_namespaces,
    _host_ports,
    _privileged,
    _escalation,
    _capabilities_restricted,
    _volumes,
    _not_root,
    _user,
    lambda spec: _seccomp(spec, True),
)
