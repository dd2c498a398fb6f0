"""A real API server for these tests: the embedded cluster's, on a socket, in real time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient, Configuration

from healgate.clusters.lending import Lending
from healgate.clusters.real import RealCluster
from healgate.clusters.real_rest import RealRest
from healgate.clusters.server_time import ServerTime
from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.http import HttpDoor

# Real seconds after which a test that would hang fails instead.
LIMIT = 20.0
TOKEN = "administrator"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own notes are touched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "healgate" / "left"


@pytest.fixture
def door() -> Iterator[HttpDoor]:
    cluster = EmbeddedCluster("clusters", epoch=time.time())
    with HttpDoor(cluster.server, cluster.clock, tokens={TOKEN: ""}) as opened:
        yield opened
    cluster.close()


@pytest.fixture
def new_client(door: HttpDoor) -> Iterator[Callable[[], ApiClient]]:
    made: list[ApiClient] = []

    def make() -> ApiClient:
        configuration = Configuration(host=door.url)
        configuration.api_key = {"authorization": TOKEN}
        configuration.api_key_prefix = {"authorization": "Bearer"}
        made.append(ApiClient(configuration))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def rest(new_client: Callable[[], ApiClient]) -> RealRest:
    return RealRest(new_client(), ServerTime())


@pytest.fixture
def lending(rest: RealRest) -> Lending:
    return Lending(rest, capacity=3)


@pytest.fixture
def cluster(new_client: Callable[[], ApiClient]) -> Iterator[RealCluster]:
    made = RealCluster("kind", new_client, capacity=3, timing="stock")
    yield made
    made.close()


@pytest.fixture
def kubeconfig(door: HttpDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's own, with one context: `test`."""
    path = tmp_path / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": {"server": door.url}}],
                "users": [{"name": "test", "user": {"token": TOKEN}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "current-context": "test",
            }
        )
    )
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path


def names(rest: RealRest, path: str) -> set[str]:
    answer = rest.request("GET", path)
    assert answer.ok, json.dumps(answer.body)
    items: list[dict[str, Any]] = answer.body["items"]
    return {item["metadata"]["name"] for item in items}


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
