"""Everything that one recording is made from, noted while it happens.

The times are those of the cluster's clock; `zero`, the moment when the last object was sent, is taken off at the end.
The trap is a log that is asked for at moments that nobody can find again: an answer is kept with its time, and only of
containers in trouble, since those are the ones that people ask about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..clusters.seam import Answer, Lease, Rest
from ..evidence import Obj, Request, Seen
from .kubectl import REQUEST, Kubectl
from .spoken import Spoken, spoken
from .timeline import Timeline, without_ids

ASK_EVERY = 20.0
LONGEST_LOG = 4000


class Notes:
    """One recording in the making."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.zero: float | None = None
        self.applying = False
        self.timeline = Timeline()
        self.applied: list[Obj] = []
        self.commands: list[Obj] = []
        self._pods: dict[str, Obj] = {}
        self._told: dict[tuple[str, ...], tuple[int, str]] = {}

    def see(self, seen: Seen) -> None:
        self.timeline.see(seen)
        if seen.object["kind"] == "Pod":
            name = seen.object["metadata"]["name"]
            if seen.type == "DELETED":
                self._pods.pop(name, None)
            else:
                self._pods[name] = seen.object

    # -- what is done

    def sent(self, time: float, method: str, path: str, body: Any, content_type: str, answer: Answer) -> None:
        """A request of the harness, which the cluster has answered."""
        if method == "GET" or (said := spoken(method, path, body, content_type)) is None:
            return
        if self.applying and said.words[0] == "create":
            self.apply(time, body)
            return
        refused = not answer.ok and said.words[0] != REQUEST
        message = answer.body.get("message", "") if refused and isinstance(answer.body, dict) else ""
        self._note(time, said, rc=int(refused), stderr=message)

    def apply(self, time: float, obj: Obj) -> None:
        """One of the objects that all begins with; of any kind, since a person chose it."""
        self.applied.append(without_namespace(obj))
        self.zero = time

    def asked_by_healer(self, request: Request) -> None:
        """Only what was done: a conflict is chance."""
        if request.writes and request.accepted:
            said = spoken(request.method, request.path, request.body)
            if said is not None:
                self._note(request.time, said, rc=0, stderr="")

    def ran(self, time: float, words: list[str], stdin: Any, outcome: Mapping[str, Any]) -> None:
        entry = {"t": time, "kubectl": words, **outcome}
        self.commands.append(entry if stdin is None else {**entry, "stdin": stdin})

    def _note(self, time: float, said: Spoken, *, rc: int, stderr: str) -> None:
        stdin = without_namespace(said.stdin) if said.stdin is not None else None
        self.ran(time, list(said.words), stdin, {"rc": rc, "stdout": "", "stderr": stderr})

    # -- logs

    def ask_for_logs(self, lease: Lease) -> None:
        """Now and again and again, of every container that has failed or waits."""
        kubectl = Kubectl(lease.rest, lease.namespace, lease.now)
        for name, pod in list(self._pods.items()):
            for status in _statuses(pod):
                if status["restartCount"] or "running" not in status.get("state", {}):
                    for options in ((), ("--previous",)):
                        self._ask(lease, kubectl, ["logs", name, "-c", status["name"], *options])
        lease.after(ASK_EVERY, lambda: self.ask_for_logs(lease))

    def _ask(self, lease: Lease, kubectl: Kubectl, words: list[str]) -> None:
        time, outcome = lease.now(), kubectl.run(words)
        told = (outcome["rc"], outcome["stdout"] or outcome["stderr"])
        if "(NotFound)" in outcome["stderr"] or len(told[1]) > LONGEST_LOG or self._told.get(tuple(words)) == told:
            return
        self._told[tuple(words)] = told
        self.ran(time, words, None, outcome)

    # -- the end

    def recording(self, lease: Lease, about: Mapping[str, Any]) -> Obj:
        """In the form of all recordings."""
        zero = self.zero if self.zero is not None else lease.now()

        def neutral(text: str) -> str:
            return text.replace(lease.namespace, self.name)

        commands = []
        for one in sorted(self.commands, key=lambda command: float(command["t"])):
            plain = _texts({**one, "t": 0}, lambda text: without_ids(neutral(text)))
            commands.append({**plain, "t": round(one["t"] - zero, 2)})
        return {
            "case": self.name,
            **about,
            # That nothing came after the last entry is something that was seen, too.
            "watched": round(lease.now() - zero, 2),
            "applied": self.applied,
            "timeline": self.timeline.entries(zero, neutral),
            "commands": commands,
        }


class NotedRest:
    """The harness's access, with everything that it changes noted."""

    def __init__(self, rest: Rest, lease: Lease, notes: Notes) -> None:
        self._rest = rest
        self._now = lease.now
        self._notes = notes

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Answer:
        sent = self._now()
        answer = self._rest.request(method, path, query, body, content_type)
        self._notes.sent(sent, method, path, body, content_type, answer)
        return answer


class NotedPool:
    """The same under an official client: it stands where the client keeps its connections."""

    def __init__(self, pool: Any, lease: Lease, notes: Notes) -> None:
        self._pool = pool
        self._now = lease.now
        self._notes = notes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def request(self, method: str, url: str, **more: Any) -> Any:
        sent = self._now()
        answer = self._pool.request(method, url, **more)
        if method != "GET":
            body = more.get("body")
            headers = {key.lower(): value for key, value in (more.get("headers") or {}).items()}
            said = json.loads(body) if isinstance(body, str | bytes) and body else None
            path = urlsplit(url).path
            self._notes.sent(sent, method, path, said, headers.get("content-type", ""), Answer(answer.status, None))
        return answer


def without_namespace(obj: Any) -> Any:
    """As a person writes it: the namespace is chosen when it is applied."""
    if not isinstance(obj, dict) or "metadata" not in obj:
        return obj
    return {**obj, "metadata": {key: one for key, one in obj["metadata"].items() if key != "namespace"}}


def _statuses(pod: Obj) -> list[Obj]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _texts(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_texts(one, change) for one in value]
    return change(value) if isinstance(value, str) else value
