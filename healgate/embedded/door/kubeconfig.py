"""The file that tells kubectl and every client library where the HTTP door is.

The trap is somebody's own kubeconfig: a file that we did not write is never overwritten.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

CONTEXT = "embedded"


class NotOurs(Exception):
    """A kubeconfig of somebody else's stands where ours should go."""


def kubeconfig(url: str, token: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": url}}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": "default"}}],
        "current-context": CONTEXT,
    }


def write_kubeconfig(path: Path, url: str, token: str) -> None:
    """Write it, readable by its owner only. One that an earlier run left behind is replaced."""
    if path.exists() and not _is_ours(path):
        raise NotOurs(f"{path} is somebody else's kubeconfig, or none at all, and is not overwritten")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(kubeconfig(url, token), file, sort_keys=False)
    fresh.replace(path)


def _is_ours(path: Path) -> bool:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        names = [cluster["name"] for cluster in found["clusters"]]
        return names == [CONTEXT] and found["clusters"][0]["cluster"]["server"].startswith("http://127.0.0.1:")
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, AttributeError, IndexError):
        return False
