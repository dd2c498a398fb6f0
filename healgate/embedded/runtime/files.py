"""A container's view of files: an image's directories, its own layer, volumes, and mounted ConfigMaps and Secrets.

Only what is written or mounted has content. The trap is what outlives what: the layer dies with the container's run, a
volume with its pod or its claim, and a mounted ConfigMap belongs to the cluster and changes under the program.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ...actor.effects import Unsupported

KEPT_ZEROS = 64 * 1024  # up to this size a file that grows keeps its zeros, so that it can be read
READ_ONLY = "Read-only file system"
DENIED = "Permission denied"
# Where anybody may write; everything else in an image is root's.
_EVERYBODYS = ("/tmp/", "/var/tmp/", "/dev/")
MISSING = "No such file or directory"
IS_DIRECTORY = "Is a directory"

_DIRECTORIES = (
    "/",
    "/bin",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/stdout", "/dev/stderr", "/dev/random", "/dev/urandom", "/dev/full")


def _refuse_kernel_files(path: str) -> None:
    if path.startswith(("/proc/", "/sys/", "/dev/shm")):
        raise Unsupported(f"the file {path}")


@dataclass
class Blob:
    """A file; `size` may exceed its content, then its bytes are not kept. A hole is size that takes no room."""

    content: bytes = b""
    size: int = 0
    hole: int = 0


@dataclass
class Volume:
    """Somewhere to write: paths relative to its root ("" is the root itself)."""

    files: dict[str, Blob] = field(default_factory=dict)
    directories: dict[str, None] = field(default_factory=lambda: {"": None})

    def used(self) -> int:
        return sum(blob.size - blob.hole for blob in self.files.values())


@lru_cache(1024)
def _directories(paths: tuple[str, ...]) -> Mapping[str, None]:
    """Those of an image that has these files; the same for all runs of it."""
    found = dict.fromkeys(_DIRECTORIES)
    for path in paths:
        while (path := posixpath.dirname(path)) not in found:
            found[path] = None
    return found


class Files:
    def __init__(
        self,
        mounted: Mapping[str, bytes],
        volumes: Mapping[str, Volume],
        read_only_root: bool,
        extra: Mapping[str, str],
        user: int = 0,
        open: str = "",
    ) -> None:
        """`user` owns nothing here but if it is root; `open` is a file that anybody may write."""
        self._user = user
        self._open = open
        self.mounted = dict(mounted)
        self.volumes = {mount.rstrip("/") or "/": volume for mount, volume in volumes.items()}
        self.read_only_root = read_only_root
        self.layer = Volume()
        self._image = {path: text.encode() for path, text in extra.items()}
        self._image_directories = _directories(tuple(self._image))
        self._removed: dict[str, None] = {}

    # -- where a path is

    def _place(self, path: str) -> tuple[Volume | None, str]:
        """The volume a path is in, and its name there; None: the root file system."""
        best = ""
        for mount in self.volumes:
            if (path == mount or path.startswith(mount.rstrip("/") + "/")) and len(mount) > len(best):
                best = mount
        if not best:
            return None, path
        return self.volumes[best], path[len(best) :].strip("/")

    def _mounted_directory(self, path: str) -> bool:
        prefix = path.rstrip("/") + "/"
        return any(name.startswith(prefix) for name in self.mounted)

    def is_mount_point(self, path: str) -> bool:
        """A directory that a ConfigMap or Secret is mounted at, or a file of one."""
        return any(posixpath.dirname(name) == path for name in self.mounted)

    # -- reading

    def read(self, path: str) -> bytes | None:
        _refuse_kernel_files(path)
        if path in self.mounted:
            return self.mounted[path]
        if path == "/dev/null":
            return b""
        volume, name = self._place(path)
        blob = (volume or self.layer).files.get(name)
        if blob is not None:
            return blob.content
        if volume is None and path not in self._removed:
            return self._image.get(path)
        return None

    def blob(self, path: str) -> Blob | None:
        """A file with what it takes; None if there is none."""
        found = self.read(path)
        if found is None:
            return None
        volume, name = self._place(path)
        blob = (volume or self.layer).files.get(name)
        return blob if blob is not None and path not in self.mounted else Blob(found, len(found))

    def whole(self, path: str) -> bytes | None:
        """A file's bytes; refused if they are not kept."""
        blob = self.blob(path)
        if blob is not None and blob.size != len(blob.content):
            raise Unsupported(f"reading {path}: the {blob.size} bytes in it are not kept")
        return None if blob is None else blob.content

    def size(self, path: str) -> int:
        volume, name = self._place(path)
        blob = (volume or self.layer).files.get(name)
        return blob.size if blob is not None else len(self.read(path) or b"")

    def is_file(self, path: str) -> bool:
        return path in _DEVICES or self.read(path) is not None

    def is_directory(self, path: str) -> bool:
        if self._mounted_directory(path):
            return True
        volume, name = self._place(path)
        if volume is not None:
            return name in volume.directories
        return path in self.layer.directories or (path in self._image_directories and path not in self._removed)

    def in_image(self, path: str) -> bool:
        """Whether the image itself has a directory of that name."""
        return path in self._image_directories

    def exists(self, path: str) -> bool:
        return self.is_file(path) or self.is_directory(path)

    def names(self, directory: str) -> list[str]:
        """What a directory contains."""
        prefix = directory.rstrip("/") + "/"
        found: dict[str, None] = {}
        for path in self._paths():
            if path.startswith(prefix) and len(path) > len(prefix):
                found[path[len(prefix) :].split("/", 1)[0]] = None
        return sorted(found)

    def _paths(self) -> Iterator[str]:
        yield from self.mounted
        for path in (*self._image, *self._image_directories):
            if path not in self._removed:
                yield path
        yield from self.layer.files
        yield from self.layer.directories
        for mount, volume in self.volumes.items():
            yield mount
            for name in (*volume.files, *volume.directories):
                yield f"{mount}/{name}" if name else mount

    # -- writing: each answers "" or what was wrong

    def _writable(self, path: str) -> str:
        volume, _ = self._place(path)
        if volume is not None:
            return ""
        if self.read_only_root or path in self.mounted or self.is_mount_point(posixpath.dirname(path)):
            return READ_ONLY
        if self._user and path != self._open and not f"{path}/".startswith(_EVERYBODYS):
            return DENIED
        return ""

    def fixed(self, path: str) -> bool:
        """Whether a file belongs to the cluster, or cannot be written."""
        return path in self.mounted or self._mounted_directory(path) or bool(self._writable(path))

    def made(self, path: str) -> bool:
        """Whether a file or directory came into being here, so that all of it is known."""
        volume, name = self._place(path)
        holder = volume or self.layer
        return path not in self.mounted and (name in holder.files or name in holder.directories)

    def write(self, path: str, content: bytes, *, append: bool = False, size: int | None = None, hole: int = 0) -> str:
        _refuse_kernel_files(path)
        if path.startswith("/dev/"):
            if path in _DEVICES:
                return ""
            if path != "/dev/termination-log":
                return MISSING
        elif self.is_directory(path):
            return IS_DIRECTORY
        elif not self.is_directory(posixpath.dirname(path)):
            return MISSING
        elif problem := self._writable(path):
            return problem
        volume, name = self._place(path)
        size = len(content) if size is None else size
        if append and (before := self.blob(path)) is not None:
            content, size, hole = before.content + content, before.size + size, before.hole
        (volume or self.layer).files[name] = Blob(content, size, hole)
        self._removed.pop(path, None)
        return ""

    def resize(self, path: str, size: int) -> None:
        """Cut a file that is there, or let it end in a hole."""
        volume, name = self._place(path)
        blob = (volume or self.layer).files[name]
        content = blob.content[:size]
        if blob.size == len(blob.content) < size <= KEPT_ZEROS:
            content += bytes(size - len(content))
        taken = min(blob.size - blob.hole, size)
        (volume or self.layer).files[name] = Blob(content, size, size - taken)

    def reserve(self, path: str, size: int) -> None:
        """Give a file that is there its room up to a size, which it has then at least."""
        volume, name = self._place(path)
        blob = (volume or self.layer).files[name]
        self.resize(path, max(size, blob.size))
        hole = max(0, blob.size - size) if blob.hole else 0
        blob = (volume or self.layer).files[name]
        (volume or self.layer).files[name] = Blob(blob.content, blob.size, min(hole, blob.hole))

    def make_directory(self, path: str, parents: bool = False) -> str:
        if self.is_directory(path):
            return "" if parents else "File exists"
        if self.is_file(path):
            return "File exists"
        parent = posixpath.dirname(path)
        if not self.is_directory(parent):
            if not parents:
                return MISSING
            if problem := self.make_directory(parent, True):
                return problem
        if problem := self._writable(path):
            return problem
        volume, name = self._place(path)
        (volume or self.layer).directories[name] = None
        self._removed.pop(path, None)
        return ""

    def remove(self, path: str, recursive: bool = False) -> str:
        if self.is_directory(path):
            if not recursive:
                return IS_DIRECTORY
            for name in self.names(path):
                if problem := self.remove(f"{path.rstrip('/')}/{name}", True):
                    return problem
        elif not self.is_file(path):
            return MISSING
        if problem := self._writable(path):
            return problem
        volume, name = self._place(path)
        holder = volume or self.layer
        holder.files.pop(name, None)
        if name:
            holder.directories.pop(name, None)
        if volume is None and (path in self._image or path in self._image_directories):
            self._removed[path] = None
        return ""
