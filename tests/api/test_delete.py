from __future__ import annotations

from .conftest import DEPLOYMENTS, PODS, Api, deployment, events, job, pod

CONFIG = "/api/v1/namespaces/default/configmaps"
BACKGROUND = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}


def test_most_kinds_answer_with_a_status_that_names_the_uid(api: Api) -> None:
    made = api.post(CONFIG, {"metadata": {"name": "c"}})
    done = api.expect(200, "DELETE", CONFIG + "/c")
    assert done["kind"] == "Status"
    assert done["details"] == {"name": "c", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    api.expect(404, "DELETE", CONFIG + "/c")


def test_a_running_pod_leaves_in_three_visible_steps(api: Api) -> None:
    api.post(PODS, pod())
    api.registry.bind("default", "web", "node-1")
    watch = api.watch(f"{PODS}?watch=1&resourceVersion={api.store.revision}")
    marked = api.expect(200, "DELETE", PODS + "/web", BACKGROUND)
    assert marked["kind"] == "Pod"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert marked["metadata"]["deletionTimestamp"] == "2026-05-16T12:00:30Z"
    assert marked["metadata"]["generation"] == 2
    api.clock.run_for(3)
    api.registry.delete("pods", "default", "web", grace=0, uid=marked["metadata"]["uid"])
    seen = [(kind, obj["metadata"]["deletionGracePeriodSeconds"]) for kind, obj in events(watch)]
    assert seen == [("MODIFIED", 30), ("MODIFIED", 0), ("DELETED", 0)]
    api.expect(404, "GET", PODS + "/web")


def test_a_second_delete_may_only_shorten(api: Api) -> None:
    api.post(PODS, pod())
    api.registry.bind("default", "web", "node-1")
    api.expect(200, "DELETE", PODS + "/web")
    longer = api.expect(200, "DELETE", PODS + "/web", {"gracePeriodSeconds": 60})
    assert longer["metadata"]["deletionGracePeriodSeconds"] == 30
    shorter = api.expect(200, "DELETE", PODS + "/web?gracePeriodSeconds=5")
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    assert shorter["metadata"]["deletionTimestamp"] == "2026-05-16T12:00:05Z"


def test_a_pod_that_never_ran_or_has_ended_goes_at_once(api: Api) -> None:
    api.post(PODS, pod())
    api.expect(200, "DELETE", PODS + "/web")
    assert api.send("GET", PODS + "/web").status == 404
    api.post(PODS, pod())
    api.registry.bind("default", "web", "node-1")
    api.registry.set_status("pods", "default", "web", {"phase": "Failed"})
    api.expect(200, "DELETE", PODS + "/web")
    assert api.send("GET", PODS + "/web").status == 404


def test_finalizers_hold_an_object_and_the_last_one_lets_it_go(api: Api) -> None:
    api.post(CONFIG, {"metadata": {"name": "c", "finalizers": ["a.example/x"]}})
    held = api.expect(200, "DELETE", CONFIG + "/c")
    assert held["metadata"]["deletionTimestamp"] == "2026-05-16T12:00:00Z"
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    change = {"metadata": {"finalizers": ["a.example/x", "a.example/y"]}}
    refusal = api.expect(422, "PATCH", CONFIG + "/c", change, content_type="application/merge-patch+json")
    assert 'found new finalizers []string{"a.example/y"}' in refusal["message"]
    watch = api.watch(f"{CONFIG}?watch=1&resourceVersion={api.store.revision}")
    api.patch(CONFIG + "/c", {"metadata": {"finalizers": None}})
    assert [kind for kind, _ in events(watch)] == ["DELETED"]
    api.expect(404, "GET", CONFIG + "/c")


def test_a_tracked_job_pod_waits_for_its_finalizer_after_its_grace(api: Api) -> None:
    body = pod()
    body["metadata"]["finalizers"] = ["batch.kubernetes.io/job-tracking"]
    api.post(PODS, body)
    api.registry.bind("default", "web", "node-1")
    api.expect(200, "DELETE", PODS + "/web")
    api.registry.delete("pods", "default", "web", grace=0)
    assert api.get(PODS + "/web")["metadata"]["deletionGracePeriodSeconds"] == 0
    api.registry.change(
        "pods",
        "default",
        "web",
        lambda obj: {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "finalizers"}},
    )
    assert api.send("GET", PODS + "/web").status == 404


def test_propagation_is_left_to_the_collector_as_finalizers(api: Api) -> None:
    api.post(DEPLOYMENTS, deployment())
    done = api.expect(200, "DELETE", DEPLOYMENTS + "/web?propagationPolicy=Foreground")
    assert done["metadata"]["finalizers"] == ["foregroundDeletion"]
    orphaned = api.expect(200, "DELETE", DEPLOYMENTS + "/web", {"propagationPolicy": "Orphan"})
    assert orphaned["metadata"]["finalizers"] == ["orphan"]
    api.expect(200, "DELETE", DEPLOYMENTS + "/web", BACKGROUND)
    assert api.send("GET", DEPLOYMENTS + "/web").status == 404


def test_a_job_orphans_its_pods_by_default_and_says_so(api: Api) -> None:
    url = "/apis/batch/v1/namespaces/default/jobs"
    api.post(url, job())
    answer = api.send("DELETE", url + "/once")
    assert answer.json()["metadata"]["finalizers"] == ["orphan"]
    assert "child pods are preserved by default when jobs are deleted" in answer.headers["Warning"]
    api.post(url, job("twice"))
    assert "Warning" not in api.send("DELETE", url + "/twice", BACKGROUND).headers


def test_preconditions_guard_against_the_wrong_object(api: Api) -> None:
    made = api.post(PODS, pod())
    refusal = api.expect(409, "DELETE", PODS + "/web", {"preconditions": {"uid": "other"}})
    mine = made["metadata"]["uid"]
    assert refusal["message"].endswith(f"Precondition failed: UID in precondition: other, UID in object meta: {mine}")
    old = {"preconditions": {"resourceVersion": "1"}}
    assert api.send("DELETE", PODS + "/web", old).status == 409
    api.expect(200, "DELETE", PODS + "/web", {"preconditions": {"uid": mine}})


def test_a_namespace_terminates_until_it_is_finalized(api: Api) -> None:
    made = api.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    going = api.expect(200, "DELETE", "/api/v1/namespaces/shop")
    assert going["status"] == {"phase": "Terminating"}
    api.expect(200, "PUT", "/api/v1/namespaces/shop/finalize", {**going, "spec": {"finalizers": []}})
    assert api.send("GET", "/api/v1/namespaces/shop").status == 404


def test_some_namespaces_are_for_ever(api: Api) -> None:
    refusal = api.expect(403, "DELETE", "/api/v1/namespaces/kube-system")
    assert refusal["message"] == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'


def test_a_dry_run_deletes_nothing(api: Api) -> None:
    api.post(PODS, pod())
    before = api.store.revision
    api.expect(200, "DELETE", PODS + "/web", {"dryRun": ["All"]})
    api.expect(200, "DELETE", PODS + "/web?dryRun=All")
    assert api.store.revision == before


def test_with_a_body_the_query_is_not_read(api: Api) -> None:
    """As a real server does it: a rehearsal that is asked for in the wrong place is none."""
    api.post(CONFIG, {"metadata": {"name": "web"}})
    api.expect(200, "DELETE", CONFIG + "/web?dryRun=All", {"kind": "DeleteOptions", "apiVersion": "v1"})
    api.expect(404, "GET", CONFIG + "/web")
