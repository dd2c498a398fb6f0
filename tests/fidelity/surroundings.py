"""The cluster that a recording is played on: its images and its registries, read out of the recording itself.

By rule, from the images that its pods ask for and from what the kubelet said of them, for all recordings alike:

* an image is on the node if the kubelet found it there;
* a tag is missing if the registry said that it was not found; every other image exists;
* a registry is unreachable if a connection to it failed, as it failed there, until the recording says that it
  answers again;
* of a container that is out of memory all falls, but under cgroup v1 only the process that holds most of it;
* the time is such that a CronJob's minutes come when they came;
* claims wait for a pod that wants them only if one was told to;
* a repository is private if the registry wanted credentials; those that open it are those that a command sets.

The trap would be a table of recordings: a new one would then need new code.
"""

from __future__ import annotations

import re

from healgate.embedded.cluster import EPOCH, EmbeddedCluster
from healgate.embedded.runtime.references import Reference, parse
from healgate.embedded.runtime.seam import Registries
from healgate.embedded.runtime.shelf import PUBLIC, Image, ImageShelf

from .neutral import neutral
from .tracks import Recording

LEAD = 2.0
CLASSES, LAZY = "storageclasses.storage.k8s.io", "WaitForFirstConsumer"

_MISSING = re.compile(r"failed to resolve reference \"([^\"]+)\": [^ ]+: not found")
_REFUSED = re.compile(r"failed to resolve reference \"([^\"]+)\": failed to do request: \w+ \"[^\"]*\": (.*)")
_PRIVATE = re.compile(r"failed to resolve reference \"([^\"]+)\": (?:pull access denied|unexpected status .*401)")
_MIRROR = re.compile(r"\"?(http://[0-9.:]+)/v2/[^\" ]*\?ns=([^\":]+)")


class RecordedShelf(ImageShelf):
    """Every image exists but for those that a registry said it had not; each has a shell."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(None)
        self._missing = {neutral(found[1], {}) for text in _messages(recording) if (found := _MISSING.search(text))}

    def find(self, reference: Reference) -> Image | None:
        known = super().find(reference)
        if known is not None or neutral(str(reference), {}) in self._missing:
            return known
        return Image(str(reference), size=2_131_354, entrypoint=(), command=("sh",))


def _messages(recording: Recording) -> list[str]:
    return [entry["message"] for entry in recording["timeline"] if entry["kind"] == "Event"]


def _hosts(recording: Recording) -> dict[str, None]:
    """The registries of all images that pods ask for."""
    specs = [entry.get("spec", {}) for entry in recording["timeline"] if entry["kind"] == "Pod"]
    parts = ("initContainers", "containers")
    images = [one["image"] for spec in specs for part in parts for one in spec.get(part) or ()]
    return {reference.host: None for image in images if (reference := _parsed(image)) is not None}


def _parsed(image: str) -> Reference | None:
    """A digest is written as what no two runs share."""
    return parse(image.replace("sha256:<id>", f"sha256:{'0' * 64}"))


def registries_for(recording: Recording) -> Registries:
    found = Registries(reachable=dict.fromkeys((*PUBLIC, *_hosts(recording)), True))
    for message in _messages(recording):
        for base, host in _MIRROR.findall(message):
            found.mirrors[host] = base
        refused, private = _REFUSED.search(message), _PRIVATE.search(message)
        if refused and (reference := _parsed(refused[1])) is not None:
            if "no such host" in message:
                found.reachable.pop(reference.host, None)
            elif reference.host in found.reachable:
                found.reachable[reference.host] = False
                found.failures.setdefault(reference.host, refused[2])
        if private and (reference := _parsed(private[1])) is not None:
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


def _began(recording: Recording) -> float:
    """When the objects were applied, as far as anybody cares: Jobs of a CronJob are called after their minute."""
    for entry in recording["timeline"]:
        owners = entry.get("metadata", {}).get("ownerReferences") or ()
        minute = entry.get("name", "").rpartition("-")[2]
        if entry["kind"] == "Job" and minute.isdecimal() and any(one["kind"] == "CronJob" for one in owners):
            return int(minute) * 60.0 - float(entry["t"])
    return EPOCH


def _bind_at_once(cluster: EmbeddedCluster) -> None:
    """Claims are bound without waiting for a pod."""
    for one in cluster.registry.list(CLASSES):
        name, immediate = one["metadata"]["name"], {"volumeBindingMode": "Immediate"}
        cluster.registry.change(CLASSES, None, name, lambda now, new=immediate: {**now, **new})


def cluster_for(recording: Recording, seed: str) -> EmbeddedCluster:
    """An embedded cluster in the surroundings of the recording, `LEAD` seconds before its objects are applied."""
    cluster = EmbeddedCluster(seed=seed, images=RecordedShelf(recording), epoch=_began(recording) - LEAD)
    cluster.runtime.machine.falls_whole = "cgroup v1" not in recording.get("runtime", "")
    if not any(one["kind"] == "Event" and one["reason"] == LAZY for one in recording["timeline"]):
        _bind_at_once(cluster)
    wanted, registries = registries_for(recording), cluster.runtime.registries
    registries.reachable = wanted.reachable
    registries.failures = wanted.failures
    registries.private = wanted.private
    registries.mirrors = wanted.mirrors
    return cluster
