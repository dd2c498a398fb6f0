"""Images that everybody pastes into manifests: they have a shell and whatever comes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .references import Reference


@dataclass(frozen=True)
class Everyday:
    tags: str  # a pattern
    size: int
    userland: str
    command: tuple[str, ...]
    tools: frozenset[str] = frozenset()
    working_dir: str = "/"

    def has(self, tag: str) -> bool:
        return not tag or re.fullmatch(self.tags, tag) is not None


_PYTHON = frozenset(("python", "python3", "pip", "pip3"))
_CURL = frozenset(("curl",))
_UBI9_PYTHON = Everyday(
    r"latest|1|1-\d+|9\.\d+(-\d+)?", 373_293_056, "ubi", ("/bin/bash",), _PYTHON | _CURL, "/opt/app-root/src"
)

_IMAGES = {
    "docker.io/library/busybox": Everyday(
        r"latest|stable|unstable|1|1\.3[0-9](\.\d)?(-(uclibc|musl|glibc))?", 2_156_519, "alpine", ("sh",)
    ),
    "docker.io/library/alpine": Everyday(r"latest|edge|3|3\.(1[5-9]|2\d)(\.\d+)?", 3_641_856, "alpine", ("/bin/sh",)),
    "docker.io/library/debian": Everyday(
        r"latest|stable|(bookworm|bullseye|trixie)(-slim)?|1[1-3](-slim)?", 48_500_000, "debian", ("bash",)
    ),
    "docker.io/library/ubuntu": Everyday(r"latest|2[0-6]\.04|jammy|noble|focal", 29_700_000, "debian", ("/bin/bash",)),
    "docker.io/library/bash": Everyday(r"latest|5(\.\d)?", 6_300_000, "alpine", ("bash",)),
    "docker.io/library/python": Everyday(
        r"latest|3|3\.\d+(\.\d+)?(-(slim|alpine|bookworm|slim-bookworm))?", 45_500_000, "debian", ("python3",), _PYTHON
    ),
    "docker.io/curlimages/curl": Everyday(r"latest|[78]\.\d+\.\d+", 9_900_000, "alpine", ("sh",), _CURL),
    "registry.access.redhat.com/ubi9/python-311": _UBI9_PYTHON,
    "registry.access.redhat.com/ubi9/python-39": _UBI9_PYTHON,
    "registry.access.redhat.com/ubi9/python-312": _UBI9_PYTHON,
    "registry.access.redhat.com/ubi9/ubi": Everyday(
        r"latest|9\.\d+(-\d+)?", 79_000_000, "ubi", ("/bin/bash",), frozenset(("curl", "python3"))
    ),
    "registry.access.redhat.com/ubi9/ubi-minimal": Everyday(
        r"latest|9\.\d+(-\d+)?", 38_000_000, "ubi", ("/bin/bash",), _CURL
    ),
}


def everyday(reference: Reference) -> Everyday | None:
    return _IMAGES.get(reference.repository)
