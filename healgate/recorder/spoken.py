"""Requests as kubectl commands: what a scenario, a co-actor or a healer sent, in the words of a recording.

Only what changes something of a kind that recordings know; custom resources are left out, since what is done because
of them is done by somebody whose requests are here as well. The trap is a patch whose type was not noted: it is told by
its form, which is right for those that clients make.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..chaos.objects import JSON_PATCH, MERGE, STRATEGIC
from ..chaos.registries import PATH as REGISTRIES
from .kubectl import CUT_OFF, KINDS, REQUEST

_PLURALS = {f"{kind.lower()}s": kind for kind in (*KINDS, "Event")}
_PATH = re.compile(
    r"^/(?:api/v1|apis/(?:apps|batch)/v1)/namespaces/[^/]+/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/?]+)(?:/(?P<sub>[^?]+))?)?$"
)
_TYPES = {STRATEGIC: "strategic", MERGE: "merge", JSON_PATCH: "json"}


@dataclass(frozen=True)
class Spoken:
    """One request in a recording's words; `stdin` is the object that `-f -` reads."""

    words: tuple[str, ...]
    stdin: Any = None


def spoken(method: str, path: str, body: Any, content_type: str = "") -> Spoken | None:
    """None: nothing that a recording tells of."""
    if path.startswith(f"{REGISTRIES}/"):
        host = unquote(path.removeprefix(f"{REGISTRIES}/"))
        return Spoken((CUT_OFF, host, f"{body['unreachableForSeconds']:g}"))
    found = _PATH.match(path)
    if found is None or found["plural"] not in _PLURALS:
        return None
    kind, name, sub = _PLURALS[found["plural"]].lower(), found["name"] or "", found["sub"] or ""
    if sub.startswith("proxy") and kind == "pod" and method != "GET":
        name, _, port = name.partition(":")
        return Spoken((REQUEST, method, f"pod/{name}", port, sub.removeprefix("proxy") or "/"))
    beside = (f"--subresource={sub}",) if sub else ()
    if method == "POST" and not name:
        return Spoken(("create", "-f", "-"), body)
    if method == "PUT":
        return Spoken(("replace", "-f", "-", *beside), body)
    if method == "PATCH":
        how = _TYPES.get(content_type) or ("json" if isinstance(body, list) else "strategic")
        return Spoken(("patch", kind, name, f"--type={how}", *beside, "-p", json.dumps(body)))
    if method == "DELETE" and name and not sub:
        options = body if isinstance(body, dict) else {}
        words = ["delete", kind, name]
        if "propagationPolicy" in options:
            words.append(f"--cascade={str(options['propagationPolicy']).lower()}")
        if options.get("gracePeriodSeconds") is not None:
            words.append(f"--grace-period={options['gracePeriodSeconds']}")
        return Spoken(tuple(words))
    return None
