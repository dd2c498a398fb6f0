"""Tar layers whose bytes, and so whose digests, depend on nothing but what is in them.

The trap is the directory entry: a layer that names `bin/` turns a base's link `bin -> usr/bin` into an empty
directory, and nothing starts any more. So a layer holds files only, under the names that the base's links lead to.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Layer:
    """What a manifest says of a layer; the blob itself lies in the store."""

    digest: str
    diff_id: str
    size: int
    media_type: str = "application/vnd.oci.image.layer.v1.tar"

    @property
    def descriptor(self) -> dict[str, object]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def pack(files: Mapping[str, File], links: Mapping[str, str]) -> bytes:
    """A tar of files by their absolute paths; `links` are the base's top folders that are links."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, file in sorted(
            ((_real(path, links), file) for path, file in files.items()), key=lambda item: item[0]
        ):
            entry = tarfile.TarInfo(path)
            entry.size = len(file.content)
            entry.mode = file.mode
            tar.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()


def describe(content: bytes) -> Layer:
    digest = digest_of(content)
    return Layer(digest, digest, len(content))


def _real(path: str, links: Mapping[str, str]) -> str:
    top, slash, rest = path.lstrip("/").partition("/")
    return f"{links.get(top, top)}{slash}{rest}"
