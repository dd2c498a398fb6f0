"""The images that exist: the workloads' own, a profile per tag, and the everyday ones that run scripts.

A profile file is found by its path, `<registry>/<repository>/<tag>.yaml`, and read when somebody pulls it. `extends`
names another tag of the same repository; keys laid over it with null are taken away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ...actor.profile import Profile, read_profile
from ...actor.sections import ProfileError, Section, flag, number, one_of, text, texts
from .everyday import Everyday, everyday
from .references import Reference, parse
from .seam import Registries

NATIVE = "amd64"  # what the node can run
_PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = ("amd64", "arm64")
# The shell of an image's userland; "" if there is none.
USERLANDS = {"none": "", "alpine": "ash", "debian": "dash", "ubi": "bash"}


@dataclass(frozen=True)
class Image:
    reference: str
    size: int
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    userland: str = "alpine"
    tools: frozenset[str] = frozenset()  # names beside those of the userland: python3, curl
    programs: Mapping[str, Profile] = field(default_factory=dict)  # path -> what it does
    working_dir: str = "/"
    path: str = _PATHS
    architecture: str = NATIVE
    index: bool = False  # the tag is a list of images by platform, with this one in it

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.reference.encode()).hexdigest()

    @property
    def image_id(self) -> str:
        repository = self.reference.split("@")[0].rsplit(":", 1)[0] if "@" not in self.reference else self.reference
        return self.reference if "@" in self.reference else f"{repository}@{self.digest}"


class ImageShelf:
    """All images that some registry has; `copies` are further names of everyday ones."""

    def __init__(self, folder: Path | None, copies: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._copies = dict(copies or {})

    def find(self, reference: Reference) -> Image | None:
        original = parse(self._copies.get(str(reference), ""))
        if original is not None:
            found = self.find(original)
            return None if found is None else replace(found, reference=str(reference))
        common = everyday(reference)
        if common is not None:
            return _everyday_image(reference, common) if common.has(reference.tag) else None
        if self._folder is None:
            return None
        return _find_image(self._folder, reference)

    def all(self) -> Iterator[Image]:
        """Every image with a profile file, read strictly."""
        assert self._folder is not None
        for file in sorted(self._folder.rglob("*.yaml")):
            if file.parent != self._folder:
                name = file.parent.relative_to(self._folder).as_posix()
                reference = parse(f"{name}:{file.stem}")
                if reference is None:
                    raise ProfileError(f"{file}: expected a path like <registry>/<repository>/<tag>.yaml")
                yield _read_image(file, str(reference))

    def registries(self) -> Registries:
        """Registries that have all this: reachable, and private where the folder's registries.yaml says so."""
        known = Registries(reachable=dict.fromkeys(PUBLIC, True))
        if self._folder is not None:
            hosts, private = _read_registries(self._folder)
            known.reachable.update(dict.fromkeys(hosts, True))
            known.private.update(private)
        return known


PUBLIC = ("docker.io", "quay.io", "ghcr.io", "registry.k8s.io", "registry.access.redhat.com", "public.ecr.aws")


def resolved(file: Path) -> dict[str, Any]:
    """A profile with what it extends laid under it: this is what goes into a real image, as JSON."""
    data = yaml.load(file.read_text(), Loader=_LOADER)
    if not isinstance(data, dict):
        raise ProfileError(f"{file}: expected a mapping")
    base = data.pop("extends", None)
    if base is None:
        return data
    below = file.with_name(f"{base}.yaml")
    if not below.is_file():
        raise ProfileError(f"{file}: extends: there is no tag {base} of this image")
    return _laid_over(resolved(below), data)


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _laid_over(merged[key] if isinstance(merged.get(key), dict) else {}, value)
        else:
            merged[key] = value
    return merged


# Files of images do not change while a process runs; every trial pulls the same ones.
@lru_cache(maxsize=256)
def _find_image(folder: Path, reference: Reference) -> Image | None:
    repository = folder / reference.host / reference.path
    if reference.digest:  # it decides, whatever tag stands before it
        known = (_read_image(file, f"{reference.repository}:{file.stem}") for file in sorted(repository.glob("*.yaml")))
        found = next((image for image in known if image.digest == reference.digest), None)
        return None if found is None else replace(found, reference=str(reference))
    file = repository / f"{reference.tag}.yaml"
    return _read_image(file, str(reference)) if file.is_file() else None


@lru_cache(maxsize=16)
def _read_registries(folder: Path) -> tuple[list[str], dict[str, frozenset[str]]]:
    """Hosts, and repositories that only certain credentials open."""
    hosts = sorted(path.name for path in folder.iterdir() if path.is_dir())
    listing = folder / "registries.yaml"
    top = Section(str(listing), "", yaml.load(listing.read_text(), Loader=_LOADER) if listing.exists() else {})
    private: dict[str, frozenset[str]] = {}
    for host in (*PUBLIC, *hosts):
        section = top.section(host)
        if section is not None:
            for prefix, credentials in section.table("private", texts).items():
                private[f"{host}/{prefix}"] = frozenset(credentials)
            section.done()
    top.done()
    return hosts, private


def _read_image(file: Path, reference: str) -> Image:
    source = "/".join(file.parts[-4:])
    data = resolved(file)
    top = Section(source, "", data)
    entrypoint = top.take("entrypoint", texts)
    programs = {entrypoint[0]: read_profile(data.get("program"), source)}
    top.section("program")
    for path, section in top.sections("tools"):
        programs[path] = read_profile(data["tools"][path], source, section.path)
    tools: tuple[str, ...] = top.take("has", texts, ())
    image = Image(
        reference,
        size=top.take("size", number),
        entrypoint=entrypoint,
        userland=top.take("userland", one_of(*USERLANDS), "none"),
        tools=frozenset(tools),
        programs=programs,
        working_dir=top.take("working_dir", text, "/"),
        architecture=top.take("architecture", one_of(*ARCHITECTURES), NATIVE),
        index=top.take("index", flag, False),
    )
    top.done()
    return image


def _everyday_image(reference: Reference, common: Everyday) -> Image:
    return Image(
        str(reference),
        size=common.size,
        entrypoint=(),
        command=common.command,
        userland=common.userland,
        tools=common.tools,
        working_dir=common.working_dir,
    )
