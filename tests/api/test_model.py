"""The server against a dictionary: whatever is written, a watch from any version replays it exactly."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from healgate.embedded.api import ApiWatch

from .conftest import MERGE, Api

URL = "/api/v1/namespaces/default/configmaps"
NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["1", "2", "3"])


class Maps(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.api = Api()
        self.model: dict[str, dict[str, str]] = {}
        self.states: dict[int, dict[str, dict[str, str]]] = {self.api.store.revision: {}}
        self.last = self.api.store.revision

    def _wrote(self, changed: bool) -> None:
        """The revision grew by one if and only if something changed."""
        revision = self.api.store.revision
        assert revision == self.last + (1 if changed else 0)
        self.last = revision
        self.states[revision] = {name: dict(data) for name, data in self.model.items()}

    @rule(name=NAMES, value=VALUES)
    def create(self, name: str, value: str) -> None:
        body = {"metadata": {"name": name}, "data": {"x": value}}
        status = self.api.send("POST", URL, body).status
        assert status == (409 if name in self.model else 201)
        if status == 201:
            self.model[name] = {"x": value}
        self._wrote(status == 201)

    @rule(name=NAMES, value=VALUES, stale=st.booleans())
    def update(self, name: str, value: str, stale: bool) -> None:
        body: dict[str, Any] = {"metadata": {"name": name}, "data": {"x": value}}
        if stale:
            body["metadata"]["resourceVersion"] = "1"
        status = self.api.send("PUT", f"{URL}/{name}", body).status
        if name not in self.model:
            assert status == 404
            self._wrote(False)
            return
        assert status == (409 if stale else 200)
        changed = not stale and self.model[name] != {"x": value}
        if changed:
            self.model[name] = {"x": value}
        self._wrote(changed)

    @rule(name=NAMES, key=st.sampled_from(["x", "y"]), value=st.none() | VALUES)
    def patch(self, name: str, key: str, value: str | None) -> None:
        status = self.api.send("PATCH", f"{URL}/{name}", {"data": {key: value}}, content_type=MERGE).status
        assert status == (200 if name in self.model else 404)
        changed = status == 200 and self.model[name].get(key) != value
        if changed and value is None:
            del self.model[name][key]
        elif changed and value is not None:
            self.model[name][key] = value
        self._wrote(changed)

    @precondition(lambda self: self.model)
    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        status = self.api.send("DELETE", f"{URL}/{name}").status
        assert status == (200 if name in self.model else 404)
        self.model.pop(name, None)
        self._wrote(status == 200)

    @rule(data=st.data())
    def replay(self, data: Any) -> None:
        """From any earlier version, the events lead from the state then to the state now."""
        start = data.draw(st.sampled_from(sorted(self.states)))
        watch = self.api.watch(f"{URL}?watch=1&resourceVersion={start}")
        self._follow(watch, {name: dict(one) for name, one in self.states[start].items()}, start)

    @rule()
    def past(self) -> None:
        for version, state in self.states.items():
            found = self.api.get(f"{URL}?resourceVersion={version}&resourceVersionMatch=Exact")
            assert {one["metadata"]["name"]: one.get("data", {}) for one in found["items"]} == state

    def _follow(self, watch: ApiWatch, state: dict[str, dict[str, str]], version: int) -> None:
        for line in watch.take():
            event = json.loads(line)
            obj = event["object"]
            name = obj["metadata"]["name"]
            assert int(obj["metadata"]["resourceVersion"]) > version
            version = int(obj["metadata"]["resourceVersion"])
            assert (event["type"] == "ADDED") == (name not in state)
            if event["type"] == "DELETED":
                del state[name]
            else:
                state[name] = obj.get("data", {})
            assert state == self.states[version]
        assert state == self.model
        watch.stop()

    @invariant()
    def a_list_shows_the_model(self) -> None:
        found = self.api.get(URL)
        assert {one["metadata"]["name"]: one.get("data", {}) for one in found["items"]} == self.model
        assert found["metadata"]["resourceVersion"] == str(self.last)


TestMaps = Maps.TestCase
TestMaps.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
