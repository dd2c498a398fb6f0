"""Everything that the registry beside the node is to have, laid out as its server reads it.

Every repository and tag has a configuration of its own, and so an image ID of its own: since Kubernetes 1.35 the
kubelet remembers by image ID who pulled what with which credentials, and two names of one ID would answer for each
other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..embedded.runtime.everyday import everyday
from ..embedded.runtime.references import Reference, parse
from ..embedded.runtime.shelf import resolved
from . import broker
from .base import Base
from .layers import File, Layer, describe, pack
from .program import profile_files, program_files

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Images of others that the workloads use: the base image under their names, with its shell and its Python.
STAND_INS = ("docker.io/library/busybox:1.36", "registry.access.redhat.com/ubi9/python-311:latest")


@dataclass(frozen=True)
class Profiled:
    """An image with a profile."""

    reference: Reference
    profile: Mapping[str, Any]

    @property
    def is_broker(self) -> bool:
        return "broker" in self.profile.get("program", {})


def profiled(folder: Path) -> Iterator[Profiled]:
    """All of manifests/images/."""
    for file in sorted(folder.glob("*/**/*.yaml")):
        reference = parse(f"{file.parent.relative_to(folder).as_posix()}:{file.stem}")
        assert reference is not None, file
        yield Profiled(reference, resolved(file))


def hosts(folder: Path) -> tuple[str, ...]:
    """The registries that are answered for."""
    ours = {path.name for path in folder.iterdir() if path.is_dir()}
    return tuple(sorted(ours | {name.partition("/")[0] for name in STAND_INS}))


def access(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Who may pull what, by host and prefix of the repositories."""
    listed = yaml.safe_load((folder / "registries.yaml").read_text()) or {}
    return {host: entry.get("private", {}) for host, entry in listed.items()}


class Store:
    """Fills a folder: blobs by digest, tags, and who may pull."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs"
        self.blobs.mkdir(parents=True)

    def fill(self, images: Path, base: Base, kafka: Base | None) -> None:
        """`kafka`: what brokers are built on; None: they play a broker, as on the embedded cluster."""
        shared = self._layer(program_files(), base)
        shared_broker = self._layer({**program_files(), **broker.program_files()}, kafka) if kafka else None
        for image in profiled(images):
            if kafka is not None and shared_broker is not None and image.is_broker:
                own = self._layer(broker.profile_files(image.profile), kafka)
                self._image(image.reference, kafka, (shared_broker, own), _run(image.profile))
            else:
                own = self._layer(profile_files(image.profile), base)
                self._image(
                    image.reference,
                    base,
                    (shared, own),
                    _run(image.profile),
                    image.profile.get("architecture", ""),
                    index=image.profile.get("index", False),
                )
        for name in STAND_INS:
            reference = parse(name)
            assert reference is not None
            common = everyday(reference)
            assert common is not None, name
            self._image(reference, base, (), {"Cmd": list(common.command), "WorkingDir": "/"})
        (self.folder / "access.json").write_text(json.dumps(access(images), sort_keys=True))

    def _layer(self, files: Mapping[str, File], base: Base) -> Layer:
        content = pack(files, base.links)
        self._blob(content)
        return describe(content)

    def _image(
        self,
        reference: Reference,
        base: Base,
        layers: Sequence[Layer],
        run: Mapping[str, Any],
        architecture: str = "",
        *,
        index: bool = False,
    ) -> None:
        layers = (*base.layers, *layers)
        labels = {
            "org.opencontainers.image.title": reference.repository,
            "org.opencontainers.image.version": reference.tag,
        }
        # Dates and history would say when and from what it was made.
        config = {
            "architecture": architecture or base.config["architecture"],
            "os": base.config["os"],
            "config": {"Env": base.env or [PATH], "Labels": labels, **run},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
        about = self._blob(_json(config))
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": about.digest, "size": about.size},
            "layers": [layer.descriptor for layer in layers],
        }
        found = self._blob(_json(manifest))
        if index:
            platform = {"architecture": config["architecture"], "os": config["os"]}
            entry = {"mediaType": MANIFEST, "digest": found.digest, "size": found.size, "platform": platform}
            found = self._blob(_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}))
        tag = self.folder / "tags" / reference.host / reference.path / reference.tag
        tag.parent.mkdir(parents=True, exist_ok=True)
        tag.write_text(found.digest)

    def _blob(self, content: bytes) -> Layer:
        (self.blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
        return describe(content)


def _run(profile: Mapping[str, Any]) -> dict[str, Any]:
    return {"Entrypoint": list(profile["entrypoint"]), "WorkingDir": profile.get("working_dir", "/")}


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
