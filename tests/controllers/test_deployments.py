"""Rollouts: who is replaced by whom, what stalls, and what the status says meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from .puppet import Obj, Puppet, deployment, image_patch, template

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"


def status(cluster: Puppet) -> Obj:
    found: Obj = cluster.get(DEPLOYMENTS, "web")["status"]
    return found


def conditions(cluster: Puppet) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["reason"]) for one in status(cluster)["conditions"]}


def sizes(cluster: Puppet) -> list[int]:
    """Sizes of the ReplicaSets in order of revision."""
    sets = cluster.all(SETS)
    sets.sort(key=lambda one: int(one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]))
    return [one["spec"]["replicas"] for one in sets]


def rolled_out(cluster: Puppet, **spec: Any) -> None:
    cluster.create(DEPLOYMENTS, deployment(**spec))
    cluster.run(1)
    cluster.ready()
    cluster.run(1)


def test_a_new_deployment_becomes_available_when_its_pods_are_ready(cluster: Puppet) -> None:
    cluster.create(DEPLOYMENTS, deployment())
    cluster.run(1)
    assert conditions(cluster) == {
        "Available": ("False", "MinimumReplicasUnavailable"),
        "Progressing": ("True", "ReplicaSetUpdated"),
    }
    assert status(cluster)["unavailableReplicas"] == 3
    cluster.ready()
    cluster.run(1)
    assert conditions(cluster) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    assert (status(cluster)["replicas"], status(cluster)["readyReplicas"]) == (3, 3)
    assert status(cluster)["observedGeneration"] == 1
    assert cluster.events("web", "ScalingReplicaSet") == [f"Scaled up replica set {cluster.names(SETS)[0]} from 0 to 3"]


def test_the_replica_set_carries_the_hash_as_label_selector_and_name(cluster: Puppet) -> None:
    rolled_out(cluster)
    found = cluster.all(SETS)[0]
    digest = found["metadata"]["labels"]["pod-template-hash"]
    assert found["metadata"]["name"] == f"web-{digest}"
    assert found["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": digest}
    assert found["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] == digest
    assert set(digest) <= set("bcdfghjklmnpqrstvwxz2456789")
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/max-replicas"] == "4"


def test_a_broken_release_stalls_with_one_new_pod_and_all_old_ones(cluster: Puppet) -> None:
    rolled_out(cluster)
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:bad"))
    cluster.run(30)
    assert sizes(cluster) == [3, 1]
    assert status(cluster)["availableReplicas"] == 3
    assert conditions(cluster)["Progressing"] == ("True", "ReplicaSetUpdated")


def test_a_release_that_is_ready_for_an_instant_takes_the_old_pods_with_it(cluster: Puppet) -> None:
    rolled_out(cluster, replicas=2)
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:bad"))
    for _ in range(3):
        cluster.run(0.2)
        cluster.ready()
        cluster.run(0.2)
        cluster.reap()
    cluster.run(1)
    for pod in cluster.pods("Running"):
        cluster.ready(pod, ready=False, restarts=3)
    cluster.run(1)
    assert sizes(cluster) == [0, 2]
    assert conditions(cluster) == {
        "Available": ("False", "MinimumReplicasUnavailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }


def test_a_stalled_rollout_passes_its_deadline_and_stays_so(cluster: Puppet) -> None:
    rolled_out(cluster)
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:bad"))
    cluster.run(599)
    assert conditions(cluster)["Progressing"][1] == "ReplicaSetUpdated"
    cluster.run(5)
    assert conditions(cluster)["Progressing"] == ("False", "ProgressDeadlineExceeded")
    cluster.run(2000)
    assert sizes(cluster) == [3, 1], "nothing rolls back by itself"


def test_crashes_after_completion_flip_only_available(cluster: Puppet) -> None:
    rolled_out(cluster)
    cluster.ready(*cluster.pods("Running"), ready=False, restarts=5)
    cluster.run(2000)
    assert conditions(cluster) == {
        "Available": ("False", "MinimumReplicasUnavailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }


def test_an_undo_finds_the_old_replica_set_again_with_a_new_revision(cluster: Puppet) -> None:
    rolled_out(cluster)
    first = cluster.names(SETS)[0]
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:bad"))
    cluster.run(5)
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:1"))
    cluster.run(5)
    assert len(cluster.all(SETS)) == 2
    marks = cluster.get(SETS, first)["metadata"]["annotations"]
    assert marks["deployment.kubernetes.io/revision"] == "3"
    assert marks["deployment.kubernetes.io/revision-history"] == "1"
    assert sizes(cluster) == [0, 3]
    assert cluster.get(DEPLOYMENTS, "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert conditions(cluster)["Progressing"] == ("True", "NewReplicaSetAvailable")


def test_unhealthy_old_pods_go_first_when_a_repair_becomes_available(cluster: Puppet) -> None:
    cluster.create(DEPLOYMENTS, deployment(replicas=1))
    cluster.run(1)
    cluster.ready(ready=False, restarts=4)
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:good"))
    cluster.run(1)
    assert sizes(cluster) == [1, 1]
    cluster.ready()
    cluster.run(1)
    assert sizes(cluster) == [0, 1]
    assert status(cluster)["terminatingReplicas"] == 1
    cluster.reap()
    cluster.run(1)
    assert status(cluster)["terminatingReplicas"] == 0


def test_a_pause_holds_a_new_template_back_until_resumed(cluster: Puppet) -> None:
    rolled_out(cluster, replicas=2)
    cluster.patch(DEPLOYMENTS, "web", {"spec": {"paused": True}})
    cluster.run(1)
    assert conditions(cluster)["Progressing"] == ("Unknown", "DeploymentPaused")
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:2"))
    cluster.run(60)
    assert len(cluster.all(SETS)) == 1
    assert "updatedReplicas" not in status(cluster)
    cluster.patch(DEPLOYMENTS, "web", {"spec": {"paused": None}})
    cluster.run(1)
    assert sizes(cluster) == [2, 1]


def test_a_paused_deployment_is_still_scaled(cluster: Puppet) -> None:
    rolled_out(cluster, replicas=2)
    cluster.patch(DEPLOYMENTS, "web", {"spec": {"paused": True, "replicas": 5}})
    cluster.run(1)
    assert sizes(cluster) == [5]
    assert len(cluster.pods()) == 5


@pytest.mark.parametrize(("replicas", "expected"), [(20, [15, 10]), (5, [4, 3])])
def test_scaling_in_mid_rollout_keeps_the_shares(cluster: Puppet, replicas: int, expected: list[int]) -> None:
    rolled_out(cluster, replicas=10)
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:bad"))
    cluster.run(5)
    assert sizes(cluster) == [8, 5], "25 % of ten are three more and two fewer"
    cluster.patch(DEPLOYMENTS, "web", {"spec": {"replicas": replicas}})
    cluster.run(5)
    assert sizes(cluster) == expected


def test_recreate_waits_until_the_last_old_pod_is_gone(cluster: Puppet) -> None:
    rolled_out(cluster, replicas=2, strategy={"type": "Recreate"})
    cluster.patch(DEPLOYMENTS, "web", image_patch("shop/web:2"))
    cluster.run(10)
    assert sizes(cluster) == [0]
    cluster.reap()
    cluster.run(1)
    assert sizes(cluster) == [0, 2]


def test_old_replica_sets_beyond_the_history_limit_are_removed(cluster: Puppet) -> None:
    rolled_out(cluster, replicas=1, revisionHistoryLimit=2)
    for version in range(2, 7):
        cluster.patch(DEPLOYMENTS, "web", image_patch(f"shop/web:{version}"))
        cluster.run(1)
        cluster.ready()
        cluster.run(1)
        cluster.reap()
        cluster.run(1)
    revisions = [int(one["metadata"]["annotations"]["deployment.kubernetes.io/revision"]) for one in cluster.all(SETS)]
    assert sorted(revisions) == [4, 5, 6]


def test_a_refused_pod_shows_as_replica_failure(cluster: Puppet) -> None:
    body = deployment(replicas=1)
    body["spec"]["template"] = template(serviceAccountName="robot")
    cluster.create(DEPLOYMENTS, body)
    cluster.run(5)
    assert conditions(cluster)["ReplicaFailure"] == ("True", "FailedCreate")
    message = 'serviceaccount "robot" not found'
    assert message in cluster.events("web-", "FailedCreate")[0]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
    cluster.create("serviceaccounts", account)
    cluster.run(20)
    assert "ReplicaFailure" not in conditions(cluster)
    assert len(cluster.pods()) == 1


def test_a_deployment_without_deadline_has_no_progress_condition(cluster: Puppet) -> None:
    cluster.create(DEPLOYMENTS, deployment(progressDeadlineSeconds=2**31 - 1))
    cluster.run(5)
    assert list(conditions(cluster)) == ["Available"]


def test_annotations_of_the_deployment_reach_the_replica_set(cluster: Puppet) -> None:
    body = deployment()
    body["metadata"]["annotations"] = {
        "kubernetes.io/change-cause": "first",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    cluster.create(DEPLOYMENTS, body)
    cluster.run(1)
    marks = cluster.all(SETS)[0]["metadata"]["annotations"]
    assert marks["kubernetes.io/change-cause"] == "first"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in marks


def test_an_unchanged_cluster_is_left_alone(cluster: Puppet) -> None:
    rolled_out(cluster)
    cluster.run(2)
    revision = cluster.store.revision
    cluster.run(1000)
    assert cluster.store.revision == revision


def test_a_name_with_no_room_for_the_hash_is_refused_and_told(cluster: Puppet) -> None:
    body = deployment()
    body["metadata"]["name"] = "w" * 250
    cluster.create(DEPLOYMENTS, body)
    cluster.run(1)
    assert not cluster.all(SETS)
    (found,) = [
        one for one in cluster.get(DEPLOYMENTS, "w" * 250)["status"]["conditions"] if one["type"] == "Progressing"
    ]
    assert (found["status"], found["reason"]) == ("False", "ReplicaSetCreateError")
    assert "must be no more than 253 bytes" in found["message"]
