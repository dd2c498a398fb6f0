"""What hangs below an object's path: scale, logs, eviction, binding, tokens, proxies.

`status`, `resize`, `ephemeralcontainers`, `approval` and `finalize` are ordinary writes through another door and
are handled by the verbs.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from ..clock import seconds_of, stamp
from . import errors
from .cells import selector_text
from .decoding import body_of, checked_object, media_type, patch_of
from .messages import ApiAnswer, ApiRequest, answer, text
from .objects import at, deep_copy, with_at
from .patching import patched
from .resources import Custom, Resource
from .routing import Target
from .selectors import selects
from .streams import Answer, LogStream
from .tables import json_path
from .verbs import dry, manager_of

if TYPE_CHECKING:
    from .server import Server

Obj = dict[str, Any]

SCALE = Resource("autoscaling", "v1", "Scale", "scales", "scale", True)
CREATED: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


class Subresources:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._registry = server.registry
        self._clock = server.registry.clock
        self._choice = self._clock.random("service-proxy")
        self._by_name = {
            "scale": self._scale,
            "log": self._log,
            "eviction": self._eviction,
            "binding": self._binding,
            "token": self._token,
            "proxy": self._proxy,
            "exec": self._upgrade,
            "attach": self._upgrade,
            "portforward": self._upgrade,
        }

    def handles(self, sub: str) -> bool:
        return sub in self._by_name

    def answer(self, request: ApiRequest, target: Target, warnings: list[str]) -> Answer:
        return self._by_name[target.sub](request, target, warnings)

    def _upgrade(self, _: ApiRequest, target: Target, __: list[str]) -> ApiAnswer:
        """Streams need a transport; whoever has one (the HTTP door) takes these before they come here."""
        self._registry.get(target.resource, target.namespace, target.name)
        raise errors.bad_request("Upgrade request required")

    # -- scale

    def _scale(self, request: ApiRequest, target: Target, warnings: list[str]) -> ApiAnswer:
        res = target.resource
        obj = self._registry.get(res, target.namespace, target.name)
        scale = _scale_of(res, obj)
        if request.method == "GET":
            return answer(200, scale)
        if request.method == "PUT":
            wanted = checked_object(SCALE, request, warnings)
            meta = wanted.setdefault("metadata", {})
            name = meta.get("name", target.name)
            if name != target.name:
                raise errors.bad_request(
                    f"the name of the object ({name}) does not match the name on the URL ({target.name})"
                )
            version = meta.get("resourceVersion")
        else:
            body, kind = patch_of(request), media_type(request)
            wanted = patched(SCALE, deep_copy(scale), body, kind, manager_of(request), "", False, self._clock.now())
            version = wanted["metadata"].get("resourceVersion")
        replicas = (wanted.get("spec") or {}).get("replicas") or 0
        if not isinstance(replicas, int) or replicas < 0:
            cause = errors.wrong("spec.replicas", replicas, "must be greater than or equal to 0")
            raise errors.invalid("Scale", target.name, [cause], "autoscaling")
        if version and version != obj["metadata"]["resourceVersion"]:
            raise errors.conflict(res.key, target.name)
        changed = with_at(obj, _replicas_path(res.custom), replicas)
        done = self._registry.update(
            res, changed, namespace=target.namespace, manager=manager_of(request), dry_run=dry(request)
        )
        return answer(200, _scale_of(res, done))

    # -- pods

    def _log(self, request: ApiRequest, target: Target, __: list[str]) -> Answer:
        pod = self._registry.get("pods", target.namespace, target.name)
        options = _log_options(request)
        container = request.param("container")
        names = [
            one["name"]
            for section in ("initContainers", "containers", "ephemeralContainers")
            for one in pod["spec"].get(section) or ()
        ]
        mains = list(pod["spec"].get("containers") or ())
        if not container:
            if len(mains) != 1:
                choices = " ".join(names)
                raise errors.bad_request(
                    f"a container name must be specified for pod {target.name}, choose one of: [{choices}]"
                )
            container = mains[0]["name"]
        elif container not in names:
            raise errors.bad_request(f"container {container} is not valid for pod {target.name}")
        if not pod["spec"].get("nodeName") or self._server.node is None:
            return text(200, b"")
        found = self._server.node.logs(pod, container, **options)
        if not request.flag("follow") or options["previous"] or options["limit_bytes"] is not None:
            return text(200, found, "text/plain")
        run, _ = _run_of(pod, container)

        def more(after: int) -> tuple[bytes, bool]:
            """The log of that run beyond so many bytes; the last of it once the container is another or none."""
            now = self._registry.find("pods", target.namespace, target.name)
            node = self._server.node
            if now is None or node is None or now["metadata"]["uid"] != pod["metadata"]["uid"]:
                return b"", True
            id, running = _run_of(now, container)
            if id != run:
                return b"", True
            try:
                whole = node.logs(now, container, timestamps=options["timestamps"])
            except errors.ApiError:
                return b"", True
            return whole[after:], not running

        return LogStream(self._clock, found, more)

    def _eviction(self, request: ApiRequest, target: Target, _: list[str]) -> ApiAnswer:
        checked = body_of(request) if request.body else {}
        options = (checked.get("deleteOptions") or {}) if isinstance(checked, dict) else {}
        pod = self._registry.get("pods", target.namespace, target.name)
        dry_run = dry(request) or "All" in (options.get("dryRun") or ())
        terminal = pod["status"].get("phase") in ("Pending", "Succeeded", "Failed")
        if not terminal and "deletionTimestamp" not in pod["metadata"]:
            self._consult_budget(pod, dry_run)
        grace, uid = options.get("gracePeriodSeconds"), (options.get("preconditions") or {}).get("uid")
        delete = partial(self._registry.delete, "pods", target.namespace, target.name, grace=grace, uid=uid)
        delete(dry_run=True)  # what it refuses leaves no mark on the pod
        if not dry_run:
            self._registry.change("pods", target.namespace, target.name, self._disrupted)
            delete(dry_run=False)
        return answer(201, CREATED)

    def _disrupted(self, pod: Obj) -> Obj:
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": stamp(self._clock.now()),
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
        }
        others = [one for one in pod["status"].get("conditions") or () if one["type"] != "DisruptionTarget"]
        return {**pod, "status": {**pod["status"], "conditions": [*others, condition]}}

    def _consult_budget(self, pod: Obj, dry_run: bool) -> None:
        """429 if no disruption is allowed; otherwise one is spent, but not by who only asks."""
        labels = pod["metadata"].get("labels") or {}
        budgets = [
            one
            for one in self._registry.list("poddisruptionbudgets.policy", pod["metadata"]["namespace"])
            if selects(one["spec"].get("selector") or {}, labels)
        ]
        if not budgets:
            return
        if len(budgets) > 1:
            why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise errors.ApiError(500, "InternalError", why)
        budget = budgets[0]
        name, status = budget["metadata"]["name"], budget.get("status") or {}
        is_ready = any(
            one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions") or ()
        )
        if not is_ready and (
            budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
            or status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0
        ):
            return
        refusal = "Cannot evict pod as it would violate the pod's disruption budget."
        if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
            text = f"The disruption budget {name} is still being processed by the server."
            cause = {"reason": "DisruptionBudget", "message": text}
            raise errors.too_many_requests(refusal, [cause], retry=10)
        if status.get("disruptionsAllowed", 0) <= 0:
            needed, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
            text = f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
            raise errors.too_many_requests(refusal, [{"reason": "DisruptionBudget", "message": text}])
        if dry_run:
            return
        spent = {**status, "disruptionsAllowed": status["disruptionsAllowed"] - 1}
        spent["disruptedPods"] = {
            **(status.get("disruptedPods") or {}),
            pod["metadata"]["name"]: stamp(self._clock.now()),
        }
        self._registry.set_status("poddisruptionbudgets.policy", pod["metadata"]["namespace"], name, spent)

    def _binding(self, request: ApiRequest, target: Target, _: list[str]) -> ApiAnswer:
        return self.bind(body_of(request), target.namespace or "default", target.name)

    def bind(self, binding: Any, namespace: str, name: str) -> ApiAnswer:
        node = at(binding, "target.name")
        if not node:
            raise errors.invalid("Binding", name, [errors.required("target.name")])
        self._registry.bind(namespace, name, str(node))
        return answer(201, CREATED)

    # -- service accounts

    def _token(self, request: ApiRequest, target: Target, _: list[str]) -> ApiAnswer:
        account = self._registry.get("serviceaccounts", target.namespace, target.name)
        body = body_of(request) if request.body else {}
        spec = dict((body.get("spec") if isinstance(body, dict) else None) or {})
        seconds = spec.setdefault("expirationSeconds", 3600)
        spec.setdefault("audiences", ["https://kubernetes.default.svc.cluster.local"])
        spec.setdefault("boundObjectRef", None)
        user = f"system:serviceaccount:{target.namespace}:{target.name}"
        now = self._clock.now()
        token = hashlib.sha256(f"{account['metadata']['uid']}/{now}/{seconds}".encode()).hexdigest()
        self._server.tokens[token] = user
        status = {"token": token, "expirationTimestamp": stamp(now + seconds)}
        made = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
        meta = {"name": target.name, "namespace": target.namespace, "creationTimestamp": stamp(now)}
        return answer(201, {**made, "metadata": meta, "spec": spec, "status": status})

    # -- proxies

    def _proxy(self, request: ApiRequest, target: Target, _: list[str]) -> ApiAnswer:
        name, port = _proxy_name(target.name)
        path = (target.rest or "/") + ("?" + "&".join(f"{k}={v}" for k, v in request.query) if request.query else "")
        if target.resource.key == "pods":
            pod = self._registry.get("pods", target.namespace, name)
            number = int(port) if port else _first_port(pod)
        elif target.resource.key == "services":
            pod, number = self._endpoint(target.namespace or "", name, port)
        else:
            raise errors.unavailable("the node's own endpoints are not served")
        if self._server.node is None:
            raise errors.unavailable("no node to proxy to")
        found = self._server.node.proxy(pod, number, request.method, path, request.body)
        if not found.status:
            address = f"{pod['status'].get('podIP', '')}:{number}"
            why = {"refused": "connect: connection refused", "timeout": "i/o timeout"}.get(found.problem, found.problem)
            raise errors.unavailable(f"error trying to reach service: dial tcp {address}: {why}")
        return text(found.status, found.body)

    def _endpoint(self, namespace: str, name: str, port: str) -> tuple[Obj, int]:
        """A ready pod behind a service, at random, and its port."""
        service = self._registry.get("services", namespace, name)
        ports = service["spec"].get("ports") or ()
        chosen = next((one for one in ports if port in ("", str(one["port"]), one.get("name"))), None)
        none = errors.unavailable(f'no endpoints available for service "{name}"')
        if chosen is None:
            raise errors.unavailable(f'no service port "{port}" found for service "{name}"')
        ready: list[tuple[Obj, int]] = []
        for one in self._registry.list("endpointslices.discovery.k8s.io", namespace):
            if (one["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != name:
                continue
            found = (p for p in one.get("ports") or () if (p.get("name") or "") == chosen.get("name", ""))
            # A slice without a number, which a person may write, leads nowhere.
            numbers = [p["port"] for p in found if p.get("port")]
            for endpoint in one.get("endpoints") or ():
                about = endpoint.get("targetRef") or {}
                if not numbers or not (endpoint.get("conditions") or {}).get("ready", True):
                    continue
                pod = self._registry.find("pods", namespace, about.get("name", ""))
                if pod is not None:
                    ready.append((pod, numbers[0]))
        if not ready:
            raise none
        return self._choice.choice(ready)


def _replicas_path(custom: Custom | None) -> str:
    if custom and custom.scale:
        return str(custom.scale["specReplicasPath"]).lstrip(".")
    return "spec.replicas"


def _scale_of(res: Resource, obj: Obj) -> Obj:
    meta = obj["metadata"]
    keys = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    paths = res.custom.scale if res.custom and res.custom.scale else {}
    current = json_path(obj, paths.get("statusReplicasPath", ".status.replicas")) or 0
    wanted = at(obj, _replicas_path(res.custom)) or 0
    if paths:
        selector = json_path(obj, paths["labelSelectorPath"]) if "labelSelectorPath" in paths else ""
    else:
        labels = at(obj, "spec.selector")
        is_plain = labels and "matchLabels" not in labels and "matchExpressions" not in labels
        selector = selector_text({"matchLabels": labels} if is_plain else labels)
    status = {"replicas": current, **({"selector": selector} if selector else {})}
    spec = {"replicas": wanted} if wanted else {}
    found = {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in keys if key in meta},
    }
    return {**found, "spec": spec, "status": status}


def _log_options(request: ApiRequest) -> Obj:
    """The kubelet's arguments, 422 for values that make no sense."""
    causes: list[errors.Cause] = []
    numbers: dict[str, int | None] = {}
    for name, least in (("sinceSeconds", 1), ("limitBytes", 1), ("tailLines", 0)):
        given = request.param(name)
        try:
            numbers[name] = int(given) if given else None
        except ValueError:
            raise errors.bad_request(f'strconv.ParseInt: parsing "{given}": invalid syntax') from None
        value = numbers[name]
        if value is not None and value < least:
            why = "must be greater than 0" if least else "must be greater than or equal to 0"
            causes.append(errors.wrong(name, value, why))
    time = request.param("sinceTime")
    try:
        since = seconds_of(time) if time else None
    except ValueError:
        layout = "2006-01-02T15:04:05Z07:00"
        raise errors.bad_request(f'parsing time "{time}" as "{layout}": cannot parse "{time}" as "2006"') from None
    if time and numbers["sinceSeconds"] is not None:
        causes.append(errors.prohibited("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    if causes:
        raise errors.invalid("PodLogOptions", "", causes)
    return {
        "previous": request.flag("previous"),
        "tail": numbers["tailLines"],
        "since_seconds": numbers["sinceSeconds"],
        "since_time": since,
        "timestamps": request.flag("timestamps"),
        "limit_bytes": numbers["limitBytes"],
    }


def _run_of(pod: Obj, container: str) -> tuple[str, bool]:
    """(id, whether it runs) of a container as its status shows it."""
    for section in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for one in pod["status"].get(section) or ():
            if one["name"] == container:
                return str(one.get("containerID", "")), "running" in one["state"]
    return "", False


def _proxy_name(text: str) -> tuple[str, str]:
    """(name, port) of "name", "name:port" or "scheme:name:port"."""
    parts = text.split(":")
    if len(parts) == 3:
        return parts[1], parts[2]
    return parts[0], parts[1] if len(parts) == 2 else ""


def _first_port(pod: Obj) -> int:
    for container in pod["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            return int(port["containerPort"])
    return 80
