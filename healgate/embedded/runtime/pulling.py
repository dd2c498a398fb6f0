"""Image pulls: who may have what, how long it takes, and the words in which containerd says no.

The words are those of the recorded cluster, because healers match on them: an image that does not exist, a registry
that wants credentials and gets none or wrong ones, one that refuses the connection, one that nobody has heard of.
"""

from __future__ import annotations

import hashlib
import json

from ..clock import Clock
from .keyring import login
from .references import Reference, parse, why_not
from .seam import Pulled, PullFailed, Registries
from .shelf import NATIVE, Image, ImageShelf

RATE = 40 * 1024 * 1024  # bytes a second
ANSWER = 0.08  # seconds until a registry has answered
NAMESERVER = "172.18.0.1:53"


class Puller:
    def __init__(self, clock: Clock, shelf: ImageShelf, registries: Registries) -> None:
        self._shelf = shelf
        self._registries = registries
        self._random = clock.random("pulls")

    def pull(self, image: str, credentials: tuple[bytes, ...], there: bool) -> Pulled | PullFailed:
        """`there`: the node has it already, so that the registry is only asked whether it still is the same."""
        reference = parse(image)
        if reference is None:
            return PullFailed(f"couldn't parse image name {json.dumps(image)}: {why_not(image)}", 0.0)
        seconds = ANSWER * self._random.uniform(0.5, 1.5)
        problem = self._problem(reference, credentials)
        if problem:
            return PullFailed(problem, seconds)
        found = self._shelf.find(reference)
        if found is None:
            return PullFailed(
                "rpc error: code = NotFound desc = " + _failed(reference, f"{reference}: not found"), seconds
            )
        if found.index and found.architecture != NATIVE:
            # A list of platforms is looked through at the pull; a single image is only found out when it starts.
            why = f'failed to pull and unpack image "{reference}": no match for platform in manifest: not found'
            return PullFailed(f"rpc error: code = NotFound desc = {why}", seconds)
        return pulled(found, seconds if there else seconds + found.size / RATE * self._random.uniform(0.8, 1.2))

    def _problem(self, reference: Reference, credentials: tuple[bytes, ...]) -> str:
        """Why the registry does not even look for it."""
        host = reference.host
        base = self._registries.mirrors.get(host)
        manifest = f"/v2/{reference.path}/manifests/{reference.digest or reference.tag}"
        url = f"{base}{manifest}?ns={host}" if base else f"https://{host}{manifest}"
        if not self._registries.reachable.get(host, False):
            if host not in self._registries.reachable:
                why = f"dial tcp: lookup {host.partition(':')[0]} on {NAMESERVER}: no such host"
            else:
                address = base.split("://", 1)[1] if base else f"{_address(host)}:443"
                why = self._registries.failures.get(host) or f"dial tcp {address}: connect: connection refused"
            return _failed(reference, f'failed to do request: Head "{url}": {why}')
        opens = self._keys(reference)
        if opens is None:
            return ""
        offered = [login(config, reference.repository) for config in credentials]
        given = [each for each in offered if each]
        if any(each in opens for each in given):
            return ""
        if given:
            return _failed(reference, f"unexpected status from HEAD request to {url}: 401 Unauthorized")
        return _failed(
            reference,
            "pull access denied, repository does not exist or may require authorization: "
            "authorization failed: no basic auth credentials",
        )

    def _keys(self, reference: Reference) -> frozenset[str] | None:
        """The credentials that open a repository; None if it is public."""
        matching = [prefix for prefix in self._registries.private if reference.repository.startswith(prefix)]
        return self._registries.private[max(matching, key=len)] if matching else None


def pulled(image: Image, seconds: float) -> Pulled:
    return Pulled(image.reference, image.image_id, image.size, seconds)


def _failed(reference: Reference, why: str) -> str:
    return f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": {why}'


def _address(host: str) -> str:
    """Some address for a host that is there and refuses, the same each time."""
    first, second = hashlib.sha256(host.encode()).digest()[:2]
    return f"172.18.{first}.{max(2, second)}"
