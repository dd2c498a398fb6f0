"""A lease on nothing: objects by path, time that somebody sets. Enough to see what an action sends."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from healgate.chaos.templates import changed
from healgate.clusters.seam import Answer
from healgate.evidence import Obj, Seen


class FakeLease:
    namespace = "storefront-1a2b"

    def __init__(self) -> None:
        self.rest = FakeRest(self)
        self.requests: list[Any] = []
        self.refused: list[Any] = []
        self.time = 1_790_000_000.0
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.watchers: list[Callable[[Seen], None]] = []
        self.client: Any = None

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        over = self.time + seconds
        while self.due and min(when for when, _ in self.due) <= over:
            self.due.sort(key=lambda one: one[0])
            self.time, call = self.due.pop(0)
            call()
        self.time = over

    def wait(self, until: Callable[[], bool], timeout: float) -> bool:
        self.sleep(0 if until() else timeout)
        return until()

    def watch(self, see: Callable[[Seen], None]) -> None:
        self.watchers.append(see)

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self.due.append((self.time + seconds, call))

    def official_client(self) -> Any:
        return self.client


class FakeRest:
    def __init__(self, lease: FakeLease) -> None:
        self.lease = lease
        self.objects: dict[str, Obj] = {}
        self.sent: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Answer] = {}

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,  # noqa: ARG002 (the seam's)
        body: Any = None,
        content_type: str = "application/json",  # noqa: ARG002
    ) -> Answer:
        self.sent.append((method, path, copy.deepcopy(body)))
        if path in self.answers:
            return self.answers[path]
        if path.startswith("/apis/secrets.shop.example/v1") and "namespaces" not in path:
            names = {"ManagedSecret": "managedsecrets", "ManagedConfig": "managedconfigs"}
            return Answer(200, {"resources": [{"kind": k, "name": n, "namespaced": True} for k, n in names.items()]})
        if method == "POST":
            path = f"{path}/{body['metadata'].get('name', 'generated')}"
            if path in self.objects:
                return Answer(409, {"message": "already exists"})
            return self._keep(path, "ADDED", copy.deepcopy(body))
        if path.removesuffix("/status") not in self.objects:
            listed = [o for p, o in self.objects.items() if p.rpartition("/")[0] == path]
            return Answer(200, {"apiVersion": "v1", "items": listed}) if method == "GET" and listed else Answer(404, {})
        if method == "PATCH":
            target = path.removesuffix("/status")
            return self._keep(target, "MODIFIED", changed(self.objects[target], body))
        if method == "DELETE":
            gone = self.objects.pop(path)
            self._tell("DELETED", gone)
            return Answer(200, gone)
        return Answer(200, self.objects[path])

    def _keep(self, path: str, how: str, obj: Obj) -> Answer:
        obj["metadata"].setdefault("uid", f"uid-{len(self.sent)}")
        if obj["kind"] == "CustomResourceDefinition":
            obj["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        self.objects[path] = obj
        self._tell(how, obj)
        return Answer(200, obj)

    def _tell(self, how: str, obj: Obj) -> None:
        for see in self.lease.watchers:
            see(Seen(self.lease.time, how, obj))

    def writes(self) -> list[tuple[str, str, Any]]:
        return [one for one in self.sent if one[0] != "GET"]
