"""Environment and volumes: what a container is given, and what stands in its way."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.kubelet.environment import expand

from .scripted import Bench, Obj, Program, container


def secret(bench: Bench, name: str = "db", **data: str) -> None:
    bench.registry.create("secrets", {"metadata": {"name": name}, "stringData": data}, namespace="shop")


def config(bench: Bench, name: str = "app", **data: str) -> None:
    bench.registry.create("configmaps", {"metadata": {"name": name}, "data": data}, namespace="shop")


def variable(**source: Any) -> Obj:
    return {"name": "V", "valueFrom": source}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"env": [variable(secretKeyRef={"name": "db", "key": "k"})]}, 'secret "db" not found'),
        ({"env": [variable(configMapKeyRef={"name": "app", "key": "k"})]}, 'configmap "app" not found'),
        ({"env": [variable(secretKeyRef={"name": "have", "key": "k"})]}, "couldn't find key k in Secret shop/have"),
        (
            {"env": [variable(configMapKeyRef={"name": "have", "key": "k"})]},
            "couldn't find key k in ConfigMap shop/have",
        ),
        ({"envFrom": [{"secretRef": {"name": "db"}}]}, 'secret "db" not found'),
        ({"envFrom": [{"configMapRef": {"name": "app"}}]}, 'configmap "app" not found'),
    ],
)
def test_a_reference_that_leads_nowhere_keeps_the_container_from_being_made(bench: Bench, given: Obj, message: str):
    secret(bench, "have", other="x")
    config(bench, "have", other="x")
    bench.pod(containers=[container(**given)])
    bench.until(60)
    assert bench.main()["state"]["waiting"] == {"reason": "CreateContainerConfigError", "message": message}
    assert bench.main()["restartCount"] == 0
    assert bench.status()["phase"] == "Pending"
    failed = bench.event("Failed")
    assert failed["message"] == f"Error: {message}"
    assert 4 <= failed["count"] <= 7, "every 10 to 15 seconds, without back-off"
    assert bench.event("Pulled")["count"] == failed["count"]
    assert not bench.runtime.runs


def test_it_heals_by_itself_within_fifteen_seconds_of_the_object_being_there(bench: Bench):
    bench.pod(containers=[container(env=[variable(secretKeyRef={"name": "db", "key": "password"})])])
    bench.until(40)
    secret(bench, password="x")
    bench.until(57)
    assert bench.status()["phase"] == "Running"
    assert bench.runtime.runs[0].run.env["V"] == "x"


def test_optional_references_are_skipped(bench: Bench):
    missing = {"name": "no", "key": "k", "optional": True}
    bench.pod(
        containers=[
            container(
                env=[variable(secretKeyRef=missing), {"name": "W", "valueFrom": {"configMapKeyRef": missing}}],
                envFrom=[{"secretRef": {"name": "no", "optional": True}}],
            )
        ]
    )
    bench.until(5)
    assert bench.runtime.runs[0].run.env == {}


def test_precedence_and_references_between_variables(bench: Bench):
    config(bench, HOST="from-map", ONLY="map")
    bench.registry.create(
        "services",
        {"metadata": {"name": "my-db"}, "spec": {"clusterIP": "10.96.0.7", "ports": [{"port": 5432, "name": "pg"}]}},
        namespace="shop",
    )
    bench.pod(
        containers=[
            container(
                envFrom=[{"configMapRef": {"name": "app"}, "prefix": "P_"}, {"configMapRef": {"name": "app"}}],
                env=[
                    {"name": "HOST", "value": "own"},
                    {"name": "URL", "value": "$(HOST):$(MY_DB_SERVICE_PORT)/$(LATER)/$$(HOST)"},
                    {"name": "LATER", "value": "x"},
                    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    {"name": "MEM", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}},
                ],
                args=["$(HOST)", "$(NOBODY)"],
                resources={"limits": {"memory": "64Mi"}},
            )
        ]
    )
    bench.until(5)
    run = bench.runtime.runs[0].run
    env = run.env
    assert (env["HOST"], env["P_HOST"], env["ONLY"]) == ("own", "from-map", "map")
    assert env["URL"] == "own:5432/$(LATER)/$(HOST)"
    assert (env["POD"], env["IP"], env["MEM"]) == ("web", bench.status()["podIP"], str(64 * 2**20))
    assert env["MY_DB_PORT_5432_TCP_ADDR"] == env["MY_DB_SERVICE_HOST"] == "10.96.0.7"
    assert env["MY_DB_SERVICE_PORT_PG"] == "5432"
    assert run.args == ("own", "$(NOBODY)")


def test_who_has_no_limit_is_told_what_the_node_has(bench: Bench):
    room = {"cpu": "3", "memory": "5Gi"}
    bench.registry.create("nodes", {"metadata": {"name": "node-1"}, "status": {"allocatable": room}})
    asked = ("limits.cpu", "limits.memory", "requests.memory")
    env = [{"name": one, "valueFrom": {"resourceFieldRef": {"resource": one}}} for one in asked]
    bench.pod(containers=[container(env=env)])
    bench.until(5)
    told = bench.runtime.runs[0].run.env
    assert [told[one] for one in asked] == ["3", str(5 * 2**30), "0"]


def test_a_container_that_starts_later_is_told_of_services_as_they_are_then(bench: Bench):
    def serve(port: int) -> None:
        spec = {"clusterIP": "10.96.0.7", "ports": [{"port": port}]}
        bench.registry.create("services", {"metadata": {"name": "db"}, "spec": spec}, namespace="shop")

    serve(5432)
    bench.pod(containers=[container()])
    bench.until(5)
    bench.registry.change(
        "services", "shop", "db", lambda old: {**old, "spec": {**old["spec"], "ports": [{"port": 1}]}}
    )
    bench.pod("later", containers=[container()])
    bench.until(10)
    assert [one.run.env["DB_SERVICE_PORT"] for one in bench.runtime.runs] == ["5432", "1"]


@pytest.mark.parametrize(
    ("text", "result"),
    [("$(A)", "1"), ("$$(A)", "$(A)"), ("$A", "$A"), ("$(B)", "$(B)"), ("x$(A)y$(A)", "x1y1"), ("$(A", "$(A")],
)
def test_expansion(text: str, result: str):
    assert expand(text, {"A": "1"}) == result


def test_a_missing_secret_volume_is_retried_with_a_back_off_of_its_own(bench: Bench):
    bench.pod(
        containers=[container(volumeMounts=[{"name": "s", "mountPath": "/s"}])],
        volumes=[{"name": "s", "secret": {"secretName": "tls"}}],
    )
    bench.until(260)
    event = bench.event("FailedMount")
    assert event["message"] == 'MountVolume.SetUp failed for volume "s" : secret "tls" not found'
    assert event["count"] == 10  # at 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5, 249.5
    assert bench.main()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert bench.condition("PodReadyToStartContainers")["status"] == "False"
    secret(bench, "tls", crt="x")
    bench.until(365)
    assert bench.main()["state"] == {"waiting": {"reason": "ContainerCreating"}}, "nobody looks before 371 s"
    bench.until(390)
    assert bench.status()["phase"] == "Running"
    assert bench.runtime.runs[0].run.files == {"/s/crt": b"x"}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "no"}}, 'configmap "no" not found'),
        (
            {"secret": {"secretName": "have", "items": [{"key": "k", "path": "p"}]}},
            "references non-existent secret key: k",
        ),
        (
            {"configMap": {"name": "have", "items": [{"key": "k", "path": "p"}]}},
            "configmap references non-existent config key: k",
        ),
        ({"projected": {"sources": [{"secret": {"name": "no"}}]}}, 'secret "no" not found'),
    ],
)
def test_why_a_volume_cannot_be_set_up(bench: Bench, volume: Obj, message: str):
    secret(bench, "have", other="x")
    config(bench, "have", other="x")
    bench.pod(
        containers=[container(volumeMounts=[{"name": "v", "mountPath": "/v"}])], volumes=[{"name": "v", **volume}]
    )
    bench.until(5)
    assert bench.event("FailedMount")["message"] == f'MountVolume.SetUp failed for volume "v" : {message}'
    assert not bench.runtime.runs


def test_volumes_that_nobody_mounts_stand_in_nobodys_way(bench: Bench):
    bench.pod(volumes=[{"name": "v", "secret": {"secretName": "no"}}])
    bench.until(5)
    assert bench.status()["phase"] == "Running"


def test_mounts_reach_the_container_with_their_backing(bench: Bench):
    config(bench, **{"a.conf": "1", "b.conf": "2"})
    bench.pod(
        containers=[
            container(
                volumeMounts=[
                    {"name": "conf", "mountPath": "/etc/app"},
                    {"name": "conf", "mountPath": "/one", "subPath": "b.conf"},
                    {"name": "tmp", "mountPath": "/tmp"},
                    {"name": "info", "mountPath": "/info"},
                ]
            )
        ],
        volumes=[
            {"name": "conf", "configMap": {"name": "app"}},
            {"name": "tmp", "emptyDir": {}},
            {
                "name": "info",
                "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]},
            },
        ],
        meta={"labels": {"app": "web"}},
    )
    bench.until(5)
    run = bench.runtime.runs[0].run
    assert run.files == {
        "/etc/app/a.conf": b"1",
        "/etc/app/b.conf": b"2",
        "/one": b"2",
        "/info/labels": b'app="web"',
    }
    assert run.writable == ("/tmp",)
    assert run.volumes == {"/tmp": f"emptydir/{run.pod_uid}/tmp"}


def test_mounted_contents_follow_within_a_sync_but_not_by_sub_path(bench: Bench):
    config(bench, key="old")
    bench.pod(
        containers=[
            container(
                volumeMounts=[
                    {"name": "conf", "mountPath": "/whole"},
                    {"name": "conf", "mountPath": "/part", "subPath": "key"},
                ]
            )
        ],
        volumes=[{"name": "conf", "configMap": {"name": "app"}}],
    )
    bench.until(10)
    bench.registry.patch("configmaps", "shop", "app", {"data": {"key": "new"}}, "application/merge-patch+json")
    bench.until(20)
    assert bench.runtime.runs[0].files["/whole/key"] == b"old"
    bench.until(110)
    assert bench.runtime.runs[0].files == {"/whole/key": b"new", "/part": b"old"}
    assert len(bench.runtime.runs) == 1, "no restart"


def test_a_secret_that_is_read_as_environment_is_read_at_start_only(bench: Bench):
    secret(bench, password="old")
    bench.runtime.programs["main"] = lambda run: Program(lasts=None if run.attempt else 100.0)
    bench.pod(containers=[container(env=[variable(secretKeyRef={"name": "db", "key": "password"})])])
    bench.until(10)
    patch = {"stringData": {"password": "new"}}
    bench.registry.patch("secrets", "shop", "db", patch, "application/merge-patch+json")
    bench.until(200)
    assert [started.run.env["V"] for started in bench.runtime.runs] == ["old", "new"]


def test_a_class_of_pods_that_the_node_cannot_run(bench: Bench):
    bench.registry.create("runtimeclasses.node.k8s.io", {"metadata": {"name": "vm"}, "handler": "kata"})
    bench.pod(runtimeClassName="vm")
    bench.until(60)
    told = bench.event("FailedCreatePodSandBox")
    why = 'failed to get sandbox runtime: no runtime for "kata" is configured'
    assert told["message"] == f"Failed to create pod sandbox: rpc error: code = Unknown desc = {why}"
    assert told["count"] > 2
    assert bench.states() == ["ContainerCreating#0"]


def test_a_class_of_pods_that_it_can(bench: Bench):
    bench.registry.create("runtimeclasses.node.k8s.io", {"metadata": {"name": "plain"}, "handler": "runc"})
    bench.pod(runtimeClassName="plain")
    bench.until(10)
    assert "running" in bench.main()["state"]
