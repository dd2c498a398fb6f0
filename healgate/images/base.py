"""What `docker save` gives for a base image: its configuration and its layers.

Both forms are read, the old one with a folder per layer and the new one with blobs: `manifest.json` leads to the
layers in either. The trap is compression: an image's configuration names layers by what is inside, a registry by the
bytes as they are.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..problems import HarnessError
from .layers import Layer

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
PLAIN = "application/vnd.oci.image.layer.v1.tar"
PIECE = 1 << 20


@dataclass(frozen=True)
class Base:
    """An image that others are built on."""

    config: Mapping[str, Any]
    layers: tuple[Layer, ...]
    links: Mapping[str, str]  # top folders that are links: bin -> usr/bin

    @property
    def env(self) -> list[str]:
        return list((self.config.get("config") or {}).get("Env") or ())


def read_base(saved: Path, blobs: Path) -> Base:
    """Take a saved image apart: its layers become blobs."""
    with tarfile.open(saved) as archive:
        try:
            manifest = json.load(_member(archive, "manifest.json"))[0]
        except KeyError:
            raise HarnessError(f"{saved.name}: expected what `docker save` writes; found no manifest.json") from None
        config = json.load(_member(archive, manifest["Config"]))
        links: dict[str, str] = {}
        layers = []
        for name, diff_id in zip(manifest["Layers"], config["rootfs"]["diff_ids"], strict=True):
            layers.append(_keep(archive, name, diff_id, blobs))
            links |= _links(_member(archive, name))
    return Base(config, tuple(layers), links)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """A member, also where it is a link to another one, as the old form has it for layers that occur twice."""
    found = archive.extractfile(archive.getmember(name))
    assert found is not None
    return found


def _keep(archive: tarfile.TarFile, name: str, diff_id: str, blobs: Path) -> Layer:
    source = _member(archive, name)
    packed = source.read(2) == b"\x1f\x8b"
    source.seek(0)
    digest = hashlib.sha256()
    part = blobs / "part"
    size = 0
    with part.open("wb") as target:
        while piece := source.read(PIECE):
            digest.update(piece)
            size += target.write(piece)
    shutil.move(part, blobs / digest.hexdigest())
    return Layer("sha256:" + digest.hexdigest(), diff_id, size, GZIP if packed else PLAIN)


def _links(layer: IO[bytes]) -> dict[str, str]:
    packed = layer.read(2) == b"\x1f\x8b"
    layer.seek(0)
    links = {}
    with tarfile.open(fileobj=gzip.open(layer) if packed else layer, mode="r|") as tar:
        for entry in tar:
            name = entry.name.removeprefix("./").rstrip("/")
            if entry.issym() and name and "/" not in name:
                links[name] = entry.linkname.lstrip("/")
    return links
