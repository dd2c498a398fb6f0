from __future__ import annotations

import json

from healgate.embedded.store import store as store_module

from .conftest import PODS, Api, events, names, pod


def label(api: Api, name: str, value: str | None) -> None:
    api.patch(f"{PODS}/{name}", {"metadata": {"labels": {"app": value}}})


def test_without_a_version_a_watch_begins_with_what_there_is(api: Api) -> None:
    api.post(PODS, pod("a"))
    watch = api.watch(PODS + "?watch=1")
    assert names(watch) == [("ADDED", "a")]
    api.post(PODS, pod("b"))
    assert names(watch) == [("ADDED", "b")]


def test_from_a_version_a_watch_shows_what_came_after(api: Api) -> None:
    api.post(PODS, pod("a"))
    version = api.get(PODS)["metadata"]["resourceVersion"]
    api.post(PODS, pod("b"))
    label(api, "a", "x")
    api.expect(200, "DELETE", PODS + "/b?gracePeriodSeconds=0")
    watch = api.watch(f"{PODS}?watch=true&resourceVersion={version}")
    seen = events(watch)
    assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in seen]
    assert versions == sorted(versions)
    assert versions[-1] == api.store.revision


def test_a_selector_is_entered_and_left(api: Api) -> None:
    api.post(PODS, pod("a", app="web"))
    watch = api.watch(PODS + "?watch=1&labelSelector=app%3Dweb")
    assert names(watch) == [("ADDED", "a")]
    label(api, "a", "db")
    left = events(watch)
    assert [kind for kind, _ in left] == ["DELETED"]
    assert left[0][1]["metadata"]["labels"] == {"app": "web"}
    assert left[0][1]["metadata"]["resourceVersion"] == str(api.store.revision)
    label(api, "a", None)
    assert names(watch) == []
    label(api, "a", "web")
    assert names(watch) == [("ADDED", "a")]


def test_a_field_selector_is_entered_and_left(api: Api) -> None:
    api.post(PODS, pod("a"))
    watch = api.watch(PODS + "?watch=1&fieldSelector=status.phase%3DRunning")
    assert names(watch) == []
    api.registry.set_status("pods", "default", "a", {"phase": "Running"})
    assert names(watch) == [("ADDED", "a")]
    api.registry.set_status("pods", "default", "a", {"phase": "Failed"})
    assert names(watch) == [("DELETED", "a")]


def test_namespaces_are_watched_apart_or_together(api: Api) -> None:
    one = api.watch(PODS + "?watch=1")
    both = api.watch("/api/v1/pods?watch=1")
    api.post("/api/v1/namespaces/kube-system/pods", pod("dns"))
    assert names(one) == []
    assert names(both) == [("ADDED", "dns")]


def test_a_streamed_list_ends_with_a_marked_bookmark(api: Api) -> None:
    api.post(PODS, pod("a"))
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    seen = events(api.watch(f"{PODS}?{query}"))
    assert [kind for kind, _ in seen] == ["ADDED", "BOOKMARK"]
    assert seen[1][1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert seen[1][1]["metadata"]["resourceVersion"] == str(api.store.revision)
    refusal = api.expect(422, "GET", PODS + "?watch=1&sendInitialEvents=true")
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in refusal["message"]


def test_bookmarks_come_by_the_minute_and_before_the_end(api: Api) -> None:
    watch = api.watch(PODS + "?watch=1&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=90")
    api.clock.run_for(61)
    assert [kind for kind, _ in events(watch)] == ["BOOKMARK"]
    assert not watch.closed
    api.clock.run_for(30)
    assert [kind for kind, _ in events(watch)] == ["BOOKMARK"]
    assert watch.closed


def test_a_watch_without_a_limit_ends_within_the_hour(api: Api) -> None:
    watch = api.watch(PODS + "?watch=1")
    api.clock.run_for(1799)
    assert not watch.closed
    api.clock.run_for(1801)
    assert watch.closed


def test_a_version_out_of_history_is_an_error_event(api: Api) -> None:
    api.post(PODS, pod("a"))
    for number in range(store_module.HISTORY + 1):
        api.registry.set_status("pods", "default", "a", {"n": number})
    watch = api.watch(PODS + "?watch=1&resourceVersion=2")
    [(kind, status)] = events(watch)
    assert kind == "ERROR"
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert status["message"].startswith("too old resource version: 2 (")
    assert watch.closed


def test_a_future_version_stays_silent_until_then(api: Api) -> None:
    watch = api.watch(f"{PODS}?watch=1&resourceVersion={api.store.revision + 1}")
    api.post(PODS, pod("a"))
    api.post(PODS, pod("b"))
    assert names(watch) == [("ADDED", "b")]


def test_on_ready_tells_of_lines_and_of_the_end(api: Api) -> None:
    watch = api.watch(PODS + "?watch=1&timeoutSeconds=10")
    told: list[bool] = []
    watch.on_ready = lambda: told.append(watch.closed)
    api.post(PODS, pod("a"))
    assert told == [False]
    api.clock.run_for(10)
    assert told == [False, True]


def test_a_stopped_watch_hears_nothing_more(api: Api) -> None:
    watch = api.watch(PODS + "?watch=1")
    watch.stop()
    api.post(PODS, pod("a"))
    assert watch.closed
    assert watch.take() == []


def test_a_table_watch_names_its_columns_once(api: Api) -> None:
    watch = api.watch(PODS + "?watch=1", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    api.post(PODS, pod("a"))
    api.post(PODS, pod("b"))
    first, second = (json.loads(line)["object"] for line in watch.take())
    assert first["columnDefinitions"][0]["name"] == "Name"
    assert second["columnDefinitions"] is None
    assert second["rows"][0]["cells"][0] == "b"


def test_watchers_share_one_encoding(api: Api) -> None:
    watches = [api.watch(PODS + "?watch=1") for _ in range(2)]
    api.post(PODS, pod("a"))
    lines = [watch.take()[0] for watch in watches]
    assert lines[0] == lines[1]
    assert api.send("GET", PODS + "/a").body in lines[0]
