"""A recording played on an embedded cluster: the same objects applied, the same commands at the same times.

What comes out has the form of a recording. The trap is names in commands: a recorded pod is asked for by the
name that its counterpart has here.
"""

from __future__ import annotations

import re
from typing import Any

from healgate.actor.effects import Unsupported
from healgate.embedded.api.errors import ApiError
from healgate.embedded.store.store import Change

from .kubectl import Kubectl, Unknown
from .surroundings import LEAD, cluster_for
from .tracks import Recording, call, identify, only_looks

Obj = dict[str, Any]

# What a recorder notes, and is told of; further kinds if it has noted any of them.
KINDS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Pod", "Event")

# How often logs are asked for: which answer belongs to which state is found out afterwards.
ASK_EVERY = 1.0
# And how soon after a pod's status has changed.
ASK_AFTER = 0.004


class NotPlayed(Exception):
    """Something in the recording is not known here; guessing would play something else."""

    def __init__(self, when: float, what: str) -> None:
        super().__init__(f"{what} (at {when:.0f} s)")
        self.when = when
        self.what = what


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
        self._errors: dict[tuple[str, ...], str] = {}
        self._start = 0.0
        noted = {entry["kind"] for entry in recording["timeline"]} - {"EndpointSlice"}
        self._kinds = noted.union(KINDS)
        told = {entry["about"].partition("/")[0] for entry in recording["timeline"] if entry["kind"] == "Event"}
        self._told_of = told.union(KINDS)
        self._asking = any(one["kubectl"][0] == "logs" for one in recording["commands"])
        self._named = {label: name for name, label in call(identify(recording)).items()}

    def run(self) -> Recording:
        clock, registry = self._cluster.clock, self._cluster.registry
        registry.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace}})
        clock.run_for(LEAD)
        self._start = clock.now()
        registry.store.subscribe("*", self._note)
        self._apply()
        changes = [one for one in self._recording["commands"] if not only_looks(one)]
        times = [entry["t"] for entry in (*self._recording["timeline"], *self._recording["commands"])]
        times.append(self._recording.get("watched", 0.0))
        moment = 0.0
        for command in sorted(changes, key=lambda one: float(one["t"])):
            self._run_until(moment, command["t"])
            moment = command["t"]
            self._do(command)
        self._run_until(moment, max(times, default=0.0) + 1.0)
        kept = {key: self._recording[key] for key in ("case", "applied")}
        return {**kept, "timeline": self._timeline, "commands": self._commands}

    def _apply(self) -> None:
        for obj in self._recording["applied"]:
            try:
                self._kubectl.make(obj)
            except ApiError as problem:
                what = f"{obj['kind']} {obj['metadata']['name']} was refused: {problem.message}"
                raise NotPlayed(0.0, what) from None
            except Unknown as problem:
                raise NotPlayed(0.0, f"{problem} is not known here") from None

    def _run_until(self, moment: float, until: float) -> None:
        """Let time pass, asking all containers for their logs again and again."""
        while (moment := moment + ASK_EVERY) < until:
            self._pass(moment)
            if self._asking:
                for pod in self._cluster.store.list("pods", self._namespace):
                    self._ask(pod)
        self._pass(until)

    def _pass(self, moment: float) -> None:
        try:
            self._cluster.clock.run_until(self._start + moment)
        except Unsupported as problem:
            raise NotPlayed(self._now(), f"{problem} is not known here") from None

    def _ask_soon(self, name: str) -> None:
        pod = self._cluster.store.get("pods", self._namespace, name)
        if pod is not None:
            self._ask(pod)

    def _ask(self, pod: Obj) -> None:
        status = pod.get("status") or {}
        for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            for options in ([], ["--previous"]):
                words = ["logs", pod["metadata"]["name"], "-c", one["name"], *options]
                answer = self._kubectl.run(words)
                if answer["stdout"]:
                    answer["errors"] = self._errors_of(words[1:], answer["stdout"])
                self._commands.append({"t": self._now(), "kubectl": words, **answer})

    def _errors_of(self, words: list[str], log: str) -> str:
        """Asked once per log: it is asked for again and again and seldom changes."""
        key = (*words, log)
        if key not in self._errors:
            self._errors[key] = self._kubectl.errors_of(words)
        return self._errors[key]

    def _do(self, command: Obj) -> None:
        words = command["kubectl"]
        try:
            outcome = self._kubectl.run([self._here(word) for word in words], command.get("stdin"))
        except Unknown as problem:
            raise NotPlayed(command["t"], f"kubectl {problem} is not known here") from None
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
        obj = change.object
        kind = obj.get("kind", "")
        if kind not in self._kinds or obj["metadata"].get("namespace") != self._namespace:
            return
        entry: Obj = {"t": self._now(), "kind": kind, "type": change.type}
        if kind == "Event":
            if change.type != "DELETED" and obj["involvedObject"]["kind"] in self._told_of:
                self._timeline.append({**entry, **_event(obj)})
            return
        entry["name"] = obj["metadata"]["name"]
        if change.type != "DELETED":
            entry.update({part: obj.get(part, {}) for part in ("metadata", "spec", "status")})
            if kind == "Pod" and self._asking:
                self._cluster.clock.call_later(ASK_AFTER, self._ask_soon, entry["name"])
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
        "reportingComponent": obj.get("reportingComponent") or (obj.get("source") or {}).get("component", ""),
    }
