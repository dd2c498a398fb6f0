"""What the server serves, as data: the release's own discovery documents for the built-in kinds,
CustomResourceDefinitions for the rest.

A kind differs from another only by its row there, by its flags in `resources.json`, which no release publishes, and
by what defaults, validation and tables know of it; a branch on a kind's name anywhere else is the beginning of a
second table. The flags:

  fields      field selectors besides name and namespace
  generation  counts changes of spec                     whole     ... of everything outside metadata
  upsert      PUT creates what is not there              locked    PUT must carry a resourceVersion
  orphan      deletes orphan dependents by default       returned  DELETE answers the object, not a Status
  stored      shares the storage of another resource     warning   header on each answer
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from .schema import published

Obj = dict[str, Any]

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
SUBRESOURCE_VERBS: dict[str, tuple[str, ...]] = {
    "status": ("get", "patch", "update"),
    "scale": ("get", "patch", "update"),
    "resize": ("get", "patch", "update"),
    "ephemeralcontainers": ("get", "patch", "update"),
    "approval": ("get", "patch", "update"),
    "finalize": ("update",),
    "log": ("get",),
    "binding": ("create",),
    "eviction": ("create",),
    "token": ("create",),
    "exec": ("create", "get"),
    "attach": ("create", "get"),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
}


@dataclass(frozen=True, eq=False)
class Custom:
    """What a CustomResourceDefinition adds to a resource."""

    schema: Obj | None
    columns: tuple[Obj, ...]
    status: bool
    scale: Obj | None
    storage_version: str


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource in one version."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    subresources: dict[str, str] = field(default_factory=dict)  # name -> kind, "group/version Kind" if foreign
    fields: tuple[str, ...] = ()
    generation: bool = False
    whole: bool = False
    upsert: bool = False
    locked: bool = False
    orphan: bool = False
    returned: bool = False
    unstored: bool = False
    warning: str = ""
    stored: str = ""
    custom: Custom | None = None

    @cached_property
    def key(self) -> str:
        """How the contract and the error texts call it: "pods", "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @cached_property
    def storage(self) -> str:
        return self.stored or self.key

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def list_kind(self) -> str:
        return f"{self.kind}List"


def _row(group_version: str, row: list[Any], flags: Obj) -> Resource:
    kind, plural, short, namespaced, more = row
    group, _, version = group_version.rpartition("/")
    verbs = tuple(more["verbs"].split()) if "verbs" in more else VERBS
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=more.get("singular", kind.lower()),
        namespaced=bool(namespaced),
        short_names=tuple(short.split()),
        categories=tuple(more.get("categories", "").split()),
        verbs=verbs,
        subresources=dict(sorted(more.get("subs", {}).items())),
        fields=tuple(flags.get("fields", ())),
        generation=bool(flags.get("generation")),
        whole=bool(flags.get("whole")),
        upsert=bool(flags.get("upsert")),
        locked=bool(flags.get("locked")),
        orphan=bool(flags.get("orphan")),
        returned=bool(flags.get("returned")),
        unstored=verbs == ("create",),
        warning=flags.get("warning", ""),
        stored=flags.get("stored", ""),
    )


@cache
def built_in() -> tuple[Resource, ...]:
    table = json.loads(files(__package__).joinpath("resources.json").read_text("utf-8"))
    return tuple(
        _row(version, row, table.get(version, {}).get(row[1], {}))
        for version, rows in published()["resources"].items()
        for row in rows
    )


class Resources:
    """The table of one server: it grows and shrinks with CustomResourceDefinitions."""

    def __init__(self) -> None:
        self._paths: dict[tuple[str, str, str], Resource] = {}
        self.keys: dict[str, Resource] = {}  # nobody else's to edit
        self._kinds: dict[tuple[str, str], Resource] = {}
        self.generation = 0
        # What `routing.parse` found out, and what `groups` put together, until the table changes.
        self.routes: dict[str, Any] = {}
        self._groups: dict[str, dict[str, list[Resource]]] = {}
        for resource in built_in():
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """The first version added for a key is the preferred one."""
        self._paths[resource.group, resource.version, resource.plural] = resource
        self.keys.setdefault(resource.key, resource)
        self._kinds[resource.api_version, resource.kind] = resource
        self._changed()

    def remove(self, key: str) -> None:
        for path, resource in list(self._paths.items()):
            if resource.key == key:
                del self._paths[path]
                self._kinds.pop((resource.api_version, resource.kind), None)
        self.keys.pop(key, None)
        self._changed()

    def _changed(self) -> None:
        self.generation += 1
        self.routes.clear()
        self._groups = {}

    def at(self, group: str, version: str, plural: str) -> Resource | None:
        return self._paths.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Resource | None:
        return self._kinds.get((api_version, kind))

    def all(self) -> list[Resource]:
        return list(self._paths.values())

    def groups(self) -> dict[str, dict[str, list[Resource]]]:
        """group -> version -> resources, each in the order they are announced; nobody's to edit."""
        if not self._groups:
            for resource in self._paths.values():
                self._groups.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
        return self._groups
