"""Which resources an API server has, and what a path is about.

Asked once of the server, and again when a path names a resource that is not known: a workload brings definitions of its
own. The trap is `/api/v1/namespaces/x/status`, where what stands after the namespace is no resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of one group and version."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str = "", name: str = "") -> str:
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{self.root}{inside}/{self.plural}{'/' + name if name else ''}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a path is about."""

    kind: Kind
    namespace: str = ""  # "": all of them, or a resource without
    name: str = ""
    sub: str = ""

    @property
    def path(self) -> str:
        """Of the object, whatever subresource is asked for."""
        return self.kind.path(self.namespace, self.name)


class Kinds:
    """The table of resources."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._table = {(kind.group, kind.version, kind.plural): kind for kind in kinds}

    def add(self, kinds: Iterable[Kind]) -> None:
        self._table.update({(kind.group, kind.version, kind.plural): kind for kind in kinds})

    def __iter__(self) -> Iterator[Kind]:
        return iter(tuple(self._table.values()))

    def parse(self, path: str) -> Target | None:
        """None for a path that is about no resource, or about one that is not known."""
        # A server finds its way by the decoded path: %2F parts as / does.
        parts = unquote(path).strip("/").split("/")
        if parts[:1] == ["api"] and len(parts) > 2:
            group, version, parts = "", parts[1], parts[2:]
        elif parts[:1] == ["apis"] and len(parts) > 3:
            group, version, parts = parts[1], parts[2], parts[3:]
        else:
            return None
        if parts[0] == "watch":
            parts = parts[1:]
        namespace = ""
        if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in ("status", "finalize"):
            namespace, parts = parts[1], parts[2:]
        kind = self._table.get((group, version, parts[0])) if parts else None
        if kind is None:
            return None
        return Target(kind, namespace, *parts[1:3])


def group_of(path: str) -> str:
    """Where a server says which resources a path's group and version has; "" for a path without."""
    parts = unquote(path).strip("/").split("/")
    if parts[0] == "apis" and len(parts) > 3:
        return f"/apis/{parts[1]}/{parts[2]}"
    return ""


def verb_of(method: str, target: Target | None, *, watch: bool) -> str:
    """As authorization calls it."""
    verb = _VERBS.get(method, method.lower())
    if target is None or target.name:
        return verb
    if verb == "get":
        return "watch" if watch else "list"
    return "deletecollection" if verb == "delete" else verb


def from_aggregated(document: Any) -> Iterator[Kind]:
    """Of one answer to /api or /apis in the aggregated form."""
    for group in document.get("items", ()):
        name = group["metadata"].get("name", "")
        for version in group.get("versions", ()):
            for resource in version.get("resources", ()):
                kind = resource.get("responseKind", {}).get("kind", "")
                namespaced = resource.get("scope") == "Namespaced"
                yield Kind(name, version["version"], resource["resource"], kind, namespaced,
                           frozenset(resource.get("verbs", ())))  # fmt: skip


def from_list(document: Any) -> Iterator[Kind]:
    """Of one answer to /api/v1 or /apis/GROUP/VERSION."""
    group, _, version = document["groupVersion"].rpartition("/")
    for resource in document.get("resources", ()):
        if "/" not in resource["name"]:
            yield Kind(group, version, resource["name"], resource["kind"], resource["namespaced"],
                       frozenset(resource.get("verbs", ())))  # fmt: skip
