"""RuntimeClasses: what a pod takes over from the one that it names.

The trap is overhead: it is the class's to state, and a pod that states another, or any without a class, is refused.
"""

from __future__ import annotations

from ..store.store import Obj, Store
from . import errors
from .quantities import parse

CLASSES = "runtimeclasses.node.k8s.io"


def settle(store: Store, pod: Obj) -> None:
    spec = pod["spec"]
    name = spec.get("runtimeClassName")
    found = store.get(CLASSES, "", name) if name else None
    if name and found is None:
        raise _refused(pod, f'pod rejected: RuntimeClass "{name}" not found')
    _settle_overhead(pod, ((found or {}).get("overhead") or {}).get("podFixed"))
    scheduling = (found or {}).get("scheduling") or {}
    _select_nodes(pod, scheduling.get("nodeSelector") or {})
    for one in scheduling.get("tolerations") or ():
        if one not in (spec.get("tolerations") or ()):
            spec["tolerations"] = [*(spec.get("tolerations") or ()), one]


def _settle_overhead(pod: Obj, fixed: dict[str, str] | None) -> None:
    stated = pod["spec"].get("overhead")
    if fixed is None:
        if stated is not None:
            raise _refused(pod, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        return
    if stated and {key: parse(one) for key, one in stated.items()} != {key: parse(one) for key, one in fixed.items()}:
        raise _refused(pod, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    pod["spec"]["overhead"] = fixed


def _select_nodes(pod: Obj, wanted: dict[str, str]) -> None:
    stated = pod["spec"].get("nodeSelector") or {}
    for key, value in wanted.items():
        if stated.get(key, value) != value:
            theirs, own = f"runtimeClass.scheduling.nodeSelector[{key}]", f"pod.spec.nodeSelector[{key}]"
            raise _refused(pod, f"conflict: {theirs} = {value}; {own} = {stated[key]}")
    if wanted:
        pod["spec"]["nodeSelector"] = {**stated, **wanted}


def _refused(pod: Obj, why: str) -> errors.ApiError:
    meta = pod["metadata"]
    return errors.forbidden("pods", meta.get("name") or meta.get("generateName", ""), why)
