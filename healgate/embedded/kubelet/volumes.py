"""Volumes of a pod: what they contain, why they cannot be mounted yet, and when that is tried again.

Each volume has a retry back-off of its own (0.5 s, doubled up to 122 s), which is why a Secret that was created
late is found late. The trap is to wake a pod when its ConfigMap changes: a real kubelet rewrites mounted contents
at the pod's next sync, a minute later, and never those mounted by subPath.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..clock.clock import Timer
from .fields import FieldError, field_value
from .restart import whatever_runs
from .tasks import Signal

if TYPE_CHECKING:
    from ..store import Store

Obj = dict[str, Any]
Files = dict[str, bytes]

FIRST_RETRY = 0.5
LAST_RETRY = 122.0


class MountError(Exception):
    """Why a volume cannot be set up, in the plug-in's words."""


class Source:
    """Reads what volumes are made of, and remembers which objects it read."""

    def __init__(self, store: Store, pod: Obj, token: Callable[[Obj, Obj], bytes]) -> None:
        self._store = store
        self._pod = pod
        self._token = token
        self.read: list[Obj | None] = []

    def files(self, volume: Obj) -> Files:
        """Relative path -> content; MountError if something is missing."""
        if "secret" in volume:
            source = volume["secret"]
            return self._keyed("secrets", source.get("secretName", ""), source)
        if "configMap" in volume:
            return self._keyed("configmaps", volume["configMap"].get("name", ""), volume["configMap"])
        if "downwardAPI" in volume:
            return self._downward(volume["downwardAPI"].get("items") or ())
        if "projected" in volume:
            return _all_of(self._projected, volume["projected"].get("sources") or ())
        if "persistentVolumeClaim" in volume:
            self._claim(volume["persistentVolumeClaim"]["claimName"])
        if "hostPath" in volume:
            _check_type(volume["hostPath"])
        return {}

    def _projected(self, part: Obj) -> Files:
        if "secret" in part:
            return self._keyed("secrets", part["secret"].get("name", ""), part["secret"])
        if "configMap" in part:
            return self._keyed("configmaps", part["configMap"].get("name", ""), part["configMap"])
        if "downwardAPI" in part:
            return self._downward(part["downwardAPI"].get("items") or ())
        if "serviceAccountToken" in part:
            return {part["serviceAccountToken"]["path"]: self._token(self._pod, part["serviceAccountToken"])}
        return {}

    def _keyed(self, resource: str, name: str, source: Obj) -> Files:
        optional = bool(source.get("optional"))
        found = self._store.get(resource, self._pod["metadata"]["namespace"], name)
        self.read.append(found)
        kind = "secret" if resource == "secrets" else "configmap"
        if found is None:
            if optional:
                return {}
            raise MountError(f'{kind} "{name}" not found')
        content = contents(resource, found)
        items = source.get("items")
        if not items:
            return content
        chosen: Files = {}
        for item in items:
            if item["key"] in content:
                chosen[item["path"]] = content[item["key"]]
            elif not optional:
                raise MountError(
                    f"references non-existent secret key: {item['key']}"
                    if kind == "secret"
                    else f"configmap references non-existent config key: {item['key']}"
                )
        return chosen

    def _downward(self, items: Iterable[Obj]) -> Files:
        return _all_of(self._field, items)

    def _field(self, item: Obj) -> Files:
        try:
            return {item["path"]: field_value(self._store, self._pod, item).encode()}
        except FieldError as error:
            raise MountError(str(error)) from None

    def _claim(self, name: str) -> None:
        namespace = self._pod["metadata"]["namespace"]
        claim = self._store.get("persistentvolumeclaims", namespace, name)
        self.read.append(claim)
        prefix = f"error processing PVC {namespace}/{name}: "
        if claim is None:
            raise MountError(f'{prefix}failed to fetch PVC from API server: persistentvolumeclaim "{name}" not found')
        if claim["metadata"].get("deletionTimestamp"):
            raise MountError(f"{prefix}PVC is being deleted")
        if (claim.get("status") or {}).get("phase") != "Bound":
            raise MountError(f"{prefix}PVC is not bound")


def _all_of(read: Callable[[Obj], Files], parts: Iterable[Obj]) -> Files:
    """What all parts hold together, the later ones over the earlier; all that is missing is told at once."""
    merged: Files = {}
    problems: dict[str, None] = {}
    for part in parts:
        try:
            merged.update(read(part))
        except MountError as error:
            problems[str(error)] = None
    if problems:
        raise MountError(next(iter(problems)) if len(problems) == 1 else f"[{', '.join(problems)}]")
    return merged


# What every node has; nothing else is on this one.
_ON_NODE = (
    "/",
    "/etc",
    "/home",
    "/opt",
    "/proc",
    "/run",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
    "/var/lib",
    "/var/log",
)
_TYPES = {
    "Directory": "a directory",
    "File": "a file",
    "Socket": "a socket file",
    "CharDevice": "a character device",
    "BlockDevice": "a block device",
}


def _check_type(source: Obj) -> None:
    wanted = _TYPES.get(source.get("type") or "")
    path = source.get("path", "").rstrip("/") or "/"
    if wanted is None or (wanted == "a directory" and path in _ON_NODE):
        return
    raise MountError(f"hostPath type check failed: {source['path']} is not {wanted}")


def contents(resource: str, obj: Obj) -> Files:
    """The data of a Secret or ConfigMap as bytes."""
    data = obj.get("data") or {}
    if resource == "secrets":
        return {key: base64.b64decode(value or "") for key, value in data.items()}
    files = {key: value.encode() for key, value in data.items()}
    for key, value in (obj.get("binaryData") or {}).items():
        files[key] = base64.b64decode(value)
    return files


class PodVolumes:
    """The volumes of one pod that its containers mount."""

    def __init__(
        self,
        clock: Clock,
        store: Store,
        token: Callable[[Obj, Obj], bytes],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._clock = clock
        self._store = store
        self._token = token
        self._tell = tell  # type, reason, message; about the pod
        self._pod: Obj = {}
        self._wanted: dict[str, Obj] = {}
        self._files: dict[str, Files] = {}
        self._read: dict[str, list[Obj | None]] = {}
        self._retry: dict[str, float] = {}
        self._timers: dict[str, Timer] = {}
        self.changed = Signal()

    def want(self, pod: Obj) -> None:
        """Begin to mount what the pod's containers use; volumes that nobody mounts are left alone."""
        known, self._pod = self._pod, pod
        if pod["spec"] is known.get("spec"):
            return
        used = {mount["name"] for container in whatever_runs(pod) for mount in container.get("volumeMounts") or ()}
        for volume in pod["spec"].get("volumes") or ():
            if volume["name"] in used and volume["name"] not in self._wanted:
                self._wanted[volume["name"]] = volume
                self._mount(volume["name"])

    @property
    def ready(self) -> bool:
        return len(self._files) == len(self._wanted)

    def files(self, name: str) -> Files:
        return self._files.get(name, {})

    def volume(self, name: str) -> Obj:
        return self._wanted.get(name, {})

    def refresh(self) -> bool:
        """Read again what has changed at its source; whether anything did."""
        different = False
        for name in self._files:
            if self._is_fresh(name):
                continue
            source = Source(self._store, self._pod, self._token)
            try:
                files = source.files(self._wanted[name])
            except MountError as error:
                self._failed(name, error)
                continue
            self._read[name] = source.read
            if files != self._files[name]:
                self._files[name] = files
                different = True
        return different

    @property
    def fresh(self) -> bool:
        """Whether a refresh would find nothing new."""
        return all(map(self._is_fresh, self._files))

    def _is_fresh(self, name: str) -> bool:
        return all(map(self._same, self._read[name]))

    def _same(self, before: Obj | None) -> bool:
        """Whether what was read is still the newest; what was absent (and optional) is looked for each time."""
        if before is None:
            return False
        meta = before["metadata"]
        resource = {"Secret": "secrets", "ConfigMap": "configmaps"}.get(before.get("kind", ""))
        return resource is None or self._store.get(resource, meta["namespace"], meta["name"]) is before

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _mount(self, name: str) -> None:
        source = Source(self._store, self._pod, self._token)
        try:
            files = source.files(self._wanted[name])
        except MountError as error:
            self._failed(name, error)
            wait = self._retry.get(name, FIRST_RETRY)
            self._retry[name] = min(2 * wait, LAST_RETRY)
            self._timers[name] = self._clock.call_later(wait, self._mount, name)
            return
        self._files[name] = files
        self._read[name] = source.read
        self._timers.pop(name, None)
        self.changed.give()

    def _failed(self, name: str, error: MountError) -> None:
        if "persistentVolumeClaim" in self._wanted[name]:
            text = (
                f"Unable to attach or mount volumes: unmounted volumes=[{name}], unattached volumes=[], "
                f"failed to process volumes=[{name}]: {error}"
            )
        else:
            text = f'MountVolume.SetUp failed for volume "{name}" : {error}'
        self._tell("Warning", "FailedMount", text)
