"""A manifest that was read once means the same the next time, in whatever cluster."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from .conftest import DEPLOYMENTS, Api

Obj = dict[str, Any]

SERVICES = "/api/v1/namespaces/default/services"
OF_ONE = ("uid", "resourceVersion", "creationTimestamp", "managedFields")


def deployment(**spec: Any) -> Obj:
    labels = {"app": "shop"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "shop:1"}]}}
    whole = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": whole}


def service() -> Obj:
    spec = {"type": "NodePort", "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": spec}


def lasting(obj: Obj) -> Obj:
    """What does not depend on when and where it was made."""
    return {**obj, "metadata": {key: one for key, one in obj["metadata"].items() if key not in OF_ONE}}


@pytest.mark.parametrize("make", [deployment, service])
def test_the_second_is_as_the_first(make: Any) -> None:
    url = DEPLOYMENTS if make is deployment else SERVICES
    one, other = Api(), Api()
    first, second = one.post(url, make()), other.post(url, make())
    assert list(first) == list(second)
    assert list(first["metadata"]) == list(second["metadata"])
    assert lasting(first) == lasting(second)
    fields = [made["metadata"]["managedFields"][0]["fieldsV1"] for made in (first, second)]
    assert fields[0] == fields[1]


def test_a_change_of_one_is_no_change_of_the_other() -> None:
    one, other = Api(), Api()
    one.post(SERVICES, service())
    other.post(SERVICES, service())
    before = copy.deepcopy(other.get(f"{SERVICES}/shop"))
    one.patch(f"{SERVICES}/shop", {"metadata": {"labels": {"a": "b"}}, "spec": {"ports": [{"port": 80, "name": "x"}]}})
    other.clock.run_for(1)
    assert other.get(f"{SERVICES}/shop") == before
    assert lasting(Api().post(SERVICES, service()))["spec"]["ports"][0].get("name") is None


def test_addresses_are_drawn_for_each() -> None:
    api = Api()
    body = service()
    api.post(SERVICES, body)
    other = "/api/v1/namespaces/kube-system/services"
    api.post(other, body)
    made = [api.get(f"{url}/shop")["spec"] for url in (SERVICES, other)]
    assert made[0]["clusterIP"] != made[1]["clusterIP"]
    assert made[0]["ports"][0]["nodePort"] != made[1]["ports"][0]["nodePort"]


def test_an_unknown_field_is_reported_every_time() -> None:
    for _ in range(3):
        answer = Api().send("POST", DEPLOYMENTS, deployment(replica=2))
        assert answer.status == 201
        assert 'unknown field \\"spec.replica\\"' in answer.headers["Warning"]
        assert "replica" not in answer.json()["spec"]
    assert Api().send("POST", f"{DEPLOYMENTS}?fieldValidation=Strict", deployment(replica=2)).status == 400


def test_what_was_refused_is_refused_again() -> None:
    for _ in range(3):
        assert Api().send("POST", DEPLOYMENTS, deployment(replicas=-1)).status == 422


def test_the_namespace_is_that_of_the_request() -> None:
    api = Api()
    api.post(DEPLOYMENTS, deployment())
    assert api.send("POST", DEPLOYMENTS, deployment()).status == 409
    assert api.send("POST", "/apis/apps/v1/namespaces/nowhere/deployments", deployment()).status == 404
    made = api.post("/apis/apps/v1/namespaces/kube-system/deployments", deployment())
    assert made["metadata"]["namespace"] == "kube-system"
