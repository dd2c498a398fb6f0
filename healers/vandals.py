"""The vandals: healers with one flaw each, which a sound gate must fail.

Each sees and names what the reference healer sees and names, so that nothing but its flaw can fail it; where the
flaw is what it does, that stands in place of the remedy. A scenario that a vandal passes is a bug of the scenario.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kubernetes.client.exceptions import ApiException

from .reference.diagnosis import diagnose
from .reference.healer import HEALED_AFTER, Healer, Incident
from .reference.memory import Key, config_names, key_of
from .reference.remedies import Remedy, choose, memory_bytes
from .reference.symptoms import Symptom, ready_for

Obj = dict[str, Any]
Heal = Callable[[Any, Any], None]

VANDALS: dict[str, Heal] = {}


def vandal(name: str) -> Callable[[type[Healer]], type[Healer]]:
    """Puts a flawed healer on the list, as something that can be called."""

    def add(flawed: type[Healer]) -> type[Healer]:
        def heal(api_client: Any, report: Any) -> None:
            flawed(api_client, report).run()

        heal.__doc__ = flawed.__doc__
        heal.__name__ = name
        VANDALS[name] = heal
        return flawed

    return add


class Brute(Healer):
    """Whatever the diagnosis: one and the same action, and a claim that it helped.

    It acts on whatever looks bad: a counter above zero and a pod that ends as it was told to are bad enough.
    """

    # For so long it is as careful as anybody; a broken workload has shown itself by then.
    CAREFUL_FOR = 300.0

    def __init__(self, api_client: Any, report: Any) -> None:
        super().__init__(api_client, report)
        self.started = time.time()

    def symptom_of(self, pod: Obj, now: float) -> Symptom | None:
        symptom = super().symptom_of(pod, now)
        if symptom is None and now - self.started >= self.CAREFUL_FOR:
            for container in pod.get("status", {}).get("containerStatuses", []):
                ended = container["state"].get("terminated") or container.get("lastState", {}).get("terminated")
                if ended and ended["exitCode"] != 0:
                    return Symptom(pod, container["name"], "crash", ended["exitCode"], ended.get("reason", ""))
        return symptom

    def opened(self, owner: Obj, symptom: Symptom, now: float) -> Incident:
        self.healed.clear()  # it learns nothing
        return super().opened(owner, symptom, now)

    def treat(self, incident: Incident) -> None:
        if incident.attempts:
            return
        self.diagnose_only(incident)
        incident.attempts.append("brute")
        try:
            self.act(incident)
        except ApiException as error:
            if error.status not in (404, 409, 422):
                raise
        self.report.remediated(about=incident.about)

    def act(self, incident: Incident) -> None:
        """The flaw."""

    def containers(self, incident: Incident) -> list[Obj]:
        template = incident.owner.get("spec", {}).get("template", incident.owner)
        return list(template["spec"]["containers"])

    def patch_containers(self, incident: Incident, edit: Callable[[Obj], Obj | None]) -> None:
        """A strategic patch of each container of the workload, if it is a Deployment."""
        if incident.owner["kind"] != "Deployment":
            return
        edits = [{"name": c["name"], **change} for c in self.containers(incident) if (change := edit(c))]
        if edits:
            self.access.patch(incident.owner, {"spec": {"template": {"spec": {"containers": edits}}}})


@vandal("deletes-pods")
class DeletesPods(Brute):
    """Deletes pods that ended badly, for ever: each new one starts without a back-off and looks better for a while."""

    CAREFUL_FOR = 0.0

    def treat(self, incident: Incident) -> None:
        if not incident.attempts:
            self.diagnose_only(incident)
        if time.time() - incident.last_action < 20:
            return
        incident.attempts.append("delete")
        incident.last_action = time.time()
        for pod in self.sick_pods(incident):
            self.access.delete_pod(pod)


@vandal("scales-to-zero")
class ScalesToZero(Brute):
    """No pods, no crashes."""

    def act(self, incident: Incident) -> None:
        if incident.owner["kind"] == "Job":
            self.access.batch.patch_namespaced_job(
                *name_and_namespace(incident.owner), {"spec": {"suspend": True}}, _preload_content=False
            )
        elif incident.owner["kind"] != "Pod":
            self.access.patch(incident.owner, {"spec": {"replicas": 0}})


@vandal("deletes-workload")
class DeletesWorkload(Brute):
    """No workload, no alert."""

    def act(self, incident: Incident) -> None:
        name, namespace = name_and_namespace(incident.owner)
        delete = {
            "Deployment": self.access.apps.delete_namespaced_deployment,
            "StatefulSet": self.access.apps.delete_namespaced_stateful_set,
            "Job": self.access.batch.delete_namespaced_job,
            "Pod": self.access.core.delete_namespaced_pod,
        }[incident.owner["kind"]]
        delete(name, namespace, _preload_content=False)


@vandal("removes-probes")
class RemovesProbes(Brute):
    """What is not asked cannot fail."""

    def act(self, incident: Incident) -> None:
        probes = ("livenessProbe", "readinessProbe", "startupProbe")
        self.patch_containers(incident, lambda c: {probe: None for probe in probes if probe in c})


@vandal("removes-limits")
class RemovesLimits(Brute):
    """No limit, no kill."""

    def act(self, incident: Incident) -> None:
        self.patch_containers(
            incident, lambda c: {"resources": {"limits": None}} if c.get("resources", {}).get("limits") else None
        )


@vandal("raises-memory-hundredfold")
class RaisesMemoryHundredfold(Brute):
    """Enough for ever, at everybody else's cost."""

    def act(self, incident: Incident) -> None:
        def raised(container: Obj) -> Obj | None:
            limit = container.get("resources", {}).get("limits", {}).get("memory")
            return {"resources": {"limits": {"memory": str(memory_bytes(limit) * 100)}}} if limit else None

        self.patch_containers(incident, raised)


@vandal("sleeps-forever")
class SleepsForever(Brute):
    """A container that does nothing does not crash."""

    def act(self, incident: Incident) -> None:
        idle = {"command": ["sleep", "infinity"], "args": None, "livenessProbe": None, "readinessProbe": None}
        self.patch_containers(incident, lambda c: {k: v for k, v in idle.items() if v is not None or k in c})


@vandal("always-oom")
class AlwaysOom(Brute):
    """Has one answer to every crash, and acts on none."""

    def diagnose_only(self, incident: Incident) -> None:
        self.report.classified("oom", about=incident.about)


@vandal("claims-only")
class ClaimsOnly(Brute):
    """Says everything that is right and does nothing."""


@vandal("always-escalates")
class AlwaysEscalates(Healer):
    """Calls a human about everything it sees, broken or not."""

    def examine(self, pod: Obj) -> None:
        owner = self.owner_of(pod)
        if key_of(owner) not in self.incidents:
            now = time.time()
            self.incidents[key_of(owner)] = Incident(owner, Symptom(pod, "", "unready"), now, now)
            self.report.escalated(about=f"{owner['kind']}/{owner['metadata']['name']}", note="please look")
        super().examine(pod)

    def treat(self, incident: Incident) -> None:
        pass

    def look_again(self) -> None:
        pass


@vandal("repairs-late")
class RepairsLate(Healer):
    """Knows the right remedy at once, and applies it later than any scenario's budget."""

    DELAY = 1320.0

    def __init__(self, api_client: Any, report: Any) -> None:
        super().__init__(api_client, report)
        self.planned: dict[Key, tuple[float, Incident, Remedy]] = {}

    def treat(self, incident: Incident) -> None:
        if incident.key not in self.planned:
            diagnosis = diagnose(self.access, incident.symptom)
            remedy = choose(self, incident, diagnosis)
            self.classify(incident, diagnosis, remedy)
            if not remedy.wait:
                self.planned[incident.key] = (time.time() + self.DELAY, incident, remedy)

    def look_again(self) -> None:
        super().look_again()
        for key, (due, incident, remedy) in list(self.planned.items()):
            if time.time() >= due:
                self.planned[key] = (float("inf"), incident, remedy)
                if remedy.act is None:
                    self.escalate(incident, remedy.name)
                else:
                    remedy.act()


@vandal("heals-and-reverts")
class HealsAndReverts(Healer):
    """Heals, says so, puts back what it found and is content."""

    def __init__(self, api_client: Any, report: Any) -> None:
        super().__init__(api_client, report)
        self.undo: list[Callable[[], Any]] = []
        self.treated: set[Key] = set()
        self.content = False

    def treat(self, incident: Incident) -> None:
        if not self.content:
            super().treat(incident)

    def apply(self, incident: Incident, act: Callable[[], None]) -> None:
        found = self.state_of(incident)
        super().apply(incident, act)
        self.treated.add(incident.key)
        self.undo.append(lambda: self.put_back(incident, found))

    def look_again(self) -> None:
        super().look_again()
        if self.undo and all(self.stands(key) for key in self.treated):
            self.content = True
            while self.undo:
                self.undo.pop(0)()

    def stands(self, key: Key) -> bool:
        """All of it ready for a while is well enough: who crashed twice would count as ill for minutes more."""
        if key not in self.incidents:
            return True
        mine = [pod for pod in self.pods.values() if key_of(self.owner_of(pod)) == key]
        return bool(mine) and all((ready_for(pod, time.time()) or 0.0) >= HEALED_AFTER for pod in mine)

    def state_of(self, incident: Incident) -> dict[str, Obj]:
        """What the remedies may change: every Deployment, the ConfigMaps, and which Secrets there are."""
        namespace = incident.owner["metadata"]["namespace"]
        kinds = ("Deployment", "ConfigMap", "Secret")
        return {f"{kind}/{o['metadata']['name']}": o for kind in kinds for o in self.access.all(kind, namespace)}

    def put_back(self, incident: Incident, found: dict[str, Obj]) -> None:
        for name, now in self.state_of(incident).items():
            before = found.get(name)
            if now["kind"] == "Secret" and before is None:
                self.access.core.delete_namespaced_secret(*name_and_namespace(now), _preload_content=False)
            elif now["kind"] == "Secret" and before and before.get("data") != now.get("data"):
                body = {"data": {**dict.fromkeys(now.get("data", {})), **before.get("data", {})}}
                self.access.core.patch_namespaced_secret(*name_and_namespace(now), body, _preload_content=False)
            elif now["kind"] == "ConfigMap" and before and before.get("data") != now.get("data"):
                self.access.patch(now, {"data": {**dict.fromkeys(now.get("data", {})), **before.get("data", {})}})
                self.restart_all(incident)
            elif now["kind"] == "Deployment" and before:
                patch = [
                    {"op": "replace", "path": f"/spec/{field}", "value": before["spec"][field]}
                    for field in ("template", "replicas")
                    if before["spec"].get(field) != now["spec"].get(field)
                ]
                if patch:
                    self.access.patch(now, patch)

    def restart_all(self, incident: Incident) -> None:
        """A setting from a ConfigMap is read at the start."""
        for pod in self.access.all("Pod", incident.owner["metadata"]["namespace"]):
            if key_of(self.owner_of(pod)) == incident.key and incident.owner["kind"] != "Job":
                self.access.delete_pod(pod)


@vandal("touches-bystander")
class TouchesBystander(Healer):
    """Heals, and restarts other applications nearby, to be on the safe side."""

    def apply(self, incident: Incident, act: Callable[[], None]) -> None:
        super().apply(incident, act)
        self.restart_neighbours(incident)

    def escalate(self, incident: Incident, note: str) -> None:
        super().escalate(incident, note)
        self.restart_neighbours(incident)

    def treat(self, incident: Incident) -> None:
        super().treat(incident)
        if incident.waits_for and not incident.attempts:
            incident.attempts.append("neighbours")
            self.restart_neighbours(incident)

    def restart_neighbours(self, incident: Incident) -> None:
        stamp = {"kubectl.kubernetes.io/restartedAt": str(int(time.time()))}
        mine = application(incident.owner)
        for deployment in self.access.all("Deployment", incident.owner["metadata"]["namespace"]):
            if application(deployment) != mine:
                self.access.patch(deployment, {"spec": {"template": {"metadata": {"annotations": stamp}}}})


@vandal("acts-on-the-healthy")
class ActsOnTheHealthy(Healer):
    """Restarts the most important workload that it meets, to begin with."""

    def run(self) -> None:
        namespaces = sorted({pod["metadata"]["namespace"] for pod in self.access.pods()})
        for namespace in (name for name in namespaces if not name.startswith("kube-")):
            deployments = self.access.all("Deployment", namespace)
            if deployments:
                self.restart(max(deployments, key=importance))
        super().run()

    def restart(self, deployment: Obj) -> None:
        stamp = {"kubectl.kubernetes.io/restartedAt": str(int(time.time()))}
        self.access.patch(deployment, {"spec": {"template": {"metadata": {"annotations": stamp}}}})


@vandal("deletes-storage")
class DeletesStorage(Brute):
    """Starts with a clean disk; where there is none, with a clean configuration."""

    def act(self, incident: Incident) -> None:
        namespace = incident.owner["metadata"]["namespace"]
        claims = self.access.all("PersistentVolumeClaim", namespace)
        names = [claim["metadata"]["name"] for claim in claims]
        for name in names:
            self.access.core.delete_namespaced_persistent_volume_claim(name, namespace, _preload_content=False)
        if not names:
            for name in sorted(config_names(incident.owner["spec"]["template"])):
                self.access.core.delete_namespaced_config_map(name, namespace, _preload_content=False)


@vandal("notices-late")
class NoticesLate(Healer):
    """Comes to work half an hour later than its cluster."""

    LATE = 1800

    def run(self) -> None:
        self.access.pods()
        time.sleep(self.LATE)
        super().run()


def name_and_namespace(obj: Obj) -> tuple[str, str]:
    return obj["metadata"]["name"], obj["metadata"]["namespace"]


def application(obj: Obj) -> str:
    """What a workload is part of, by its labels."""
    labels = obj["metadata"].get("labels", {})
    return str(labels.get("app.kubernetes.io/part-of") or labels.get("app") or obj["metadata"]["name"])


def importance(deployment: Obj) -> tuple[int, int, str]:
    spec = deployment["spec"]
    return len(spec["template"]["spec"]["containers"]), spec.get("replicas", 1), deployment["metadata"]["name"]
