"""What the server says it can do: /api, /apis and below, plain and aggregated, and /version."""

from __future__ import annotations

from typing import Any

from .resources import SUBRESOURCE_VERBS, Resource, Resources
from .schema import release

Obj = dict[str, Any]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_MINOR = release().split(".")[1]
VERSION: Obj = {
    "major": "1",
    "minor": _MINOR,
    "emulationMajor": "1",
    "emulationMinor": _MINOR,
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": str(int(_MINOR) - 1),
    "gitVersion": release(),
    "gitCommit": "5e3b5d6a3a2a6a8d33a4c9f1e6e1f7c0d6a4b2c1",
    "gitTreeState": "clean",
    "buildDate": "2026-05-12T09:28:11Z",
    "goVersion": "go1.26.2",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def wants_aggregated(accept: str) -> bool:
    return "as=APIGroupDiscoveryList" in accept and "v=v2" in accept.replace(" ", "")


def _foreign(sub: str, resource: Resource) -> tuple[str, str, str]:
    """(group, version, kind) of a subresource's objects."""
    declared = resource.subresources[sub]
    api_version, _, kind = declared.rpartition(" ")
    if not api_version:
        return resource.group, resource.version, kind
    group, _, version = api_version.rpartition("/")
    return group, version, kind


def core_versions(address: str) -> Obj:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def _group(name: str, versions: list[str]) -> Obj:
    listed = [{"groupVersion": f"{name}/{one}", "version": one} for one in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def group_list(table: Resources) -> Obj:
    groups = [_group(name, list(versions)) for name, versions in _ordered(table) if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(table: Resources, name: str) -> Obj | None:
    versions = table.groups().get(name)
    return None if versions is None else {"kind": "APIGroup", "apiVersion": "v1", **_group(name, list(versions))}


def _ordered(table: Resources) -> list[tuple[str, dict[str, list[Resource]]]]:
    """Built-in groups in the table's order, which is what clients see as priority."""
    return list(table.groups().items())


def resource_list(table: Resources, group: str, version: str) -> Obj | None:
    found = table.groups().get(group, {}).get(version)
    if found is None:
        return None
    entries: list[Obj] = []
    for resource in sorted(found, key=lambda one: one.plural):
        entry: Obj = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        if resource.categories:
            entry["categories"] = list(resource.categories)
        entries.append(entry)
        for sub in resource.subresources:
            sub_group, sub_version, kind = _foreign(sub, resource)
            entry = {"name": f"{resource.plural}/{sub}", "singularName": "", "namespaced": resource.namespaced}
            if (sub_group, sub_version) != (group, version):
                entry["group"] = sub_group
                entry["version"] = sub_version
            entries.append({**entry, "kind": kind, "verbs": list(SUBRESOURCE_VERBS[sub])})
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": entries}


def aggregated(table: Resources, core: bool) -> Obj:
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
            "versions": [
                {
                    "version": version,
                    "resources": [_discovered(one) for one in sorted(found, key=lambda one: one.plural)],
                    "freshness": "Current",
                }
                for version, found in versions.items()
            ],
        }
        for name, versions in _ordered(table)
        if bool(name) != core
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _discovered(resource: Resource) -> Obj:
    entry: Obj = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = []
        for sub in resource.subresources:
            group, version, kind = _foreign(sub, resource)
            answered = {"group": group, "version": version, "kind": kind}
            below = {"subresource": sub, "responseKind": answered, "verbs": list(SUBRESOURCE_VERBS[sub])}
            entry["subresources"].append(below)
    return entry
