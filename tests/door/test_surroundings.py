"""Cutting a registry off: beside the API, for the administrator alone, until the cluster's clock says so."""

from __future__ import annotations

import pytest

from healgate.embedded.api.messages import ApiAnswer, ApiRequest
from healgate.embedded.cluster import EmbeddedCluster

HOST = "registry.shop.example"
CUT = {"unreachableForSeconds": 60}


def put(cluster: EmbeddedCluster, host: str, body: object, user: str = "") -> ApiAnswer:
    found = cluster.server.handle(ApiRequest.of("PUT", f"/harness/registries/{host}", body, user=user))
    assert isinstance(found, ApiAnswer)
    return found


def test_a_registry_is_away_for_as_long_as_was_asked() -> None:
    cluster = EmbeddedCluster()
    reachable = cluster.runtime.registries.reachable
    assert put(cluster, HOST, CUT).status == 200
    assert reachable[HOST] is False
    cluster.run_for(59)
    assert reachable[HOST] is False
    cluster.run_for(2)
    assert reachable[HOST] is True


@pytest.mark.parametrize("user", ["system:serviceaccount:apps:operator", "system:anonymous"])
def test_nobody_else_finds_the_path(user: str) -> None:
    cluster = EmbeddedCluster()
    refused = put(cluster, HOST, CUT, user)
    other = put(cluster, "../nothing", CUT, user)
    assert refused.status == other.status
    assert refused.status in (403, 404)
    assert cluster.runtime.registries.reachable[HOST] is True


@pytest.mark.parametrize(("host", "body", "status"), [("none.example", CUT, 404), (HOST, {}, 400), (HOST, [1], 400)])
def test_a_wrong_wish_is_refused(host: str, body: object, status: int) -> None:
    cluster = EmbeddedCluster()
    assert put(cluster, host, body).status == status
    assert cluster.runtime.registries.reachable[HOST] is True
