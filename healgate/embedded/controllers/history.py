"""ControllerRevisions: how StatefulSets and DaemonSets remember their templates.

A rollback is found by content: a template seen before gets its old revision back, with a new number. The
trap is to make a new one instead, which would leave pods of the old template looking outdated.
"""

from __future__ import annotations

from typing import Any

from ..store.store import Obj
from .controller import Controller
from .objects import owner_reference
from .rollout import template_hash

RESOURCE = "controllerrevisions.apps"
LABEL = "controller-revision-hash"


def sync_history(controller: Controller, owner: Obj) -> tuple[Obj, list[Obj]]:
    """The revision of the owner's template as it is now, and all of the owner's, oldest first."""
    known = sorted(controller.controlled(owner, RESOURCE), key=lambda one: int(one["revision"]))
    data = {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}
    number = max((int(one["revision"]) for one in known), default=0)
    same = next((one for one in reversed(known) if one["data"] == data), None)
    if same is None:
        same = controller.registry.create(RESOURCE, _revision(owner, data, number + 1))
        return same, [*known, same]
    if same["revision"] != number:
        meta = same["metadata"]
        same = (
            controller.registry.change(
                RESOURCE, meta["namespace"], meta["name"], lambda now: {**now, "revision": number + 1}
            )
            or same
        )
        known = [one for one in known if one["metadata"]["uid"] != meta["uid"]] + [same]
    return same, known


def _revision(owner: Obj, data: dict[str, Any], number: int) -> Obj:
    meta = owner["metadata"]
    collisions = owner.get("status", {}).get("collisionCount", 0)
    digest = template_hash(owner["spec"]["template"], collisions)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{meta['name']}-{digest}",
            "namespace": meta["namespace"],
            "labels": {
                **(owner["spec"]["selector"].get("matchLabels") or {}),
                "controller.kubernetes.io/hash": digest,
            },
            "ownerReferences": [owner_reference(owner)],
        },
        "data": _sorted(data),
        "revision": number,
    }


def _sorted(value: Any) -> Any:
    """With all keys in order, as a real one is written: kubectl compares it byte by byte with one of its own."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def template_of(revision: Obj) -> Obj:
    template: Obj = revision["data"]["spec"]["template"]
    return {key: value for key, value in template.items() if key != "$patch"}


def label_of(controller: Controller, revision: Obj) -> str:
    """What pods carry: a StatefulSet's the revision's name, a DaemonSet's its hash alone."""
    if controller.kind == "StatefulSet":
        return str(revision["metadata"]["name"])
    return str(revision["metadata"]["labels"]["controller.kubernetes.io/hash"])


def truncate(controller: Controller, owner: Obj, known: list[Obj], live: set[str]) -> None:
    """Forget the oldest that no pod uses, beyond revisionHistoryLimit."""
    limit = owner["spec"].get("revisionHistoryLimit", 10)
    spare = [one for one in known if label_of(controller, one) not in live]
    for one in spare[: max(len(spare) - limit, 0)]:
        controller.registry.delete(RESOURCE, one["metadata"]["namespace"], one["metadata"]["name"])
