"""Where the volumes of a pod appear in each of its containers, computed once per pod."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from .environment import expand
from .volumes import PodVolumes

Obj = dict[str, Any]
WRITABLE = ("emptyDir", "persistentVolumeClaim", "hostPath", "ephemeral")


class MountPlan:
    """Mount points by container."""

    def __init__(self, pod: Obj) -> None:
        self._pod = pod
        self._kinds: dict[str, Obj] = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        self._writable: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {}
        self._parts: dict[str, dict[str, str]] = {}

    def files(self, container: Obj, volumes: PodVolumes, *, refresh: bool = False) -> dict[str, bytes]:
        """Absolute path -> content; on a refresh without what is mounted by subPath, which stays as it was."""
        found: dict[str, bytes] = {}
        for mount in container.get("volumeMounts") or ():
            files = volumes.files(mount["name"])
            part = mount.get("subPath") or ""
            if not part:
                found.update((posixpath.join(mount["mountPath"], path), content) for path, content in files.items())
            elif not refresh:
                for path, content in files.items():
                    if path == part:
                        found[mount["mountPath"]] = content
                    elif path.startswith(f"{part}/"):
                        found[posixpath.join(mount["mountPath"], path[len(part) + 1 :])] = content
        return found

    def writable(self, container: Obj) -> tuple[tuple[str, ...], dict[str, str]]:
        """Mount paths that can be written, and what is mounted there; the same for all runs of a container."""
        known = self._writable.get(container["name"])
        if known is None:
            known = self._writable[container["name"]] = self._backing(container)
        return known

    def _backing(self, container: Obj) -> tuple[tuple[str, ...], dict[str, str]]:
        paths: list[str] = []
        backing: dict[str, str] = {}
        meta = self._pod["metadata"]
        for mount in container.get("volumeMounts") or ():
            volume = self._kinds.get(mount["name"], {})
            kind = next((kind for kind in WRITABLE if kind in volume), "")
            if not kind or mount.get("readOnly"):
                continue
            path = mount["mountPath"]
            paths.append(path)
            if kind == "persistentVolumeClaim":
                key = f"pvc/{meta['namespace']}/{volume[kind]['claimName']}"
            elif kind == "hostPath":
                key = f"host/{volume[kind].get('path', '')}"
            else:
                key = f"emptydir/{meta['uid']}/{mount['name']}"
            part = mount.get("subPath") or ""
            backing[path] = f"{key}/{part}" if part else key
        return tuple(paths), backing

    def parts(self, container: Obj) -> dict[str, str]:
        """Mount path -> where on the node a part of a volume is; the same for all runs of a container."""
        known = self._parts.get(container["name"])
        if known is None:
            known = self._parts[container["name"]] = self._places(container)
        return known

    def _places(self, container: Obj) -> dict[str, str]:
        under = f"/var/lib/kubelet/pods/{self._pod['metadata']['uid']}/volume-subpaths"
        return {
            mount["mountPath"]: f"{under}/{mount['name']}/{container['name']}/{number}"
            for number, mount in enumerate(container.get("volumeMounts") or ())
            if mount.get("subPath")
        }

    @staticmethod
    def expanded(words: list[str] | None, env: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(expand(str(word), env) for word in words or ())
