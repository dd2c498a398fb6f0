"""Images: policy, pull secrets, the back-off of pulls, and the words for each.

Back-off is per pod and image and measured from the last failed attempt. The trap is the type of the event while
backing off: Normal, unlike that of a crash loop, so a tool that filters on Warning sees only `Error:` lines.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..runtime.keyring import login
from ..runtime.seam import Pulled, Runtime
from .backoff import Backoff, go_duration
from .pulled import Opener, PullRecords
from .tasks import Interrupt, Steps

if TYPE_CHECKING:
    from ..store import Store

Obj = dict[str, Any]
Tell = Callable[[str, str, str], None]  # type, reason, message; about the container

IMAGE_BACKOFF = (10.0, 300.0)


class StartFailed(Exception):
    """A container that did not get to run: what its waiting state will say, and what its event after `Error: `."""

    def __init__(self, reason: str, message: str, told: str | None = None, *, until: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.told = message if told is None else told  # empty: no such event
        self.until = until  # when the back-off is over, if it is one


@dataclass(frozen=True)
class PullSecret:
    """One that was found, with the content of its .dockerconfigjson."""

    uid: str
    config: bytes


def default_policy(image: str) -> str:
    if "@" in image:
        return "IfNotPresent"
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


class ImagePuller:
    """All pulls of the node, one after another as is the default."""

    def __init__(self, clock: Clock, runtime: Runtime) -> None:
        self._clock = clock
        self._runtime = runtime
        self._backoff = Backoff(*IMAGE_BACKOFF, forget=2 * IMAGE_BACKOFF[1])
        self._failures: dict[str, str] = {}
        self._records = PullRecords()
        self._free_at = 0.0

    def ensure(
        self, pod: Obj, container: Obj, secrets: tuple[PullSecret, ...], tell: Tell, interrupt: Interrupt
    ) -> Steps[Pulled]:
        """Have the image on the node, and for this pod, or raise StartFailed."""
        image = container["image"]
        reference = self._runtime.resolve(image)
        if reference is None:
            why = f'couldn\'t parse image name "{image}": {self._runtime.why_not(image)}'
            problem = f'Failed to apply default image tag "{image}": {why}'
            tell("Warning", "InspectFailed", problem)
            raise StartFailed("InvalidImageName", problem, "InvalidImageName")
        policy = container.get("imagePullPolicy") or default_policy(image)
        repository = _repository(reference)
        offered = tuple(
            (Opener(secret.uid, found), secret) for secret in secrets if (found := login(secret.config, repository))
        )
        present = self._runtime.present(image) if policy != "Always" else None
        if present is not None and self._records.opens(
            present.image_id, repository, tuple(opener for opener, _ in offered)
        ):
            tell(
                "Normal",
                "Pulled",
                f'Container image "{image}" already present on machine and can be accessed by the pod',
            )
            return present
        if policy == "Never":
            # The same words for an image that is there, but for others.
            problem = f'Container image "{image}" is not present with pull policy of Never'
            tell("Warning", "ErrImageNeverPull", problem)
            raise StartFailed("ErrImageNeverPull", problem, "ErrImageNeverPull")

        key = f"{pod['metadata']['uid']}_{image}"
        if self._backoff.waits_since_update(key, self._clock.now()):
            problem = f'Back-off pulling image "{image}"'
            tell("Normal", "BackOff", problem)
            cause = self._failures.get(key)
            raise StartFailed(
                "ImagePullBackOff", f"{problem}: ErrImagePull: {cause}" if cause else problem, "ImagePullBackOff"
            )

        tell("Normal", "Pulling", f'Pulling image "{image}"')
        asked = self._clock.now()
        while (waiting := self._free_at - self._clock.now()) > 0:
            yield from interrupt.sleep(waiting)
        spent = 0.0
        refused: dict[str, None] = {}
        for opener, secret in offered or ((None, None),):
            outcome = self._runtime.pull(image, (secret.config,) if secret else ())
            self._free_at = self._clock.now() + outcome.seconds
            yield from interrupt.sleep(outcome.seconds)
            spent += outcome.seconds
            if isinstance(outcome, Pulled):
                self._records.note(outcome.image_id, repository, opener)
                took, whole = go_duration(spent), go_duration(self._clock.now() - asked)
                tell(
                    "Normal",
                    "Pulled",
                    f'Successfully pulled image "{image}" in {took} ({whole} including waiting). '
                    f"Image size: {outcome.size} bytes.",
                )
                return outcome
            refused[outcome.message] = None
        problem = next(iter(refused)) if len(refused) == 1 else f"[{', '.join(refused)}]"
        tell("Warning", "Failed", f'Failed to pull image "{image}": {problem}')
        self._backoff.next(key, self._clock.now(), self._clock.now())
        self._failures[key] = problem
        raise StartFailed("ErrImagePull", problem, "ErrImagePull")


def _repository(reference: str) -> str:
    """A full reference without its tag or digest."""
    name = reference.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


def pull_secrets(store: Store, pod: Obj) -> tuple[tuple[PullSecret, ...], list[str]]:
    """The secrets that were found, and the names of those that were not."""
    found: list[PullSecret] = []
    missing: list[str] = []
    for reference in pod["spec"].get("imagePullSecrets") or ():
        name = reference.get("name", "")
        secret = store.get("secrets", pod["metadata"]["namespace"], name)
        data = (secret or {}).get("data") or {}
        content = data.get(".dockerconfigjson") or data.get(".dockercfg")
        if secret is None:
            missing.append(name)
        elif content:
            found.append(PullSecret(secret["metadata"]["uid"], base64.b64decode(content)))
    return tuple(found), missing
