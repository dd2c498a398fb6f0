"""From a diagnosis to a remedy: the runbooks' answers, and when there is none.

First question of all: did this begin with a change? Then the change is undone, whatever the class is. Only a workload
that broke without one gets the remedy of its class. Nothing here invents a value, deletes data, removes a guard or
touches a workload that is merely the victim of another.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from .diagnosis import Diagnosis
from .memory import addresses, config_names, key_of
from .symptoms import seconds

if TYPE_CHECKING:
    from .healer import Healer, Incident

Obj = dict[str, Any]


@dataclass(frozen=True)
class Remedy:
    """What to do. Neither `act` nor `wait`: there is no sound remedy, so a human is called."""

    name: str
    act: Callable[[], None] | None = None
    wait: bool = False


def choose(healer: Healer, incident: Incident, diagnosis: Diagnosis) -> Remedy:
    """The table, in order."""
    for rule in RULES:
        if remedy := rule(healer, incident, diagnosis):
            return remedy
    return Remedy("no sound remedy")


# -- what passes by itself


def _passing(healer: Healer, incident: Incident, diagnosis: Diagnosis) -> Remedy | None:
    if diagnosis.cause == "unreachable":
        return Remedy("the registry does not answer; pulls are retried", wait=True)
    if diagnosis.cause == "election":
        if diagnosis.names != LOCAL_API:
            return Remedy(f"leader election is lost: {diagnosis.names} does not answer")
        if _backup_runs(healer, incident):
            return Remedy("a backup slows the API server; leader election recovers by itself", wait=True)
    return None


LOCAL_API = "127.0.0.1:7445"


def _backup_runs(healer: Healer, incident: Incident) -> bool:
    """A backup at work, or just over: whoever lost its lease still waits for its back-off then."""
    return any(
        "backup" in job["metadata"]["name"]
        and (job.get("status", {}).get("active") or _ended_lately(job.get("status", {}).get("completionTime")))
        for job in healer.access.all("Job", incident.owner["metadata"]["namespace"])
    )


def _ended_lately(stamp: str | None) -> bool:
    return stamp is not None and time.time() - seconds(stamp) < 600


# -- somebody else's fault


def _root_elsewhere(healer: Healer, incident: Incident, diagnosis: Diagnosis) -> Remedy | None:
    """It cannot reach something. If that something is there and ill, it is the patient; if it starts, one waits."""
    if diagnosis.cause not in ("address", "election"):
        return None
    namespace = incident.owner["metadata"]["namespace"]
    host, _, port = diagnosis.names.partition(":")
    hosts = [host.split(".")[0]]
    if diagnosis.cause == "election":
        template = incident.owner["spec"]["template"]
        config = [healer.access.get("ConfigMap", namespace, name) for name in sorted(config_names(template))]
        hosts = addresses(template, [c for c in config if c])
    for host in hosts:
        service = healer.access.get("Service", namespace, host)
        if service is None or (port and diagnosis.cause == "address" and not _serves(service, port)):
            continue  # no such address: a wrong setting, so whatever changed is undone
        root = _workload_behind(healer, namespace, service)
        if root is not None and (remedy := _revive(healer, root)):
            return remedy
        if diagnosis.cause == "address":
            return Remedy(f"{host} is well again; the next start will find it", wait=True)
    return None


def _serves(service: Obj, port: str) -> bool:
    return any(str(offered["port"]) == port for offered in service["spec"].get("ports", []))


def _revive(healer: Healer, root: Obj) -> Remedy | None:
    name, wanted = root["metadata"]["name"], root["spec"].get("replicas", 1)
    if wanted == 0:
        replicas = healer.memory.replicas.get(key_of(root)) or 1
        body = {"spec": {"replicas": replicas}}
        return Remedy(f"scale {name} back to {replicas}", lambda: healer.access.patch(root, body))
    status = root.get("status", {})
    if status.get("readyReplicas", 0) < wanted:
        return Remedy(f"{name} is not ready yet", wait=True)
    for condition in status.get("conditions", []):
        if condition["type"] == "Available" and time.time() - seconds(condition["lastTransitionTime"]) < 600:
            return Remedy(f"{name} is back; the next start will find it", wait=True)
    return None


def _workload_behind(healer: Healer, namespace: str, service: Obj) -> Obj | None:
    selector = service["spec"].get("selector") or {}
    for kind in ("Deployment", "StatefulSet"):
        for workload in healer.access.all(kind, namespace):
            labels = workload["spec"]["template"]["metadata"].get("labels", {})
            if selector and all(labels.get(key) == value for key, value in selector.items()):
                return workload
    return None


# -- something is missing


def _missing_object(healer: Healer, incident: Incident, diagnosis: Diagnosis) -> Remedy | None:
    if diagnosis.cause not in ("secret", "credentials"):
        return None
    for name in diagnosis.names.split(","):
        if source := _declared_source(healer, incident, name):
            return Remedy(f"have {name} synchronised from its source", lambda: _ask_for_sync(healer, source))
    return None


def _declared_source(healer: Healer, incident: Incident, secret: str) -> Obj | None:
    """The custom resource that declares where a Secret comes from."""
    namespace = incident.owner["metadata"]["namespace"]
    try:
        found = healer.access.custom.list_namespaced_custom_object(*SOURCE[:2], namespace, SOURCE[2])
    except ApiException as error:
        if error.status == 404:
            return None
        raise
    for source in found["items"]:
        if source["spec"].get("secretName") == secret:
            return dict(source)
    return None


SOURCE = ("secrets.shop.example", "v1", "managedsecrets")


def _ask_for_sync(healer: Healer, source: Obj) -> None:
    meta = source["metadata"]
    body = {"spec": {"refresh": int(source["spec"].get("refresh", 0)) + 1}}
    healer.access.custom.patch_namespaced_custom_object(*SOURCE[:2], meta["namespace"], SOURCE[2], meta["name"], body)


# -- Kafka

ACTUAL = re.compile(r"currently has (?P<actual>\d+) partition")
ASKED = re.compile(r"requested (?P<asked>\d+)|(?P<asked2>\d+) would not be an increase")


def _partitions(healer: Healer, incident: Incident, diagnosis: Diagnosis) -> Remedy | None:
    """A topic's partitions cannot be decreased: the setting goes back to what is there, and the Job is made anew."""
    if diagnosis.cause != "partitions" or incident.owner["kind"] != "Job":
        return None
    actual, asked = ACTUAL.search(diagnosis.note), ASKED.search(diagnosis.note)
    if not (actual and asked):
        return None
    wanted = asked["asked"] or asked["asked2"]
    namespace = incident.owner["metadata"]["namespace"]
    for name in sorted(config_names(incident.owner["spec"]["template"])):
        config = healer.access.get("ConfigMap", namespace, name)
        before = healer.memory.config.get((namespace, name))
        for key, value in (config or {}).get("data", {}).items():
            old = (before or {}).get("data", {}).get(key)
            if config and (value.strip() == wanted or old not in (None, value)):
                mended = actual["actual"] if value.strip() == wanted else old
                return Remedy(f"{key} back to {mended}", partial(_redo, healer, incident, config, key, mended))
    return None


def _redo(healer: Healer, incident: Incident, config: Obj, key: str, value: str | None) -> None:
    healer.access.patch(config, {"data": {key: value}})
    job = healer.access.get("Job", incident.owner["metadata"]["namespace"], incident.owner["metadata"]["name"])
    if job:
        healer.access.recreate_job(job)


# -- it began with a change


def _undo_rollout(healer: Healer, incident: Incident, _diagnosis: Diagnosis) -> Remedy | None:
    """The template changed since it last ran well: go back to the revision that did."""
    good = healer.memory.good_revision(incident.key)
    if incident.owner["kind"] != "Deployment" or good is None:
        return None
    for replica_set in healer.access.all("ReplicaSet", incident.owner["metadata"]["namespace"]):
        labels = replica_set["metadata"].get("labels", {})
        if labels.get("pod-template-hash") == good and _owned_by(replica_set, incident.owner):
            revision = replica_set["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
            return Remedy(f"roll back to revision {revision}", partial(roll_back, healer, incident.owner, replica_set))
    return None


def roll_back(healer: Healer, deployment: Obj, replica_set: Obj) -> None:
    """What `kubectl rollout undo` does: the old ReplicaSet's template becomes the Deployment's."""
    template = replica_set["spec"]["template"]
    labels = {k: v for k, v in template["metadata"]["labels"].items() if k != "pod-template-hash"}
    mended = {**template, "metadata": {**template["metadata"], "labels": labels}}
    healer.access.patch(deployment, [{"op": "replace", "path": "/spec/template", "value": mended}])


def _owned_by(obj: Obj, owner: Obj) -> bool:
    uid = owner["metadata"]["uid"]
    return any(reference["uid"] == uid for reference in obj["metadata"].get("ownerReferences", []))


def _undo_config(healer: Healer, incident: Incident, _diagnosis: Diagnosis) -> Remedy | None:
    """A ConfigMap that it reads changed since all was well: put the old content back and start anew."""
    template = incident.owner.get("spec", {}).get("template")
    if template is None:
        return None
    namespace = incident.owner["metadata"]["namespace"]
    changed = healer.memory.changed_config(healer.access, namespace, config_names(template))
    if not changed:
        return None
    names = ", ".join(now["metadata"]["name"] for _, now in changed)

    def undo() -> None:
        for before, now in changed:
            data = {**dict.fromkeys(now.get("data", {})), **before.get("data", {})}
            healer.access.patch(now, {"data": data})
        restart(healer, incident)

    return Remedy(f"put {names} back", undo)


def restart(healer: Healer, incident: Incident) -> None:
    """Replace the pods that are ill; their controller makes new ones, without a back-off to wait out."""
    for pod in healer.sick_pods(incident):
        healer.access.delete_pod(pod)


# -- the remedy of the class


def _by_class(healer: Healer, incident: Incident, diagnosis: Diagnosis) -> Remedy | None:
    if diagnosis.cause == "memory" and incident.owner["kind"] == "Deployment":
        return _raise_memory(healer, incident)
    if diagnosis.cause in ("liveness", "readiness") and not _restarted_already(incident):
        return Remedy("restart", lambda: restart(healer, incident))
    return None


def _restarted_already(incident: Incident) -> bool:
    """Is it ill again although it was made anew for this?"""
    born = seconds(incident.symptom.pod["metadata"]["creationTimestamp"])
    return "restart" in incident.attempts and born >= incident.first_action - 1


def _raise_memory(healer: Healer, incident: Incident) -> Remedy | None:
    """Twice the limit, inside what the namespace allows, and not more than twice: a leak only crashes later."""
    raised = sum(attempt.startswith("raise") for attempt in incident.attempts)
    container = incident.symptom.container
    limit = _limit(incident.symptom.pod, container)
    cap = _memory_cap(healer, incident)
    if raised >= 2 or limit is None or (cap is not None and limit >= cap):
        return Remedy("memory was raised as far as is sound")
    wanted = min(limit * 2, cap) if cap else limit * 2
    text = f"{wanted // MI}Mi"
    resources = {"limits": {"memory": text}, "requests": {"memory": text}}
    body = {"spec": {"template": {"spec": {"containers": [{"name": container, "resources": resources}]}}}}
    return Remedy(f"raise memory to {text}", lambda: healer.access.patch(incident.owner, body))


MI = 1024 * 1024
UNITS = {"Ki": 1024, "Mi": MI, "Gi": 1024 * MI, "k": 1000, "M": 10**6, "G": 10**9, "": 1}


def memory_bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([A-Za-z]*)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def _limit(pod: Obj, container: str) -> int | None:
    for candidate in pod["spec"]["containers"]:
        if candidate["name"] == container:
            text = candidate.get("resources", {}).get("limits", {}).get("memory")
            return memory_bytes(text) if text else None
    return None


def _memory_cap(healer: Healer, incident: Incident) -> int | None:
    """What the namespace's LimitRanges allow a container."""
    caps = [
        memory_bytes(limit["max"]["memory"])
        for limits in healer.access.all("LimitRange", incident.owner["metadata"]["namespace"])
        for limit in limits["spec"]["limits"]
        if limit["type"] == "Container" and "memory" in limit.get("max", {})
    ]
    return min(caps) if caps else None


RULES: tuple[Callable[[Healer, Incident, Diagnosis], Remedy | None], ...] = (
    _passing,
    _root_elsewhere,
    _missing_object,
    _partitions,
    _undo_config,
    _undo_rollout,
    _by_class,
)
