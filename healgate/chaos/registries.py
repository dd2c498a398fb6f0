"""Image registries that cannot be reached for a while.

A registry is no object of the cluster, so no request of the Kubernetes API cuts it off. The harness's own access has
one path beside the API, which the cluster's adapter serves and a healer's access does not have.
"""

from __future__ import annotations

from urllib.parse import quote

from ..problems import HarnessError
from .place import Place

PATH = "/harness/registries"


def cut_off(here: Place, host: str, seconds: float) -> None:
    """Nobody reaches the host for so long; then it answers again by itself."""
    body = {"unreachableForSeconds": seconds}
    answer = here.objects.rest.request("PUT", f"{PATH}/{quote(host)}", body=body)
    if not answer.ok:
        raise HarnessError(f"this cluster cannot cut off the registry {host}: {answer.code} {answer.body}")
