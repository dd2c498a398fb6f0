"""Who may do what: roles and bindings as they stand in the store at the moment of the request.

The administrator may do everything; everybody else, service accounts above all, only what a binding grants. That
is what lets a healer run with the rights that it declares and fail where a real cluster would refuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from ..store import Store
from .errors import ApiError
from .selectors import selects

Obj = dict[str, Any]

ADMIN = "kubernetes-admin"
MASTERS = "system:masters"
ANONYMOUS = "system:anonymous"
RBAC = "rbac.authorization.k8s.io"

_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "delete", "deletecollection", "patch", "update"]
_EVERYDAY: dict[str, list[str]] = {
    "": [
        "configmaps", "endpoints", "events", "persistentvolumeclaims", "persistentvolumeclaims/status", "pods",
        "pods/log", "pods/status", "replicationcontrollers", "replicationcontrollers/scale", "serviceaccounts",
        "services", "services/status", "limitranges", "resourcequotas", "namespaces",
    ],
    "apps": [
        "controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
        "deployments/status", "replicasets", "replicasets/scale", "replicasets/status", "statefulsets",
        "statefulsets/scale", "statefulsets/status",
    ],
    "autoscaling": ["horizontalpodautoscalers", "horizontalpodautoscalers/status"],
    "batch": ["cronjobs", "cronjobs/status", "jobs", "jobs/status"],
    "discovery.k8s.io": ["endpointslices"],
    "metrics.k8s.io": ["nodes", "pods"],
    "networking.k8s.io": ["ingresses", "ingresses/status", "networkpolicies"],
    "policy": ["poddisruptionbudgets", "poddisruptionbudgets/status"],
}  # fmt: skip


def _rules(verbs: list[str], extra: list[str]) -> list[Obj]:
    found = [{"apiGroups": [group], "resources": names, "verbs": verbs} for group, names in _EVERYDAY.items()]
    return [*found, {"apiGroups": [""], "resources": extra, "verbs": verbs}] if extra else found


_POD_DOORS = [
    "pods/attach",
    "pods/exec",
    "pods/portforward",
    "pods/proxy",
    "pods/eviction",
    "services/proxy",
    "secrets",
]
_RBAC_RULE: Obj = {"apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": _WRITE}
# What a cluster brings along; an object of the same name in the store takes precedence.
BUILT_IN_ROLES: dict[str, list[Obj]] = {
    "cluster-admin": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ],
    "view": _rules(_READ, []),
    "edit": _rules(_WRITE, _POD_DOORS),
    "admin": [*_rules(_WRITE, _POD_DOORS), _RBAC_RULE],
    "system:discovery": [
        {
            "nonResourceURLs": [
                "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
                "/version", "/version/",
            ],
            "verbs": ["get"],
        }
    ],
    "system:public-info-viewer": [
        {"nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"], "verbs": ["get"]}
    ],
    "system:basic-user": [
        {
            "apiGroups": ["authorization.k8s.io", "authentication.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"],
            "verbs": ["create"],
        }
    ],
}  # fmt: skip
_FOR_ALL = {
    "system:authenticated": ("system:discovery", "system:basic-user", "system:public-info-viewer"),
    "system:unauthenticated": ("system:public-info-viewer",),
}


class User(NamedTuple):
    name: str
    groups: tuple[str, ...]

    @property
    def is_admin(self) -> bool:
        return MASTERS in self.groups


@lru_cache(256)
def user_of(name: str, groups: tuple[str, ...] = ()) -> User:
    """The groups follow from the name, as authenticators set them."""
    if name in ("", ADMIN):
        return User(ADMIN, (MASTERS, "kubeadm:cluster-admins", "system:authenticated", *groups))
    if name == ANONYMOUS:
        return User(name, ("system:unauthenticated",))
    if name.startswith("system:serviceaccount:"):
        namespace = name.split(":")[2]
        found = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return User(name, (*found, *groups))
    return User(name, ("system:authenticated", *groups))


class Attributes(NamedTuple):
    """What somebody wants to do: with a resource, or with a path."""

    verb: str
    group: str = ""
    resource: str = ""  # with the subresource: "pods/log"
    namespace: str = ""
    name: str = ""
    path: str = ""

    def refusal(self, user: User) -> ApiError:
        if self.path:
            return ApiError(
                403, "Forbidden", f'forbidden: User "{user.name}" cannot {self.verb} path "{self.path}"', {}
            )
        plural = self.resource.partition("/")[0]
        key = f"{plural}.{self.group}" if self.group else plural
        scope = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        subject = f'{key} "{self.name}"' if self.name else key
        text = f'{subject} is forbidden: User "{user.name}" cannot {self.verb} resource "{self.resource}" '
        text += f'in API group "{self.group}" {scope}'
        details: Obj = {"name": self.name} if self.name else {}
        if self.group:
            details["group"] = self.group
        return ApiError(403, "Forbidden", text, {**details, "kind": plural})


Authorizer = Callable[[User, Attributes], bool]


@dataclass(slots=True)
class Rbac:
    """The evaluator; `allows` is what a server calls unless it was given another authorizer."""

    store: Store
    _admins: frozenset[str] = field(default_factory=lambda: frozenset({MASTERS}))
    # Decisions hold until somebody touches a role or a binding.
    _decided: dict[tuple[User, Attributes], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for plural in ("clusterrolebindings", "rolebindings", "clusterroles", "roles"):
            self.store.subscribe(f"{plural}.{RBAC}", lambda _: self._decided.clear())

    def allows(self, user: User, wanted: Attributes) -> bool:
        if not self._admins.isdisjoint(user.groups):
            return True
        asked = (user, wanted)
        decided = self._decided.get(asked)
        if decided is None:
            decided = any(_grants(rule, wanted) for rule in self.rules(user, wanted.namespace))
            self._decided[asked] = decided
        return decided

    def rules(self, user: User, namespace: str) -> Iterator[Obj]:
        """Everything granted to a user in a namespace (or, without one, in the whole cluster)."""
        for group in user.groups:
            for name in _FOR_ALL.get(group, ()):
                yield from self._cluster_role(name)
        for binding in self.store.list(f"clusterrolebindings.{RBAC}"):
            if _binds(binding, user, ""):
                yield from self._cluster_role(binding["roleRef"]["name"])
        for binding in self.store.list(f"rolebindings.{RBAC}", namespace) if namespace else ():
            if not _binds(binding, user, namespace):
                continue
            role = binding["roleRef"]
            if role["kind"] == "ClusterRole":
                yield from self._cluster_role(role["name"])
            elif found := self.store.get(f"roles.{RBAC}", namespace, role["name"]):
                yield from found.get("rules") or ()

    def _cluster_role(self, name: str) -> Iterator[Obj]:
        found = self.store.get(f"clusterroles.{RBAC}", "", name)
        if found is None:
            yield from BUILT_IN_ROLES.get(name, ())
            return
        yield from found.get("rules") or ()
        for selector in (found.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
            for other in self.store.list(f"clusterroles.{RBAC}"):
                if other is not found and selects(selector, other["metadata"].get("labels") or {}):
                    yield from other.get("rules") or ()


def _binds(binding: Obj, user: User, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "User" and name == user.name:
            return True
        if kind == "Group" and name in user.groups:
            return True
        space = subject.get("namespace") or namespace
        if kind == "ServiceAccount" and user.name == f"system:serviceaccount:{space}:{name}":
            return True
    return False


def _grants(rule: Obj, wanted: Attributes) -> bool:
    verbs = rule.get("verbs") or ()
    if wanted.verb not in verbs and "*" not in verbs:
        return False
    if wanted.path:
        urls = rule.get("nonResourceURLs") or ()
        return any(url == wanted.path or (url.endswith("*") and wanted.path.startswith(url[:-1])) for url in urls)
    groups = rule.get("apiGroups") or ()
    if wanted.group not in groups and "*" not in groups:
        return False
    resources = rule.get("resources") or ()
    sub = wanted.resource.partition("/")[2]
    if wanted.resource not in resources and "*" not in resources and not (sub and f"*/{sub}" in resources):
        return False
    names = rule.get("resourceNames")
    return not names or wanted.name in names
