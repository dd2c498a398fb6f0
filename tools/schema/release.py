"""The files of a Kubernetes release, out of its Go modules: the ordinary `go` client fetches and keeps them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from .gotypes import package

Obj = dict[str, Any]

STAGING = ("api", "apimachinery", "apiextensions-apiserver", "kube-aggregator")


class Release:
    def __init__(self, version: str) -> None:
        self.version = version
        self._main = _module(f"k8s.io/kubernetes@{version}")
        self._staging = [_module(f"k8s.io/{name}@v0{version.removeprefix('v1')}") for name in STAGING]

    def openapi(self) -> list[Obj]:
        return [
            json.loads(path.read_bytes()) for path in sorted((self._main / "api/openapi-spec/v3").glob("api*__v*.json"))
        ]

    def discovery(self) -> list[Obj]:
        found = [json.loads(path.read_bytes()) for path in sorted((self._main / "api/discovery").glob("api*__v*.json"))]
        order = {name: place for place, name in enumerate(self._priorities())}
        return sorted(found, key=lambda one: order[one["groupVersion"]])

    def _priorities(self) -> list[str]:
        """Group versions in the order in which a server announces them: that is how clients choose between two."""
        everything = json.loads((self._main / "api/discovery/aggregated_v2.json").read_bytes())
        groups = [
            (one["metadata"]["name"], version["version"]) for one in everything["items"] for version in one["versions"]
        ]
        return ["v1", *(f"{group}/{version}" for group, version in groups)]

    def protobuf(self) -> list[str]:
        return [path.read_text("utf-8") for root in self._staging for path in sorted(root.rglob("generated.proto"))]

    def structs(self) -> list[tuple[str, str]]:
        """(package, source) of every file beside a `generated.proto` that declares types."""
        folders = [path.parent for root in self._staging for path in sorted(root.rglob("generated.proto"))]
        files = [path for folder in folders for path in sorted(folder.glob("*.go")) if "generated" not in path.name]
        return [(package(str(path)), path.read_text("utf-8")) for path in files]

    def printers(self) -> str:
        return (self._main / "pkg/printers/internalversion/printers.go").read_text("utf-8")


def _module(name: str) -> Path:
    done = subprocess.run(["go", "mod", "download", "-json", name], capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])
