"""What the healer remembers of better days: which revision ran well, and what the configuration said then.

The best question to ask of a crash is what changed, and nobody answers it better than somebody who was there before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .access import Access
from .symptoms import seconds

Obj = dict[str, Any]

# A pod that has been ready this long without a restart vouches for its revision.
VOUCHES_AFTER = 15.0

Key = tuple[str, str, str]  # kind, namespace, name


def key_of(obj: Obj) -> Key:
    return obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]


@dataclass
class Memory:
    """The last good state of every workload and of the ConfigMaps beside it."""

    good_hash: dict[Key, str] = field(default_factory=dict)
    config: dict[tuple[str, str], Obj] = field(default_factory=dict)
    replicas: dict[Key, int] = field(default_factory=dict)

    def vouch(self, owner: Key, pod: Obj, now: float) -> None:
        """A ready pod speaks for its revision."""
        revision = pod["metadata"].get("labels", {}).get("pod-template-hash")
        status = pod.get("status", {})
        if revision is None or any(c["restartCount"] for c in status.get("containerStatuses", [])):
            return
        for condition in status.get("conditions", []):
            ready = condition["type"] == "Ready" and condition["status"] == "True"
            if ready and now - seconds(condition["lastTransitionTime"]) >= VOUCHES_AFTER:
                self.good_hash[owner] = revision

    def remember(self, access: Access, namespace: str) -> None:
        """Called while all is well."""
        for config in access.all("ConfigMap", namespace):
            self.config[(namespace, config["metadata"]["name"])] = config
        for kind in ("Deployment", "StatefulSet"):
            for workload in access.all(kind, namespace):
                self.replicas[(kind, namespace, workload["metadata"]["name"])] = workload["spec"].get("replicas", 1)

    def changed_config(self, access: Access, namespace: str, names: set[str]) -> list[tuple[Obj, Obj]]:
        """(as it was, as it is) of the ConfigMaps among `names` whose data changed since all was well."""
        changed = []
        for name in sorted(names):
            before, now = self.config.get((namespace, name)), access.get("ConfigMap", namespace, name)
            if before and now and before.get("data") != now.get("data"):
                changed.append((before, now))
        return changed


def config_names(template: Obj) -> set[str]:
    """The ConfigMaps that a pod template reads."""
    spec, names = template["spec"], set()
    for container in spec.get("containers", []) + spec.get("initContainers", []):
        for source in container.get("envFrom", []):
            names.add(source.get("configMapRef", {}).get("name"))
        for variable in container.get("env", []):
            names.add(variable.get("valueFrom", {}).get("configMapKeyRef", {}).get("name"))
    for volume in spec.get("volumes", []):
        names.add(volume.get("configMap", {}).get("name"))
        for source in volume.get("projected", {}).get("sources", []):
            names.add(source.get("configMap", {}).get("name"))
    return {name for name in names if name and name != "kube-root-ca.crt"}
