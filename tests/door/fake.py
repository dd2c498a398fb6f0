"""An API server of one resource, for testing the doors without the rest of a cluster."""

from __future__ import annotations

import json
from typing import Any

from healgate.embedded.api import errors
from healgate.embedded.api.errors import ApiError
from healgate.embedded.api.messages import ApiAnswer, ApiRequest, answer
from healgate.embedded.api.watch import ApiWatch
from healgate.embedded.clock import Clock
from healgate.embedded.store import Store
from healgate.embedded.store.encoded import dumps

Obj = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"


class FakeServer:
    """Pods in one namespace: get, list, watch, create, delete; and what tests want to see fail."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.store = Store(clock)
        self.requests: list[ApiRequest] = []
        self.watches: list[ApiWatch] = []
        self.tokens: dict[str, str] = {}
        self.retry_later = 0

    def put(self, name: str, **labels: str) -> Obj:
        meta = {"name": name, "namespace": "default", "labels": labels}
        return self.store.put("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": meta})

    def handle(self, request: ApiRequest) -> ApiAnswer | ApiWatch:
        self.requests.append(request)
        if self.retry_later:
            self.retry_later -= 1
            error = errors.too_many_requests("slow down", retry=7)
            return answer(error.status, error.status_object(), error.headers)
        if request.path == "/broken":
            raise LookupError("a bug")
        try:
            return self._handle(request)
        except ApiError as error:
            return answer(error.status, error.status_object(), error.headers)

    def _handle(self, request: ApiRequest) -> ApiAnswer | ApiWatch:
        name = request.path.removeprefix(PODS).strip("/")
        if not request.path.startswith(PODS):
            raise errors.no_such_path()
        if request.method == "POST":
            body = json.loads(request.body)
            return answer(201, self.put(body["metadata"]["name"]))
        if not name:
            return self._watch(request) if request.flag("watch") else self._list()
        found = self.store.get("pods", "default", name)
        if found is None:
            raise errors.not_found("pods", name)
        if request.method == "DELETE":
            return answer(200, self.store.remove("pods", "default", name))
        if request.method == "PATCH":
            return answer(200, self.put(name, **json.loads(request.body)["metadata"]["labels"]))
        return answer(200, found)

    def _list(self) -> ApiAnswer:
        meta = {"resourceVersion": str(self.store.revision)}
        return answer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": meta, "items": self.store.list("pods")})

    def _watch(self, request: ApiRequest) -> ApiWatch:
        watch = ApiWatch(
            self.store,
            self.clock,
            "pods",
            namespace="default",
            predicate=None,
            encode=lambda _kind, obj, _change: dumps(obj),
            bookmark=None,
            timeout=float(request.param("timeoutSeconds", "1800")),
        )
        watch.start(request.param("resourceVersion"), initial=not request.param("resourceVersion"), marked=False)
        self.watches.append(watch)
        return watch
