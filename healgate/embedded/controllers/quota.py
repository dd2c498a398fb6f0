"""ResourceQuotas' statuses: what a namespace uses of what it may.

Admission counts for itself; this is what people and healers read. The trap is cost: nobody listens to anything
before the first quota is there.
"""

from __future__ import annotations

from fractions import Fraction

from ..api.quantities import canonical
from ..api.quota import in_scope, usage
from ..store.store import Change, Obj
from .controller import Controller

_PLAIN = (
    "pods",
    "services",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
)
_OF_PODS = ("cpu", "memory", "ephemeral-storage")
# Changes are looked at together.
BATCH = 0.05


class Quotas(Controller):
    resource = "resourcequotas"
    kind = "ResourceQuota"
    component = "resourcequota-controller"

    def start(self) -> None:
        self._listening = False
        super().start()

    def own_changed(self, change: Change) -> None:
        super().own_changed(change)
        if not self._listening:
            self._listening = True
            self.store.subscribe("*", self._something_changed)

    def _something_changed(self, change: Change) -> None:
        before = change.before
        if change.resource in ("events", self.resource):
            return
        if before is not None and change.type == "MODIFIED" and change.resource != "pods":
            return
        for quota in self.store.list(self.resource, change.object["metadata"].get("namespace", "")):
            self.enqueue(quota, BATCH)

    def sync(self, namespace: str, name: str) -> None:
        quota = self.registry.find(self.resource, namespace, name)
        if quota is None:
            return
        hard = quota.get("spec", {}).get("hard") or {}
        used: dict[str, Fraction] = {}
        for resource in dict.fromkeys(filter(None, map(_counted, hard))):
            objects = [one for one in self.store.list(resource, namespace) if in_scope(quota, resource, one)]
            used.update(usage(resource, objects))
        shown = {key: canonical(used.get(key, Fraction(0)), str(hard[key])) for key in hard}
        status: Obj = {"hard": dict(hard), "used": shown}
        self.write_status(quota, status)


def _counted(key: str) -> str:
    """The resource whose objects an entry of a quota is about; "" if it is none that is counted here."""
    if key.startswith("count/"):
        return key.removeprefix("count/")
    if key in _PLAIN:
        return key
    if key.startswith("services."):
        return "services"
    if key.endswith("storage") and "ephemeral" not in key:
        return "persistentvolumeclaims"
    return "pods" if key.rpartition(".")[2] in _OF_PODS else ""
