"""Questions that are asked by creating an object: may I, who am I, whose token is this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors
from .authorization import Attributes, User, user_of
from .messages import ApiAnswer, answer
from .routing import Target

if TYPE_CHECKING:
    from .server import Server

Obj = dict[str, Any]


def review(server: Server, target: Target, body: Obj, user: User) -> ApiAnswer:
    """The body with its `status` filled in, 201."""
    kind = target.resource.kind
    spec = body.get("spec") or {}
    if kind == "Binding":
        name = (body.get("metadata") or {}).get("name", "")
        return server.subresources.bind(body, target.namespace or "default", name)
    if kind == "SelfSubjectReview":
        status: Obj = {"userInfo": _info(user)}
    elif kind == "TokenReview":
        owner = server.tokens.get(spec.get("token", ""))
        status = {"user": {}} if owner is None else {"authenticated": True, "user": _info(user_of(owner))}
        if owner is None:
            status["error"] = "invalid bearer token"
    elif kind == "SelfSubjectRulesReview":
        status = _rules(server, user, spec.get("namespace", ""))
    else:
        asked = user
        if kind != "SelfSubjectAccessReview":
            asked = user_of(spec.get("user", ""), tuple(spec.get("groups") or ()))
            if not spec.get("user") and not spec.get("groups"):
                cause = errors.required("spec.user", "at least one of user or group must be specified")
                raise errors.invalid(kind, "", [cause], target.resource.group)
        status = _decision(server, asked, spec)
    meta = body.get("metadata") or {}
    made = {"kind": kind, "apiVersion": target.resource.api_version, "metadata": meta}
    return answer(201, {**made, "spec": spec, "status": status} if spec else {**made, "status": status})


def _info(user: User) -> Obj:
    return {"username": user.name, "groups": list(user.groups)}


def _decision(server: Server, user: User, spec: Obj) -> Obj:
    about, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if about:
        resource = about.get("resource", "") + (f"/{about['subresource']}" if about.get("subresource") else "")
        wanted = Attributes(
            verb=about.get("verb", ""),
            group=about.get("group", ""),
            resource=resource,
            namespace=about.get("namespace", ""),
            name=about.get("name", ""),
        )
    elif path:
        wanted = Attributes(verb=path.get("verb", ""), path=path.get("path", ""))
    else:
        raise errors.bad_request("exactly one of resourceAttributes or nonResourceAttributes must be specified")
    allowed = server.authorizer(user, wanted)
    return {"allowed": True, "reason": "RBAC: allowed"} if allowed else {"allowed": False}


def _rules(server: Server, user: User, namespace: str) -> Obj:
    granted = list(server.rbac.rules(user, namespace))
    if user.is_admin:
        granted.insert(0, {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
        granted.insert(1, {"verbs": ["*"], "nonResourceURLs": ["*"]})
    resources = [rule for rule in granted if rule.get("resources")]
    paths = [rule for rule in granted if rule.get("nonResourceURLs")]
    return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
