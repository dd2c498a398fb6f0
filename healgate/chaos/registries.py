"""Image registries that cannot be reached for a while.

A registry is no object of the cluster, so no request of the Kubernetes API cuts it off. In a trial the lease can reach
what lies around its cluster; under plain `chaos run` the cluster that `healgate up` started takes the same wish on a
path beside the API, with the harness's own access only.
"""

from __future__ import annotations

from ..problems import HarnessError
from .place import LeasePlace, Place

PATH = "/harness/registries"


def cut_off(here: Place, host: str, seconds: float) -> None:
    """Nobody reaches the host for so long; then it answers again by itself."""
    if isinstance(here, LeasePlace):
        around = here.lease.surroundings
        around.set_registry(host, False)
        here.lease.after(seconds, lambda: around.set_registry(host, True))
        return
    answer = here.objects.rest.request("PUT", f"{PATH}/{host}", body={"unreachableForSeconds": seconds})
    if not answer.ok:
        raise HarnessError(f"this cluster cannot cut off the registry {host}: {answer.code}; use `healgate up`")
