"""The few kubectl commands of the recordings, as kubectl carries them out through the API.

The trap is a command that is not known here: it is refused, since leaving one out would make a recording pass
for the wrong reason.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from healgate.embedded.api.errors import ApiError
from healgate.embedded.api.server import ApiAnswer, ApiRequest
from healgate.embedded.clock.clock import stamp
from healgate.embedded.cluster import EmbeddedCluster

from .questions import asked

Obj = dict[str, Any]

PATCHES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}
REVISION = "deployment.kubernetes.io/revision"


CUT_OFF = "(cut off)"
REQUEST = "(request)"
ANSWERS_AGAIN = "(the registry answers again)"


class Unknown(Exception):
    """A command that nobody here can carry out: to leave it out would play something else."""


class Kubectl:
    """kubectl in one namespace, and the two words for what kubectl has none."""

    def __init__(self, cluster: EmbeddedCluster, namespace: str) -> None:
        self._cluster = cluster
        self._registry = cluster.registry
        self._namespace = namespace

    def run(self, words: list[str], stdin: Any = None) -> Obj:
        """Exit code, output and error, as a recording has them; `stdin` is an object for `-f -`."""
        verbs: dict[str, Callable[[list[str]], str]] = {
            "logs": self._logs,
            "patch": self._patch,
            "scale": self._scale,
            "set": self._set,
            "rollout": self._rollout,
            "create": self._create,
            "apply": self._apply,
            "replace": self._replace,
            "delete": self._delete,
            "label": self._label,
            "annotate": self._annotate,
            "cordon": lambda _: self._cordon(True),
            "uncordon": lambda _: self._cordon(False),
            "taint": self._taint,
            "exec": self._exec,
            "debug": self._debug,
            CUT_OFF: self._cut_off,
            REQUEST: self._request,
            ANSWERS_AGAIN: self._answer_again,
        }
        if words[0] not in verbs:
            raise Unknown(words[0])
        self._stdin = stdin
        try:
            return {"rc": 0, "stdout": verbs[words[0]](words[1:]), "stderr": ""}
        except ApiError as problem:
            told = f"Error from server ({problem.reason}): {problem.message}\n"
            return {"rc": 1, "stdout": "", "stderr": told}
        except (KeyError, IndexError, ValueError) as problem:
            raise Unknown(" ".join(words)) from problem

    # -- reading

    def _logs(self, words: list[str]) -> str:
        question = asked(words)
        path = f"/api/v1/namespaces/{self._namespace}/pods/{question.pod}/log"
        answer = self._cluster.server.handle(ApiRequest("GET", path, question.query(), {}, b""))
        assert isinstance(answer, ApiAnswer), question
        if answer.status != 200:
            status = json.loads(answer.body)
            raise ApiError(answer.status, status.get("reason", ""), status["message"])
        text: str = answer.body.decode()
        return text

    def errors_of(self, words: list[str]) -> str:
        """Those lines of a log that came over stderr: the two streams of a container race."""
        question = asked(words)
        pod = self._registry.get("pods", self._namespace, question.pod)
        container = question.container or pod["spec"]["containers"][0]["name"]
        log = self._cluster.kubelet.logs(pod, container, previous=question.previous, stream="stderr")
        return log.decode()

    # -- changing

    def _patch(self, words: list[str]) -> str:
        resource, name = self._target(words)
        body = json.loads(words[words.index("-p") + 1])
        subresource = _option(words, "subresource", "")
        self._send(resource, name, body, PATCHES[_option(words, "type", "strategic")], subresource)
        return "patched"

    def _send(
        self, resource: str, name: str, body: Any, kind: str = PATCHES["strategic"], subresource: str = ""
    ) -> None:
        self._registry.patch(resource, self._namespace, name, body, kind, subresource=subresource, manager="kubectl")

    def _debug(self, words: list[str]) -> str:
        """A container beside those of a pod, with what the general profile gives it."""
        options, command = words[: words.index("--")], words[words.index("--") + 1 :]
        if _option(options, "profile") != "general":
            raise Unknown(f"debug {' '.join(options)}")
        trace = {"capabilities": {"add": ["SYS_PTRACE"]}}
        name, image = _option(options, "c"), _option(options, "image")
        container = {"name": name, "image": image, "command": command, "securityContext": trace}
        patch = {"spec": {"ephemeralContainers": [container]}}
        self._send("pods", options[0], patch, subresource="ephemeralcontainers")
        return ""

    def _scale(self, words: list[str]) -> str:
        resource, name = self._target(words)
        self._send(resource, name, {"spec": {"replicas": int(_option(words, "replicas"))}}, PATCHES["merge"])
        return "scaled"

    def _set(self, words: list[str]) -> str:
        resource, name = self._target(words[1:])
        pod = self._registry.get(resource, self._namespace, name)["spec"]["template"]["spec"]
        plain = [word for word in words[2:] if not word.startswith("-")]
        chosen = _option(words, "containers", _option(words, "c", "*"))
        containers = [one["name"] for one in pod["containers"] if chosen in ("*", one["name"])]
        if words[0] == "image":
            changes = dict(word.split("=", 1) for word in plain if "=" in word)
            patch: list[Obj] = [{"name": container, "image": image} for container, image in changes.items()]
        elif words[0] == "env":
            env: list[Obj] = [
                dict(zip(("name", "value"), word.split("=", 1), strict=True)) for word in plain if "=" in word
            ]
            env += [{"name": word[:-1], "$patch": "delete"} for word in plain if word.endswith("-")]
            patch = [{"name": container, "env": env} for container in containers]
        elif words[0] == "resources":
            amounts = {
                kind: dict(pair.split("=", 1) for pair in told.split(","))
                for kind in ("limits", "requests")
                if (told := _option(words, kind, ""))
            }
            patch = [{"name": container, "resources": amounts} for container in containers]
        else:
            raise Unknown(f"set {words[0]}")
        self._send(resource, name, {"spec": {"template": {"spec": {"containers": patch}}}})
        return "updated"

    def _rollout(self, words: list[str]) -> str:
        resource, name = self._target(words[1:])
        if words[0] == "restart":
            mark = {"kubectl.kubernetes.io/restartedAt": stamp(self._cluster.clock.now())}
            self._send(resource, name, {"spec": {"template": {"metadata": {"annotations": mark}}}})
        elif words[0] in ("pause", "resume"):
            self._send(resource, name, {"spec": {"paused": True if words[0] == "pause" else None}})
        elif words[0] == "undo":
            self._undo(resource, name, int(_option(words, "to-revision", "0")))
        elif words[0] not in ("status", "history"):
            raise Unknown(f"rollout {words[0]}")
        return words[0]

    def _undo(self, resource: str, name: str, revision: int) -> None:
        """To a revision, or to the one before the last."""
        owner = self._registry.get(resource, self._namespace, name)
        owned = list(self._registry.store.owned_by(owner["metadata"]["uid"]))
        if resource == "deployments.apps":
            sets = [obj for kind, obj in owned if kind == "replicasets.apps"]
            numbered = {int(one["metadata"]["annotations"][REVISION]): one for one in sets}
            template = numbered[revision or sorted(numbered)[-2]]["spec"]["template"]
            labels = {key: value for key, value in template["metadata"]["labels"].items() if key != "pod-template-hash"}
            value = {**template, "metadata": {**template["metadata"], "labels": labels}}
        else:
            numbered = {int(one["revision"]): one for kind, one in owned if kind == "controllerrevisions.apps"}
            found = numbered[revision or sorted(numbered)[-2]]["data"]["spec"]["template"]
            value = {key: one for key, one in found.items() if key != "$patch"}
        self._send(resource, name, [{"op": "replace", "path": "/spec/template", "value": value}], PATCHES["json"])

    def _create(self, words: list[str]) -> str:
        if words[:2] == ["-f", "-"]:
            self.make(self._given())
            return "created"
        what = words[0]
        if what == "secret" and words[1] == "docker-registry":
            user, password = _option(words, "docker-username"), _option(words, "docker-password")
            auth = base64.b64encode(f"{user}:{password}".encode()).decode()
            entry = {"username": user, "password": password, "auth": auth}
            content = json.dumps({"auths": {_option(words, "docker-server"): entry}})
            data = {".dockerconfigjson": content}
            self.make(
                {**_new("v1", "Secret", words[2]), "type": "kubernetes.io/dockerconfigjson", "data": _coded(data)}
            )
        elif what == "secret" and words[1] == "generic":
            self.make({**_new("v1", "Secret", words[2]), "type": "Opaque", "data": _coded(_literals(words))})
        elif what in ("configmap", "cm"):
            self.make({**_new("v1", "ConfigMap", words[1]), "data": _literals(words)})
        elif what in ("serviceaccount", "sa"):
            self.make(_new("v1", "ServiceAccount", words[1]))
        elif what == "job" and _option(words, "from", ""):
            cron = self._registry.get("cronjobs.batch", self._namespace, _option(words, "from").partition("/")[2])
            mark = {"cronjob.kubernetes.io/instantiate": "manual"}
            owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron["metadata"]["name"], "controller": True}
            job = {**_new("batch/v1", "Job", words[1]), "spec": cron["spec"]["jobTemplate"]["spec"]}
            job["metadata"] |= {"annotations": mark, "ownerReferences": [{**owner, "uid": cron["metadata"]["uid"]}]}
            self.make(job)
        else:
            raise Unknown(f"create {what}")
        return "created"

    def make(self, obj: Obj) -> None:
        """Create an object of any kind."""
        resource = self._registry.resources.by_kind(obj["apiVersion"], obj["kind"])
        if resource is None:
            raise Unknown(f"{obj['apiVersion']} {obj['kind']}")
        group = f"apis/{obj['apiVersion']}" if "/" in obj["apiVersion"] else f"api/{obj['apiVersion']}"
        where = f"namespaces/{self._namespace}/" if resource.namespaced else ""
        query = [("fieldManager", "kubectl")]
        body = json.dumps(obj).encode()
        headers = {"content-type": "application/json"}
        request = ApiRequest("POST", f"/{group}/{where}{resource.plural}", query, headers, body)
        answer = self._cluster.server.handle(request)
        assert isinstance(answer, ApiAnswer), request
        if answer.status != 201:
            status = json.loads(answer.body)
            raise ApiError(answer.status, status.get("reason", ""), status["message"])

    def _given(self) -> Obj:
        if not isinstance(self._stdin, dict):
            raise Unknown("-f - without an object beside it")
        return self._stdin

    def _apply(self, _: list[str]) -> str:
        obj = self._given()
        resource = self._registry.resources.by_kind(obj["apiVersion"], obj["kind"])
        if resource is None:
            raise Unknown(f"{obj['apiVersion']} {obj['kind']}")
        name, namespace = obj["metadata"]["name"], self._namespace if resource.namespaced else None
        if self._registry.find(resource, namespace, name) is None:
            self.make(obj)
        else:
            self._send(resource.key, name, obj)
        return "configured"

    def _replace(self, words: list[str]) -> str:
        obj = self._given()
        resource = self._registry.resources.by_kind(obj["apiVersion"], obj["kind"])
        if resource is None:
            raise Unknown(f"{obj['apiVersion']} {obj['kind']}")
        meta = {key: value for key, value in obj["metadata"].items() if key not in ("resourceVersion", "uid")}
        namespace = self._namespace if resource.namespaced else None
        subresource = _option(words, "subresource", "")
        if "namespace" in meta:
            meta["namespace"] = namespace
        self._registry.update(resource, {**obj, "metadata": meta}, namespace=namespace, subresource=subresource)
        return "replaced"

    def _delete(self, words: list[str]) -> str:
        resource = self._resource(words[0].partition("/")[0])
        wanted = _option(words, "l", _option(words, "selector", ""))
        if wanted or "--all" in words:
            labels = dict(pair.split("=", 1) for pair in wanted.split(",") if pair)
            names = [
                one["metadata"]["name"]
                for one in self._registry.list(resource, self._namespace)
                if labels.items() <= (one["metadata"].get("labels") or {}).items()
            ]
        else:
            names = [self._target(words)[1]]
        cascade = _option(words, "cascade", "background").capitalize()
        told = _option(words, "grace-period", "")
        grace = int(told) if told else 1 if "--now" in words else None
        if "--force" in words and grace is None:
            grace = 0
        for name in names:
            self._registry.delete(resource, self._namespace, name, propagation=cascade, grace=grace)
        return "deleted"

    def _label(self, words: list[str], part: str = "labels") -> str:
        resource, name = self._target(words)
        given = [word for word in words[1:] if not word.startswith("-") and word != name]
        changes = {word.partition("=")[0].removesuffix("-"): word.partition("=")[2] or None for word in given}
        self._send(resource, name, {"metadata": {part: changes}}, PATCHES["merge"])
        return "changed"

    def _annotate(self, words: list[str]) -> str:
        return self._label(words, "annotations")

    def _cordon(self, closed: bool) -> str:
        self._change_node(lambda spec: {**spec, "unschedulable": True if closed else None})
        return "cordoned"

    def _taint(self, words: list[str]) -> str:
        for word in words[2:]:
            if ":" in word:
                self._change_node(partial(_with_taint, word))
        return "tainted"

    def _change_node(self, change: Callable[[Obj], Obj]) -> None:
        """There is one node, whatever the recording called it."""
        (node,) = self._registry.list("nodes")
        name = node["metadata"]["name"]
        self._registry.patch("nodes", None, name, {"spec": change(node["spec"])}, PATCHES["merge"], manager="kubectl")

    def _exec(self, words: list[str]) -> str:
        at = words.index("--")
        named, argv = words[:at], words[at + 1 :]
        pod = self._pod_of(named[0])
        container = _option(named, "c", _option(named, "container", pod["spec"]["containers"][0]["name"]))
        result = self._cluster.kubelet.exec(pod, container, tuple(argv))
        return result.output

    def _pod_of(self, word: str) -> Obj:
        """A pod, or the first of an owner's."""
        kind, slash, name = word.partition("/")
        if not slash or kind in ("po", "pod", "pods"):
            return self._registry.get("pods", self._namespace, name or kind)
        selector = self._registry.get(self._resource(kind), self._namespace, name)["spec"]["selector"]
        wanted = selector["matchLabels"].items()
        pods = self._registry.list("pods", self._namespace)
        return next(pod for pod in pods if wanted <= pod["metadata"].get("labels", {}).items())

    # -- what kubectl has no words for

    def _cut_off(self, words: list[str]) -> str:
        reachable = self._cluster.runtime.registries.reachable
        reachable[words[0]] = False
        self._cluster.clock.call_later(float(words[1]), lambda: reachable.__setitem__(words[0], True))
        return ""

    def _answer_again(self, _: list[str]) -> str:
        """Every registry that could be found but did not answer does so from now on."""
        reachable = self._cluster.runtime.registries.reachable
        reachable.update(dict.fromkeys(reachable, True))
        return ""

    def _request(self, words: list[str]) -> str:
        """What a workload answers is its own business, so that no answer is a failure."""
        method, target, port, path = words
        pod = self._registry.get("pods", self._namespace, target.partition("/")[2])
        return str(self._cluster.kubelet.proxy(pod, int(port), method, path, b"").status)

    # -- words

    def _target(self, words: list[str]) -> tuple[str, str]:
        """`deployment app` or `deployment/app`."""
        kind, slash, name = words[0].partition("/")
        return self._resource(kind), name if slash else words[1]

    def _resource(self, word: str) -> str:
        """deploy, deployment, deployments, deployment.apps: all the same."""
        plain = word.partition(".")[0].lower()
        for resource in self._registry.resources.all():
            if plain in (resource.plural, resource.singular, *resource.short_names):
                return resource.key
        raise Unknown(f"the kind {word}")


def _with_taint(word: str, spec: Obj) -> Obj:
    """A node's spec with key=value:Effect added, or with key:Effect- taken away."""
    taints: list[Obj] = spec.get("taints") or []
    pair, _, effect = word.removesuffix("-").partition(":")
    key, _, value = pair.partition("=")
    kept = [one for one in taints if (one["key"], one["effect"]) != (key, effect)]
    taint = {"key": key, "effect": effect, **({"value": value} if value else {})}
    return {**spec, "taints": kept if word.endswith("-") else [*kept, taint]}


def _new(api_version: str, kind: str, name: str) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def _literals(words: list[str]) -> dict[str, str]:
    literals = [word.partition("=")[2] for word in words if word.startswith("--from-literal=")]
    return dict(literal.split("=", 1) for literal in literals)


def _coded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def _option(words: list[str], name: str, default: str | None = None) -> str:
    """--name=value, --name value, -n value."""
    dashes = "--" if len(name) > 1 else "-"
    for at, word in enumerate(words):
        if word.startswith(f"{dashes}{name}="):
            return word.partition("=")[2]
        if word == f"{dashes}{name}" and at + 1 < len(words):
            return words[at + 1]
    if default is None:
        raise ValueError(f"no {dashes}{name} in {words}")
    return default
