"""Namespaces of a shared cluster, lent to trials.

The names are few and the same for every run on the cluster, since each healer's fence must hide all but its own
(`wire/fence.py`), also those that are lent later. A name is taken by creating a ConfigMap of that name in the harness's
own namespace, which no healer sees: nothing on the lent namespace itself says what it is for. The ConfigMap names the
owner, so that the next run can take away what a killed one left. The trap is somebody's namespace that happens to have
such a name: only one that is younger than its ConfigMap is ours.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..evidence import Obj
from ..problems import HarnessError
from ..wire.upstream import Unreachable
from .neutral import namespace_name
from .owner import Owner
from .seam import Answer, Rest

HOME = "healgate"
# So many names there are; how many are lent at once is the cluster's capacity.
POOL = 64
FREE_WITHIN = 3600.0
USABLE_WITHIN = 60.0
GONE_WITHIN = 180.0
LOOK_AGAIN = 1.0

_NAMESPACES = "/api/v1/namespaces"
_WORKLOADS = tuple(
    f"/apis/{group}/v1/namespaces/{{namespace}}/{plural}"
    for group, plural in (
        ("batch", "cronjobs"),
        ("batch", "jobs"),
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("apps", "daemonsets"),
        ("apps", "replicasets"),
    )
)
_LENT = f"{_NAMESPACES}/{HOME}/configmaps"


class Lending:
    """Lends the namespaces of one cluster."""

    def __init__(self, rest: Rest, capacity: int, say: Callable[[str], None] = lambda _text: None) -> None:
        self._rest = rest
        self._capacity = max(1, min(capacity, POOL))
        self._say = say
        self._pool: tuple[str, ...] = ()
        # Whose end the cluster had no time for: nobody else takes from an owner that lives.
        self._unreturned: set[str] = set()

    @property
    def pool(self) -> tuple[str, ...]:
        """Every name that may ever be lent on this cluster."""
        if not self._pool:
            system = _expect(self._rest.request("GET", f"{_NAMESPACES}/kube-system"), "read namespace kube-system")
            draw = random.Random(hashlib.sha256(system["metadata"]["uid"].encode()).hexdigest())
            names: dict[str, None] = {}
            while len(names) < POOL:
                names[namespace_name(draw)] = None
            self._pool = tuple(names)
        return self._pool

    def take(self, seed: str) -> str:
        """A fresh namespace, ready for pods; waits while all are lent."""
        self._open_home()
        names = list(self.pool[: self._capacity])
        random.Random(f"{seed}/namespace").shuffle(names)
        over = time.monotonic() + FREE_WITHIN
        while True:
            lent = {note["metadata"]["name"] for note in self._notes()}
            for name in names:
                if name not in lent and self._take(name):
                    self._unreturned.discard(name)
                    return name
            if time.monotonic() > over:
                raise HarnessError(f"none of the {self._capacity} namespaces came free within {FREE_WITHIN:g}s")
            self.sweep()
            time.sleep(LOOK_AGAIN)

    def give_back(self, name: str) -> bool:
        """Delete it and wait until it is gone. False: it is still there and stays noted; the next sweep tries again."""
        self._unreturned.add(name)
        if gone := self._taken_away(name):
            self._unreturned.discard(name)
        return gone

    def _taken_away(self, name: str) -> bool:
        note = self._rest.request("GET", f"{_LENT}/{name}")
        there = self._rest.request("GET", f"{_NAMESPACES}/{name}")
        if not all(answer.ok or answer.code == 404 for answer in (note, there)):
            return False  # a server that is too busy to say is asked again with the next sweep
        if there.ok and note.ok and _is_ours(there.body, note.body):
            self._empty(name)
            self._rest.request("DELETE", f"{_NAMESPACES}/{name}")
            over = time.monotonic() + GONE_WITHIN
            while self._rest.request("GET", f"{_NAMESPACES}/{name}").code != 404:
                if time.monotonic() > over:
                    return False
                time.sleep(LOOK_AGAIN / 2)
        self._rest.request("DELETE", f"{_LENT}/{name}")
        return True

    def _empty(self, name: str) -> None:
        """Nothing in it is worth a grace period. A namespace that finds pods waits for half of the longest one, where
        something has a finalizer, as claims do, for eight seconds, and then looks through all kinds again. So these go
        first, and before them whatever would make new pods."""
        for workloads in _WORKLOADS:
            path = workloads.format(namespace=name)
            self._rest.request("DELETE", path, body={"kind": "DeleteOptions", "propagationPolicy": "Background"})
        self._rest.request("DELETE", f"{_NAMESPACES}/{name}/pods", {"gracePeriodSeconds": "0"})
        self._rest.request("DELETE", f"{_NAMESPACES}/{name}/persistentvolumeclaims")

    def keep(self, name: str) -> None:
        """It outlives its run, until a person deletes it."""
        self._rest.request("PATCH", f"{_LENT}/{name}", body={"data": {"kept": "true"}},
                           content_type="application/merge-patch+json")  # fmt: skip

    def sweep(self) -> list[str]:
        """Take back what dead processes on this machine left; what was done, in words."""
        done = []
        for note in self._notes():
            name, data = note["metadata"]["name"], note.get("data", {})
            if "pid" not in data:
                continue
            if data.get("kept") and self._rest.request("GET", f"{_NAMESPACES}/{name}").code == 404:
                self._rest.request("DELETE", f"{_LENT}/{name}")
            elif name in self._unreturned and Owner.read(data) == Owner.me():  # others may have it by now
                self.give_back(name)
            elif not data.get("kept") and Owner.read(data).is_dead and self.give_back(name):
                done.append(f"deleted the namespace {name} that a killed run had left")
        return done

    def foreign(self) -> list[str]:
        """What is lent to others, in words: nobody here can tell whether they live."""
        return [
            f"namespace {note['metadata']['name']} is lent to {Owner.read(note['data'])}"
            for note in self._notes()
            if "pid" in note.get("data", {}) and not Owner.read(note["data"]).is_here
        ]

    def close(self) -> None:
        """Take the harness's own namespace away, unless somebody still needs it."""
        with suppress(Unreachable):
            listed = self._rest.request("GET", _LENT)
            if listed.ok and not any("pid" in note.get("data", {}) for note in listed.body["items"]):
                self._rest.request("DELETE", f"{_NAMESPACES}/{HOME}")

    def _notes(self) -> list[Obj]:
        listed = self._rest.request("GET", _LENT)
        found: list[Obj] = listed.body["items"] if listed.ok else []
        return found

    # -- one name

    def _open_home(self) -> None:
        over = time.monotonic() + GONE_WITHIN
        while True:
            there = self._rest.request("GET", f"{_NAMESPACES}/{HOME}")
            if there.ok and "deletionTimestamp" not in there.body["metadata"]:
                return
            if there.code == 404:
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}}
                answer = self._rest.request("POST", _NAMESPACES, body=body)
                if answer.code != 409:
                    _expect(answer, f"create namespace {HOME}")
            if time.monotonic() > over:
                raise HarnessError(f"namespace {HOME} could not be opened within {GONE_WITHIN:g}s")
            time.sleep(LOOK_AGAIN / 10)

    def _take(self, name: str) -> bool:
        note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": Owner.me().as_dict()}
        noted = self._rest.request("POST", _LENT, body=note)
        if noted.code == 409:
            return False
        _expect(noted, f"note that {name} is lent")
        try:
            return self._made(name)
        except HarnessError:
            with suppress(Unreachable):
                self.give_back(name)  # nobody else takes from an owner that lives
            raise

    def _made(self, name: str) -> bool:
        made = self._rest.request(
            "POST", _NAMESPACES, body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )
        if made.code == 409:  # somebody's own, or one that is still going
            self._rest.request("DELETE", f"{_LENT}/{name}")
            return False
        _expect(made, f"create namespace {name}")
        account = f"{_NAMESPACES}/{name}/serviceaccounts/default"
        over = time.monotonic() + USABLE_WITHIN
        while not self._rest.request("GET", account).ok:
            if time.monotonic() > over:
                raise HarnessError(f"namespace {name} has no service account after {USABLE_WITHIN:g}s")
            time.sleep(LOOK_AGAIN / 10)
        return True


def _is_ours(namespace: Obj, note: Obj) -> bool:
    made: str = namespace["metadata"]["creationTimestamp"]
    noted: str = note["metadata"]["creationTimestamp"]
    return made >= noted


def _expect(answer: Answer, what: str) -> Any:
    if not answer.ok:
        said = answer.body.get("message", answer.body) if isinstance(answer.body, dict) else answer.body
        raise HarnessError(f"could not {what}: {answer.code} {said}")
    return answer.body
