"""What tests/scenarios does not read: what the API says of itself, and the last words of a container that died.

Every object of every kind, the events and the logs are searched there. Left over are the documents in which the
harness could leave its name: the version, discovery, the schema, the answers to a wrong question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from healgate.chaos import coactors, run
from healgate.clusters import open_cluster
from healgate.clusters.seam import Lease
from healgate.scenario.catalogue import Catalogue, Drawn

CATALOGUE = Catalogue.load().scenarios
OURS = {"healgate", "chaos", "scenario", "catalogue", "harness", "inject", "simulat", "embedded", "fake"}

ITSELF = ("/version", "/api", "/apis", "/openapi/v2", "/openapi/v3", "/healthz", "/readyz", "/livez")


def texts(lease: Lease) -> Iterator[tuple[str, str]]:
    for path in ITSELF:
        yield path, json.dumps(lease.rest.request("GET", path).body)
    yield "an unknown path", json.dumps(lease.rest.request("GET", "/apis/none.example/v1/things").body)
    yield "an unknown name", json.dumps(lease.rest.request("GET", "/api/v1/namespaces/none/pods/none").body)
    pods = f"/api/v1/namespaces/{lease.namespace}/pods"
    for pod in lease.rest.request("GET", pods).body["items"]:
        spec = pod["spec"]
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            name = pod["metadata"]["name"]
            query = {"container": container["name"], "previous": "true"}
            yield f"the last log of {name}", str(lease.rest.request("GET", f"{pods}/{name}/log", query).body)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_api_itself_and_the_last_logs_say_nothing(name: str) -> None:
    drawn: Drawn = CATALOGUE[name].plan("whole", 1)
    lease = open_cluster("embedded").lease(f"whole/{name}")
    try:
        coactors.start(drawn.scenario.co_actors, lease)
        run.deploy(drawn.experiment, lease)
        lease.sleep(120)
        run.break_workload(drawn.experiment, lease)
        lease.sleep(120)
        words = OURS | {name, drawn.scenario.catalogue.lower() or "healgate"}
        found = list(texts(lease))
        assert any("log" in where for where, _ in found), "no log was looked at"
        for where, text in found:
            assert not [word for word in words if word in text.lower()], f"{where}: {text[:300]}"
    finally:
        lease.close()
