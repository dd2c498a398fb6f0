"""With whose credentials each image came to the node, and so who may use it without asking the registry.

Since 1.35 an image that is there is not there for everybody: what one pod pulled with a secret, another may use only if
its own secret is that one or says the same. Who cannot show that has the registry asked again, also with IfNotPresent,
and is refused there like anybody. The trap is the exemptions: images that the node came with, and those that the
registry once gave to somebody without credentials, are for all.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Opener:
    """A pull secret and what it says for one repository."""

    secret: str  # its uid: a secret that was made anew is another one
    login: str


class PullRecords:
    """Kept per image and repository, as two repositories may hold the same image for different people."""

    def __init__(self) -> None:
        # None: for everybody. An image without any entry came with the node.
        self._records: dict[tuple[str, str], dict[Opener, None] | None] = {}
        self._known: set[str] = set()

    def note(self, image: str, repository: str, opener: Opener | None) -> None:
        """The registry gave this image (by its id) for these credentials."""
        self._known.add(image)
        key = (image, repository)
        openers = self._records.setdefault(key, {})
        if opener is None:
            self._records[key] = None
        elif openers is not None:
            openers[opener] = None

    def opens(self, image: str, repository: str, offered: tuple[Opener, ...]) -> bool:
        """Whether a pod with these credentials may have the image that is on the node."""
        if image not in self._known:
            return True
        openers = self._records.get((image, repository), {})
        if openers is None:
            return True
        for one in offered:
            # The same secret counts even if it says something else by now, and the same words in another secret do.
            if any(one.login == known.login or one.secret == known.secret for known in openers):
                openers[one] = None
                return True
        return False
