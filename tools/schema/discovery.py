"""Served resources out of discovery documents: names, short names, scope, verbs and subresources.

Versions that are still alpha or beta are left out: a server does not serve them unless told to.
"""

from __future__ import annotations

import re
from typing import Any

Obj = dict[str, Any]

_STABLE = re.compile(r"v\d+")
_ALL = "create delete deletecollection get list patch update watch"


def resources(documents: list[Obj]) -> dict[str, list[list[Any]]]:
    """group/version -> rows of [kind, plural, short names, namespaced, {what is not ordinary}]."""
    found: dict[str, list[list[Any]]] = {}
    for document in documents:
        name = document["groupVersion"]
        if not _STABLE.fullmatch(name.rpartition("/")[2]):
            continue
        rows = {one["name"]: _row(one) for one in document["resources"] if "/" not in one["name"]}
        for one in document["resources"]:
            plural, _, sub = one["name"].partition("/")
            if sub:
                rows[plural][4].setdefault("subs", {})[sub] = _kind(one, name)
        found[name] = [rows[plural] for plural in sorted(rows)]
    return found


def _row(one: Obj) -> list[Any]:
    more: Obj = {}
    if one["singularName"] != one["kind"].lower():
        more["singular"] = one["singularName"]
    if one.get("categories"):
        more["categories"] = " ".join(one["categories"])
    if " ".join(one["verbs"]) != _ALL:
        more["verbs"] = " ".join(one["verbs"])
    return [one["kind"], one["name"], " ".join(one.get("shortNames", ())), int(one["namespaced"]), more]


def _kind(one: Obj, home: str) -> str:
    group, version = one.get("group", ""), one.get("version", "")
    foreign = f"{group}/{version}" if group else version
    return str(one["kind"]) if not foreign or foreign == home else f"{foreign} {one['kind']}"
