"""The API server without a transport: a request in, an answer or a watch out.

`Server.handle` is the only door, whoever knocks: an in-process client, a socket, a test. It authorizes, routes,
turns refusals into Status objects, and tells the observers about every request after it was answered: that is
where evidence of what a healer did is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import discovery, errors, metrics, openapi
from .authorization import Attributes, Authorizer, Rbac, User, user_of
from .decoding import body_of, checked_object
from .encoding import Encoder
from .errors import ApiError
from .messages import ApiAnswer, ApiRequest, answer, text
from .node import NodeApi
from .registry import Registry
from .resources import SUBRESOURCE_VERBS
from .reviews import review
from .routing import Target, parse
from .streams import Answer
from .subresources import Subresources
from .verbs import Verbs

Obj = dict[str, Any]
Observer = Callable[[ApiRequest, Answer, Obj | None], None]

__all__ = ["Answer", "ApiAnswer", "ApiRequest", "Server"]

# What no header may carry.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HEALTH = ("/healthz", "/livez", "/readyz")


class Server:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        for resource in metrics.RESOURCES:
            registry.resources.add(resource)
        # Called with the request, what was answered, and the object as it was before a write.
        self.observers: list[Observer] = []
        # Set by the kubelet once there is one.
        self.node: NodeApi | None = None
        # Paths that are none of the API's, for the administrator alone. None: not one of these.
        self.beside: Callable[[ApiRequest], ApiAnswer | None] | None = None
        # Bearer tokens that were issued, and whose they are.
        self.tokens: dict[str, str] = {}
        self.rbac = Rbac(registry.store)
        self.authorizer: Authorizer = self.rbac.allows
        self.subresources = Subresources(self)
        self._verbs = Verbs(registry, Encoder(registry.store))

    def handle(self, request: ApiRequest) -> Answer:
        target = parse(self.registry.resources, request.path)
        before = self._before(request, target)
        warnings: list[str] = []
        result: Answer
        try:
            user = self._user(request)
            verb = target.verb(request) if target is not None else request.method.lower()
            self._authorize(user, request, target, verb)
            if target is None:
                result = self._other(request)
            else:
                if target.resource.warning:
                    warnings.append(target.resource.warning)
                result = self._resource(request, target, verb, user, warnings)
        except ApiError as error:
            result = answer(error.status, error.status_object(), error.headers)
        if warnings:
            plain = (_CONTROL.sub(" ", one) for one in warnings)
            quoted = (one.replace("\\", "\\\\").replace('"', '\\"') for one in plain)
            result.headers["Warning"] = ", ".join(f'299 - "{one}"' for one in quoted)
        for observer in self.observers:
            observer(request, result, before)
        return result

    def authorize(self, request: ApiRequest) -> None:
        """For transports that answer a request themselves (streams): raises ApiError if it may not be made."""
        target = parse(self.registry.resources, request.path)
        verb = target.verb(request) if target is not None else request.method.lower()
        self._authorize(self._user(request), request, target, verb)

    def _before(self, request: ApiRequest, target: Target | None) -> Obj | None:
        if target is None or not target.name or request.method in ("GET", "HEAD"):
            return None
        res = target.resource
        namespace = (target.namespace or "") if res.namespaced else ""
        return self.registry.store.get(res.storage, namespace, target.name)

    # -- who

    def _user(self, request: ApiRequest) -> User:
        user = user_of(request.user)
        other = request.headers.get("impersonate-user")
        if not other:
            return user
        wanted = Attributes(verb="impersonate", resource="users", name=other)
        if other.startswith("system:serviceaccount:") and other.count(":") == 3:
            _, _, namespace, name = other.split(":")
            wanted = Attributes(verb="impersonate", resource="serviceaccounts", namespace=namespace, name=name)
        if not self.authorizer(user, wanted):
            raise wanted.refusal(user)
        groups = tuple(one.strip() for one in request.headers.get("impersonate-group", "").split(",") if one.strip())
        return user_of(other, groups)

    def _authorize(self, user: User, request: ApiRequest, target: Target | None, verb: str) -> None:
        if target is None:
            wanted = Attributes(verb=verb, path=request.path)
        else:
            res = target.resource
            name, namespace = target.name, target.namespace or ""
            if not name and verb in ("list", "watch", "deletecollection"):
                name = _single_name(request)
            if res.key == "namespaces":
                namespace = target.name
            wanted = Attributes(
                verb=verb,
                group=res.group,
                resource=res.plural + (f"/{target.sub}" if target.sub else ""),
                namespace=namespace,
                name=name.partition(":")[0] if target.sub == "proxy" else name,
            )
        if not self.authorizer(user, wanted):
            raise wanted.refusal(user)

    # -- resources

    def _resource(self, request: ApiRequest, target: Target, verb: str, user: User, warnings: list[str]) -> Answer:
        res = target.resource
        if target.sub:
            if verb not in SUBRESOURCE_VERBS[target.sub]:
                raise errors.not_allowed()
            if self.subresources.handles(target.sub):
                return self.subresources.answer(request, target, warnings)
        elif (
            verb not in res.verbs
            or (verb == "create") != (request.method == "POST")
            or (res.namespaced and target.namespace is None and verb in ("create", "deletecollection"))
        ):
            raise errors.not_allowed()
        if res.group == metrics.GROUP:
            return metrics.metrics(self, request, target)
        if res.unstored:
            obj = body_of(request) if res.kind == "Binding" else checked_object(res, request, warnings)
            return review(self, target, obj, user)
        verbs = self._verbs
        if verb == "get":
            return verbs.get(request, target)
        if verb == "list":
            return verbs.list_all(request, target)
        if verb == "watch":
            return verbs.watch(request, target)
        if verb == "delete":
            return verbs.delete(request, target, warnings)
        if verb == "deletecollection":
            return verbs.delete_collection(request, target, warnings)
        if verb == "create" and not target.name:
            return verbs.create(request, target, warnings)
        if verb == "update":
            return verbs.update(request, target, warnings)
        if verb == "patch":
            return verbs.patch(request, target, warnings)
        raise errors.not_allowed()

    # -- everything else

    def _other(self, request: ApiRequest) -> ApiAnswer:
        path = request.path.rstrip("/") or "/"
        parts = path.split("/")[1:]
        if not request.user and self.beside is not None and (found := self.beside(request)) is not None:
            return found
        if request.method not in ("GET", "HEAD"):
            raise errors.no_such_path()
        if path == "/version":
            return answer(200, discovery.VERSION)
        if path.startswith(_HEALTH):
            return text(200, "ok")
        if path.startswith("/openapi"):
            return self._openapi(parts)
        if parts[0] in ("api", "apis"):
            return self._discovery(request, parts)
        if path == "/":
            known = ["/api", "/api/v1", "/apis", *_HEALTH, "/openapi/v3", "/version"]
            return answer(200, {"paths": known})
        return text(404, "404 page not found\n")

    def _openapi(self, parts: list[str]) -> ApiAnswer:
        table = self.registry.resources
        if parts == ["openapi", "v3"]:
            return answer(200, openapi.index(table))
        found: Obj | None = None
        if parts[:3] == ["openapi", "v3", "api"] and len(parts) == 4:
            found = openapi.document(table, "", parts[3])
        elif parts[:3] == ["openapi", "v3", "apis"] and len(parts) == 5:
            found = openapi.document(table, parts[3], parts[4])
        return answer(200, found) if found is not None else text(404, "404 page not found\n")

    def _discovery(self, request: ApiRequest, parts: list[str]) -> ApiAnswer:
        table = self.registry.resources
        core = parts[0] == "api"
        found: Obj | None = None
        if len(parts) == 1:
            if discovery.wants_aggregated(request.headers.get("accept", "")):
                document = discovery.aggregated(table, core)
                return answer(200, document, {"Content-Type": discovery.AGGREGATED})
            found = discovery.core_versions("10.96.0.1:443") if core else discovery.group_list(table)
        elif core and len(parts) == 2:
            found = discovery.resource_list(table, "", parts[1])
        elif not core and len(parts) == 2:
            found = discovery.group(table, parts[1])
        elif not core and len(parts) == 3:
            found = discovery.resource_list(table, parts[1], parts[2])
        elif self._serves(parts):
            raise errors.no_such_path()
        return answer(200, found) if found is not None else text(404, "404 page not found\n")

    def _serves(self, parts: list[str]) -> bool:
        """Whether the group and version of a path exist, though not the resource."""
        groups = self.registry.resources.groups()
        if parts[0] == "api":
            return parts[1] in groups[""]
        return parts[2] in groups.get(parts[1], {})


def _single_name(request: ApiRequest) -> str:
    """The name of `fieldSelector=metadata.name=x`: rules with resourceNames may allow that list."""
    for part in request.param("fieldSelector").split(","):
        name, equals, value = part.partition("=")
        if name == "metadata.name" and equals:
            return value.lstrip("=")
    return ""
