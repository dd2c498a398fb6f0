"""Which credentials a pull secret holds for an image.

Kubelet and runtime both ask: the kubelet offers a registry only what is meant for it, and remembers with whose
credentials an image came. The trap is to look at the host alone: an entry may be for one path of a registry, and Docker
Hub goes by the name of its old index.
"""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from typing import Any

_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


# The same few secrets are looked at by every sync of every pod.
@lru_cache(1024)
def login(config: bytes, repository: str) -> str:
    """`user:password` for a repository in a .dockerconfigjson or .dockercfg; "" if it has none."""
    host, _, path = repository.partition("/")
    best, length = "", -1
    for name, entry in _entries(config).items():
        its_host, _, its_path = name.split("://", 1)[-1].partition("/")
        its_path = its_path.rstrip("/").removeprefix("v1").removeprefix("v2").strip("/")
        same = its_host == host or (host in _HUB and its_host in _HUB)
        if same and path.startswith(its_path) and len(its_path) > length and (found := _login(entry)):
            best, length = found, len(its_path)
    return best


def _entries(config: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(config)
        found = parsed.get("auths", parsed)
    except (ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def _login(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    if entry.get("auth"):
        try:
            return base64.b64decode(entry["auth"]).decode()
        except ValueError:
            return ""
    return f"{entry.get('username', '')}:{entry.get('password', '')}"
