"""Replicas: what counts as one, who is taken in, and who goes first."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.clock.clock import seconds_of
from healgate.embedded.controllers.replicaset import deletion_order

from .puppet import Obj, Puppet, template

SETS = "replicasets.apps"


def replica_set(replicas: int = 3, **spec: object) -> Obj:
    labels = {"matchLabels": {"app": "web"}}
    body = {"replicas": replicas, "selector": labels, "template": template(), **spec}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "spec": body}


def made(cluster: Puppet, replicas: int = 3, **spec: object) -> None:
    cluster.create(SETS, replica_set(replicas, **spec))
    cluster.run(1)


def test_it_makes_as_many_pods_as_asked_for_and_says_so(cluster: Puppet) -> None:
    made(cluster)
    assert len(cluster.pods()) == 3
    assert cluster.reasons("web") == ["SuccessfulCreate"] * 3
    assert cluster.get(SETS, "web")["status"]["replicas"] == 3


def test_a_crash_looping_pod_is_not_replaced(cluster: Puppet) -> None:
    made(cluster, 2)
    cluster.ready(ready=False, restarts=50)
    cluster.run(600)
    assert len(cluster.pods()) == 2


def test_a_failed_pod_is_replaced_and_stays(cluster: Puppet) -> None:
    made(cluster, 2)
    cluster.end(cluster.pods()[0], "Failed")
    cluster.run(1)
    assert len(cluster.pods()) == 3
    assert cluster.get(SETS, "web")["status"]["replicas"] == 2


def test_a_pod_being_deleted_is_replaced_at_once(cluster: Puppet) -> None:
    made(cluster, 1)
    cluster.ready()
    cluster.delete("pods", cluster.names("pods")[0])
    cluster.run(1)
    assert len(cluster.pods()) == 2
    assert cluster.get(SETS, "web")["status"]["terminatingReplicas"] == 1


def test_a_relabelled_pod_is_let_go_and_replaced(cluster: Puppet) -> None:
    made(cluster, 1)
    name = cluster.names("pods")[0]
    cluster.patch("pods", name, {"metadata": {"labels": {"app": "quarantine"}}})
    cluster.run(1)
    assert len(cluster.pods()) == 2
    assert "ownerReferences" not in cluster.get("pods", name)["metadata"]


def test_a_matching_orphan_is_adopted_instead_of_making_another(cluster: Puppet) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stray", "labels": {"app": "web"}}}
    cluster.create("pods", {**pod, "spec": template()["spec"]})
    made(cluster, 2)
    assert len(cluster.pods()) == 2
    owners = cluster.get("pods", "stray")["metadata"]["ownerReferences"]
    assert [(one["kind"], one["name"], one["controller"]) for one in owners] == [("ReplicaSet", "web", True)]


def test_unready_pods_go_before_ready_ones(cluster: Puppet) -> None:
    made(cluster, 4)
    first, second, third, fourth = cluster.pods()
    cluster.ready(first, third)
    cluster.ready(second, ready=False, restarts=3)
    cluster.run(1)
    cluster.patch(SETS, "web", {"spec": {"replicas": 2}})
    cluster.run(1)
    going = [one["metadata"]["name"] for one in cluster.pods() if "deletionTimestamp" in one["metadata"]]
    assert going == sorted(one["metadata"]["name"] for one in (second, fourth))
    assert len(cluster.events("web", "SuccessfulDelete")) == 2


def test_the_deletion_cost_decides_among_equals(cluster: Puppet) -> None:
    made(cluster, 3)
    cluster.ready()
    cheap = cluster.names("pods")[1]
    cost = {"controller.kubernetes.io/pod-deletion-cost": "-5"}
    cluster.patch("pods", cheap, {"metadata": {"annotations": cost}})
    cluster.patch(SETS, "web", {"spec": {"replicas": 2}})
    cluster.run(1)
    assert "deletionTimestamp" in cluster.get("pods", cheap)["metadata"]


def worn(uid: str, ready: str, restarts: int, made: str) -> Obj:
    """A ready pod, and since when; the times are minutes."""
    meta = {"uid": uid, "creationTimestamp": f"2026-05-16T12:{made}:00Z"}
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": f"2026-05-16T12:{ready}:00Z"}
    counts = [{"name": "main", "restartCount": restarts}]
    status = {"phase": "Running", "conditions": [condition], "containerStatuses": counts}
    return {"metadata": meta, "spec": {"nodeName": "one"}, "status": status}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("z", "20", 0, "00"), ("a", "02", 9, "00")),  # ready for less time
        (("a", "20", 0, "00"), ("b", "19", 9, "00")),  # as good as the same time: uids
        (("z", "20", 2, "00"), ("a", "20", 1, "10")),  # the very same time: restarts
        (("z", "20", 1, "19"), ("a", "20", 1, "00")),  # and as many restarts: the younger one
        (("a", "20", 1, "00"), ("b", "20", 1, "00")),  # alike in all: uids, which are drawn
    ],
)
def test_who_goes_first_of_those_that_are_ready(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    now = seconds_of("2026-05-16T12:30:00Z")
    for given in ((one, other), (other, one)):
        pods = [worn(*each) for each in given]
        assert deletion_order(pods, {}, now)[0]["metadata"]["uid"] == one[0]


def test_available_means_ready_for_so_long(cluster: Puppet) -> None:
    made(cluster, 1, minReadySeconds=20)
    cluster.ready()
    cluster.run(15)
    assert "availableReplicas" not in cluster.get(SETS, "web")["status"]
    cluster.run(6)
    assert cluster.get(SETS, "web")["status"]["availableReplicas"] == 1


def test_refusals_are_tried_again_ever_more_rarely(cluster: Puppet) -> None:
    made(cluster, 1, template=template(serviceAccountName="robot"))
    cluster.run(100)
    told = [one for one in cluster.all("events") if one["reason"] == "FailedCreate"]
    assert len(told) == 1
    assert 10 < told[0]["count"] < 20


def test_waiting_states_of_a_pod_do_not_wake_its_owner(cluster: Puppet) -> None:
    made(cluster, 1)
    cluster.ready(ready=False)
    cluster.run(1)
    pod = cluster.pods()[0]
    revision = cluster.store.revision
    due = cluster.clock.next_due()
    cluster.ready(pod, ready=False, restarts=1)
    assert cluster.clock.next_due() == due
    assert cluster.store.revision == revision + 1


def limit_range(**limit: object) -> Obj:
    body = {"limits": [{"type": "Container", **limit}]}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "bounds"}, "spec": body}


def test_what_the_namespace_adds_to_a_pod_stays_out_of_the_template(cluster: Puppet) -> None:
    cluster.create("limitranges", limit_range(default={"memory": "64Mi"}))
    made(cluster, 2)
    for pod in cluster.pods():
        (container,) = pod["spec"]["containers"]
        assert container["resources"] == {"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}}
        assert container["volumeMounts"]
    assert len({pod["spec"]["volumes"][-1]["name"] for pod in cluster.pods()}) == 2
    (plain,) = cluster.get(SETS, "web")["spec"]["template"]["spec"]["containers"]
    assert plain["resources"] == {}
    assert "volumeMounts" not in plain


def test_requests_taken_from_limits_stay_out_of_the_template(cluster: Puppet) -> None:
    body = template()
    body["spec"]["containers"][0]["resources"] = {"limits": {"memory": "64Mi"}, "requests": {"cpu": "5m"}}
    made(cluster, 1, template=body)
    (container,) = cluster.pods()[0]["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "5m", "memory": "64Mi"}
    (plain,) = cluster.get(SETS, "web")["spec"]["template"]["spec"]["containers"]
    assert plain["resources"]["requests"] == {"cpu": "5m"}


def test_a_pod_that_the_namespaces_defaults_make_impossible_is_refused(cluster: Puppet) -> None:
    cluster.create("limitranges", limit_range(default={"memory": "64Mi"}))
    body = template()
    body["spec"]["containers"][0]["resources"] = {"requests": {"memory": "128Mi"}}
    made(cluster, 1, template=body)
    assert not cluster.pods()
    assert cluster.reasons("web")[:1] == ["FailedCreate"]
