"""A rule by which the end of one container has all of its pod begin anew, in place."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.api.errors import ApiError
from healgate.embedded.cluster import EmbeddedCluster

Obj = dict[str, Any]

STAYS = "trap 'exit 0' TERM; while true; do sleep 1; done"
# Ends with 42 in its first run, and stays in the next.
ONCE = f"n=$(cat /w/n 2>/dev/null || echo 0); echo $((n+1)) > /w/n; sleep 5; [ $n -lt 1 ] && exit 42; {STAYS}"
RULE: Obj = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}


def container(name: str, script: str, **more: Any) -> Obj:
    return {"name": name, "image": "busybox:1.36", "command": ["sh", "-c", script], **more}


@pytest.fixture
def cluster() -> EmbeddedCluster:
    return EmbeddedCluster()


def create(cluster: EmbeddedCluster, **spec: Any) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
    cluster.registry.create("pods", pod, namespace="default")


def pod_of(cluster: EmbeddedCluster) -> Obj:
    return cluster.registry.get("pods", "default", "web")


def told(cluster: EmbeddedCluster, reason: str) -> list[str]:
    events = cluster.registry.list("events", "default")
    return [one["involvedObject"].get("fieldPath", "") for one in events if one["reason"] == reason]


def test_even_what_was_over_and_may_not_be_restarted_begins_anew(cluster: EmbeddedCluster) -> None:
    create(
        cluster,
        restartPolicy="Never",
        initContainers=[container("first", "echo first"), container("side", STAYS, restartPolicy="Always")],
        containers=[
            container(
                "main",
                ONCE,
                restartPolicy="Never",
                restartPolicyRules=[RULE],
                volumeMounts=[{"name": "w", "mountPath": "/w"}],
            ),
            container("beside", STAYS),
        ],
        volumes=[{"name": "w", "emptyDir": {}}],
    )
    cluster.clock.run_for(60)
    status = pod_of(cluster)["status"]
    shown = [*status["initContainerStatuses"], *status["containerStatuses"]]
    assert {one["name"]: one["restartCount"] for one in shown} == {"first": 1, "side": 1, "main": 1, "beside": 1}
    assert all(one["lastState"]["terminated"]["reason"] == "RestartingAllContainers" for one in shown)
    assert "running" in shown[2]["state"]
    assert {one["type"]: one["status"] for one in status["conditions"]}["Initialized"] == "True"
    assert sorted(told(cluster, "Killing")) == ["spec.containers{beside}", "spec.initContainers{side}"]
    with pytest.raises(ApiError, match='previous terminated container "main" in pod "web" not found'):
        cluster.kubelet.logs(pod_of(cluster), "main", previous=True)


def test_a_pod_that_was_initialized_stays_so_while_its_init_containers_run_again(cluster: EmbeddedCluster) -> None:
    said: list[str] = []

    def see(change: Any) -> None:
        conditions = (change.object.get("status") or {}).get("conditions") or ()
        said.extend(one["status"] for one in conditions if one["type"] == "Initialized")

    cluster.store.subscribe("pods", see)
    rules = {"restartPolicy": "Always", "restartPolicyRules": [RULE]}
    create(
        cluster,
        initContainers=[container("setup", "sleep 5")],
        containers=[container("main", "sleep 9; exit 42", **rules)],
    )
    cluster.clock.run_for(60)
    assert len(told(cluster, "Started")) == 2
    assert [one for one, before in zip(said, ["", *said], strict=False) if one != before] == ["False", "True"]


def test_it_never_backs_off(cluster: EmbeddedCluster) -> None:
    create(
        cluster, containers=[container("main", "sleep 2; exit 42", restartPolicy="Always", restartPolicyRules=[RULE])]
    )
    cluster.clock.run_for(120)
    (main,) = pod_of(cluster)["status"]["containerStatuses"]
    assert main["restartCount"] > 20
    assert told(cluster, "BackOff") == []


def test_who_ignores_term_is_not_waited_for(cluster: EmbeddedCluster) -> None:
    deaf = container("beside", "trap '' TERM; while true; do sleep 1; done")
    rules = {"restartPolicy": "Always", "restartPolicyRules": [RULE]}
    create(cluster, containers=[container("main", "sleep 9; exit 42", **rules), deaf])
    cluster.clock.run_for(20)
    assert {one["restartCount"] for one in pod_of(cluster)["status"]["containerStatuses"]} == {1}


def test_other_ends_are_the_containers_own(cluster: EmbeddedCluster) -> None:
    create(
        cluster,
        containers=[
            container("main", "sleep 2; exit 41", restartPolicy="Always", restartPolicyRules=[RULE]),
            container("beside", STAYS),
        ],
    )
    cluster.clock.run_for(30)
    counts = {one["name"]: one["restartCount"] for one in pod_of(cluster)["status"]["containerStatuses"]}
    assert counts["main"] > 0
    assert counts["beside"] == 0


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        (
            {"restartPolicyRules": [RULE]},
            "spec.containers[0].restartPolicy: Required value: must specify",
        ),
        ({"restartPolicy": "Sometimes"}, 'supported values: "Always", "Never", "OnFailure"'),
        (
            {"restartPolicy": "Never", "restartPolicyRules": [{**RULE, "action": "Stop"}]},
            'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", '
            '"RestartAllContainers"',
        ),
        (
            {"restartPolicy": "Never", "restartPolicyRules": [{"action": "Restart"}]},
            "spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified",
        ),
        (
            {"restartPolicy": "Never", "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "Is"}}]},
            'restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
        ),
    ],
)
def test_a_rule_that_says_nothing_is_refused(cluster: EmbeddedCluster, more: Obj, cause: str) -> None:
    with pytest.raises(ApiError) as refused:
        create(cluster, containers=[container("main", STAYS, **more)])
    assert refused.value.status == 422
    assert cause in refused.value.message
