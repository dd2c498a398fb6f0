"""A server over an empty cluster, and manifests to start from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from healgate.embedded.api import ApiAnswer, ApiRequest, ApiWatch, Registry, Server
from healgate.embedded.clock import Clock
from healgate.embedded.store import Store

Obj = dict[str, Any]

PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


class Api:
    """Requests against one server, and what came back."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = Store(self.clock)
        self.registry = Registry(self.store, self.clock)
        self.server = Server(self.registry)
        for name in ("default", "kube-system"):
            self.registry.create("namespaces", {"metadata": {"name": name}})

    def send(self, method: str, url: str, body: Any = None, *, user: str = "", **headers: str) -> ApiAnswer:
        answer = self.server.handle(ApiRequest.of(method, url, body, user=user, **headers))
        assert isinstance(answer, ApiAnswer)
        return answer

    def get(self, url: str, **headers: str) -> Obj:
        return self.expect(200, "GET", url, **headers)

    def post(self, url: str, body: Obj, **headers: str) -> Obj:
        return self.expect(201, "POST", url, body, **headers)

    def patch(self, url: str, body: Any, kind: str = STRATEGIC, **headers: str) -> Obj:
        return self.expect(200, "PATCH", url, body, content_type=kind, **headers)

    def expect(self, status: int, method: str, url: str, body: Any = None, **more: str) -> Obj:
        answer = self.send(method, url, body, **more)
        assert answer.status == status, answer.body
        found: Obj = answer.json()
        return found

    def watch(self, url: str, **headers: str) -> ApiWatch:
        found = self.server.handle(ApiRequest.of("GET", url, **headers))
        assert isinstance(found, ApiWatch), found.body
        return found


def events(watch: ApiWatch) -> list[tuple[str, Obj]]:
    lines = [json.loads(line) for line in watch.take()]
    return [(line["type"], line["object"]) for line in lines]


def names(watch: ApiWatch) -> list[tuple[str, str]]:
    return [(kind, obj["metadata"].get("name", "")) for kind, obj in events(watch)]


def pod(name: str = "web", **labels: str) -> Obj:
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "shop:1.4"}]},
    }


def deployment(name: str = "web") -> Obj:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "shop:1.4"}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def job(name: str = "once") -> Obj:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "shop:1.4"}]}}
    return {"metadata": {"name": name}, "spec": {"template": template}}


@pytest.fixture
def api() -> Api:
    return Api()
