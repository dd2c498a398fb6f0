"""Images: policy, pull secrets, the back-off of pulls, and the words for each.

Back-off is per pod and image and measured from the last failed attempt. The trap is the type of the event while
backing off: Normal, unlike that of a crash loop, so a tool that filters on Warning sees only `Error:` lines.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..runtime.seam import Pulled, PullFailed, Runtime
from .backoff import Backoff, go_duration
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
        self._free_at = 0.0

    def ensure(
        self, pod: Obj, container: Obj, credentials: tuple[bytes, ...], tell: Tell, interrupt: Interrupt
    ) -> Steps[Pulled]:
        """Have the image on the node, or raise StartFailed."""
        image = container["image"]
        if self._runtime.resolve(image) is None:
            problem = (
                f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
                "invalid reference format"
            )
            tell("Warning", "InspectFailed", problem)
            raise StartFailed("InvalidImageName", problem, "InvalidImageName")
        policy = container.get("imagePullPolicy") or default_policy(image)
        present = self._runtime.present(image)
        if present is not None and policy != "Always":
            tell(
                "Normal",
                "Pulled",
                f'Container image "{image}" already present on machine and can be accessed by the pod',
            )
            return present
        if policy == "Never":
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
        waiting = max(0.0, self._free_at - asked)
        if waiting:
            yield from interrupt.sleep(waiting)
        outcome = self._runtime.pull(image, credentials)
        self._free_at = max(self._free_at, self._clock.now() + outcome.seconds)
        yield from interrupt.sleep(outcome.seconds)
        if isinstance(outcome, PullFailed):
            tell("Warning", "Failed", f'Failed to pull image "{image}": {outcome.message}')
            self._backoff.next(key, self._clock.now(), self._clock.now())
            self._failures[key] = outcome.message
            raise StartFailed("ErrImagePull", outcome.message, "ErrImagePull")
        took, whole = go_duration(outcome.seconds), go_duration(self._clock.now() - asked)
        tell(
            "Normal",
            "Pulled",
            f'Successfully pulled image "{image}" in {took} ({whole} including waiting). '
            f"Image size: {outcome.size} bytes.",
        )
        return outcome


def pull_secrets(store: Store, pod: Obj) -> tuple[tuple[bytes, ...], list[str]]:
    """The .dockerconfigjson contents that were found, and the names that were not."""
    found: list[bytes] = []
    missing: list[str] = []
    for reference in pod["spec"].get("imagePullSecrets") or ():
        name = reference.get("name", "")
        secret = store.get("secrets", pod["metadata"]["namespace"], name)
        data = (secret or {}).get("data") or {}
        content = data.get(".dockerconfigjson") or data.get(".dockercfg")
        if secret is None:
            missing.append(name)
        elif content:
            found.append(base64.b64decode(content))
    return tuple(found), missing
