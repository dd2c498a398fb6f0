from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import APPLY, DEPLOYMENTS, JSON_PATCH, MERGE, STRATEGIC, Api, deployment

WEB = DEPLOYMENTS + "/web"


@pytest.fixture
def web(api: Api) -> Api:
    body = deployment()
    body["spec"]["template"]["spec"]["containers"] = [
        {"name": "main", "image": "shop:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"name": "proxy", "image": "proxy:1"},
    ]
    api.post(DEPLOYMENTS + "?fieldManager=kubectl-create", body)
    return api


def containers(*some: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(some), **more}}}}


def found(obj: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = obj["spec"]["template"]["spec"]["containers"]
    return listed


def test_strategic_merge_finds_list_elements_by_key(web: Api) -> None:
    done = web.patch(WEB, containers({"name": "main", "image": "shop:2", "env": [{"name": "B", "value": "3"}]}))
    assert [one["image"] for one in found(done)] == ["shop:2", "proxy:1"]
    assert found(done)[0]["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]


def test_strategic_merge_deletes_replaces_and_orders_as_told(web: Api) -> None:
    gone = web.patch(WEB, containers({"name": "main", "env": [{"name": "A", "$patch": "delete"}]}))
    assert found(gone)[0]["env"] == [{"name": "B", "value": "2"}]
    order = {"$setElementOrder/containers": [{"name": "proxy"}, {"name": "main"}]}
    assert [one["name"] for one in found(web.patch(WEB, containers(**order)))] == ["proxy", "main"]
    alone = web.patch(WEB, containers({"$patch": "replace"}, {"name": "only", "image": "x:1"}))
    assert [one["name"] for one in found(alone)] == ["only"]


def test_strategic_merge_retains_only_the_keys_it_names(web: Api) -> None:
    change = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert web.patch(WEB, change)["spec"]["strategy"] == {"type": "Recreate"}


def test_strategic_merge_removes_from_sets_of_plain_values(web: Api) -> None:
    web.patch(WEB, {"metadata": {"finalizers": ["a.example/x", "a.example/y"]}})
    done = web.patch(WEB, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.example/x"]}})
    assert done["metadata"]["finalizers"] == ["a.example/y"]


def test_merge_patch_replaces_lists_and_null_deletes(web: Api) -> None:
    web.patch(WEB, {"metadata": {"annotations": {"a": "1", "b": "2"}}}, MERGE)
    done = web.patch(WEB, {"metadata": {"annotations": {"a": None}}}, MERGE)
    assert done["metadata"]["annotations"] == {"b": "2"}
    done = web.patch(WEB, containers({"name": "main", "image": "shop:2"}), MERGE)
    assert len(found(done)) == 1


def test_json_patch_edits_by_path(web: Api) -> None:
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
        {"op": "add", "path": "/metadata/labels", "value": {"a/b": "c"}},
        {"op": "remove", "path": "/metadata/labels/a~1b"},
        {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "C", "value": "3"}},
        {"op": "move", "from": "/spec/template/spec/containers/1", "path": "/spec/template/spec/containers/0"},
    ]
    done = web.patch(WEB, operations, JSON_PATCH)
    assert done["spec"]["replicas"] == 2
    assert "labels" not in done["metadata"]
    assert [one["name"] for one in found(done)] == ["proxy", "main"]
    assert [one["name"] for one in found(done)[1]["env"]] == ["A", "B", "C"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/replicas", "value": 7},
        {"op": "replace", "path": "/spec/absent", "value": 7},
        {"op": "remove", "path": "/spec/template/spec/containers/9"},
    ],
)
def test_a_json_patch_that_does_not_fit_changes_nothing(web: Api, operation: dict[str, Any]) -> None:
    before = web.store.revision
    refusal = web.expect(422, "PATCH", WEB, [operation], content_type=JSON_PATCH)
    assert refusal["message"] == "the server rejected our request due to an error in our request"
    assert web.store.revision == before


def test_a_version_in_a_patch_is_a_lock(web: Api) -> None:
    old = web.get(WEB)["metadata"]["resourceVersion"]
    web.patch(WEB, {"spec": {"replicas": 2}})
    body = {"metadata": {"resourceVersion": old}, "spec": {"replicas": 3}}
    assert web.send("PATCH", WEB, body, content_type=MERGE).status == 409


def test_a_patch_may_not_rename(web: Api) -> None:
    refusal = web.expect(422, "PATCH", WEB, {"metadata": {"name": "other"}}, content_type=MERGE)
    assert "metadata.name" in refusal["message"]


def test_a_patch_is_checked_like_a_whole_object(web: Api) -> None:
    answer = web.send("PATCH", WEB, {"spec": {"replica": 2}}, content_type=STRATEGIC)
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.replica\\""'
    assert "replica" not in answer.json()["spec"]
    assert web.send("PATCH", WEB + "?fieldValidation=Strict", {"spec": {"a": 1}}, content_type=MERGE).status == 400
    assert web.send("PATCH", WEB, {"spec": {"replicas": "two"}}, content_type=MERGE).status == 400
    assert web.send("PATCH", WEB, containers({"name": "main", "env": [{"name": "A", "value": 1}]})).status == 415
    number = containers({"name": "main", "env": [{"name": "A", "value": 1}]})
    assert web.send("PATCH", WEB, number, content_type=STRATEGIC).status == 400


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (MERGE, []),
        (MERGE, {"metadata": "x"}),
        (MERGE, {"spec": None}),
        (MERGE, {"spec": {"template": {"spec": {"containers": {}}}}}),
        (STRATEGIC, {"spec": {"template": {"spec": {"containers": {"name": "main"}}}}}),
        (STRATEGIC, {"spec": {"template": {"spec": {"containers": ["main"]}}}}),
        (STRATEGIC, {"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}}),
        (STRATEGIC, {"spec": 3}),
        (JSON_PATCH, {"op": "add"}),
        (JSON_PATCH, [{"op": "add", "path": "/metadata", "value": 3}]),
        (JSON_PATCH, [{"op": "remove", "path": ""}]),
        (APPLY, {"spec": {}}),
        (APPLY, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": []}),
    ],
    ids=str,
)
def test_nonsense_is_refused_and_nothing_breaks(web: Api, kind: str, body: Any) -> None:
    before = web.store.revision
    answer = web.send("PATCH", WEB + "?fieldManager=me", body, content_type=kind)
    assert answer.status in (400, 422), answer.body
    assert web.store.revision == before


def test_an_unknown_kind_of_patch_is_415(web: Api) -> None:
    refusal = web.expect(415, "PATCH", WEB, {}, content_type="application/json")
    assert refusal["reason"] == "UnsupportedMediaType"
    assert STRATEGIC in refusal["message"]


# -- server-side apply


def config(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def apply(api: Api, body: dict[str, Any], manager: str = "me", status: int = 200, **flags: str) -> dict[str, Any]:
    query = "&".join([f"fieldManager={manager}", *(f"{key}={value}" for key, value in flags.items())])
    return api.expect(status, "PATCH", f"{WEB}?{query}", body, content_type=APPLY)


def test_apply_creates_what_is_not_there(api: Api) -> None:
    made = apply(api, deployment(), status=201)
    entry = made["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"]) == ("me", "Apply")
    assert "f:replicas" not in entry["fieldsV1"]["f:spec"]
    assert 'k:{"name":"main"}' in entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]


def test_apply_conflicts_with_the_owner_of_another_value(web: Api) -> None:
    refusal = apply(web, config(replicas=3), status=409)
    assert refusal["message"] == (
        'Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1: .spec.replicas'
    )
    assert refusal["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-create" using apps/v1',
            "field": ".spec.replicas",
        }
    ]
    assert apply(web, config(replicas=1))["spec"]["replicas"] == 1


def test_force_takes_the_field_over(web: Api) -> None:
    assert apply(web, config(replicas=3), force="true")["spec"]["replicas"] == 3
    refusal = apply(web, config(replicas=4), manager="other", status=409)
    assert 'conflict with "me" using apps/v1: .spec.replicas' in refusal["message"]


def test_apply_removes_what_it_no_longer_states_unless_shared(web: Api) -> None:
    labelled = config()
    labelled["metadata"]["labels"] = {"mine": "1", "shared": "1"}
    apply(web, labelled)
    shared = config()
    shared["metadata"]["labels"] = {"shared": "1"}
    apply(web, shared, manager="other")
    assert apply(web, config())["metadata"]["labels"] == {"shared": "1"}


def test_apply_adds_and_removes_list_elements_by_key(web: Api) -> None:
    sidecar = {"name": "sidecar", "image": "side:1", "env": [{"name": "X", "value": "1"}]}
    done = apply(web, config(template={"spec": {"containers": [sidecar]}}))
    assert [one["name"] for one in found(done)] == ["main", "proxy", "sidecar"]
    done = apply(web, config(template={"spec": {"containers": [{"name": "sidecar", "image": "side:1"}]}}))
    assert "env" not in found(done)[2]
    done = apply(web, config())
    assert [one["name"] for one in found(done)] == ["main", "proxy"]


def test_a_plain_write_takes_the_fields_that_it_changes(web: Api) -> None:
    apply(web, config(replicas=3), force="true")
    web.patch(WEB + "?fieldManager=scaler", {"spec": {"replicas": 5}})
    refusal = apply(web, config(replicas=3), status=409)
    assert 'conflict with "scaler"' in refusal["message"]


def test_apply_needs_a_manager(web: Api) -> None:
    refusal = web.expect(422, "PATCH", WEB, config(), content_type=APPLY)
    assert refusal["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


GADGETS = "/apis/shop.example/v1/namespaces/default/gadgets"


def test_apply_merges_a_custom_resource_by_its_definitions_lists(api: Api) -> None:
    port = {"type": "object", "properties": {"name": {"type": "string"}, "port": {"type": "integer"}}}
    ports = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": port}
    tags = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    plain = {"type": "array", "items": {"type": "string"}}
    spec = {"type": "object", "properties": {"ports": ports, "tags": tags, "plain": plain}}
    version = {"name": "v1", "served": True, "storage": True}
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    names = {"plural": "gadgets", "kind": "Gadget"}
    body = {"group": "shop.example", "scope": "Namespaced", "names": names, "versions": [version]}
    url = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    api.post(url, {"metadata": {"name": "gadgets.shop.example"}, "spec": body})

    def apply(who: str, **spec: Any) -> dict[str, Any]:
        config = {"apiVersion": "shop.example/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": spec}
        answer = api.send("PATCH", f"{GADGETS}/g?fieldManager={who}", config, content_type=APPLY)
        assert answer.status in (200, 201, 409), answer.body
        found: dict[str, Any] = answer.json()
        return found

    apply("a", ports=[{"name": "web", "port": 80}], tags=["x"], plain=["1"])
    both = apply("b", ports=[{"name": "admin", "port": 81}], tags=["y"])
    assert both["spec"]["ports"] == [{"name": "web", "port": 80}, {"name": "admin", "port": 81}]
    assert both["spec"]["tags"] == ["x", "y"]
    refused = apply("b", ports=[{"name": "web", "port": 82}], plain=["2"])
    assert '.spec.ports[name="web"].port' in refused["message"]
    assert ".spec.plain" in refused["message"]
    mine = apply("a", tags=["x"])
    assert mine["spec"] == {"ports": [{"name": "admin", "port": 81}], "tags": ["x", "y"]}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (MERGE, {"spec": {"replicas": 3, "template": {"metadata": {"labels": {"tier": "one"}}}}}),
        (MERGE, {"metadata": {"labels": {"tier": "one"}, "annotations": None}}),
        (MERGE, {"metadata": {"name": "web"}, "spec": {"minReadySeconds": 5.0}}),
        (STRATEGIC, {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "busybox:2"}]}}}}),
        (JSON_PATCH, [{"op": "replace", "path": "/spec/replicas", "value": 4}]),
    ],
)
def test_what_was_stored_before_a_patch_stays_as_it_was(web: Api, kind: str, body: Any) -> None:
    """The new object and the old one may share parts."""
    before = web.store.get("deployments.apps", "default", "web")
    text = json.dumps(before)
    assert web.patch(WEB, body, kind)["metadata"]["generation"] >= 1
    assert web.store.get("deployments.apps", "default", "web") is not before
    assert json.dumps(before) == text
