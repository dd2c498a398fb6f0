"""metrics.k8s.io: what `kubectl top` and autoscalers read, as a metrics server has it.

Nothing of it is stored: an answer is made from what the kubelet says at that moment. Memory is what the containers'
processes take; simulated processes take no processor time worth a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clock import seconds_of, stamp
from . import errors
from .listing import predicate_of
from .messages import ApiAnswer, ApiRequest, answer
from .resources import Resource
from .routing import Target

if TYPE_CHECKING:
    from .server import Server

Obj = dict[str, Any]

GROUP = "metrics.k8s.io"
RESOURCES = tuple(
    Resource(GROUP, "v1beta1", kind, plural, "", namespaced, verbs=("get", "list"))
    for kind, plural, namespaced in (("NodeMetrics", "nodes", False), ("PodMetrics", "pods", True))
)
# How often a metrics server asks the kubelets, and so how old its answers are and how late its first.
RESOLUTION = 15.0
_IDLE = "1m"


def metrics(server: Server, request: ApiRequest, target: Target) -> ApiAnswer:
    res, registry = target.resource, server.registry
    about = "pods" if res.plural == "pods" else "nodes"
    if target.name:
        found = registry.find(about, target.namespace, target.name)
        made = _metrics(server, res, found) if found is not None else None
        if made is None:
            name = f"{target.namespace}/{target.name}" if target.namespace else target.name
            raise errors.not_found(f"{res.plural}.{GROUP}", name)
        return answer(200, made)
    predicate = predicate_of(res, request)
    objects = [one for one in registry.list(about, target.namespace) if predicate is None or predicate(one)]
    items = [made for one in objects if (made := _metrics(server, res, one)) is not None]
    return answer(200, {"kind": res.list_kind, "apiVersion": res.api_version, "metadata": {}, "items": items})


def _metrics(server: Server, res: Resource, obj: Obj) -> Obj | None:
    """None for what a metrics server has not seen running yet."""
    now = server.registry.clock.now()
    meta = obj["metadata"]
    shown = {key: meta[key] for key in ("name", "namespace", "labels") if key in meta}
    made: Obj = {
        "kind": res.kind,
        "apiVersion": res.api_version,
        "metadata": {**shown, "creationTimestamp": stamp(now)},
    }
    made |= {"timestamp": stamp(now // RESOLUTION * RESOLUTION), "window": "15s"}
    if res.plural == "nodes":
        pods = [one for one in server.registry.list("pods") if one["spec"].get("nodeName") == meta["name"]]
        return {**made, "usage": _amounts(sum(sum(_usage(server, one).values()) for one in pods))}
    if obj["status"].get("phase") != "Running" or now - seconds_of(meta["creationTimestamp"]) < RESOLUTION:
        return None
    usage = _usage(server, obj)
    if not usage:
        return None
    return {**made, "containers": [{"name": name, "usage": _amounts(used)} for name, used in usage.items()]}


def _usage(server: Server, pod: Obj) -> dict[str, int]:
    return {} if server.node is None else dict(server.node.usage(pod))


def _amounts(memory: int) -> Obj:
    return {"cpu": _IDLE, "memory": f"{memory // 1024}Ki"}
