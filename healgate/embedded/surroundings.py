"""What lies around a cluster and is no object in it: the image registries that its node reaches.

Whoever breaks things on purpose must be able to cut a registry off, and no request of the Kubernetes API does that. So
there is one path beside the API, the same through every door, for the cluster's administrator alone; to anybody else
it is a path like any that does not exist.
"""

from __future__ import annotations

import json

from .api.messages import ApiAnswer, ApiRequest, answer, text
from .clock import Clock
from .runtime.seam import Registries

REGISTRIES = "/harness/registries/"


class Surroundings:
    """PUT /harness/registries/<host> {"unreachableForSeconds": 60}"""

    def __init__(self, registries: Registries, clock: Clock) -> None:
        self._registries = registries
        self._clock = clock

    def answer(self, request: ApiRequest) -> ApiAnswer | None:
        """None: not a path of these."""
        if request.method != "PUT" or not request.path.startswith(REGISTRIES):
            return None
        host = request.path.removeprefix(REGISTRIES)
        reachable = self._registries.reachable
        if host not in reachable:
            return text(404, f"no registry {host!r}; there are {', '.join(reachable)}")
        try:
            seconds = float(json.loads(request.body)["unreachableForSeconds"])
        except (ValueError, KeyError, TypeError):
            return text(400, 'expected {"unreachableForSeconds": 60}')
        reachable[host] = False
        self._clock.call_later(seconds, reachable.__setitem__, host, True)
        return answer(200, {})
