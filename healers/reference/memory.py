"""What the healer remembers of better days: which revision ran well, and what the configuration said then.

The best question to ask of a crash is what changed, and nobody answers it better than somebody who was there before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .access import Access
from .symptoms import ready_for

Obj = dict[str, Any]

# A change has to go well for this long before it counts as good.
PROVEN_AFTER = 600.0

Key = tuple[str, str, str]  # kind, namespace, name


def key_of(obj: Obj) -> Key:
    return obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]


@dataclass
class Memory:
    """The good states of every workload, and the ConfigMaps beside it."""

    # workload -> revision (pod-template-hash) -> how long one of its pods was ready
    ready_for: dict[Key, dict[str, float]] = field(default_factory=dict)
    sick: set[tuple[Key, str]] = field(default_factory=set)
    config: dict[tuple[str, str], Obj] = field(default_factory=dict)
    replicas: dict[Key, int] = field(default_factory=dict)
    _lately: dict[Any, tuple[Any, float]] = field(default_factory=dict)

    def vouch(self, owner: Key, pod: Obj, now: float) -> None:
        """A ready pod speaks for its revision, the longer the louder."""
        revision = revision_of(pod)
        ready = ready_for(pod, now)
        if revision and ready is not None:
            known = self.ready_for.setdefault(owner, {})
            known[revision] = max(known.get(revision, 0.0), ready)

    def good_revision(self, owner: Key) -> str | None:
        """The one that ran longest without ever being sick."""
        known = {r: t for r, t in self.ready_for.get(owner, {}).items() if (owner, r) not in self.sick}
        return max(known, key=lambda revision: known[revision]) if known else None

    def remember(self, access: Access, namespace: str, now: float) -> None:
        """Called while all is well. What changed lately may be why it soon will not be, so it has to prove itself."""
        for config in access.all("ConfigMap", namespace):
            self._settle(self.config, (namespace, config["metadata"]["name"]), config, config.get("data"), now)
        for kind in ("Deployment", "StatefulSet"):
            for workload in access.all(kind, namespace):
                replicas = workload["spec"].get("replicas", 1)
                self._settle(self.replicas, (kind, namespace, workload["metadata"]["name"]), replicas, replicas, now)

    def _settle(self, known: dict[Any, Any], key: Any, value: Any, state: Any, now: float) -> None:
        if key not in known:
            known[key] = value
        before, since = self._lately.get(key, (state, now))
        self._lately[key] = (state, since if before == state else now)
        if now - self._lately[key][1] >= PROVEN_AFTER:
            known[key] = value

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


def revision_of(pod: Obj) -> str:
    """Which revision of its Deployment a pod is of; "" if it is of none."""
    return str(pod["metadata"].get("labels", {}).get("pod-template-hash", ""))


ADDRESS = re.compile(r"(?P<host>[a-z][a-z0-9.-]*):\d{2,5}$")


def addresses(template: Obj, config: list[Obj]) -> list[str]:
    """The hosts that a workload is told to talk to, in its environment and its ConfigMaps."""
    values = [v for c in config for v in c.get("data", {}).values()]
    for container in template["spec"].get("containers", []):
        values += [variable.get("value", "") for variable in container.get("env", [])]
    return sorted({found["host"].split(".")[0] for value in values if (found := ADDRESS.match(value.strip()))})
