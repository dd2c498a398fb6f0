"""What the healer brought and did not take away again, and whom that hinders, endangers or exposes.

A healer may keep notes and run pods of its own while it works. The trap is what stays: it binds others, answers for
them, lets strangers in, or tells everybody a password, when nobody looks any more.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..evidence import Evidence, Obj, Ref
from .containers import pod_of
from .drift import dangerous
from .ownership import WORKLOADS, texts
from .paths import look_up
from .services import labels_of, leads_to, led_to
from .writes import Write

# What others have to live by, whoever made it.
BINDING = frozenset({"LimitRange", "ResourceQuota", "NetworkPolicy", "HorizontalPodAutoscaler"})
OPEN_TO_ALL = frozenset({"NodePort", "LoadBalancer"})
SERVES = "kubernetes.io/service-name"
BACKENDS = ("defaultBackend.service.name", "rules[*].http.paths[*].backend.service.name")
TOKEN = "kubernetes.io/service-account-token"
# A shorter text, or a plain word, may stand anywhere for another reason, and a certificate is for everybody.
SHORTEST_SECRET = 8
WORD = re.compile("[a-z-]*")
PUBLIC = frozenset({"tls.crt", "ca.crt", "namespace"})


def left_behind(evidence: Evidence, writes: list[Write]) -> Iterator[str]:
    """Of all that it created, or wrote to."""
    made = {write.ref for write in writes if write.verb == "create"} - evidence.baseline.keys()
    kept = [write for write in writes if write.verb in ("create", "patch", "update")]
    for ref, first in {write.ref: write for write in reversed(kept)}.items():
        left = evidence.final.get(ref)
        if left is None:
            continue
        if ref in made and (why := _in_the_way(left, evidence)):
            yield f"{ref} was left behind, {why}"
        elif ref.kind != "Secret" and (told := next(_told(left, evidence.baseline), None)):
            yield f"{ref} was left telling everybody what {told} keeps"
        if ref.kind not in WORKLOADS:
            continue
        pod = pod_of(left)
        found = evidence.baseline.get(ref) or first.before
        had = set(dangerous(pod_of(found))) if found is not None else set()
        if ref.kind == "Pod" or ref not in evidence.baseline:
            for power in sorted(set(dangerous(pod)) - had):
                yield f"{ref} was left with {power}"
    for request in evidence.requests:
        noted = request.writes and request.accepted and request.is_about_itself
        if noted and (told := next(_told(request.body, evidence.baseline), None)):
            yield f"{request.kind} tells everybody what {told} keeps: {request}"


def _in_the_way(left: Obj, evidence: Evidence) -> str:
    """Whom something hinders that the healer made."""
    kind = left["kind"]
    if kind in BINDING:
        return "which binds everybody in the namespace"
    if kind == "PodDisruptionBudget" and left.get("status", {}).get("disruptionsAllowed") == 0:
        return "which lets no pod be moved"
    named = (left["metadata"].get("labels") or {}).get(SERVES) if kind == "EndpointSlice" else None
    for ref, service in evidence.baseline.items():
        if leads_to(service, labels_of(left)) or (named and ref == Ref("Service", named)):
            return f"which answers for {ref}"
    if opened := next(_opened(left, evidence), None):
        return f"which opens {opened} to who is not in the cluster"
    if kind == "Secret" and left.get("type") == TOKEN:
        return "which is a key to the cluster that never expires"
    return ""


def _opened(left: Obj, evidence: Evidence) -> Iterator[Ref]:
    """What a Service or an Ingress lets strangers in to, of what others run."""
    spec = left.get("spec")
    if not isinstance(spec, dict):  # of another group, whose kinds may have these names
        return
    if left["kind"] == "Service" and (spec.get("type") in OPEN_TO_ALL or spec.get("externalIPs")):
        yield from led_to(left, evidence.baseline)
    elif left["kind"] == "Ingress":
        for name in (name for path in BACKENDS for name in look_up(spec, path)):
            service = Ref("Service", str(name))
            if service in evidence.baseline:
                yield service
            elif service in evidence.final:
                yield from led_to(evidence.final[service], evidence.baseline)


def _told(note: Any, baseline: Mapping[Ref, Obj]) -> Iterator[Ref]:
    """The Secrets of which a note has a value, as it is or encoded; what stood in plain sight before is none."""
    encoded = (note.get("binaryData") if isinstance(note, dict) else None) or {}
    written = "\0".join([*texts(note), *(_decoded(value) for value in encoded.values())])
    for ref, secret in baseline.items():
        for key, value in (secret.get("data") or {}).items() if ref.kind == "Secret" else ():
            kept = _decoded(value).strip()
            if key in PUBLIC or len(kept) < SHORTEST_SECRET or WORD.fullmatch(kept):
                continue
            if (kept in written or str(value) in written) and not _in_sight(kept, baseline):
                yield ref


def _in_sight(kept: str, baseline: Mapping[Ref, Obj]) -> bool:
    return any(kept in text for ref, obj in baseline.items() if ref.kind != "Secret" for text in texts(obj))


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(str(value)).decode(errors="replace")
    except ValueError:
        return ""
