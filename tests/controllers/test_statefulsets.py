"""Pods with names: one after the other, and stuck where a real one is stuck."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.controllers.retention import owners_of_claim

from .puppet import Obj, Puppet, image_patch, template

SETS = "statefulsets.apps"
CLAIMS = "persistentvolumeclaims"


def stateful(replicas: int = 2, **spec: Any) -> Obj:
    body = {
        "replicas": replicas,
        "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": template("db", "shop/db:1"),
        **spec,
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": body}


def settle(cluster: Puppet, rounds: int = 6) -> None:
    for _ in range(rounds):
        cluster.run(0.5)
        cluster.ready()
        cluster.reap()
    cluster.run(0.5)


def made(cluster: Puppet, replicas: int = 2, **spec: Any) -> None:
    cluster.create(SETS, stateful(replicas, **spec))
    settle(cluster)


def images(cluster: Puppet) -> dict[str, str]:
    return {one["metadata"]["name"]: one["spec"]["containers"][0]["image"] for one in cluster.pods()}


def test_the_second_pod_waits_for_the_first(cluster: Puppet) -> None:
    cluster.create(SETS, stateful())
    cluster.run(5)
    assert cluster.names("pods") == ["db-0"]
    cluster.ready()
    cluster.run(1)
    assert cluster.names("pods") == ["db-0", "db-1"]
    labels = cluster.get("pods", "db-1")["metadata"]["labels"]
    assert labels["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert labels["apps.kubernetes.io/pod-index"] == "1"
    assert cluster.get("pods", "db-1")["spec"]["hostname"] == "db-1"
    assert cluster.events("db", "SuccessfulCreate") == [
        "Create Pod db-0 in StatefulSet db successful",
        "Create Pod db-1 in StatefulSet db successful",
    ]


def test_parallel_makes_all_at_once(cluster: Puppet) -> None:
    cluster.create(SETS, stateful(3, podManagementPolicy="Parallel"))
    cluster.run(1)
    assert cluster.names("pods") == ["db-0", "db-1", "db-2"]


def test_an_update_goes_from_the_top_and_completes(cluster: Puppet) -> None:
    made(cluster)
    cluster.patch(SETS, "db", image_patch("shop/db:2"))
    cluster.run(1)
    going = [one["metadata"]["name"] for one in cluster.pods() if "deletionTimestamp" in one["metadata"]]
    assert going == ["db-1"]
    settle(cluster)
    assert images(cluster) == {"db-0": "shop/db:2", "db-1": "shop/db:2"}
    status = cluster.get(SETS, "db")["status"]
    assert status["currentRevision"] == status["updateRevision"]
    assert status["currentReplicas"] == status["updatedReplicas"] == 2


def test_a_broken_pod_stays_though_the_template_is_mended(cluster: Puppet) -> None:
    made(cluster)
    cluster.patch(SETS, "db", image_patch("shop/db:bad"))
    cluster.run(1)
    cluster.reap()
    cluster.run(1)
    cluster.ready(*cluster.pods("Pending"), ready=False, restarts=3)
    cluster.patch(SETS, "db", image_patch("shop/db:1"))
    cluster.run(600)
    assert images(cluster)["db-1"] == "shop/db:bad"
    cluster.delete("pods", "db-1")
    cluster.reap()
    settle(cluster)
    assert images(cluster) == {"db-0": "shop/db:1", "db-1": "shop/db:1"}


def test_a_template_seen_before_gets_its_revision_back(cluster: Puppet) -> None:
    made(cluster)
    first = cluster.get(SETS, "db")["status"]["updateRevision"]
    cluster.patch(SETS, "db", image_patch("shop/db:2"))
    settle(cluster)
    cluster.patch(SETS, "db", image_patch("shop/db:1"))
    cluster.run(1)
    assert cluster.get(SETS, "db")["status"]["updateRevision"] == first
    numbers = {one["metadata"]["name"]: one["revision"] for one in cluster.all("controllerrevisions.apps")}
    assert numbers[first] == 3


def test_a_failed_pod_is_deleted_and_made_again_under_its_name(cluster: Puppet) -> None:
    made(cluster)
    uid = cluster.get("pods", "db-0")["metadata"]["uid"]
    cluster.end(cluster.get("pods", "db-0"), "Failed")
    settle(cluster)
    assert cluster.get("pods", "db-0")["metadata"]["uid"] != uid


def test_scaling_down_goes_from_the_top_one_at_a_time(cluster: Puppet) -> None:
    made(cluster, 3)
    cluster.patch(SETS, "db", {"spec": {"replicas": 1}})
    cluster.run(5)
    going = [one["metadata"]["name"] for one in cluster.pods() if "deletionTimestamp" in one["metadata"]]
    assert going == ["db-2"]
    settle(cluster)
    assert cluster.names("pods") == ["db-0"]


def test_a_partition_keeps_the_lower_pods_as_they_are(cluster: Puppet) -> None:
    made(cluster, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})
    cluster.patch(SETS, "db", image_patch("shop/db:2"))
    settle(cluster)
    assert images(cluster) == {"db-0": "shop/db:1", "db-1": "shop/db:2"}


def test_each_pod_has_its_own_claim_and_keeps_it(cluster: Puppet) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    cluster.create(SETS, stateful(1, volumeClaimTemplates=[claim]))
    cluster.run(10)
    assert cluster.get(CLAIMS, "data-db-0")["status"]["phase"] == "Bound"
    assert cluster.get("pods", "db-0")["spec"]["nodeName"] == "one"
    cluster.delete("pods", "db-0")
    cluster.reap()
    cluster.run(5)
    volumes = cluster.get("pods", "db-0")["spec"]["volumes"]
    assert volumes[0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    assert len(cluster.all(CLAIMS)) == 1


def test_a_claim_that_a_waiting_pod_lacks_is_made_again(cluster: Puppet) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "none",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    cluster.create(SETS, stateful(1, volumeClaimTemplates=[claim]))
    cluster.run(5)
    before = cluster.get(CLAIMS, "data-db-0")["metadata"]["uid"]
    cluster.registry.change(
        "persistentvolumeclaims",
        "shop",
        "data-db-0",
        lambda now: {**now, "metadata": {**now["metadata"], "finalizers": []}},
    )
    cluster.delete(CLAIMS, "data-db-0")
    cluster.patch(SETS, "db", {"metadata": {"labels": {"looked": "at"}}})
    cluster.run(5)
    assert cluster.get(CLAIMS, "data-db-0")["metadata"]["uid"] != before


def test_an_update_waits_until_a_pod_has_been_ready_for_long_enough(cluster: Puppet) -> None:
    made(cluster, minReadySeconds=20, podManagementPolicy="Parallel")
    cluster.run(60)
    settle(cluster)
    cluster.run(60)
    cluster.patch(SETS, "db", image_patch("shop/db:2"))
    cluster.run(1)
    cluster.reap()
    cluster.run(1)
    cluster.ready()
    cluster.run(15)
    assert images(cluster) == {"db-0": "shop/db:1", "db-1": "shop/db:2"}
    assert "deletionTimestamp" not in cluster.get("pods", "db-0")["metadata"]
    cluster.run(10)
    assert "deletionTimestamp" in cluster.get("pods", "db-0")["metadata"]


def kept_by(cluster: Puppet, claim: str) -> list[str]:
    """Who owns a claim."""
    return [one["kind"] for one in cluster.get(CLAIMS, claim)["metadata"].get("ownerReferences", ())]


def retaining(cluster: Puppet, **policy: str) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    made(cluster, 2, volumeClaimTemplates=[claim], persistentVolumeClaimRetentionPolicy=policy)
    settle(cluster, 8)


@pytest.mark.parametrize(
    ("scaled", "deleted", "owners", "after_scaling", "after_deletion"),
    [
        ("Retain", "Retain", [], ["data-db-0", "data-db-1"], ["data-db-0", "data-db-1"]),
        ("Delete", "Retain", [], ["data-db-0"], ["data-db-0"]),
        ("Retain", "Delete", ["StatefulSet"], ["data-db-0", "data-db-1"], []),
        ("Delete", "Delete", ["StatefulSet"], ["data-db-0"], []),
    ],
)
def test_claims_go_as_the_policy_says(
    cluster: Puppet, scaled: str, deleted: str, owners: list[str], after_scaling: list[str], after_deletion: list[str]
) -> None:
    retaining(cluster, whenScaled=scaled, whenDeleted=deleted)
    assert kept_by(cluster, "data-db-1") == owners
    cluster.patch(SETS, "db", {"spec": {"replicas": 1}})
    settle(cluster)
    assert cluster.names("pods") == ["db-0"]
    assert cluster.names(CLAIMS) == after_scaling
    cluster.delete(SETS, "db")
    settle(cluster)
    assert cluster.names("pods") == []
    assert cluster.names(CLAIMS) == after_deletion


def test_a_pod_that_is_only_replaced_keeps_its_claim(cluster: Puppet) -> None:
    retaining(cluster, whenScaled="Delete", whenDeleted="Delete")
    before = cluster.get(CLAIMS, "data-db-1")["metadata"]["uid"]
    cluster.delete("pods", "db-1")
    settle(cluster)
    assert cluster.names("pods") == ["db-0", "db-1"]
    assert cluster.get(CLAIMS, "data-db-1")["metadata"]["uid"] == before


def test_a_changed_policy_is_told_to_the_claims(cluster: Puppet) -> None:
    retaining(cluster, whenScaled="Retain", whenDeleted="Retain")
    cluster.patch(SETS, "db", {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}})
    settle(cluster)
    assert kept_by(cluster, "data-db-0") == ["StatefulSet"]
    assert "Update Pod db-0 in StatefulSet db successful" in cluster.events("db", "SuccessfulUpdate")


def test_nobody_builds_on_the_claim_of_an_earlier_pod(cluster: Puppet) -> None:
    """Scaled away and back again at once. Like a real one, the controller does not hear of claims that go."""
    retaining(cluster, whenScaled="Delete", whenDeleted="Retain")
    before = cluster.get(CLAIMS, "data-db-1")["metadata"]["uid"]
    cluster.patch(SETS, "db", {"spec": {"replicas": 1}})
    cluster.run(0.5)
    assert kept_by(cluster, "data-db-1") == ["Pod"]
    cluster.patch(SETS, "db", {"spec": {"replicas": 2}})
    settle(cluster)
    assert cluster.names(CLAIMS) == ["data-db-0"]
    cluster.patch(SETS, "db", {"metadata": {"labels": {"looked": "at"}}})
    settle(cluster)
    assert cluster.names("pods") == ["db-0", "db-1"]
    assert cluster.get(CLAIMS, "data-db-1")["metadata"]["uid"] != before


def owner(kind: str, name: str, uid: str, **more: Any) -> Obj:
    return {"apiVersion": "apps/v1" if kind == "StatefulSet" else "v1", "kind": kind, "name": name, "uid": uid, **more}


@pytest.mark.parametrize("other", [owner("StatefulSet", "db", "earlier"), owner("Pod", "db-1", "earlier")])
def test_a_claim_of_an_owner_that_is_gone_is_left_alone(other: Obj) -> None:
    assert owners_now([other]) == [other]


def test_a_claim_that_somebody_else_controls_is_left_to_them() -> None:
    other, mine = owner("Database", "db", "9", controller=True), owner("StatefulSet", "db", "1", controller=True)
    assert owners_now([other, mine]) == [other]
    assert [one["kind"] for one in owners_now([owner("Database", "db", "9")])] == ["Database", "StatefulSet"]


def owners_now(references: list[Obj]) -> list[Obj]:
    policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}
    db = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "uid": "1"}, "spec": policy}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db-1", "uid": "2"}}
    return owners_of_claim({"metadata": {"ownerReferences": references}}, db, pod, scaled_away=False)
