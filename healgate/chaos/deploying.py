"""Applying a workload's manifests, and waiting until they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..evidence import Obj, Ref, Seen
from ..problems import NotSteady
from ..vigil import View, unsettled
from .objects import WORKLOADS
from .place import ConnectedPlace, Place
from .templates import changed

DEFINITION = "CustomResourceDefinition"
ESTABLISHED_WITHIN = 30.0
WATCHED = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Pod", "PersistentVolumeClaim")


def open_namespace(here: Place) -> None:
    """Make the namespace if it is not there, and wait until pods can be made in it."""
    here.objects.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": here.namespace}}, exists_already=True
    )
    account = Ref("ServiceAccount", "default")
    if not here.wait(lambda: here.objects.get(account) is not None, ESTABLISHED_WITHIN):
        raise NotSteady(f"namespace {here.namespace} has no {account} after {ESTABLISHED_WITHIN:g}s")


def apply(
    here: Place,
    manifests: Sequence[Obj],
    changes: Iterable[Mapping[str, Any]],
    also: Iterable[Obj],
) -> None:
    """Create every object, in order; definitions first, since the rest may need them."""
    patches: dict[Ref, list[Any]] = {}
    for change in changes:
        patches.setdefault(Ref.parse(change["object"]), []).append(change["patch"])
    objects = [*manifests, *also]
    definitions = [obj for obj in objects if obj["kind"] == DEFINITION]
    for obj in definitions:
        here.objects.create(obj, exists_already=True)
    for obj in definitions:
        _wait_for_definition(here, obj)
    for obj in objects:
        if obj["kind"] == DEFINITION:
            continue
        for patch in patches.get(Ref.of(obj), ()):
            obj = changed(obj, patch)
        # The path says the namespace: a manifest without it is the same in every trial.
        here.objects.create({**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "namespace"}})


def _wait_for_definition(here: Place, definition: Obj) -> None:
    """Established, and served: a real API server says the first a moment before it does the second."""
    ref, spec = Ref.of(definition), definition["spec"]
    version = next(version["name"] for version in spec["versions"] if version["served"])
    group = f"/apis/{spec['group']}/{version}"

    def served() -> bool:
        found = here.objects.get(ref) or {}
        conditions = found.get("status", {}).get("conditions") or ()
        if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return False
        answer = here.objects.rest.request("GET", group)
        known = answer.ok and any(resource["name"] == spec["names"]["plural"] for resource in answer.body["resources"])
        return known and here.objects.rest.request("GET", f"{group}/{spec['names']['plural']}", {"limit": "1"}).ok

    if not served() and not here.wait(served, ESTABLISHED_WITHIN):
        raise NotSteady(f"{ref} was not served within {ESTABLISHED_WITHIN:g}s")


def stand(here: ConnectedPlace, refs: Iterable[Ref], within: float) -> None:
    """Wait until everything that runs does. For a place that cannot watch."""
    wanted = [ref for ref in refs if ref.kind in WORKLOADS]
    why = ""

    def standing() -> bool:
        nonlocal why
        view = View()
        for obj in here.objects.everything(WATCHED):
            view.see(Seen(0.0, "ADDED", obj))
        why = next((problem for ref in wanted if (problem := unsettled(view, ref))), "")
        return not why

    if not here.wait(standing, within):
        raise NotSteady(f"the workload did not stand within {within:g}s: {why}")
