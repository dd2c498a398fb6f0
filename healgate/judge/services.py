"""Services: whom they lead to, and who is sent to them.

The trap is a name that stands somewhere for another reason: only an address with a port of the Service's own counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..evidence import Obj, Ref
from .containers import template_of

# `database:5432`, `http://database.shop.svc.cluster.local:5432/x`; a comma between several.
_ADDRESS = re.compile(r"(?<![\w.-])([a-z][a-z0-9-]*)((?:\.[a-z0-9-]+)*)\.?:(\d+)\b")


def labels_of(workload: Obj) -> Mapping[str, str]:
    """Of its pods, or its own if it is one."""
    metadata = (workload if workload["kind"] == "Pod" else template_of(workload)).get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}


def leads_to(service: Obj, labels: Mapping[str, str]) -> bool:
    if service["kind"] != "Service":
        return False
    selector = (service.get("spec") or {}).get("selector") or {}
    return bool(selector) and selector.items() <= labels.items()


def led_to(service: Obj, there: Mapping[Ref, Obj]) -> Iterator[Ref]:
    """What runs the pods that a Service leads to, of what is there."""
    return (ref for ref, obj in there.items() if leads_to(service, labels_of(obj)))


def is_named_in(service: Obj, text: str, namespace: str) -> bool:
    """Whether a text sends somebody to the Service."""
    ports = {str(port.get("port")) for port in (service.get("spec") or {}).get("ports") or ()}
    return any(
        name == service["metadata"]["name"] and port in ports and domain.split(".")[1:2] in ([], [namespace])
        for name, domain, port in _ADDRESS.findall(text)
    )
