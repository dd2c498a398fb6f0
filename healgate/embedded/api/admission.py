"""What a default API server does to an object between decoding and storing it.

Namespace life cycle, service accounts, priorities, tolerations, service addresses, limit ranges and quotas. The
trap is the name in a refusal: plug-ins that run before the name is generated speak of `pods "web-abc-"`, quota,
which runs after, of the full name.
"""

from __future__ import annotations

from typing import Any

from ..clock import Clock
from ..store import Store
from . import addresses, errors, limitranges, podsecurity, quota, runtimeclasses
from .metadata import generated_name
from .podspec import containers_of, qos_class
from .resources import Resource

Obj = dict[str, Any]

TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"
SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")

IN_USE = "kubernetes.io/pvc-protection"


class Admission:
    """The plug-ins, in the order in which a server runs them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._draw = clock.random("admission")
        self._addresses = addresses.Addresses(store, clock)

    def namespace(self, res: Resource, meta: Obj) -> None:
        """Nothing is made in a namespace that is not there, or going."""
        name = meta["namespace"]
        space = self._store.get("namespaces", "", name)
        if space is None:
            raise errors.not_found("namespaces", name)
        if "deletionTimestamp" in space["metadata"]:
            text = f"namespace {name} is being terminated"
            causes = [{"reason": "NamespaceTerminating", "message": text, "field": "metadata.namespace"}]
            why = f"unable to create new content in namespace {name} because it is being terminated"
            raise errors.forbidden(res.key, meta.get("name") or meta.get("generateName", ""), why, causes)

    def mutate(self, res: Resource, obj: Obj) -> None:
        """Before defaulting and before the name is settled."""
        if res.key == "pods":
            limitranges.fill(self._store, obj)
            self._service_account(obj)
            self._priority(obj)
            runtimeclasses.settle(self._store, obj)
        elif res.key == "persistentvolumeclaims":
            self._storage_class(obj)
            # A claim that is deleted stays for as long as pods use it.
            held = [*obj["metadata"].get("finalizers", ()), IN_USE]
            obj["metadata"]["finalizers"] = list(dict.fromkeys(held))

    def finish(self, res: Resource, obj: Obj) -> None:
        """What looks at the defaulted object."""
        if res.key == "pods":
            _tolerate(obj["spec"])
            obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj["spec"])}
        elif res.key == "services":
            self._addresses.assign(obj, None)

    def update(self, res: Resource, new: Obj, old: Obj) -> None:
        if res.key == "services" and new.get("spec") != old.get("spec"):
            self._addresses.assign(new, old)
        elif res.key == "pods" and new["spec"] is not old["spec"]:
            new["spec"] = dict(new["spec"])
            _tolerate(new["spec"])

    def validate(self, res: Resource, obj: Obj) -> None:
        if res.key == "pods":
            limitranges.check_pod(self._store, obj)
            podsecurity.check(self._store, obj)
        elif res.key == "persistentvolumeclaims":
            limitranges.check_claim(self._store, obj)
        quota.check(self._store, res.key, obj)

    # -- pods

    def _service_account(self, pod: Obj) -> None:
        meta, spec = pod["metadata"], pod.setdefault("spec", {})
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = self._store.get("serviceaccounts", meta["namespace"], name)
        if account is None:
            if name != "default":
                where = f"{meta['namespace']}/{name}"
                why = f'error looking up service account {where}: serviceaccount "{name}" not found'
                raise errors.forbidden("pods", meta.get("name") or meta.get("generateName", ""), why)
            account = {}
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [dict(one) for one in account["imagePullSecrets"]]
        wanted = spec.get("automountServiceAccountToken")
        if wanted is None:
            wanted = account.get("automountServiceAccountToken", True)
        if wanted:
            self._mount_token(spec)

    def _mount_token(self, spec: Obj) -> None:
        containers = list(containers_of(spec))
        bare = [
            c for c in containers if all(m.get("mountPath") != TOKEN_DIRECTORY for m in c.get("volumeMounts") or ())
        ]
        if not bare:
            return
        volumes = spec.get("volumes") or []
        name = next((v["name"] for v in volumes if str(v.get("name", "")).startswith("kube-api-access-")), "")
        if not name:
            name = generated_name("kube-api-access-", self._draw)
            spec["volumes"] = [*volumes, _token_volume(name)]
        for container in bare:
            mount = {"name": name, "readOnly": True, "mountPath": TOKEN_DIRECTORY}
            container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]

    def _priority(self, pod: Obj) -> None:
        spec = pod["spec"]
        name = spec.get("priorityClassName") or ""
        classes = self._store.list("priorityclasses.scheduling.k8s.io")
        chosen: Obj = {}
        if name in SYSTEM_PRIORITIES:
            chosen = {"value": SYSTEM_PRIORITIES[name]}
        elif name:
            found = next((one for one in classes if one["metadata"]["name"] == name), None)
            if found is None:
                meta = pod["metadata"]
                why = f"no PriorityClass with name {name} was found"
                raise errors.forbidden("pods", meta.get("name") or meta.get("generateName", ""), why)
            chosen = found
        else:
            chosen = next((one for one in classes if one.get("globalDefault")), {})
            if chosen:
                spec["priorityClassName"] = chosen["metadata"]["name"]
        settled = {
            "priority": chosen.get("value", 0),
            "preemptionPolicy": chosen.get("preemptionPolicy", "PreemptLowerPriority"),
        }
        for field, told in (
            ("priority", "integer value of priority"),
            ("preemptionPolicy", "string value of PreemptionPolicy"),
        ):
            stated = spec.get(field)
            if stated is not None and stated != settled[field]:
                meta = pod["metadata"]
                why = (
                    f"the {told} ({stated}) must not be provided in pod spec; "
                    f"priority admission controller computed {settled[field]} from the given PriorityClass name"
                )
                raise errors.forbidden("pods", meta.get("name") or meta.get("generateName", ""), why)
        spec |= settled

    def _storage_class(self, claim: Obj) -> None:
        if "storageClassName" in claim.get("spec", {}):
            return
        for one in self._store.list("storageclasses.storage.k8s.io"):
            notes = one["metadata"].get("annotations", {})
            if notes.get("storageclass.kubernetes.io/is-default-class") == "true":
                claim.setdefault("spec", {})["storageClassName"] = one["metadata"]["name"]
                return


def _token_volume(name: str) -> Obj:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    certificate = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": certificate},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def _tolerate(spec: Obj) -> None:
    """300 s on a node that is not ready or unreachable, unless the pod says otherwise."""
    present = spec.get("tolerations") or []
    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for key in _TOLERATED
        if not any(one.get("key", key) == key and one.get("effect", "NoExecute") == "NoExecute" for one in present)
    ]
    if added:
        spec["tolerations"] = [*present, *added]
