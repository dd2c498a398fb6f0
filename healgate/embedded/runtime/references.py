"""Image names as containerd reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::\d+)?"
_REFERENCE = re.compile(
    rf"(?:(?P<host>{_HOST})/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Reference:
    host: str
    path: str
    tag: str
    digest: str

    @property
    def repository(self) -> str:
        return f"{self.host}/{self.path}"

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"


def why_not(image: str) -> str:
    """What is wrong with a name that is none, in the words of the library that reads them all."""
    head, slash, rest = image.partition("/")
    if not slash or (not re.search(r"[.:]", head) and head != "localhost" and head == head.lower()):
        rest = image if slash else f"library/{image}"  # the first part names no host
    name = rest.partition("@")[0].partition(":")[0]
    if name != name.lower():
        return f"invalid reference format: repository name ({name}) must be lowercase"
    return "invalid reference format"


# A node meets the same few names again and again.
@lru_cache(4096)
def full_name(image: str) -> str | None:
    """With host and tag, as the runtime itself calls it."""
    reference = parse(image)
    return None if reference is None else str(reference)


@lru_cache(4096)
def parse(image: str) -> Reference | None:
    """None if it is no image name."""
    match = _REFERENCE.fullmatch(image)
    if match is None:
        return None
    host, path = match["host"] or "", match["path"]
    if host and not ("." in host or ":" in host or host == "localhost"):
        # What looks like a host is the first part of a path on Docker Hub, where capitals are not allowed.
        if host != host.lower():
            return None
        host, path = "", f"{host}/{path}"
    if not host:
        host, path = "docker.io", path if "/" in path else f"library/{path}"
    return Reference(host, path, match["tag"] or ("" if match["digest"] else "latest"), match["digest"] or "")
