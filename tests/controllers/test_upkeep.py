"""Garbage, namespaces and endpoints: what follows when something else goes or changes."""

from __future__ import annotations

import pytest

from healgate.embedded.controllers.podgc import PodCollector

from .puppet import Obj, Puppet, deployment, template

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"
SLICES = "endpointslices.discovery.k8s.io"


def running(cluster: Puppet, replicas: int = 2) -> None:
    cluster.create(DEPLOYMENTS, deployment(replicas=replicas))
    cluster.run(1)
    cluster.ready()
    cluster.run(1)


def test_deleting_a_deployment_takes_sets_and_pods_along(cluster: Puppet) -> None:
    running(cluster)
    cluster.delete(DEPLOYMENTS, "web")
    cluster.run(1)
    assert cluster.all(SETS) == []
    assert all("deletionTimestamp" in pod["metadata"] for pod in cluster.pods())
    cluster.reap()
    assert cluster.pods() == []


def test_in_the_foreground_the_owner_goes_last(cluster: Puppet) -> None:
    running(cluster)
    cluster.delete(DEPLOYMENTS, "web", propagation="Foreground")
    cluster.run(5)
    assert cluster.find(DEPLOYMENTS, "web") is not None
    assert len(cluster.all(SETS)) == 1
    cluster.reap()
    cluster.run(1)
    assert cluster.find(DEPLOYMENTS, "web") is None
    assert cluster.all(SETS) == []


def test_orphans_stay_without_owner_and_are_adopted_by_the_next(cluster: Puppet) -> None:
    running(cluster)
    before = cluster.names("pods")
    cluster.delete(DEPLOYMENTS, "web", propagation="Orphan")
    cluster.run(2)
    assert cluster.find(DEPLOYMENTS, "web") is None
    assert "ownerReferences" not in cluster.all(SETS)[0]["metadata"]
    cluster.create(DEPLOYMENTS, deployment(replicas=2))
    cluster.run(2)
    assert cluster.names("pods") == before
    assert cluster.all(SETS)[0]["metadata"]["ownerReferences"][0]["kind"] == "Deployment"


def config_map(name: str, *owners: Obj) -> Obj:
    meta: Obj = {"name": name, "ownerReferences": list(owners)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def reference(name: str, uid: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}


def test_an_owner_is_a_uid_and_not_a_name(cluster: Puppet) -> None:
    owner = cluster.create("configmaps", config_map("owner"))
    cluster.create("configmaps", config_map("mine", reference("owner", owner["metadata"]["uid"])))
    cluster.create("configmaps", config_map("foreign", reference("owner", "0" * 36)))
    cluster.run(1)
    assert cluster.find("configmaps", "mine") is not None
    assert cluster.find("configmaps", "foreign") is None


def test_one_of_two_owners_is_enough_to_live(cluster: Puppet) -> None:
    uids = [cluster.create("configmaps", config_map(name))["metadata"]["uid"] for name in ("a", "b")]
    references = [reference(name, uid) for name, uid in zip("ab", uids, strict=True)]
    cluster.create("configmaps", config_map("child", *references))
    cluster.delete("configmaps", "a")
    cluster.run(1)
    assert cluster.find("configmaps", "child") is not None
    cluster.delete("configmaps", "b")
    cluster.run(1)
    assert cluster.find("configmaps", "child") is None


def test_what_somebody_owns_is_listed_by_its_names_whenever_it_came(cluster: Puppet) -> None:
    uid = cluster.create("configmaps", config_map("owner"))["metadata"]["uid"]
    seen = []
    for name in ("c", "d", "a", "b"):
        cluster.create("configmaps", config_map(name, reference("owner", uid)))
        seen.append([one["metadata"]["name"] for one in cluster.store.owned(uid, "configmaps")])
    assert seen == [["c"], ["c", "d"], ["a", "c", "d"], ["a", "b", "c", "d"]]


def test_a_namespace_is_furnished_and_what_is_taken_comes_back(cluster: Puppet) -> None:
    assert cluster.names("serviceaccounts") == ["default"]
    assert cluster.names("configmaps") == ["kube-root-ca.crt"]
    cluster.delete("configmaps", "kube-root-ca.crt")
    cluster.run(1)
    assert cluster.names("configmaps") == ["kube-root-ca.crt"]


def test_a_namespace_is_terminating_for_as_long_as_its_pods(cluster: Puppet) -> None:
    running(cluster)
    cluster.registry.delete("namespaces", "", "shop")
    cluster.run(10)
    status = cluster.registry.get("namespaces", "", "shop")["status"]
    assert status["phase"] == "Terminating"
    remaining = next(one for one in status["conditions"] if one["type"] == "NamespaceContentRemaining")
    assert "pods has 2 resource instances" in remaining["message"]
    assert len(cluster.pods()) == 2, "and nothing replaces them"
    cluster.reap()
    cluster.run(10)
    assert cluster.registry.find("namespaces", "", "shop") is None
    assert all(cluster.store.list(resource, "shop") == [] for resource in cluster.store.resources())


def service(**spec: object) -> Obj:
    body = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": body}


def endpoints(cluster: Puppet) -> list[Obj]:
    found: list[Obj] = [one for piece in cluster.all(SLICES) for one in piece.get("endpoints") or ()]
    return found


def test_a_service_lists_ready_and_unready_pods(cluster: Puppet) -> None:
    cluster.create("services", service())
    running(cluster)
    assert [one["conditions"]["ready"] for one in endpoints(cluster)] == [True, True]
    cluster.ready(cluster.pods()[0], ready=False)
    cluster.run(1)
    assert sorted(one["conditions"]["ready"] for one in endpoints(cluster)) == [False, True]
    assert cluster.all(SLICES)[0]["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    subset = cluster.get("endpoints", "web")["subsets"][0]
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (1, 1)


def test_a_pod_being_deleted_still_serves_but_is_not_ready(cluster: Puppet) -> None:
    cluster.create("services", service())
    running(cluster, 1)
    cluster.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}})
    cluster.run(1)
    assert [one["conditions"] for one in endpoints(cluster)] == [{"ready": False, "serving": True, "terminating": True}]
    cluster.reap()
    cluster.run(1)
    assert endpoints(cluster) == []


def test_a_pod_that_is_given_other_labels_is_let_go(cluster: Puppet) -> None:
    cluster.create("services", service())
    cluster.create("pods", {**template(), "metadata": {"name": "lone", "labels": {"app": "web"}}})
    cluster.run(1)
    cluster.ready(cluster.get("pods", "lone"))
    cluster.run(1)
    assert [one["targetRef"]["name"] for one in endpoints(cluster)] == ["lone"]
    cluster.patch("pods", "lone", {"metadata": {"labels": {"app": "aside"}}})
    cluster.run(1)
    assert endpoints(cluster) == []


def test_a_service_without_pods_has_an_empty_slice_and_loses_it_when_deleted(cluster: Puppet) -> None:
    cluster.create("services", service())
    cluster.run(1)
    assert len(cluster.all(SLICES)) == 1
    cluster.delete("services", "web")
    cluster.run(1)
    assert cluster.all(SLICES) == []
    assert cluster.all("endpoints") == []


@pytest.mark.parametrize("seed", ["0", "1"])
def test_a_run_is_a_function_of_its_seed(seed: str) -> None:
    def history() -> list[tuple[float, str, str, str]]:
        cluster = Puppet(seed)
        seen: list[tuple[float, str, str, str]] = []
        cluster.store.subscribe(
            "*",
            lambda change: seen.append((change.time, change.type, change.resource, change.object["metadata"]["name"])),
        )
        running(cluster, 3)
        cluster.delete(DEPLOYMENTS, "web")
        cluster.run(5)
        return seen

    first = history()
    assert len(first) > 25
    assert history() == first


def test_in_the_foreground_only_those_are_waited_for_that_block(cluster: Puppet) -> None:
    uid = cluster.create("configmaps", config_map("owner"))["metadata"]["uid"]
    blocking = {**reference("owner", uid), "blockOwnerDeletion": True}
    for name, owner in (("blocking", blocking), ("other", reference("owner", uid))):
        held = config_map(name, owner)
        held["metadata"]["finalizers"] = ["shop.example/hold"]
        cluster.create("configmaps", held)
    cluster.delete("configmaps", "owner", propagation="Foreground")
    cluster.run(1)
    assert cluster.get("configmaps", "owner")["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert all("deletionTimestamp" in cluster.get("configmaps", name)["metadata"] for name in ("blocking", "other"))
    cluster.patch("configmaps", "blocking", {"metadata": {"finalizers": None}})
    cluster.run(1)
    assert cluster.find("configmaps", "owner") is None
    assert cluster.find("configmaps", "other") is not None


def test_owners_in_a_circle_do_not_wait_for_each_other_for_ever(cluster: Puppet) -> None:
    uids = {name: cluster.create("configmaps", config_map(name))["metadata"]["uid"] for name in "ab"}
    for name, owner in ("ab", "ba"):
        blocking = {**reference(owner, uids[owner]), "blockOwnerDeletion": True}
        cluster.patch("configmaps", name, {"metadata": {"ownerReferences": [blocking]}})
    cluster.delete("configmaps", "a", propagation="Foreground")
    cluster.run(2)
    assert [name for name in "ab" if cluster.find("configmaps", name)] == []


# -- pods that nobody else clears up


def test_pods_of_a_node_that_has_vanished_fail_and_go_after_a_while(cluster: Puppet) -> None:
    running(cluster, replicas=1)
    (pod,) = cluster.pods()
    name = pod["metadata"]["name"]
    seen: list[Obj] = []
    cluster.registry.store.subscribe("pods", lambda change: seen.append(change.object))
    cluster.registry.delete("nodes", None, pod["spec"]["nodeName"])
    cluster.run(39)
    assert cluster.find("pods", name) is not None
    cluster.run(22)
    assert cluster.find("pods", name) is None
    shown = next(one for one in seen if one["metadata"]["name"] == name and one["status"]["phase"] == "Failed")
    (condition,) = [one for one in shown["status"]["conditions"] if one["type"] == "DisruptionTarget"]
    assert (condition["reason"], condition["message"]) == ("DeletionByPodGC", "PodGC: node no longer exists")
    assert len(cluster.pods()) == 1


def test_a_node_that_is_back_in_time_keeps_its_pods(cluster: Puppet) -> None:
    running(cluster, replicas=1)
    (pod,) = cluster.pods()
    gone = cluster.registry.get("nodes", None, pod["spec"]["nodeName"])
    cluster.registry.delete("nodes", None, pod["spec"]["nodeName"])
    cluster.run(30)
    meta = {"name": gone["metadata"]["name"], "labels": gone["metadata"].get("labels", {})}
    cluster.registry.create("nodes", {"metadata": meta, "spec": gone["spec"]})
    cluster.run(120)
    assert cluster.find("pods", pod["metadata"]["name"]) is not None


def test_too_many_ended_pods_are_thinned_out_the_evicted_first_and_then_the_oldest(cluster: Puppet) -> None:
    PodCollector(cluster.registry, cluster.clock, threshold=3).start()
    for number in range(6):
        name = f"p{number}"
        body = {"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "shop/web:1"}]}}
        cluster.create("pods", body)
        reason = {"reason": "Evicted"} if number == 4 else {}
        cluster.registry.set_status("pods", cluster.namespace, name, {"phase": "Failed", **reason})
        cluster.run(1.5)
    cluster.run(20)
    assert cluster.names("pods") == ["p2", "p3", "p5"]
