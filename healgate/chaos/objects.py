"""Kubernetes objects over plain REST: kinds to paths, and the five things that injectors do with them.

An answer that is not what the caller asked for is an exception here: an injector that fails quietly leaves a healthy
workload, and a trial that blames the healer for not healing it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..clusters.seam import Answer, Rest
from ..evidence import Obj, Ref
from ..problems import HarnessError, Refused

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

# kind -> (group and version, plural); whatever is not here is asked of the cluster.
_BUILT_IN = {
    "Pod": ("v1", "pods"),
    "Service": ("v1", "services"),
    "ConfigMap": ("v1", "configmaps"),
    "Secret": ("v1", "secrets"),
    "Event": ("v1", "events"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "LimitRange": ("v1", "limitranges"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "Deployment": ("apps/v1", "deployments"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Job": ("batch/v1", "jobs"),
    "CronJob": ("batch/v1", "cronjobs"),
}
_CLUSTER_SCOPED = {
    "Namespace": ("v1", "namespaces"),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


class Objects:
    """The objects of one namespace."""

    def __init__(self, rest: Rest, namespace: str) -> None:
        self.rest = rest
        self.namespace = namespace
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def path(self, kind: str, name: str = "", api_version: str = "") -> str:
        version, plural, namespaced = self._resource(kind, api_version)
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        inside = f"/namespaces/{self.namespace}" if namespaced else ""
        return f"{root}{inside}/{plural}{'/' + name if name else ''}"

    def get(self, ref: Ref, api_version: str = "") -> Obj | None:
        answer = self.rest.request("GET", self.path(ref.kind, ref.name, api_version))
        if answer.code == 404:
            return None
        return _expect(answer, f"read {ref}")

    def all(self, kind: str, query: dict[str, str] | None = None, api_version: str = "") -> list[Obj]:
        """With kind and apiVersion, which lists leave out of their items."""
        listed = _expect(self.rest.request("GET", self.path(kind, api_version=api_version), query), f"list {kind}")
        version = listed.get("apiVersion", "")
        return [{"apiVersion": version, "kind": kind, **item} for item in listed["items"]]

    def create(self, obj: Obj, *, exists_already: bool = False) -> Obj | None:
        """None: it is there already, and that was allowed."""
        answer = self.rest.request("POST", self.path(obj["kind"], api_version=obj["apiVersion"]), body=obj)
        if answer.code == 409 and exists_already:
            return None
        return _expect(answer, f"create {Ref.of(obj) if 'name' in obj['metadata'] else obj['kind']}")

    def patch(self, ref: Ref, body: Any, content_type: str = MERGE, *, api_version: str = "", sub: str = "") -> Obj:
        path = self.path(ref.kind, ref.name, api_version) + (f"/{sub}" if sub else "")
        return _expect(self.rest.request("PATCH", path, body=body, content_type=content_type), f"patch {ref}")

    def delete(self, ref: Ref, *, api_version: str = "", gone_already: bool = False) -> None:
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        answer = self.rest.request("DELETE", self.path(ref.kind, ref.name, api_version), body=body)
        if not (gone_already and answer.code == 404):
            _expect(answer, f"delete {ref}")

    def pods_of(self, workload: Obj) -> list[Obj]:
        """By its selector, and by name."""
        selector = workload["spec"]["selector"]
        labels = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
        for one in selector.get("matchExpressions") or ():
            values, how = ",".join(one.get("values") or ()), one["operator"]
            asked = {"In": f"{one['key']} in ({values})", "NotIn": f"{one['key']} notin ({values})"}
            labels.append(asked.get(how, one["key"] if how == "Exists" else f"!{one['key']}"))
        pods = self.all("Pod", {"labelSelector": ",".join(labels)})
        return sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))

    def everything(self, kinds: Iterable[str]) -> list[Obj]:
        return [obj for kind in kinds for obj in self.all(kind)]

    def _resource(self, kind: str, api_version: str) -> tuple[str, str, bool]:
        if kind in _BUILT_IN:
            return *_BUILT_IN[kind], True
        if kind in _CLUSTER_SCOPED:
            return *_CLUSTER_SCOPED[kind], False
        plural, namespaced = self._discover(kind, api_version)
        return api_version, plural, namespaced

    def _discover(self, kind: str, api_version: str) -> tuple[str, bool]:
        if "/" not in api_version:
            raise HarnessError(f"{kind} is no kind that is known here; name its apiVersion")
        known = self._plurals.get((api_version, kind))
        if known is None:
            answer = self.rest.request("GET", f"/apis/{api_version}")
            for resource in answer.body["resources"] if answer.ok else ():
                if "/" not in resource["name"]:
                    self._plurals[(api_version, resource["kind"])] = (resource["name"], resource["namespaced"])
            known = self._plurals.get((api_version, kind))
        if known is None:
            raise HarnessError(f"the cluster does not serve {kind} of {api_version}")
        return known


def _expect(answer: Answer, what: str) -> Obj:
    if not answer.ok:
        said = answer.body.get("message", answer.body) if isinstance(answer.body, dict) else answer.body
        raise Refused(f"could not {what}: {answer.code} {said}")
    body: Obj = answer.body
    return body
