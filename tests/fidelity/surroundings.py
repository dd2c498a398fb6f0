"""The cluster that a recording is played on: its images and its registries, read out of the recording itself.

By rule, from the images that its pods ask for and from what the kubelet said of them, for all recordings alike:

* an image is on the node if the kubelet found it there;
* a tag is missing if the registry said that it was not found; every other image exists;
* a registry is unreachable if a connection to it failed, until the recording says that it answers again;
* a repository is private if the registry wanted credentials; those that open it are those that a command sets.

The trap would be a table of recordings: a new one would then need new code.
"""

from __future__ import annotations

import re

from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.runtime.references import Reference, parse
from healgate.embedded.runtime.seam import Registries
from healgate.embedded.runtime.shelf import PUBLIC, Image, ImageShelf

from .tracks import Recording

_MISSING = re.compile(r"failed to resolve reference \"([^\"]+)\": [^ ]+: not found")
_REFUSED = re.compile(r"failed to resolve reference \"([^\"]+)\": failed to do request: ")
_PRIVATE = re.compile(r"failed to resolve reference \"([^\"]+)\": (?:pull access denied|unexpected status .*401)")
_MIRROR = re.compile(r"\"?(http://[0-9.:]+)/v2/[^\" ]*\?ns=([^\":]+)")


class RecordedShelf(ImageShelf):
    """Every image exists but for those that a registry said it had not; each has a shell."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(None)
        self._missing = {found[1] for message in _messages(recording) if (found := _MISSING.search(message))}

    def find(self, reference: Reference) -> Image | None:
        known = super().find(reference)
        if known is not None or str(reference) in self._missing:
            return known
        return Image(str(reference), size=2_131_354, entrypoint=(), command=("sh",))


def _messages(recording: Recording) -> list[str]:
    return [entry["message"] for entry in recording["timeline"] if entry["kind"] == "Event"]


def _hosts(recording: Recording) -> dict[str, None]:
    """The registries of all images that pods ask for."""
    specs = [entry.get("spec", {}) for entry in recording["timeline"] if entry["kind"] == "Pod"]
    images = [one["image"] for spec in specs for one in spec.get("containers") or ()]
    return {reference.host: None for image in images if (reference := parse(image)) is not None}


def registries_for(recording: Recording) -> Registries:
    found = Registries(reachable=dict.fromkeys((*PUBLIC, *_hosts(recording)), True))
    for message in _messages(recording):
        for base, host in _MIRROR.findall(message):
            found.mirrors[host] = base
        refused, private = _REFUSED.search(message), _PRIVATE.search(message)
        if refused and (reference := parse(refused[1])) is not None:
            if "no such host" in message:
                found.reachable.pop(reference.host, None)
            elif reference.host in found.reachable:
                found.reachable[reference.host] = False
        if private and (reference := parse(private[1])) is not None:
            found.private[reference.repository] = frozenset(_credentials(recording))
    return found


def _credentials(recording: Recording) -> list[str]:
    """user:password of every pull secret that a command creates."""
    found = []
    for command in recording["commands"]:
        options = dict(word[2:].split("=", 1) for word in command["kubectl"] if word.startswith("--") and "=" in word)
        if "docker-username" in options:
            found.append(f"{options['docker-username']}:{options['docker-password']}")
    return found


def cluster_for(recording: Recording, seed: str) -> EmbeddedCluster:
    """An embedded cluster in the surroundings of the recording."""
    cluster = EmbeddedCluster(seed=seed, images=RecordedShelf(recording))
    wanted, registries = registries_for(recording), cluster.runtime.registries
    registries.reachable = wanted.reachable
    registries.private = wanted.private
    registries.mirrors = wanted.mirrors
    return cluster
