"""The kubectl commands of recordings, carried out over plain REST, so that every cluster can be recorded and replayed.

Two more words are ours, for what kubectl has none: `(request) POST pod/NAME 8080 /path` goes through the API server's
proxy, and `(cut off) HOST SECONDS` to the image registries beside a cluster. The trap is a command that is not known
here: it is refused, since to leave one out would make a recording of something else.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ..chaos.objects import JSON_PATCH, MERGE, STRATEGIC, Objects
from ..chaos.registries import PATH as REGISTRIES
from ..clusters.seam import Answer, Rest
from ..evidence import Obj, Ref
from ..problems import HarnessError, UsageProblem

KINDS = (
    "Pod", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount", "LimitRange", "ResourceQuota",
    "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob",
)  # fmt: skip
PATCHES = {"strategic": STRATEGIC, "merge": MERGE, "json": JSON_PATCH}
REVISION = "deployment.kubernetes.io/revision"
REQUEST = "(request)"
CUT_OFF = "(cut off)"
VERBS = ("logs", "patch", "scale", "set", "rollout", "create", "replace", "delete", REQUEST, CUT_OFF)


class _Refused(Exception):
    """The API server said no; kubectl tells it on stderr and exits 1."""

    def __init__(self, answer: Answer) -> None:
        status = answer.body if isinstance(answer.body, dict) else {}
        reason, message = status.get("reason", answer.code), status.get("message", answer.body)
        super().__init__(f"Error from server ({reason}): {message}\n")


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, rest: Rest, namespace: str, now: Callable[[], float] = time.time) -> None:
        self._rest = rest
        self._objects = Objects(rest, namespace)
        self._now = now
        carry_out = (
            self._logs, self._patch, self._scale, self._set, self._rollout, self._create, self._replace, self._delete,
            self._request, self._cut_off,
        )  # fmt: skip
        self._verbs: dict[str, Callable[[list[str]], str]] = dict(zip(VERBS, carry_out, strict=True))
        self._stdin: Any = None

    def run(self, words: Sequence[str], stdin: Any = None) -> Obj:
        """Exit code, output and error, as a recording has them; `stdin` is an object for `-f -`."""
        if not words or words[0] not in self._verbs:
            raise UsageProblem(f"kubectl {' '.join(words)}: expected one of {', '.join(VERBS)}")
        self._stdin = stdin
        try:
            return {"rc": 0, "stdout": self._verbs[words[0]](list(words[1:])), "stderr": ""}
        except _Refused as refused:
            return {"rc": 1, "stdout": "", "stderr": str(refused)}

    def _send(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        answer = self._rest.request(method, path, body=body, content_type=content_type)
        if not answer.ok:
            raise _Refused(answer)
        return answer.body

    def _path(self, ref: Ref, sub: str = "") -> str:
        return self._objects.path(ref.kind, ref.name) + (f"/{sub}" if sub else "")

    # -- reading

    def _logs(self, words: list[str]) -> str:
        query = {"container": words[words.index("-c") + 1]}
        if "--previous" in words:
            query["previous"] = "true"
        answer = self._rest.request("GET", self._path(Ref("Pod", words[0]), "log"), query)
        if not answer.ok:
            raise _Refused(answer)
        return answer.body if isinstance(answer.body, str) else json.dumps(answer.body)

    # -- changing

    def _patch(self, words: list[str]) -> str:
        ref = _target(words)
        body = json.loads(words[words.index("-p") + 1])
        sub = _option(words, "subresource", "")
        kind = PATCHES[_option(words, "type", "strategic")]
        self._send("PATCH", self._path(ref, sub), body, kind)
        return f"{_told(ref)} patched\n"

    def _change(self, ref: Ref, body: Any, content_type: str = STRATEGIC) -> None:
        self._send("PATCH", self._path(ref), body, content_type)

    def _scale(self, words: list[str]) -> str:
        ref = _target(words)
        self._change(ref, {"spec": {"replicas": int(_option(words, "replicas"))}}, MERGE)
        return f"{_told(ref)} scaled\n"

    def _set(self, words: list[str]) -> str:
        ref = _target(words[1:])
        changes = dict(word.split("=", 1) for word in words[2:] if "=" in word)
        if words[0] == "image":
            containers: list[Obj] = [{"name": name, "image": image} for name, image in changes.items()]
        elif words[0] == "env":
            env = [{"name": name, "value": value} for name, value in changes.items()]
            found = self._send("GET", self._path(ref))["spec"]["template"]["spec"]["containers"]
            containers = [{"name": one["name"], "env": env} for one in found]
        else:
            raise UsageProblem(f"kubectl set {words[0]}: expected image or env")
        self._change(ref, {"spec": {"template": {"spec": {"containers": containers}}}})
        return f"{_told(ref)} {words[0]} updated\n"

    def _rollout(self, words: list[str]) -> str:
        ref = _target(words[1:])
        if words[0] == "restart":
            stamp = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            mark = {"kubectl.kubernetes.io/restartedAt": stamp}
            self._change(ref, {"spec": {"template": {"metadata": {"annotations": mark}}}})
        elif words[0] in ("pause", "resume"):
            self._change(ref, {"spec": {"paused": True if words[0] == "pause" else None}})
        elif words[0] == "undo":
            self._undo(ref)
        elif words[0] != "status":
            raise UsageProblem(f"kubectl rollout {words[0]}: expected restart, pause, resume, undo or status")
        return f"{_told(ref)} {words[0]}\n"

    def _undo(self, ref: Ref) -> None:
        uid = self._send("GET", self._path(ref))["metadata"]["uid"]
        if ref.kind == "Deployment":
            sets = self._owned("ReplicaSet", uid)
            before = sorted(sets, key=lambda one: int(one["metadata"]["annotations"][REVISION]))[-2]
            template = before["spec"]["template"]
            labels = {key: value for key, value in template["metadata"]["labels"].items() if key != "pod-template-hash"}
            value = {**template, "metadata": {**template["metadata"], "labels": labels}}
        else:
            revisions = self._owned("ControllerRevision", uid, "apps/v1")
            found = sorted(revisions, key=lambda one: int(one["revision"]))[-2]["data"]["spec"]["template"]
            value = {key: one for key, one in found.items() if key != "$patch"}
        self._change(ref, [{"op": "replace", "path": "/spec/template", "value": value}], JSON_PATCH)

    def _owned(self, kind: str, uid: str, api_version: str = "") -> list[Obj]:
        there = self._send("GET", self._objects.path(kind, api_version=api_version))["items"]
        return [one for one in there if any(o["uid"] == uid for o in one["metadata"].get("ownerReferences", ()))]

    def _create(self, words: list[str]) -> str:
        obj = self._given() if words[:2] == ["-f", "-"] else _secret(words)
        made = self._send("POST", self._objects.path(obj["kind"], api_version=obj["apiVersion"]), obj)
        return f"{_told(Ref(obj['kind'], made['metadata']['name']))} created\n"

    def _replace(self, words: list[str]) -> str:
        obj, ref = self._given(), Ref.of(self._given())
        sub = _option(words, "subresource", "")
        self._send("PUT", self._path(ref, sub), obj)
        return f"{_told(ref)} replaced\n"

    def _given(self) -> Obj:
        if not isinstance(self._stdin, dict):
            raise UsageProblem("kubectl -f -: expected an object beside the command (stdin); found none")
        return self._stdin

    def _delete(self, words: list[str]) -> str:
        kind = kind_of(words[0].partition("/")[0])
        if "-l" in words:
            query = {"labelSelector": words[words.index("-l") + 1]}
            names = [one["metadata"]["name"] for one in self._objects.all(kind, query)]
        else:
            names = [_target(words).name]
        how: Obj = {"kind": "DeleteOptions", "apiVersion": "v1"}
        how["propagationPolicy"] = _option(words, "cascade", "background").capitalize()
        if grace := _option(words, "grace-period", ""):
            how["gracePeriodSeconds"] = int(grace)
        for name in names:
            self._send("DELETE", self._path(Ref(kind, name)), how)
        return "".join(f'{kind.lower()} "{name}" deleted\n' for name in names)

    # -- what kubectl has no words for

    def _request(self, words: list[str]) -> str:
        """What the workload answers is its own business, so that no answer is a failure."""
        method, (kind, _, name), port, path = words[0], words[1].partition("/"), words[2], words[3]
        target = self._objects.path(kind_of(kind), f"{name}:{port}") + f"/proxy/{path.lstrip('/')}"
        return str(self._rest.request(method, target).code)

    def _cut_off(self, words: list[str]) -> str:
        body = {"unreachableForSeconds": float(words[1])}
        answer = self._rest.request("PUT", f"{REGISTRIES}/{quote(words[0])}", body=body)
        if not answer.ok:
            raise HarnessError(f"the registry {words[0]} cannot be cut off here: {answer.code} {answer.body}")
        return ""


def kind_of(word: str) -> str:
    """`deployment`, `deployments` or `Deployment`; with a group behind it, too."""
    plain = word.partition(".")[0].lower()
    for kind in KINDS:
        if plain in (kind.lower(), f"{kind.lower()}s"):
            return kind
    raise UsageProblem(f"expected one of {', '.join(kind.lower() for kind in KINDS)}; found {word!r}")


def _target(words: list[str]) -> Ref:
    """`deployment app` or `deployment/app`."""
    kind, slash, name = words[0].partition("/")
    if not slash and len(words) < 2:
        raise UsageProblem(f"expected a kind and a name, like deployment/app; found {words[0]!r}")
    return Ref(kind_of(kind), name if slash else words[1])


def _told(ref: Ref) -> str:
    group = {"Deployment": ".apps", "StatefulSet": ".apps", "DaemonSet": ".apps", "Job": ".batch", "CronJob": ".batch"}
    return f"{ref.kind.lower()}{group.get(ref.kind, '')}/{ref.name}"


def _option(words: list[str], name: str, default: str | None = None) -> str:
    for at, word in enumerate(words):
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
        if word == f"--{name}" and at + 1 < len(words):
            return words[at + 1]
    if default is None:
        raise UsageProblem(f"expected --{name}=...; found {' '.join(words)!r}")
    return default


def _secret(words: list[str]) -> Obj:
    if words[:1] != ["secret"] or len(words) < 3 or words[1] not in ("generic", "docker-registry"):
        found = " ".join(words)
        raise UsageProblem(f"kubectl create {found}: expected -f -, secret generic NAME or secret docker-registry NAME")
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
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": words[2]}, "type": kind, "data": encoded}
