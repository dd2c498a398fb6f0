"""The loop: watch pods, open an incident per workload, diagnose, act, see whether it helped.

The patience is in here. A symptom is looked at again before anything is done, a remedy gets its time before the next
one is tried, and after a few that did not help a human is called, since a healer that goes on trying is a second
fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from kubernetes.client.exceptions import ApiException

from . import remedies
from .access import Access, LogMoving
from .diagnosis import Diagnosis, diagnose, only_slow
from .memory import Key, Memory, key_of, revision_of
from .symptoms import Symptom, find_symptom, waits

Obj = dict[str, Any]

# How often everything is looked at again, changes or not: while something is wrong or on its way, and while nothing is.
PASS = 10
AT_EASE = 60
# How often what is well is written down: often enough, since a change has to prove itself before it counts as good.
REMEMBER_EVERY = 110.0
# How long a remedy gets before the next one.
EFFECT_WITHIN = 90.0
# A workload without symptoms for so long is healed.
HEALED_AFTER = 45.0
# After so many remedies without effect a human is called.
ATTEMPTS = 3
# What falls ill again so soon was not healed: what was tried then counts.
ILL_AGAIN_WITHIN = 900.0
# How long something that should pass by itself is given before a human is called.
WAIT_AT_MOST = 900.0
# A log may be of a run that has only begun, and events are told later than states: a crash that nothing explains is
# looked at for so long.
PUZZLED_AT_MOST = 30.0


@dataclass
class Incident:
    """One workload that is not well."""

    owner: Obj
    symptom: Symptom
    opened: float
    last_seen: float
    diagnosis: Diagnosis | None = None
    attempts: list[str] = field(default_factory=list)
    first_action: float = 0.0
    last_action: float = 0.0
    escalated: bool = False
    waits_for: str = ""
    puzzled_since: float = 0.0

    @property
    def key(self) -> Key:
        return key_of(self.owner)

    @property
    def about(self) -> str:
        return f"{self.owner['kind']}/{self.owner['metadata']['name']}"


class Healer:
    """Watches a whole cluster, apart from the system's namespaces."""

    def __init__(self, api_client: Any, report: Any) -> None:
        self.access = Access(api_client)
        self.report = report
        self.memory = Memory()
        self.pods: dict[str, Obj] = {}
        self.incidents: dict[Key, Incident] = {}
        self.healed: dict[Key, Incident] = {}
        self._owners: dict[str, Obj] = {}
        self._remembered = 0.0

    def run(self) -> None:
        for pod in self.access.pods():
            self.notice("ADDED", pod)
        while True:
            self.look_again()
            at_ease = self.at_ease()
            with closing(self.access.pod_changes(AT_EASE if at_ease else PASS)) as changes:
                for kind, pod in changes:
                    self.notice(kind, pod)
                    if at_ease and not self.at_ease():
                        break

    # -- seeing

    def at_ease(self) -> bool:
        """Nothing is wrong, and nothing will be unless a change announces it."""
        return not self.incidents and not any(waits(pod) for pod in self.pods.values())

    def notice(self, kind: str, pod: Obj) -> None:
        meta = pod["metadata"]
        if meta["namespace"].startswith("kube-"):
            return
        if kind == "DELETED":
            self.pods.pop(meta["uid"], None)
            return
        self.pods[meta["uid"]] = pod
        self.examine(pod)

    def examine(self, pod: Obj) -> None:
        now = time.time()
        symptom = self.symptom_of(pod, now)
        owner = self.owner_of(pod)
        if symptom is None:
            self.memory.vouch(key_of(owner), pod, now)
            return
        self.memory.sick.add((key_of(owner), revision_of(pod)))
        incident = self.incidents.get(key_of(owner))
        if incident is None:
            incident = self.opened(owner, symptom, now)
            self.incidents[incident.key] = incident
            self.report.detected(about=incident.about, note=symptom.what)
        incident.symptom, incident.last_seen = symptom, now
        with suppress(LogMoving):
            self.treat(incident)

    def opened(self, owner: Obj, symptom: Symptom, now: float) -> Incident:
        incident = Incident(owner, symptom, now, now)
        before = self.healed.pop(incident.key, None)
        if before is not None and now - before.last_seen < ILL_AGAIN_WITHIN:
            incident.attempts, incident.first_action = before.attempts, before.first_action
        return incident

    def look_again(self) -> None:
        """What no change announces: time that passed."""
        for pod in list(self.pods.values()):
            self.examine(pod)
        now = time.time()
        for incident in list(self.incidents.values()):
            if now - incident.last_seen >= HEALED_AFTER and self.well(incident):
                self.healed[incident.key] = self.incidents.pop(incident.key)
                if incident.attempts:
                    self.report.remediated(about=incident.about, note=", ".join(incident.attempts))
        if not self.incidents and now - self._remembered >= REMEMBER_EVERY:
            self._remembered = now
            for namespace in sorted({pod["metadata"]["namespace"] for pod in self.pods.values()}):
                self.memory.remember(self.access, namespace, now)

    def sick_pods(self, incident: Incident) -> list[Obj]:
        now = time.time()
        mine = [pod for pod in self.pods.values() if key_of(self.owner_of(pod)) == incident.key]
        return [pod for pod in mine if self.symptom_of(pod, now)]

    def symptom_of(self, pod: Obj, now: float) -> Symptom | None:
        symptom = find_symptom(pod, now)
        return None if symptom is not None and only_slow(self.access, symptom) else symptom

    def well(self, incident: Incident) -> bool:
        """Nothing of the workload shows a symptom, and something of it is there."""
        mine = [pod for pod in self.pods.values() if key_of(self.owner_of(pod)) == incident.key]
        return bool(mine) and not self.sick_pods(incident)

    def owner_of(self, pod: Obj) -> Obj:
        """The workload that a pod belongs to, through its ReplicaSet; a bare pod is its own."""
        return self._climb(pod)

    def _climb(self, obj: Obj) -> Obj:
        for owner in obj["metadata"].get("ownerReferences", []):
            if owner.get("controller"):
                if owner["uid"] not in self._owners:
                    found = self.access.get(owner["kind"], obj["metadata"]["namespace"], owner["name"])
                    self._owners[owner["uid"]] = self._climb(found) if found else obj
                return self._owners[owner["uid"]]
        return obj

    # -- acting

    def treat(self, incident: Incident) -> None:
        now = time.time()
        if incident.escalated or now - incident.last_action < EFFECT_WITHIN:
            return
        diagnosis = diagnose(self.access, incident.symptom)
        remedy = remedies.choose(self, incident, diagnosis)
        unexplained = diagnosis.unexplained or (diagnosis.cause == "exit" and remedy.act is None and not remedy.wait)
        incident.puzzled_since = (incident.puzzled_since or now) if unexplained else 0.0
        if unexplained and now - incident.puzzled_since < PUZZLED_AT_MOST:
            return
        self.classify(incident, diagnosis, remedy)
        if remedy.wait:
            incident.waits_for = remedy.name
            if now - incident.opened > WAIT_AT_MOST:
                self.escalate(incident, f"waited in vain: {remedy.name}")
            return
        if remedy.act is None or len(incident.attempts) >= ATTEMPTS:
            tried = f" after {', '.join(incident.attempts)}" if incident.attempts else ""
            self.escalate(incident, f"{remedy.name}{tried}: {diagnosis.note}")
            return
        try:
            self.apply(incident, remedy.act)
        except ApiException as error:
            if error.status == 409:
                return  # somebody else changed it meanwhile: look again
            self.escalate(incident, f"{remedy.name} was refused: {error.status} {error.reason}")
            return
        incident.attempts.append(remedy.name)
        incident.last_action = time.time()
        incident.first_action = incident.first_action or incident.last_action

    def diagnose_only(self, incident: Incident) -> None:
        """Say what it is, without a thought for the remedy."""
        diagnosis = diagnose(self.access, incident.symptom)
        self.classify(incident, diagnosis, remedies.choose(self, incident, diagnosis))

    def classify(self, incident: Incident, diagnosis: Diagnosis, remedy: remedies.Remedy) -> None:
        if incident.diagnosis is None or (remedy.act and incident.diagnosis.crash_class != diagnosis.crash_class):
            incident.diagnosis = diagnosis
            self.report.classified(diagnosis.crash_class, about=incident.about, note=diagnosis.note)

    def apply(self, _incident: Incident, act: Callable[[], None]) -> None:
        act()

    def escalate(self, incident: Incident, note: str) -> None:
        incident.escalated = True
        self.report.escalated(about=incident.about, note=note)


def heal(api_client: Any, report: Any) -> None:
    """The reference healer, for `--healer reference`."""
    Healer(api_client, report).run()
