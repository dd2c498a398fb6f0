"""Finalizers and owners against a model: what is held stays, what belongs to nobody any more goes, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from healgate.embedded.controllers import Controllers

from .conftest import MERGE, Api

URL = "/api/v1/namespaces/default/configmaps"
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
POLICIES = st.sampled_from([None, "Background", "Foreground", "Orphan"])
HOLD = "shop.example/hold"


@dataclass
class Thing:
    uid: str
    owner: str  # a uid
    held: bool = False
    deleting: bool = False
    waits: bool = False  # for what it owns
    version: int = field(default=0, compare=False)


class Ownership(RuleBasedStateMachine):
    """Between two steps the garbage collector has all the time that it wants."""

    def __init__(self) -> None:
        super().__init__()
        self.api = Api()
        Controllers(self.api.registry, self.api.clock).start()
        self.api.clock.run_for(5)
        self.things: dict[str, Thing] = {}

    @rule(name=NAMES, owner=NAMES, held=st.booleans())
    def create(self, name: str, owner: str, held: bool) -> None:
        if name in self.things:
            return
        meta: dict[str, Any] = {"name": name, "finalizers": [HOLD] if held else []}
        above = self.things.get(owner)
        if above is not None:
            meta["ownerReferences"] = [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": above.uid, "blockOwnerDeletion": True}
            ]
        made = self.api.post(URL, {"metadata": meta})["metadata"]
        self.things[name] = Thing(made["uid"], above.uid if above else "", held)
        self._settle()

    @precondition(lambda self: self.things)
    @rule(data=st.data(), policy=POLICIES)
    def delete(self, data: Any, policy: str | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.things)))
        thing = self.things[name]
        before = thing.deleting
        assert self.api.send("DELETE", f"{URL}/{name}", {"propagationPolicy": policy} if policy else None).status == 200
        thing.deleting = True
        if policy == "Orphan" and not before:
            for one in self.things.values():
                one.owner = "" if one.owner == thing.uid else one.owner
        if policy == "Foreground" and not before:
            thing.waits = True
        self._settle()

    @precondition(lambda self: any(one.held for one in self.things.values()))
    @rule(data=st.data())
    def let_go(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(name for name, one in self.things.items() if one.held)))
        found = self.api.get(f"{URL}/{name}")["metadata"].get("finalizers", [])
        left = [one for one in found if one != HOLD]
        self.api.patch(f"{URL}/{name}", {"metadata": {"finalizers": left}}, MERGE)
        self.things[name].held = False
        self._settle()

    @precondition(lambda self: self.things)
    @rule(data=st.data())
    def two_writers(self, data: Any) -> None:
        """Of two who read the same version one wins, and the other is told."""
        name = data.draw(st.sampled_from(sorted(self.things)))
        read = self.api.get(f"{URL}/{name}")
        first = {**read, "data": {"by": str(self.api.store.revision)}}
        assert self.api.send("PUT", f"{URL}/{name}", first).status == 200
        assert self.api.send("PUT", f"{URL}/{name}", {**read, "data": {"by": "the other"}}).status == 409
        assert self.api.get(f"{URL}/{name}")["data"] == first["data"]

    def _settle(self) -> None:
        """Both sides until nothing changes any more."""
        self.api.clock.run_for(30)
        before = None
        while before != repr(self.things):
            before = repr(self.things)
            there = {one.uid: one for one in self.things.values()}
            for one in self.things.values():
                above = there.get(one.owner)
                if one.owner and (above is None or above.waits) and not one.deleting:
                    one.deleting = True
                    one.waits = any(other.owner == one.uid for other in self.things.values())
            owners = {one.owner for one in self.things.values()}
            self.things = {
                name: one
                for name, one in self.things.items()
                if not one.deleting or one.held or (one.waits and one.uid in owners)
            }

    @invariant()
    def what_is_there_is_what_should_be(self) -> None:
        found = {one["metadata"]["name"]: one["metadata"] for one in self.api.get(URL)["items"]}
        found.pop("kube-root-ca.crt", None)
        assert set(found) == set(self.things)
        for name, meta in found.items():
            thing = self.things[name]
            assert meta["uid"] == thing.uid
            assert ("deletionTimestamp" in meta) == thing.deleting
            assert (HOLD in meta.get("finalizers", ())) == thing.held
            version = int(meta["resourceVersion"])
            assert thing.version <= version <= self.api.store.revision
            thing.version = version


TestOwnership = Ownership.TestCase
TestOwnership.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
