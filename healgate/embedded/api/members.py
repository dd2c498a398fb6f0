"""Values of enumerated types: what a field may say, and how a server refuses another.

Which fields have such a type stands in the data file. Most are refused alike; the trap is the rest. A server lists some
values in an order of its own, refuses members whose feature is off, points at the struct around the field, or forgets
the index in a path. All of that is as one of this release answered (`tests/api/enumerated.json`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import Cause, unsupported, wrong

Obj = dict[str, Any]

# The path of the field, what it says, the object that has it, and what it may say.
Refusal = Callable[[str, str, Obj, list[str]], Cause]


@dataclass(frozen=True, slots=True)
class Members:
    """What one field may say."""

    listed: list[str]
    refusal: Refusal
    indexed: bool  # the path has the index of a list's value

    def refused(self, path: str, said: Any, owner: Obj) -> list[Cause]:
        """Of a value that is not listed, or of a list. Nothing is right: it has a default, or may be left out."""
        if not isinstance(said, list):
            return [self.refusal(path, said, owner, self.listed)] if said else []
        return [
            self.refusal(f"{path}[{index}]" if self.indexed else path, one, owner, self.listed)
            for index, one in enumerate(said)
            if one not in self.listed
        ]


def members_of(type_name: str, field: str, values: list[str]) -> Members | None:
    """Of a field of an enumerated type; None if a server does not look."""
    name = f"{type_name.rpartition('.')[2]}.{field}"
    if name in _NOT_ASKED:
        return None
    return Members(_LISTED.get(name, values), _REFUSALS.get(name, _unsupported), name not in _WITHOUT_INDEX)


# The feature is off: a server drops the signal, whatever it is.
_NOT_ASKED = ("Lifecycle.stopSignal",)
_MODES = "accessModes"
_WITHOUT_INDEX = (f"PersistentVolumeClaimSpec.{_MODES}", f"PersistentVolumeSpec.{_MODES}", "ResourceQuotaSpec.scopes")

# In a server's own order, and without what it does not take.
_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
_PREEMPTION = ["PreemptLowerPriority", "Never"]
_TERMINATION = ["File", "FallbackToLogsOnError"]
_SIDE_EFFECTS = ["None", "NoneOnDryRun"]
_LISTED = {
    "Container.terminationMessagePolicy": _TERMINATION,
    "DaemonSetUpdateStrategy.type": ["RollingUpdate", "OnDelete"],
    "EphemeralContainer.terminationMessagePolicy": _TERMINATION,
    "JobSpec.completionMode": ["NonIndexed", "Indexed"],
    "MutatingWebhook.sideEffects": _SIDE_EFFECTS,
    "NetworkPolicyPort.protocol": ["TCP", "UDP", "SCTP"],
    "NetworkPolicySpec.policyTypes": ["Ingress", "Egress"],
    "PodSpec.dnsPolicy": ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    "PodSpec.preemptionPolicy": _PREEMPTION,
    "PodSpec.restartPolicy": ["Always", "OnFailure", "Never"],
    "PriorityClass.preemptionPolicy": _PREEMPTION,
    "ServiceSpec.ipFamilies": ["IPv4", "IPv6"],
    "StorageClass.reclaimPolicy": ["Delete", "Retain"],
    "Taint.effect": _EFFECTS,
    "Toleration.effect": _EFFECTS,
    "Toleration.operator": ["Equal", "Exists"],
    "ValidatingWebhook.sideEffects": _SIDE_EFFECTS,
}


def _unsupported(path: str, said: str, _: Obj, listed: list[str]) -> Cause:
    return unsupported(path, said, listed)


def _no_operator(path: str, said: str, _: Obj, __: list[str]) -> Cause:
    return wrong(path, said, "not a valid selector operator")


def _comparison(path: str, said: str, _: Obj, listed: list[str]) -> Cause:
    """The server names those whose feature is off where one of them was said."""
    return unsupported(path, said, [*listed, "Lt", "Gt"] if said in ("Lt", "Gt") else listed)


def _taint(path: str, said: str, _: Obj, listed: list[str]) -> Cause:
    return unsupported(path.replace("spec.taints", "metadata.taints"), said, listed)


def _bare(path: str) -> str:
    """Without the last index."""
    return re.sub(r"\[\d+\](\.\w+)$", r"\1", path)


def _mount(path: str, said: str, _: Obj, listed: list[str]) -> Cause:
    return unsupported(_bare(path), said, listed)


def _scope_operator(path: str, said: str, _: Obj, __: list[str]) -> Cause:
    return wrong(_bare(path), said, "not a valid selector operator")


def _scope(path: str, said: str, _: Obj, __: list[str]) -> Cause:
    return wrong(_bare(path), said, "unsupported scope")


def _scopes(path: str, _: str, owner: Obj, __: list[str]) -> Cause:
    return wrong(path, owner["scopes"], "unsupported scope")


def _management(path: str, said: str, _: Obj, __: list[str]) -> Cause:
    return wrong(path, said, "must be 'OrderedReady' or 'Parallel'")


def _strategy(path: str, _: str, owner: Obj, listed: list[str]) -> Cause:
    whole = _in_go(owner, {"maxUnavailable": 0, "maxSurge": 0})
    return unsupported(path.removesuffix(".type"), whole, listed)


def _stateful_strategy(path: str, _: str, owner: Obj, __: list[str]) -> Cause:
    whole = _in_go(owner, {"partition": 0, "maxUnavailable": None})
    return wrong(path.removesuffix(".type"), whole, "must be 'RollingUpdate' or 'OnDelete'")


def _in_go(strategy: Obj, zeros: Obj) -> Obj:
    """A strategy as the server's own struct is printed."""
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        rolling = {name[0].upper() + name[1:]: rolling.get(name, zero) for name, zero in zeros.items()}
    return {"Type": strategy["type"], "RollingUpdate": rolling}


_REFUSALS: dict[str, Refusal] = {
    "DaemonSetUpdateStrategy.type": _strategy,
    "DeploymentStrategy.type": _strategy,
    "NodeSelectorRequirement.operator": _no_operator,
    "ResourceQuotaSpec.scopes": _scopes,
    "ScopedResourceSelectorRequirement.operator": _scope_operator,
    "ScopedResourceSelectorRequirement.scopeName": _scope,
    "StatefulSetSpec.podManagementPolicy": _management,
    "StatefulSetUpdateStrategy.type": _stateful_strategy,
    "Taint.effect": _taint,
    "Toleration.operator": _comparison,
    "VolumeMount.mountPropagation": _mount,
}
