"""Whatever a client sends, the server refuses or accepts it; it does not break."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import APPLY, DEPLOYMENTS, JSON_PATCH, MERGE, PODS, STRATEGIC, Api, deployment, events, job, pod

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


CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=4)


@FEW
@given(key=ANY_TEXT, value=ANY_TEXT, kind=st.sampled_from(["POST", MERGE, STRATEGIC, APPLY]))
def test_texts_that_are_no_unicode(key: str, value: str, kind: str) -> None:
    """An escape may name half a pair; what is stored can be read and watched all the same."""
    api = Api()
    seen = api.watch(CONFIG_MAPS + "?watch=1")
    config = {"metadata": {"name": "a", "annotations": {key: value}}, "data": {"kept": value}}
    if kind == "POST":
        answer = api.send("POST", CONFIG_MAPS, json.dumps(config).encode())
    else:
        api.post(CONFIG_MAPS, {"metadata": {"name": "a"}})
        body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", **config}).encode()
        answer = api.send("PATCH", CONFIG_MAPS + "/a?fieldManager=me&force=true", body, content_type=kind)
    assert answer.status < 500
    assert answer.json()
    stored = [item["data"]["kept"] for item in api.get(CONFIG_MAPS)["items"] if "data" in item]
    readable = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert stored == ([] if answer.status == 422 else [readable])
    assert events(seen) or answer.status == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"metadata":{"name":"a"},"data":{"k":1e999}}', 400),
        (b'{"metadata":{"name":"a"},"data":{"k":"\xff"}}', 201),  # read as a replacement character
        (b'{"metadata":{"name":"a"},"data":{"k":NaN}}', 400),
        (b'{"metadata":{"name":"a"},"data":{"k":-Infinity}}', 400),
        ('{"metadata":{"name":"a"}}'.encode("utf-16"), 400),
        (b'\xef\xbb\xbf{"metadata":{"name":"a"}}', 400),
    ],
)
@pytest.mark.parametrize("validation", ["", "Ignore", "Warn", "Strict"])
def test_bodies_that_only_python_would_read(body: bytes, status: int, validation: str) -> None:
    api = Api()
    answer = api.send("POST", f"{CONFIG_MAPS}?fieldValidation={validation}", body)
    assert (answer.status, answer.json()["kind"]) == (status, "ConfigMap" if status == 201 else "Status")
    assert [item["data"] for item in api.get(CONFIG_MAPS)["items"]] == ([{"k": "\ufffd"}] if status == 201 else [])


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ("{3: a, 2.5: b, yes: c}", {"3": "a", "2.5": "b", "true": "c"}),  # keys become strings
        ("{a: 2026-01-01}", {"a": "2026-01-01"}),
        ("{<<: {a: b}}", {"a": "b"}),
        ("{a: !!binary aGk=}", {"a": "hi"}),
        ('{a: "\\ud800"}', {"a": "\ufffd"}),
        ("{a: .nan}", None),
        ("{a: !!set {b}}", None),
        ("{? [1] : a}", None),
        ("&loop {a: *loop}", None),
    ],
)
def test_yaml_that_json_cannot_say(data: str, kept: dict[str, str] | None) -> None:
    api = Api()
    body = f"metadata: {{name: a}}\ndata: {data}\n".encode()
    answer = api.send("POST", CONFIG_MAPS, body, content_type="application/yaml")
    assert answer.status == (400 if kept is None else 201), answer.body
    assert [item["data"] for item in api.get(CONFIG_MAPS)["items"]] == ([] if kept is None else [kept])


def test_yaml_that_grows_when_its_aliases_are_written_out() -> None:
    api = Api()
    levels = [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 12)]
    body = "\n".join(["metadata: {name: a}", "x0: &x0 [a]", *levels]).encode()
    answer = api.send("POST", CONFIG_MAPS, body, content_type="application/yaml")
    assert (answer.status, "excessive aliasing" in answer.json()["message"]) == (400, True)


GADGETS = "/apis/shop.example/v1/namespaces/default/gadgets"


def nest(depth: int) -> Any:
    nested: Any = "found"
    for _ in range(depth):
        nested = {"in": nested}
    return nested


@pytest.fixture
def free() -> Api:
    """With a kind that may have any fields."""
    api = Api()
    url, definition = URLS["definitions"]
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": anything}
    api.post(url, {**definition, "spec": {**definition["spec"], "versions": [version]}})
    return api


def gadget(spec: Any) -> dict[str, Any]:
    return {"apiVersion": "shop.example/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize("depth", [150, 190])
def test_what_is_nested_deeply_can_be_read_again(free: Api, depth: int) -> None:
    seen = free.watch(GADGETS + "?watch=1")
    free.post(GADGETS, gadget(nest(depth)))
    assert free.get(GADGETS)["items"][0]["spec"] == nest(depth)
    assert events(seen)[0][1]["spec"] == nest(depth)


@pytest.mark.parametrize("depth", [210, 600])
def test_what_is_nested_too_deeply_is_refused(free: Api, depth: int) -> None:
    assert "max depth" in free.expect(400, "POST", GADGETS, json.dumps(gadget(nest(depth))).encode())["message"]
    free.post(GADGETS, gadget(nest(150)))
    deeper = [{"op": "add", "path": "/spec" + "/in" * 150, "value": nest(100)}]
    refused = free.expect(400, "PATCH", GADGETS + "/a", json.dumps(deeper).encode(), content_type=JSON_PATCH)
    assert "max depth" in refused["message"]
    assert free.get(GADGETS)["items"][0]["spec"] == nest(150)


def test_a_number_without_end(free: Api) -> None:
    body = json.dumps(gadget({"n": 0})).replace('"n": 0', '"n": 1e999').encode()
    assert "1e999" in free.expect(400, "POST", GADGETS, body)["message"]


def test_a_patch_that_doubles_the_object_again_and_again(free: Api) -> None:
    free.post(GADGETS, gadget({"a": ["x" * 100], "b": ["y"]}))
    doubling = [{"op": "copy", "from": "/spec/a", "path": "/spec/a/-"}] * 40
    free.expect(422, "PATCH", GADGETS + "/a", doubling, content_type=JSON_PATCH)
    assert free.get(GADGETS)["items"][0]["spec"] == {"a": ["x" * 100], "b": ["y"]}
