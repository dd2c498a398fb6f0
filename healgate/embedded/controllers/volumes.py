"""PersistentVolumeClaims: bound to volumes of one simple dynamic class.

The class binds when a first pod needs the claim, as kind's does. The trap is to bind at once: a claim
without consumers stays Pending for ever, and that is not a fault.
"""

from __future__ import annotations

from ..api.admission import IN_USE
from ..api.quantities import parse
from ..api.registry import Registry
from ..api.selectors import selects
from ..clock import Clock
from ..clock.clock import Timer
from ..events import Recorder
from ..store.store import Change, Obj
from .controller import Controller
from .objects import (
    annotations_of,
    being_deleted,
    beyond_its_containers,
    is_terminal,
    labels_of,
    with_metadata,
)

CLAIMS = "persistentvolumeclaims"
VOLUMES = "persistentvolumes"
CLASSES = "storageclasses.storage.k8s.io"

CLASS = "standard"
PROVISIONER = "rancher.io/local-path"
DEFAULT = "storageclass.kubernetes.io/is-default-class"
NODE = "volume.kubernetes.io/selected-node"

# A local volume is made by a helper pod on the node.
PROVISIONING = 2.0

# Claims that lack something are looked at so often, and each look is told.
LOOKED_AT_EVERY = 15.0

EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)
# A volume that is made cannot be chosen.
NO_SELECTOR = "claim.Spec.Selector is not supported"


def claims_of(pod: Obj) -> list[str]:
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if volume.get("persistentVolumeClaim")
    ]


def unready_claims(registry: Registry, pod: Obj) -> list[tuple[str, bool]]:
    """The pod's claims that are not bound, and whether they wait for a first consumer."""
    found = []
    for name in claims_of(pod):
        claim = registry.find(CLAIMS, pod["metadata"]["namespace"], name)
        if claim is not None and claim.get("status", {}).get("phase") != "Bound":
            found.append((name, _is_lazy(registry, claim)))
    return found


def _is_lazy(registry: Registry, claim: Obj) -> bool:
    if claim["spec"].get("volumeName"):
        return False
    storage = registry.find(CLASSES, "", claim["spec"].get("storageClassName") or "-")
    return storage is not None and storage.get("volumeBindingMode") == "WaitForFirstConsumer"


def choose_node(registry: Registry, namespace: str, claim: str, node: str) -> None:
    def edit(current: Obj) -> Obj:
        if NODE in annotations_of(current):
            return current
        return with_metadata(current, annotations={**annotations_of(current), NODE: node})

    registry.change(CLAIMS, namespace, claim, edit)


class Claims(Controller):
    resource = CLAIMS
    kind = "PersistentVolumeClaim"
    component = "persistentvolume-controller"

    def __init__(self, registry: Registry, clock: Clock) -> None:
        super().__init__(registry, clock)
        self._ready: dict[str, float] = {}
        self._provisioners: dict[str, Recorder] = {}
        self._look: Timer | None = None

    def start(self) -> None:
        if not self.store.list(CLASSES):
            self.registry.create(CLASSES, _standard())
        super().start()
        self.store.subscribe("pods", self._pod_gone, beyond_its_containers)
        self.store.subscribe(VOLUMES, self._volume_changed)

    def _pod_gone(self, change: Change) -> None:
        """A claim in use cannot go; the last pod that used it lets it."""
        if change.type == "DELETED":
            for name in claims_of(change.object):
                self.queue.add(change.object["metadata"]["namespace"], name)

    def _volume_changed(self, change: Change) -> None:
        reference = change.object["spec"].get("claimRef")
        if reference:
            self.queue.add(*_claimed(reference))
            return
        for claim in self.store.list(CLAIMS):
            if claim.get("status", {}).get("phase") != "Bound":
                self.enqueue(claim)

    def own_changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self._release(change.object)
        else:
            super().own_changed(change)

    def sync(self, namespace: str, name: str) -> None:
        claim = self.registry.find(CLAIMS, namespace, name)
        if claim is None:
            return
        if being_deleted(claim):
            self._let_go(claim)
            return
        claim = self._with_class(claim)
        if claim.get("status", {}).get("phase") == "Bound":
            return
        volume = self._existing(claim)
        # Whoever names a volume waits for that one.
        if volume is None and not claim["spec"].get("volumeName"):
            volume = self._provision(claim)
        if volume is not None:
            self._bind(claim, volume)
        elif self._look is None:
            self._look = self.clock.call_later(LOOKED_AT_EVERY, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        for claim in self.store.list(CLAIMS):
            if claim.get("status", {}).get("phase") != "Bound":
                self.enqueue(claim)

    def _with_class(self, claim: Obj) -> Obj:
        """Give a claim that names no class the default one."""
        if claim["spec"].get("storageClassName") is not None:
            return claim
        default = next((one for one in self.store.list(CLASSES) if annotations_of(one).get(DEFAULT) == "true"), None)
        if default is None:
            return claim
        spec = {**claim["spec"], "storageClassName": default["metadata"]["name"]}
        meta = claim["metadata"]
        return self.registry.change(CLAIMS, meta["namespace"], meta["name"], lambda now: {**now, "spec": spec}) or claim

    def _existing(self, claim: Obj) -> Obj | None:
        """The smallest volume that is free, or was made for this claim; the one that it names if it names one."""
        wanted, named = parse(_size(claim)), claim["spec"].get("volumeName")
        fitting = []
        for volume in self.store.list(VOLUMES):
            spec = volume["spec"]
            if named and volume["metadata"]["name"] != named:
                continue
            reference = spec.get("claimRef")
            if reference is not None:
                mine = _claimed(reference) == _identity(claim)
                if mine and reference.get("uid") in (None, claim["metadata"]["uid"]):
                    return volume
                continue
            same_class = spec.get("storageClassName", "") == (claim["spec"].get("storageClassName") or "")
            selected = named or selects(claim["spec"].get("selector") or {}, labels_of(volume))
            modes = set(claim["spec"].get("accessModes") or ()) <= set(spec.get("accessModes") or ())
            large = parse(spec["capacity"]["storage"]) >= wanted
            if same_class and selected and modes and large and not being_deleted(volume):
                fitting.append(volume)
        return min(fitting, key=lambda one: parse(one["spec"]["capacity"]["storage"]), default=None)

    def _provision(self, claim: Obj) -> Obj | None:
        storage = self.registry.find(CLASSES, "", claim["spec"].get("storageClassName") or "-")
        if storage is None:
            if claim["spec"].get("storageClassName"):
                missing = f'storageclass.storage.k8s.io "{claim["spec"]["storageClassName"]}" not found'
                self.event(claim, "Warning", "ProvisioningFailed", missing)
            else:
                text = "no persistent volumes available for this claim and no storage class is set"
                self.event(claim, "Normal", "FailedBinding", text)
            return None
        node = annotations_of(claim).get(NODE)
        if storage.get("volumeBindingMode") == "WaitForFirstConsumer" and node is None:
            self._wait_for_pod(claim)
            return None
        if claim["spec"].get("selector"):
            text = f'failed to provision volume with StorageClass "{storage["metadata"]["name"]}": {NO_SELECTOR}'
            self._by(storage["provisioner"]).event(claim, "Warning", "ProvisioningFailed", text)
            return None
        uid, provisioner = claim["metadata"]["uid"], storage["provisioner"]
        if uid not in self._ready:
            self._ready[uid] = self.clock.now() + PROVISIONING
            if not _in_tree(provisioner):
                self.event(claim, "Normal", "ExternalProvisioning", EXTERNAL.format(provisioner))
                name = "/".join(_identity(claim))
                text = f'External provisioner is provisioning volume for claim "{name}"'
                self._by(provisioner).event(claim, "Normal", "Provisioning", text)
        left = self._ready[uid] - self.clock.now()
        if left > 0:
            self.enqueue(claim, left)
            return None
        del self._ready[uid]
        volume = self.registry.create(VOLUMES, _volume(claim, storage, node))
        done = f"Successfully provisioned volume {volume['metadata']['name']}"
        if _in_tree(provisioner):
            self.event(claim, "Normal", "ProvisioningSucceeded", f"{done} using {provisioner}")
        else:
            self._by(provisioner).event(claim, "Normal", "ProvisioningSucceeded", done)
        return volume

    def _wait_for_pod(self, claim: Obj) -> None:
        namespace, name = _identity(claim)
        users = [pod for pod in self.store.list("pods", namespace) if name in claims_of(pod)]
        waiting = [pod["metadata"]["name"] for pod in users if not (pod["spec"].get("nodeName") or is_terminal(pod))]
        if waiting:
            pods = "pods" if len(waiting) > 1 else "pod"
            text = f"waiting for {pods} {','.join(waiting)} to be scheduled"
            self.event(claim, "Normal", "WaitForPodScheduled", text)
        else:
            text = "waiting for first consumer to be created before binding"
            self.event(claim, "Normal", "WaitForFirstConsumer", text)

    def _by(self, provisioner: str) -> Recorder:
        """A provisioner outside the controller manager tells its own events."""
        if provisioner not in self._provisioners:
            self._provisioners[provisioner] = Recorder(self.registry, self.clock, provisioner)
        return self._provisioners[provisioner]

    def _bind(self, claim: Obj, volume: Obj) -> None:
        meta = claim["metadata"]
        name = volume["metadata"]["name"]
        reference = _reference(claim)

        def take(current: Obj) -> Obj:
            spec = {**current["spec"], "claimRef": reference}
            return {**current, "spec": spec, "status": {"phase": "Bound"}}

        self.registry.change(VOLUMES, "", name, take)
        status = {
            "phase": "Bound",
            "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
        }

        def give(current: Obj) -> Obj:
            marks = {
                **annotations_of(current),
                "pv.kubernetes.io/bind-completed": "yes",
                "pv.kubernetes.io/bound-by-controller": "yes",
            }
            bound = with_metadata(current, annotations=marks)
            return {**bound, "spec": {**current["spec"], "volumeName": name}, "status": status}

        self.registry.change(CLAIMS, meta["namespace"], meta["name"], give)

    def _let_go(self, claim: Obj) -> None:
        namespace, name = _identity(claim)
        if any(name in claims_of(pod) for pod in self.store.list("pods", namespace)):
            return

        def edit(current: Obj) -> Obj:
            kept = [one for one in current["metadata"].get("finalizers", ()) if one != IN_USE]
            return with_metadata(current, finalizers=kept or None)

        self.registry.change(CLAIMS, namespace, name, edit)

    def _release(self, claim: Obj) -> None:
        name = claim["spec"].get("volumeName")
        volume = self.registry.find(VOLUMES, "", name) if name else None
        if volume is None:
            return
        if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            self.registry.change(VOLUMES, "", name, lambda now: with_metadata(now, finalizers=None))
            self.registry.delete(VOLUMES, "", name)
        else:
            self.registry.change(VOLUMES, "", name, lambda now: {**now, "status": {"phase": "Released"}})


def _identity(claim: Obj) -> tuple[str, str]:
    return claim["metadata"]["namespace"], claim["metadata"]["name"]


def _claimed(reference: Obj) -> tuple[str, str]:
    """A reference may be half written; then it means no claim."""
    return reference.get("namespace", ""), reference.get("name", "")


def _size(claim: Obj) -> str:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", "0"))


def _reference(claim: Obj) -> dict[str, str]:
    meta = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
        "apiVersion": "v1",
    }


def _in_tree(provisioner: str) -> bool:
    return provisioner.startswith("kubernetes.io/")


def _volume(claim: Obj, storage: Obj, node: str | None) -> Obj:
    name = f"pvc-{claim['metadata']['uid']}"
    spec: Obj = {
        "capacity": {"storage": _size(claim)},
        "accessModes": claim["spec"].get("accessModes") or ["ReadWriteOnce"],
        "claimRef": _reference(claim),
        "persistentVolumeReclaimPolicy": storage.get("reclaimPolicy", "Delete"),
        "storageClassName": storage["metadata"]["name"],
        "volumeMode": "Filesystem",
        "hostPath": {"path": f"/var/local-path-provisioner/{name}", "type": "DirectoryOrCreate"},
    }
    if node is not None:
        term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": storage["provisioner"]},
        },
        "spec": spec,
    }


def _standard() -> Obj:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": CLASS, "annotations": {DEFAULT: "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": False,
    }
