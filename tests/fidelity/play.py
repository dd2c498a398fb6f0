"""A recording played on an embedded cluster: the same objects applied, the same commands at the same times.

What comes out has the form of a recording. The trap is names in commands: a recorded pod is asked for by the
name that its counterpart has here.
"""

from __future__ import annotations

import re
from typing import Any

from healgate.embedded.store.store import Change

from .kubectl import Kubectl
from .surroundings import answer_again, cluster_for
from .tracks import Recording, call, identify

Obj = dict[str, Any]

KINDS = {
    "deployments.apps": "Deployment",
    "replicasets.apps": "ReplicaSet",
    "statefulsets.apps": "StatefulSet",
    "jobs.batch": "Job",
    "pods": "Pod",
    "events": "Event",
}
RESOURCES = {
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Service": "services",
    "ResourceQuota": "resourcequotas",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ServiceAccount": "serviceaccounts",
    "Pod": "pods",
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
    "DaemonSet": "daemonsets.apps",
    "Job": "jobs.batch",
}

# How often logs are asked for: which answer belongs to which state is found out afterwards.
ASK_EVERY = 1.0


def play(recording: Recording, *, seed: str = "0") -> Recording:
    """Run it; the result can be compared with the recording."""
    return _Play(recording, seed).run()


class _Play:
    def __init__(self, recording: Recording, seed: str) -> None:
        self._recording = recording
        self._namespace: str = recording["case"]
        self._cluster = cluster_for(recording, seed)
        self._kubectl = Kubectl(self._cluster, self._namespace)
        self._timeline: list[Obj] = []
        self._commands: list[Obj] = []
        self._start = 0.0
        self._named = {label: name for name, label in call(identify(recording)).items()}

    def run(self) -> Recording:
        clock, registry = self._cluster.clock, self._cluster.registry
        registry.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace}})
        clock.run_for(2.0)
        self._start = clock.now()
        registry.store.subscribe("*", self._note)
        for obj in self._recording["applied"]:
            registry.create(RESOURCES[obj["kind"]], obj, namespace=self._namespace, manager="kubectl")
        changes = [one for one in self._recording["commands"] if one["kubectl"][0] not in ("logs", "describe", "get")]
        asked = any(one["kubectl"][0] == "logs" for one in self._recording["commands"])
        times = [entry["t"] for entry in (*self._recording["timeline"], *self._recording["commands"])]
        moment = 0.0
        for command in sorted(changes, key=lambda one: float(one["t"])):
            self._run_until(moment, command["t"], ask=asked)
            moment = command["t"]
            self._do(command)
        self._run_until(moment, max(times) + 1.0, ask=asked)
        kept = {key: self._recording[key] for key in ("case", "kubernetes", "runtime", "applied")}
        return {**kept, "timeline": self._timeline, "commands": self._commands}

    def _run_until(self, moment: float, until: float, *, ask: bool) -> None:
        """Let time pass, asking all containers for their logs again and again."""
        while (moment := moment + ASK_EVERY) < until:
            self._cluster.clock.run_until(self._start + moment)
            if ask:
                self._ask()
        self._cluster.clock.run_until(self._start + until)

    def _ask(self) -> None:
        for pod in self._cluster.store.list("pods", self._namespace):
            for status in pod["status"].get("containerStatuses") or ():
                for options in ([], ["--previous"]):
                    words = ["logs", pod["metadata"]["name"], "-c", status["name"], *options]
                    self._commands.append({"t": self._now(), "kubectl": words, **self._kubectl.run(words)})

    def _do(self, command: Obj) -> None:
        words = command["kubectl"]
        if words[0].startswith("("):
            answer_again(self._cluster)
            outcome: Obj = {"rc": 0, "stdout": "", "stderr": ""}
        else:
            outcome = self._kubectl.run([self._here(word) for word in words])
        self._commands.append({"t": command["t"], "kubectl": words, **outcome})

    def _here(self, word: str) -> str:
        """A command's word with the names that this run drew."""
        recorded = {name: label for label, name in self._named.items()}
        mine = {label: name for name, label in call(identify({"timeline": self._timeline})).items()}
        if word in recorded:
            return mine.get(recorded[word], word)
        return re.sub(r"^(\w+/)(.+)$", lambda found: found[1] + mine.get(recorded.get(found[2], ""), found[2]), word)

    # -- recording

    def _now(self) -> float:
        now: float = self._cluster.clock.now()
        return now - self._start

    def _note(self, change: Change) -> None:
        kind = KINDS.get(change.resource)
        obj = change.object
        if kind is None or obj["metadata"].get("namespace") != self._namespace:
            return
        entry: Obj = {"t": self._now(), "kind": kind, "type": change.type}
        if kind == "Event":
            if change.type != "DELETED":
                self._timeline.append({**entry, **_event(obj)})
            return
        entry["name"] = obj["metadata"]["name"]
        if change.type != "DELETED":
            entry.update({part: obj.get(part, {}) for part in ("metadata", "spec", "status")})
        self._timeline.append(entry)


def _event(obj: Obj) -> Obj:
    about = obj["involvedObject"]
    path = f" {about['fieldPath']}" if about.get("fieldPath") else ""
    return {
        "reason": obj["reason"],
        "message": obj["message"],
        "count": obj.get("count") or (obj.get("series") or {}).get("count", 1),
        "eventType": obj["type"],
        "about": f"{about['kind']}/{about['name']}{path}",
    }
