"""The few kubectl commands of the recordings, as kubectl carries them out through the API.

The trap is a command that is not known here: it is refused, since leaving one out would make a recording pass
for the wrong reason.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from healgate.embedded.api.errors import ApiError
from healgate.embedded.api.server import ApiAnswer, ApiRequest
from healgate.embedded.clock.clock import stamp
from healgate.embedded.cluster import EmbeddedCluster

Obj = dict[str, Any]

KINDS = {
    "configmap": "configmaps",
    "secret": "secrets",
    "service": "services",
    "pod": "pods",
    "deployment": "deployments.apps",
    "statefulset": "statefulsets.apps",
    "daemonset": "daemonsets.apps",
    "job": "jobs.batch",
}
PATCHES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}
REVISION = "deployment.kubernetes.io/revision"


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, cluster: EmbeddedCluster, namespace: str) -> None:
        self._cluster = cluster
        self._registry = cluster.registry
        self._namespace = namespace

    def run(self, words: list[str]) -> Obj:
        """Exit code, output and error, as a recording has them."""
        verbs: dict[str, Callable[[list[str]], str]] = {
            "logs": self._logs,
            "patch": self._patch,
            "scale": self._scale,
            "set": self._set,
            "rollout": self._rollout,
            "create": self._create,
            "delete": self._delete,
        }
        if words[0] not in verbs:
            raise NotImplementedError("kubectl " + " ".join(words))
        try:
            return {"rc": 0, "stdout": verbs[words[0]](words[1:]), "stderr": ""}
        except ApiError as problem:
            told = f"Error from server ({problem.reason}): {problem.message}\n"
            return {"rc": 1, "stdout": "", "stderr": told}

    # -- reading

    def _logs(self, words: list[str]) -> str:
        query = [("container", words[words.index("-c") + 1])]
        if "--previous" in words:
            query.append(("previous", "true"))
        path = f"/api/v1/namespaces/{self._namespace}/pods/{words[0]}/log"
        answer = self._cluster.server.handle(ApiRequest("GET", path, query, {}, b""))
        assert isinstance(answer, ApiAnswer), urlencode(query)
        if answer.status != 200:
            status = json.loads(answer.body)
            raise ApiError(answer.status, status.get("reason", ""), status["message"])
        text: str = answer.body.decode()
        return text

    # -- changing

    def _patch(self, words: list[str]) -> str:
        resource, name = _target(words)
        body = json.loads(words[words.index("-p") + 1])
        subresource = words[words.index("--subresource") + 1] if "--subresource" in words else ""
        self._send(resource, name, body, PATCHES[_option(words, "type", "strategic")], subresource)
        return "patched"

    def _send(
        self, resource: str, name: str, body: Any, kind: str = PATCHES["strategic"], subresource: str = ""
    ) -> None:
        self._registry.patch(resource, self._namespace, name, body, kind, subresource=subresource, manager="kubectl")

    def _scale(self, words: list[str]) -> str:
        resource, name = _target(words)
        self._send(resource, name, {"spec": {"replicas": int(_option(words, "replicas"))}}, PATCHES["merge"])
        return "scaled"

    def _set(self, words: list[str]) -> str:
        resource, name = _target(words[1:])
        containers = self._registry.get(resource, self._namespace, name)["spec"]["template"]["spec"]["containers"]
        changes = dict(word.split("=", 1) for word in words[2:])
        if words[0] == "image":
            patch: list[Obj] = [{"name": container, "image": image} for container, image in changes.items()]
        elif words[0] == "env":
            env = [{"name": variable, "value": value} for variable, value in changes.items()]
            patch = [{"name": container["name"], "env": env} for container in containers]
        else:
            raise NotImplementedError(f"kubectl set {words[0]}")
        self._send(resource, name, {"spec": {"template": {"spec": {"containers": patch}}}})
        return "updated"

    def _rollout(self, words: list[str]) -> str:
        resource, name = _target(words[1:])
        if words[0] == "restart":
            mark = {"kubectl.kubernetes.io/restartedAt": stamp(self._cluster.clock.now())}
            self._send(resource, name, {"spec": {"template": {"metadata": {"annotations": mark}}}})
        elif words[0] in ("pause", "resume"):
            self._send(resource, name, {"spec": {"paused": True if words[0] == "pause" else None}})
        elif words[0] == "undo":
            self._undo(resource, name)
        elif words[0] != "status":
            raise NotImplementedError(f"kubectl rollout {words[0]}")
        return words[0]

    def _undo(self, resource: str, name: str) -> None:
        owner = self._registry.get(resource, self._namespace, name)
        owned = [(kind, obj) for kind, obj in self._registry.store.owned_by(owner["metadata"]["uid"])]
        if resource == "deployments.apps":
            sets = [obj for kind, obj in owned if kind == "replicasets.apps"]
            before = sorted(sets, key=lambda one: int(one["metadata"]["annotations"][REVISION]))[-2]
            template = before["spec"]["template"]
            labels = {key: value for key, value in template["metadata"]["labels"].items() if key != "pod-template-hash"}
            value = {**template, "metadata": {**template["metadata"], "labels": labels}}
        else:
            revisions = [obj for kind, obj in owned if kind == "controllerrevisions.apps"]
            found = sorted(revisions, key=lambda one: int(one["revision"]))[-2]["data"]["spec"]["template"]
            value = {key: one for key, one in found.items() if key != "$patch"}
        self._send(resource, name, [{"op": "replace", "path": "/spec/template", "value": value}], PATCHES["json"])

    def _create(self, words: list[str]) -> str:
        assert words[0] == "secret", words
        if words[1] == "docker-registry":
            user, password = _option(words, "docker-username"), _option(words, "docker-password")
            auth = base64.b64encode(f"{user}:{password}".encode()).decode()
            entry = {"username": user, "password": password, "auth": auth}
            content = json.dumps({"auths": {_option(words, "docker-server"): entry}})
            data, kind = {".dockerconfigjson": content}, "kubernetes.io/dockerconfigjson"
        else:
            literals = [word.partition("=")[2] for word in words if word.startswith("--from-literal=")]
            data, kind = dict(literal.split("=", 1) for literal in literals), "Opaque"
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": words[2]}, "type": kind, "data": encoded}
        self._registry.create("secrets", secret, namespace=self._namespace, manager="kubectl")
        return "created"

    def _delete(self, words: list[str]) -> str:
        resource = KINDS[words[0].partition("/")[0]]
        if "-l" in words:
            wanted = dict(pair.split("=", 1) for pair in words[words.index("-l") + 1].split(","))
            names = [
                one["metadata"]["name"]
                for one in self._registry.list(resource, self._namespace)
                if wanted.items() <= (one["metadata"].get("labels") or {}).items()
            ]
        else:
            names = [_target(words)[1]]
        for name in names:
            self._registry.delete(resource, self._namespace, name, propagation="Background")
        return "deleted"


def _target(words: list[str]) -> tuple[str, str]:
    """`deployment app` or `deployment/app`."""
    kind, slash, name = words[0].partition("/")
    return KINDS[kind], name if slash else words[1]


def _option(words: list[str], name: str, default: str | None = None) -> str:
    for word in words:
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
    if default is None:
        raise ValueError(f"no --{name} in {words}")
    return default
