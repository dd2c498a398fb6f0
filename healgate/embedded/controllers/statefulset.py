"""StatefulSets: pods with a name each, one after the other.

The trap is what a real one does not do: with OrderedReady a pod that exists and is not Ready ends the sync
before updates are looked at, so that mending the template does not mend a broken pod. It has to be deleted.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from ..api.errors import ApiError, conflict
from ..store.store import Obj
from . import history
from .controller import PodController
from .objects import (
    being_deleted,
    is_available,
    is_ready,
    is_terminal,
    labels_of,
    phase,
    ready_since,
    template_pod,
    with_metadata,
)
from .retention import goes_with_scaling, is_stale, owners_of_claim

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
CLAIMS = "persistentvolumeclaims"

# How often somebody has written to a claim between its being made and its being given its owner.
INTERRUPTED = 0.5


class StatefulSets(PodController):
    resource = "statefulsets.apps"
    kind = "StatefulSet"
    component = "statefulset-controller"

    def start(self) -> None:
        super().start()
        self.follow(history.RESOURCE)
        self._chance = self.clock.random("claims")

    def sync(self, namespace: str, name: str) -> None:
        owner = self.registry.find(self.resource, namespace, name)
        if owner is None:
            return
        pods = {number: pod for pod in self.claim(owner) if (number := _ordinal(owner, pod)) is not None}
        update, known = history.sync_history(self, owner)
        current = _current(owner, update, known)
        status = self._status(owner, pods, current, update)
        problem: ApiError | None = None
        if not being_deleted(owner):
            try:
                self._steer(owner, pods, current, update, status)
            except ApiError as refused:
                problem = refused
        _complete(owner, status)
        shown = {
            key: value
            for key, value in status.items()
            if value or key in ("replicas", "availableReplicas", "collisionCount")
        }
        self.registry.set_status(self.resource, namespace, name, shown, only_if_uid=owner["metadata"]["uid"])
        live = {labels_of(pod).get(history.LABEL, "") for pod in pods.values()}
        history.truncate(self, owner, known, live | {status["currentRevision"], status["updateRevision"]})
        if problem is not None:
            raise problem
        self._await_available(owner, list(pods.values()))

    # -- one step

    def _steer(self, owner: Obj, pods: dict[int, Obj], current: Obj, update: Obj, status: dict[str, Any]) -> None:
        first = (owner["spec"].get("ordinals") or {}).get("start", 0)
        wanted = range(first, first + owner["spec"]["replicas"])
        orderly = owner["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        missing = len(wanted) - sum(number in wanted for number in pods)
        may_make = 1 if orderly else self.ration(owner, missing)
        for number in wanted:
            if number not in pods:
                if not may_make:
                    return
                may_make -= 1
            if self._replace(owner, pods.get(number), number, current, update, orderly) and orderly:
                return
        surplus = sorted((number for number in pods if number not in wanted), reverse=True)
        for number in surplus:
            self._own_claims(owner, pods[number], scaled_away=True)
        sick = [number for number in sorted(pods) if not self._serves(owner, pods[number])]
        for number in surplus:
            pod = pods[number]
            if being_deleted(pod):
                if orderly:
                    return
                continue
            if orderly and number in sick and number != sick[0]:
                return
            self._delete(owner, pod)
            if orderly:
                return
        self._update(owner, pods, wanted, update, status)

    def _replace(self, owner: Obj, pod: Obj | None, number: int, current: Obj, update: Obj, orderly: bool) -> bool:
        """Create or re-create the pod of an ordinal; True if nothing behind it may move yet."""
        if pod is None:
            if not self._waits_for_claim(owner, f"{owner['metadata']['name']}-{number}"):
                self._create(owner, number, current, update)
            return True
        if is_terminal(pod):
            if not being_deleted(pod):
                self._delete(owner, pod)
            return True
        if phase(pod) == "Pending":
            # A claim that somebody deleted meanwhile is made again.
            self._claim_volumes(owner, pod["metadata"]["name"])
            self._own_claims(owner, pod)
        if being_deleted(pod) or not _running_ready(pod):
            return True
        if orderly and not is_available(pod, owner["spec"].get("minReadySeconds", 0), self.clock.now()):
            return True
        if self._own_claims(owner, pod):
            message = f"Update Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']} successful"
            self.event(owner, "Normal", "SuccessfulUpdate", message)
        return False

    def _update(self, owner: Obj, pods: dict[int, Obj], wanted: range, update: Obj, status: dict[str, Any]) -> None:
        """From the top: delete one outdated pod, and wait for a healthy one in its place before the next."""
        strategy = owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        for number in reversed(wanted):
            if number < partition or number not in pods:
                return
            pod = pods[number]
            if labels_of(pod).get(history.LABEL) != update["metadata"]["name"] and not being_deleted(pod):
                self._delete(owner, pod)
                status["currentReplicas"] -= 1
                return
            if not self._serves(owner, pod):
                return

    def _serves(self, owner: Obj, pod: Obj) -> bool:
        """Ready for long enough, and here to stay."""
        if not _running_ready(pod) or being_deleted(pod):
            return False
        return is_available(pod, owner["spec"].get("minReadySeconds", 0), self.clock.now())

    def _await_available(self, owner: Obj, pods: list[Obj]) -> None:
        min_ready = owner["spec"].get("minReadySeconds", 0)
        now = self.clock.now()
        waits = [since + min_ready - now for pod in pods if min_ready and (since := ready_since(pod)) is not None]
        later = [wait for wait in waits if wait > 0]
        if later:
            self.enqueue(owner, min(later))

    # -- pods

    def _create(self, owner: Obj, number: int, current: Obj, update: Obj) -> None:
        meta = owner["metadata"]
        strategy = owner["spec"].get("updateStrategy") or {}
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
        revision = current if rolling and number < partition else update
        name = f"{meta['name']}-{number}"
        pod = template_pod(owner, history.template_of(revision))
        labels = {
            **pod["metadata"]["labels"],
            POD_INDEX: str(number),
            history.LABEL: revision["metadata"]["name"],
            POD_NAME: name,
        }
        pod["metadata"] = {**pod["metadata"], "name": name, "labels": labels}
        spec = {**pod["spec"], "hostname": name}
        if owner["spec"].get("serviceName"):
            spec["subdomain"] = owner["spec"]["serviceName"]
        claims = owner["spec"].get("volumeClaimTemplates") or ()
        mounted = {claim["metadata"]["name"] for claim in claims}
        volumes = [one for one in spec.get("volumes") or () if one["name"] not in mounted]
        fresh = self._claim_volumes(owner, name)
        for claim in claims:
            source = {"claimName": f"{claim['metadata']['name']}-{name}"}
            volumes.append({"name": claim["metadata"]["name"], "persistentVolumeClaim": source})
        if volumes:
            spec["volumes"] = volumes
        try:
            made = self.registry.create("pods", {**pod, "spec": spec})
        except ApiError as problem:
            if problem.reason != "AlreadyExists":
                message = f"Create Pod {name} in StatefulSet {meta['name']} failed error: {problem.message}"
                self.event(owner, "Warning", "FailedCreate", message)
            raise
        self._own_claims(owner, made, interrupted=fresh and self._chance.random() < INTERRUPTED)
        message = f"Create Pod {name} in StatefulSet {meta['name']} successful"
        self.event(owner, "Normal", "SuccessfulCreate", message)

    def _claim_volumes(self, owner: Obj, pod: str) -> bool:
        """Make what claims are missing; True if any was."""
        templates = owner["spec"].get("volumeClaimTemplates") or ()
        return sum(self._claim_volume(owner, one, _claim_name(one, pod), pod) for one in templates) > 0

    def _claim_volume(self, owner: Obj, template: Obj, name: str, pod: str) -> bool:
        namespace = owner["metadata"]["namespace"]
        if self.registry.find(CLAIMS, namespace, name) is not None:
            return False
        labels = {**(template["metadata"].get("labels") or {}), **owner["spec"]["selector"].get("matchLabels", {})}
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": template["spec"],
        }
        self.registry.create(CLAIMS, claim)
        message = f"Create Claim {name} Pod {pod} in StatefulSet {owner['metadata']['name']} success"
        self.event(owner, "Normal", "SuccessfulCreate", message)
        return True

    def _claims_of(self, owner: Obj, pod: str) -> list[Obj]:
        namespace, templates = owner["metadata"]["namespace"], owner["spec"].get("volumeClaimTemplates") or ()
        found = [self.registry.find(CLAIMS, namespace, _claim_name(one, pod)) for one in templates]
        return [claim for claim in found if claim is not None]

    def _waits_for_claim(self, owner: Obj, pod: str) -> bool:
        return goes_with_scaling(owner) and any(is_stale(claim, pod) for claim in self._claims_of(owner, pod))

    def _own_claims(self, owner: Obj, pod: Obj, *, scaled_away: bool = False, interrupted: bool = False) -> bool:
        """Give a pod's claims the owners that the retention policy says; True if any had others."""
        meta, changed = pod["metadata"], False
        for claim in self._claims_of(owner, meta["name"]):
            name = claim["metadata"]["name"]
            references = owners_of_claim(claim, owner, pod, scaled_away=scaled_away)
            if references == (claim["metadata"].get("ownerReferences") or []):
                continue
            if interrupted:
                refused = conflict(CLAIMS, name)
                why = f"could not update claim {name} for delete policy ownerRefs: {refused.message}"
                message = f"Update Pod {meta['name']} in StatefulSet {owner['metadata']['name']} failed error: {why}"
                self.event(owner, "Warning", "FailedUpdate", message)
                raise refused
            changed = True
            hand_over = partial(with_metadata, ownerReferences=references or None)
            self.registry.change(CLAIMS, meta["namespace"], name, hand_over)
        return changed

    def _delete(self, owner: Obj, pod: Obj) -> None:
        meta = pod["metadata"]
        self.registry.delete("pods", meta["namespace"], meta["name"], uid=meta["uid"])
        message = f"Delete Pod {meta['name']} in StatefulSet {owner['metadata']['name']} successful"
        self.event(owner, "Normal", "SuccessfulDelete", message)

    # -- status

    def _status(self, owner: Obj, pods: dict[int, Obj], current: Obj, update: Obj) -> dict[str, Any]:
        """Counted from the pods as they were before this sync."""
        now, min_ready = self.clock.now(), owner["spec"].get("minReadySeconds", 0)
        present = list(pods.values())
        steady = [labels_of(pod).get(history.LABEL) for pod in present if not being_deleted(pod)]
        return {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(present),
            "readyReplicas": sum(_running_ready(pod) for pod in present),
            "currentReplicas": steady.count(current["metadata"]["name"]),
            "updatedReplicas": steady.count(update["metadata"]["name"]),
            "currentRevision": current["metadata"]["name"],
            "updateRevision": update["metadata"]["name"],
            "collisionCount": owner.get("status", {}).get("collisionCount", 0),
            "availableReplicas": sum(_running_ready(pod) and is_available(pod, min_ready, now) for pod in present),
        }


def _claim_name(template: Obj, pod: str) -> str:
    return f"{template['metadata']['name']}-{pod}"


def _ordinal(owner: Obj, pod: Obj) -> int | None:
    match = re.fullmatch(re.escape(owner["metadata"]["name"]) + r"-(\d+)", pod["metadata"]["name"])
    return int(match.group(1)) if match else None


def _current(owner: Obj, update: Obj, known: list[Obj]) -> Obj:
    name = owner.get("status", {}).get("currentRevision")
    return next((one for one in known if one["metadata"]["name"] == name), update)


def _running_ready(pod: Obj) -> bool:
    return phase(pod) == "Running" and is_ready(pod)


def _complete(owner: Obj, status: dict[str, Any]) -> None:
    wanted = owner["spec"]["replicas"]
    if status["updatedReplicas"] == status["readyReplicas"] == status["replicas"] == wanted:
        status["currentReplicas"] = status["updatedReplicas"]
        status["currentRevision"] = status["updateRevision"]
