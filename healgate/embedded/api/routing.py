"""From a path to what it is about: a resource, a namespace, a name, a subresource."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from .messages import ApiRequest
from .resources import Resource, Resources

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True, slots=True)
class Target:
    resource: Resource
    namespace: str | None  # None: all namespaces, or a resource without
    name: str = ""
    sub: str = ""
    rest: str = ""  # what follows a proxy, with its slash
    watch: bool = False

    def verb(self, request: ApiRequest) -> str:
        """As authorization and discovery call it."""
        verb = _VERBS.get(request.method, request.method.lower())
        if self.name:
            return verb
        if verb == "get":
            return "watch" if self.watch or request.flag("watch") else "list"
        return "deletecollection" if verb == "delete" else verb


# A healer asks for the same few paths again and again; whoever asks for others does not make us keep them all.
_REMEMBERED = 1000


def parse(table: Resources, path: str) -> Target | None:
    """The target of a resource path; None for every other path."""
    routes: dict[str, Target | None] = table.routes
    if path not in routes:
        if len(routes) >= _REMEMBERED:
            routes.clear()
        routes[path] = _parsed(table, path)
    return routes[path]


def _parsed(table: Resources, path: str) -> Target | None:
    parts = [unquote(part) for part in path.split("/")[1:]]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return None
    watch = parts[:1] == ["watch"]
    if watch:
        parts = parts[1:]
    while parts and not parts[-1] and not (len(parts) > 3 and "proxy" in parts):
        parts = parts[:-1]
    namespace: str | None = None
    if len(parts) > 2 and parts[0] == "namespaces" and not (group == "" and parts[2] in ("status", "finalize")):
        namespace, parts = parts[1], parts[2:]
    if not parts:
        return None
    resource = table.at(group, version, parts[0])
    if resource is None or (namespace is not None and not resource.namespaced):
        return None
    name = parts[1] if len(parts) > 1 else ""
    sub = parts[2] if len(parts) > 2 else ""
    rest = "/" + "/".join(parts[3:]) if sub == "proxy" else ""
    if len(parts) > 3 and sub != "proxy":
        return None
    if sub and sub not in resource.subresources:
        return None
    return Target(resource, namespace, name, sub, rest, watch)
