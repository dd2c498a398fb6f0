from __future__ import annotations

import pytest

from .conftest import PODS, Api, pod


@pytest.fixture
def shop(api: Api) -> Api:
    for name, labels in (
        ("a", {"app": "web", "tier": "front"}),
        ("b", {"app": "web"}),
        ("c", {"app": "db", "size": "5"}),
        ("d", {}),
    ):
        api.post(PODS, pod(name, **labels))
    api.registry.bind("default", "c", "node-1")
    return api


def test_a_namespace_without_any_has_an_empty_list(shop: Api) -> None:
    assert shop.get("/api/v1/namespaces/kube-system/pods")["items"] == []
    assert shop.get("/api/v1/namespaces/nobodys/pods")["items"] == []


def listed(api: Api, query: str) -> str:
    return "".join(one["metadata"]["name"] for one in api.get(f"{PODS}?{query}")["items"])


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", "ab"),
        ("app==web,tier=front", "a"),
        ("app!=web", "cd"),
        ("app in (web,db)", "abc"),
        ("app notin (web)", "cd"),
        ("tier", "a"),
        ("!tier", "bcd"),
        ("size>4", "c"),
        ("", "abcd"),
    ],
)
def test_label_selectors(shop: Api, selector: str, expected: str) -> None:
    assert listed(shop, "labelSelector=" + selector.replace("=", "%3D").replace("!", "%21")) == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("spec.nodeName=node-1", "c"),
        ("spec.nodeName=", "abd"),
        ("spec.nodeName!=node-1", "abd"),
        ("metadata.name=b", "b"),
        ("status.phase=Pending,metadata.name!=a", "bcd"),
        ("status.phase==Running", ""),
    ],
)
def test_field_selectors(shop: Api, selector: str, expected: str) -> None:
    assert listed(shop, "fieldSelector=" + selector.replace("=", "%3D").replace("!", "%21")) == expected


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"{PODS}?fieldSelector=status.foo%3Dx", "field label not supported: status.foo"),
        (
            "/api/v1/namespaces/default/configmaps?fieldSelector=data.x%3Dy",
            '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (f"{PODS}?labelSelector=app%20in%20web", "unable to parse requirement: found 'web' expected: '('"),
        (f"{PODS}?fieldSelector=nonsense", "invalid selector: 'nonsense'; can't understand 'nonsense'"),
    ],
)
def test_bad_selectors_are_told_from_ones_that_match_nothing(shop: Api, url: str, text: str) -> None:
    assert shop.expect(400, "GET", url)["message"] == text


def test_a_list_has_the_version_of_the_store_and_no_kinds_inside(shop: Api) -> None:
    shop.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "later"}})
    found = shop.get(PODS)
    assert (found["kind"], found["apiVersion"]) == ("PodList", "v1")
    assert found["metadata"] == {"resourceVersion": str(shop.store.revision)}
    assert all("kind" not in one and "apiVersion" not in one for one in found["items"])
    assert shop.get("/api/v1/pods")["items"] == found["items"]


def test_chunks_show_one_snapshot(shop: Api) -> None:
    first = shop.get(PODS + "?limit=2")
    assert [one["metadata"]["name"] for one in first["items"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 2
    shop.post(PODS, pod("bb"))
    shop.expect(200, "DELETE", PODS + "/d?gracePeriodSeconds=0")
    rest = shop.get(PODS + "?limit=2&continue=" + first["metadata"]["continue"])
    assert [one["metadata"]["name"] for one in rest["items"]] == ["c", "d"]
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in rest["metadata"]


def test_an_exact_version_shows_the_past(shop: Api) -> None:
    version = shop.get(PODS)["metadata"]["resourceVersion"]
    shop.expect(200, "DELETE", PODS + "/a?gracePeriodSeconds=0")
    assert listed(shop, f"resourceVersion={version}&resourceVersionMatch=Exact") == "abcd"
    assert listed(shop, f"resourceVersion={version}&resourceVersionMatch=NotOlderThan") == "bcd"


def test_a_version_from_the_future_times_out(shop: Api) -> None:
    answer = shop.send("GET", PODS + "?resourceVersion=99999")
    assert answer.status == 504
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_contradictory_list_options_are_422(shop: Api) -> None:
    refusal = shop.expect(422, "GET", PODS + "?resourceVersionMatch=Exact")
    assert "resourceVersionMatch is forbidden unless resourceVersion is provided" in refusal["message"]
    assert (
        "sendInitialEvents is forbidden for list"
        in (shop.expect(422, "GET", PODS + "?sendInitialEvents=true")["message"])
    )


def test_a_collection_is_deleted_by_selector(shop: Api) -> None:
    done = shop.expect(200, "DELETE", PODS + "?labelSelector=app%3Dweb")
    assert [one["metadata"]["name"] for one in done["items"]] == ["a", "b"]
    assert listed(shop, "") == "cd"


def test_an_event_is_one_object_in_two_groups(api: Api) -> None:
    api.post(
        "/apis/events.k8s.io/v1/namespaces/default/events",
        {
            "metadata": {"name": "e"},
            "eventTime": "2026-05-16T12:00:00.000000Z",
            "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
            "note": "hello",
            "reason": "Hello",
            "type": "Normal",
            "reportingController": "test",
            "reportingInstance": "test-0",
            "action": "Greet",
        },
    )
    core = api.get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dweb")["items"][0]
    assert (core["message"], core["reportingComponent"]) == ("hello", "test")
    new = api.get("/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Dweb")["items"]
    assert new[0]["note"] == "hello"
