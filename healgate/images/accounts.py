"""Each namespace pulls with an account of its own.

A pull says nothing about the pod that it is for, except by its credentials. So the harness gives every trial's
namespace an account of its own (`puller.checkout-3f2a.5be1` for `puller`, with the same password and the same rights),
as teams have them in life: the registry can then be out of reach for one trial and not for those beside it, and the
kubelet, which remembers with which credentials an image was pulled, asks the registry anew in every trial. The trap is
a namespace's name, which a later trial may have again: so each account ends in something that was never there before.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from ..evidence import Obj

KEY = ".dockerconfigjson"
SEPARATOR = "."


def account(user: str, namespace: str) -> str:
    """What all accounts of a namespace begin with."""
    return f"{user}{SEPARATOR}{namespace}"


def own_account(secret: Obj, namespace: str, hosts: tuple[str, ...]) -> Obj:
    """A pull secret for one of these registries, with the namespace's own account in it; anything else as it is."""
    for field, read, write in (("stringData", _same, _same), ("data", _decoded, _encoded)):
        held = secret.get(field) or {}
        if secret.get("kind") == "Secret" and KEY in held:
            changed = _with_account(read(held[KEY]), namespace, hosts)
            if changed is not None:
                return {**secret, field: {**held, KEY: write(changed)}}
    return secret


def _with_account(config: str, namespace: str, hosts: tuple[str, ...]) -> str | None:
    try:
        parsed: Any = json.loads(config)
        auths = dict(parsed["auths"])
        for host, entry in auths.items():
            if host in hosts:
                user = _own(entry["username"], namespace)
                auth = base64.b64encode(f"{user}:{entry['password']}".encode()).decode()
                auths[host] = {**entry, "username": user, "auth": auth}
        return json.dumps({**parsed, "auths": auths})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # no pull secret that anybody could read; it stays as it is


def _own(user: str, namespace: str) -> str:
    """An account of the namespace's; one that is stays."""
    own = account(user.partition(SEPARATOR)[0], namespace) + SEPARATOR
    return user if user.startswith(own) else own + secrets.token_hex(4)


def _same(text: str) -> str:
    return text


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except ValueError:
        return ""


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
