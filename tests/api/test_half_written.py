"""Objects that lack what they cannot do without are refused; they do not break whoever reads them later."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from healgate.embedded.cluster import EmbeddedCluster

from .conftest import DEPLOYMENTS, JSON_PATCH, PODS, Api, deployment, pod

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PERCENT = "a valid percent string must be a numeric string followed by an ending '%'"


def with_spec(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    body["spec"].update(fields)
    return body


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"readinessGates": [{}]}, "spec.readinessGates[0].conditionType: Required value"),
        (
            {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}},
            "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value",
        ),
        (
            {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]},
            "spec.topologySpreadConstraints[0].whenUnsatisfiable: Required value",
        ),
        (
            {
                "affinity": {
                    "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": {}}]}
                }
            },
            "preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey: Required value",
        ),
        ({"containers": [None]}, "spec.containers[0].name: Required value"),
    ],
)
def test_pods_that_lack_something(api: Api, fields: dict[str, Any], cause: str) -> None:
    assert cause in api.expect(422, "POST", PODS, with_spec(pod(), **fields))["message"]


def test_what_may_be_empty(api: Api) -> None:
    body = pod()
    body["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"port": 80, "httpHeaders": [{"name": "Host"}]}}
    probe = api.post(PODS, body)["spec"]["containers"][0]["livenessProbe"]
    assert probe["httpGet"]["httpHeaders"] == [{"name": "Host"}]


def test_a_pod_without_a_spec_beside_a_limit_range(api: Api) -> None:
    limits = {"metadata": {"name": "a"}, "spec": {"limits": [{"type": "Container", "default": {"memory": "64Mi"}}]}}
    api.post("/api/v1/namespaces/default/limitranges", limits)
    api.expect(422, "POST", PODS, {"metadata": {"name": "a"}})


@pytest.mark.parametrize(
    ("value", "problem"),
    [("x", PERCENT), ("1Gi", PERCENT), ("-5%", PERCENT), ("101%", "not be greater than 100%"), (-1, "greater than or")],
)
def test_shares_that_are_none(api: Api, value: Any, problem: str) -> None:
    budget = {"metadata": {"name": "a"}, "spec": {"minAvailable": value, "selector": {"matchLabels": {"a": "b"}}}}
    assert problem in api.expect(422, "POST", BUDGETS, budget)["message"]
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": value}}
    refused = api.expect(422, "POST", DEPLOYMENTS, with_spec(deployment(), strategy=rolling))
    assert refused["message"].startswith('Deployment.apps "web" is invalid: spec.strategy.rollingUpdate.maxUnavailable')
    assert problem in refused["message"]


def test_a_surge_may_be_more_than_all(api: Api) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "150%", "maxUnavailable": 0}}
    made = api.post(DEPLOYMENTS, with_spec(deployment(), strategy=rolling))
    assert made["spec"]["strategy"] == rolling


def test_a_field_without_a_name(api: Api) -> None:
    refused = api.expect(400, "POST", PODS + "?fieldValidation=Strict", with_spec(pod(), **{"": 1}))
    assert 'unknown field "spec."' in refused["message"]


def test_a_negative_limit_is_none(api: Api) -> None:
    api.post(PODS, pod())
    assert len(api.get(PODS + "?limit=-1")["items"]) == 1


def test_a_patch_that_does_not_fit_after_it_took_the_name_away(api: Api) -> None:
    api.post(DEPLOYMENTS, deployment())
    patch = [{"op": "move", "from": "/metadata", "path": "/spec/x"}, {"op": "remove", "path": "/nowhere"}]
    refused = api.expect(422, "PATCH", DEPLOYMENTS + "/web", patch, content_type=JSON_PATCH)
    assert refused["details"]["name"] == "web"


# -- definitions


def definition(schema: Any) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "gadgets", "kind": "Gadget"}
    return {
        "metadata": {"name": "gadgets.shop.example"},
        "spec": {"group": "shop.example", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def of(field: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": field}}}}


@pytest.mark.parametrize(
    ("field", "cause"),
    [
        ({"type": "whole"}, '.properties[n].type: Unsupported value: "whole": supported values: "array", "boolean"'),
        ({"type": "array", "items": {"type": "int"}}, ".properties[n].items.type: Unsupported value"),
        ({"type": "array", "items": [{"type": "string"}]}, ".properties[n].items: Invalid value"),
        ({"type": "array", "items": {"type": "integer", "minimum": "1"}}, ".items.minimum: Invalid value"),
        ({"type": "object", "additionalProperties": {"required": 5}}, ".additionalProperties.required: Invalid value"),
    ],
)
def test_schemas_that_are_none(api: Api, field: Any, cause: str) -> None:
    assert cause in api.expect(422, "POST", DEFINITIONS, definition(of(field)))["message"]


def test_a_pattern_that_only_go_can_read(api: Api) -> None:
    api.post(DEFINITIONS, definition(of({"type": "string", "pattern": r"^\p{L}+$"})))
    gadget = {"apiVersion": "shop.example/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": {"n": "b"}}
    assert api.post("/apis/shop.example/v1/namespaces/default/gadgets", gadget)["spec"] == {"n": "b"}


def test_a_definition_that_somebody_let_go_before_its_objects_were_gone() -> None:
    cluster = EmbeddedCluster("a")
    create = cluster.registry.create
    create("customresourcedefinitions.apiextensions.k8s.io", definition(of({"type": "string"})))
    cluster.run_for(1)
    gadget = {"apiVersion": "shop.example/v1", "kind": "Gadget", "metadata": {"name": "a"}}
    create("gadgets.shop.example", {**gadget, "metadata": {"name": "a", "namespace": "default"}})
    name = "gadgets.shop.example"
    cluster.registry.delete("customresourcedefinitions.apiextensions.k8s.io", None, name)

    def let_go(obj: dict[str, Any]) -> dict[str, Any]:
        return {**obj, "metadata": {**obj["metadata"], "finalizers": []}}

    cluster.registry.change("customresourcedefinitions.apiextensions.k8s.io", "", name, let_go)
    cluster.run_for(5)
    assert cluster.store.list("gadgets.shop.example") == []


def test_a_volume_for_half_a_claim() -> None:
    cluster = EmbeddedCluster("a")
    volume = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
    create = cluster.registry.create
    create("persistentvolumes", {"metadata": {"name": "a"}, "spec": {**volume, "claimRef": {"namespace": "default"}}})
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    create("persistentvolumeclaims", {"metadata": {"name": "data", "namespace": "default"}, "spec": claim})
    cluster.run_for(20)
    assert json.dumps(cluster.registry.get("persistentvolumeclaims", "default", "data"))
