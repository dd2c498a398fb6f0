"""Whatever a client sends, the server refuses or accepts it; it does not break."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import APPLY, DEPLOYMENTS, JSON_PATCH, MERGE, PODS, STRATEGIC, Api, deployment, job, pod

KEYS = st.sampled_from(["name", "a", "image", "limits", "$patch", "key", "metadata", "matchLabels", "operator"])
NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70000) | st.sampled_from(["", "x", "1Gi", "A b", "delete"]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(KEYS, below, max_size=2),
    max_leaves=4,
)
URLS = {
    "deployments": (DEPLOYMENTS, deployment()),
    "pods": (PODS, pod()),
    "jobs": ("/apis/batch/v1/namespaces/default/jobs", job()),
    "services": (
        "/api/v1/namespaces/default/services",
        {"metadata": {"name": "web"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}},
    ),
    "budgets": (
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        {"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}},
    ),
    "definitions": (
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "metadata": {"name": "gadgets.shop.example"},
            "spec": {
                "group": "shop.example",
                "scope": "Namespaced",
                "names": {"plural": "gadgets", "kind": "Gadget"},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
                ],
            },
        },
    ),
}
FEW = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [prefix] if prefix else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        found += paths(one, (*prefix, key))
    return found


def spoiled(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    body = copy.deepcopy(body)
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return body


@pytest.mark.parametrize("kind", list(URLS))
@FEW
@given(data=st.data())
def test_spoiled_objects(kind: str, data: Any) -> None:
    api = Api()
    url, body = URLS[kind]
    made = api.post(url, body)
    name = made["metadata"]["name"]
    path = data.draw(st.sampled_from(paths(made)))
    wrong = spoiled(made, path, data.draw(NONSENSE))
    answers = [api.send("PUT", f"{url}/{name}", wrong)]
    fresh = spoiled(body, data.draw(st.sampled_from(paths(body))), data.draw(NONSENSE))
    answers.append(api.send("POST", url, fresh))
    assert all(answer.status < 500 for answer in answers), [answer.body for answer in answers]
    assert api.get(url)["kind"].endswith("List")


@pytest.mark.parametrize("kind", [MERGE, STRATEGIC, JSON_PATCH, APPLY])
@FEW
@given(data=st.data())
def test_spoiled_patches(kind: str, data: Any) -> None:
    api = Api()
    made = api.post(DEPLOYMENTS, deployment())
    path = data.draw(st.sampled_from(paths(made)))
    value = data.draw(NONSENSE)
    body: Any
    if kind == JSON_PATCH:
        pointer = "/" + "/".join(str(key) for key in path)
        body = [
            {
                "op": data.draw(st.sampled_from(["add", "replace", "remove", "test", "x"])),
                "path": pointer,
                "value": value,
            }
        ]
    else:
        body = spoiled({**made, "apiVersion": "apps/v1", "kind": "Deployment"}, path, value)
        if isinstance(body.get("metadata"), dict):
            body["metadata"].pop("managedFields", None)
    answer = api.send("PATCH", DEPLOYMENTS + "/web?fieldManager=me&force=true", body, content_type=kind)
    assert answer.status < 500, answer.body
    assert api.get(DEPLOYMENTS + "/web")["metadata"]["uid"] == made["metadata"]["uid"]
