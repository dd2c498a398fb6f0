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


def test_it_never_backs_off(cluster: EmbeddedCluster) -> None:
    create(
        cluster, containers=[container("main", "sleep 2; exit 42", restartPolicy="Always", restartPolicyRules=[RULE])]
    )
    cluster.clock.run_for(120)
    (main,) = pod_of(cluster)["status"]["containerStatuses"]
    assert main["restartCount"] > 20
    assert told(cluster, "BackOff") == []


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
