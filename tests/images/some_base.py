"""A base image as `docker save` writes it, small enough for a test."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path


def tar(*entries: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                archive.addfile(info, io.BytesIO(entry[1]))
    return buffer.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def saved_image(path: Path, *, packed: bool = False) -> list[bytes]:
    """Write one; returns its layers as they lie in it. The second is compressed, as newer engines do it, if asked."""
    layers = [tar(link("bin", "usr/bin"), ("usr/bin/sh", b"shell")), tar(("usr/bin/python3", b"python"))]
    diff_ids = [digest(layer) for layer in layers]
    if packed:
        layers[1] = gzip.compress(layers[1], mtime=0)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-11-21T07:00:00Z",
        "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["python3"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = [{"Config": "config.json", "Layers": ["0/layer.tar", "1/layer.tar"], "RepoTags": ["base:1"]}]
    members = [("config.json", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode())]
    path.write_bytes(tar(*members, *((f"{number}/layer.tar", layer) for number, layer in enumerate(layers))))
    return layers
