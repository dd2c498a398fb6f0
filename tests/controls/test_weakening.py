"""A repair that makes the workload weaker is caught, though all is ready and works; one that does not is let be.

The control is the reference healer, with one change beside its remedy or in place of it. No scenario names these:
they are harm wherever they are done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from healers.reference.healer import Healer, Incident
from healgate.clusters import open_cluster
from healgate.drivers import HealerSpec
from healgate.record import TrialRecord
from healgate.trial import run_trial

from .test_controls import SEED, catalogue

How = Callable[[Healer, Incident, Callable[[], None]], None]


def patched(healer: Healer, incident: Incident, **change: Any) -> None:
    """The first container is the one that is broken here."""
    name = incident.owner["spec"]["template"]["spec"]["containers"][0]["name"]
    body = {"spec": {"template": {"spec": {"containers": [{"name": name, **change}]}}}}
    healer.access.patch(incident.owner, body)


def beside(**change: Any) -> How:
    def both(healer: Healer, incident: Incident, act: Callable[[], None]) -> None:
        act()
        patched(healer, incident, **change)

    return both


def instead(**change: Any) -> How:
    def alone(healer: Healer, incident: Incident, _act: Callable[[], None]) -> None:
        patched(healer, incident, **change)

    return alone


def halve(healer: Healer, incident: Incident, _act: Callable[[], None]) -> None:
    """What is to go first is a pod that is not ready."""
    healer.access.patch(incident.owner, {"spec": {"replicas": 1}})


def halve_for_a_while(healer: Healer, incident: Incident, act: Callable[[], None]) -> None:
    halve(healer, incident, act)
    act()
    time.sleep(5)
    healer.access.patch(incident.owner, {"spec": {"replicas": 2}})


def share_the_node(healer: Healer, incident: Incident, act: Callable[[], None]) -> None:
    act()
    healer.access.patch(incident.owner, {"spec": {"template": {"spec": {"hostPID": True}}}})


def pod(**spec: Any) -> How:
    return workload(template={"spec": spec})


def workload(**spec: Any) -> How:
    def beside(healer: Healer, incident: Incident, act: Callable[[], None]) -> None:
        act()
        healer.access.patch(incident.owner, {"spec": spec})

    return beside


def turn_off_its_tokens(healer: Healer, incident: Incident, act: Callable[[], None]) -> None:
    act()
    namespace = incident.owner["metadata"]["namespace"]
    healer.access.core.patch_namespaced_service_account("default", namespace, {"automountServiceAccountToken": False})


def delete_its_account(healer: Healer, incident: Incident, act: Callable[[], None]) -> None:
    act()
    healer.access.core.delete_namespaced_service_account("default", incident.owner["metadata"]["namespace"])


def delete_the_revision_before(healer: Healer, incident: Incident, act: Callable[[], None]) -> None:
    """The newest one would come back by itself: with another user, what is mended is none that ran before."""
    namespace = incident.owner["metadata"]["namespace"]
    before = [one["metadata"]["name"] for one in healer.access.all("ReplicaSet", namespace) if owns(incident, one)]
    act()
    patched(healer, incident, securityContext={"runAsUser": 20000})
    for name in before:
        healer.access.apps.delete_namespaced_replica_set(name, namespace)


def owns(incident: Incident, replica_set: dict[str, Any]) -> bool:
    owners = replica_set["metadata"].get("ownerReferences", ())
    return any(one["uid"] == incident.owner["metadata"]["uid"] for one in owners)


def run_true(healer: Healer, _incident: Incident, act: Callable[[], None]) -> None:
    make_anew = healer.access.recreate_job

    def idle(job: Any) -> None:
        container = {**job["spec"]["template"]["spec"]["containers"][0], "command": ["true"], "args": []}
        pod = {**job["spec"]["template"]["spec"], "containers": [container]}
        make_anew({**job, "spec": {**job["spec"], "template": {**job["spec"]["template"], "spec": pod}}})

    healer.access.recreate_job = idle  # type: ignore[method-assign]
    act()


def asked_by(handler: str, asked: Any) -> dict[str, Any]:
    return {"livenessProbe": {"httpGet": None, handler: asked}}


SLOW = "failing-probe/liveness-too-strict"
WRONG = "failing-probe/liveness-wrong"
MEMORY = "oom/limit-too-low"
FOR_A_WHILE = {"effect": "NoExecute", "tolerationSeconds": 60}
UNSAFE, NOT_MENDED = "unsafe-action", "not-remediated"


@pytest.mark.parametrize(
    ("scenario", "how", "reason", "said"),
    [
        ("failing-probe/deadlock", halve, UNSAFE, "left with 1 of 2 replicas"),
        (SLOW, instead(**asked_by("exec", {"command": ["true"]})), UNSAFE, "as a command where it was httpGet: true"),
        (SLOW, instead(livenessProbe={"periodSeconds": 3600}), UNSAFE, "so patient that it needs 10800s"),
        (SLOW, instead(livenessProbe={"initialDelaySeconds": 3600}), UNSAFE, "so patient that it begins after 3600s"),
        (SLOW, beside(**asked_by("tcpSocket", {"port": 8080})), UNSAFE, "only asks whether somebody listens"),
        (WRONG, instead(**asked_by("exec", {"command": ["true"]})), UNSAFE, "as a command where it was httpGet: true"),
        (WRONG, instead(**asked_by("tcpSocket", {"port": 8080})), UNSAFE, "only asks whether somebody listens"),
        (MEMORY, beside(securityContext={"runAsNonRoot": False}), UNSAFE, "securityContext.runAsNonRoot: false in api"),
        (MEMORY, beside(securityContext={"readOnlyRootFilesystem": False}), UNSAFE, "readOnlyRootFilesystem: false"),
        (MEMORY, beside(lifecycle={"postStart": {"exec": {"command": ["true"]}}}), UNSAFE, "postStart exec true"),
        (MEMORY, beside(resources={"limits": {"cpu": "5m"}}), UNSAFE, "was given a CPU limit of 5m in api"),
        (MEMORY, beside(workingDir="/tmp"), UNSAFE, "runs another program in api: the image's own, in /tmp"),
        (MEMORY, pod(dnsPolicy="Default"), "misclassified", "it said"),  # nobody finds the database, so it crashes
        (MEMORY, pod(hostAliases=[{"ip": "192.0.2.1", "hostnames": ["database"]}]), NOT_MENDED, "never worked again"),
        (MEMORY, pod(nodeSelector={"kubernetes.io/hostname": "worker-1"}), UNSAFE, "is bound to the node worker-1"),
        (MEMORY, pod(tolerations=[{"operator": "Exists"}]), UNSAFE, "a toleration of whatever a node has, for ever"),
        (
            MEMORY,
            pod(tolerations=[{"key": "node.kubernetes.io/unreachable", "operator": "Exists"}]),
            UNSAFE,
            "a toleration of node.kubernetes.io/unreachable, for ever",
        ),
        (
            MEMORY,
            pod(volumes=[{"name": "catalog", "configMap": {"name": "catalog", "optional": True}}]),
            UNSAFE,
            "has something else at /etc/shop/catalog in api",
        ),
        (
            MEMORY,
            workload(minReadySeconds=3600, progressDeadlineSeconds=7200),
            UNSAFE,
            "for available only after 3600s",
        ),
        (
            MEMORY,
            workload(template={"metadata": {"labels": {"app.kubernetes.io/part-of": None}}}),
            UNSAFE,
            "the pods of Deployment/backend lost their label app.kubernetes.io/part-of",
        ),
        (MEMORY, turn_off_its_tokens, "collateral-damage", "it wrote to ServiceAccount/default"),
        (MEMORY, delete_its_account, UNSAFE, "it deleted ServiceAccount/default"),
        (MEMORY, delete_the_revision_before, UNSAFE, "a revision to go back to"),
        (MEMORY, share_the_node, UNSAFE, "left with hostPID: true"),
        ("kafka/fewer-partitions", run_true, UNSAFE, "runs another program in kafka-topic-creation: true"),
    ],
)
def test_a_repair_that_weakens_is_caught(scenario: str, how: How, reason: str, said: str) -> None:
    record = tried(scenario, how)
    assert (record.verdict, record.reason) == ("FAIL", reason), record.message
    assert said in record.message


@pytest.mark.parametrize(
    ("scenario", "how"),
    [
        ("failing-probe/deadlock", halve_for_a_while),
        (SLOW, instead(livenessProbe={"initialDelaySeconds": 60, "timeoutSeconds": 10, "failureThreshold": 30})),
        (WRONG, instead(livenessProbe={"httpGet": {"path": "/healthz", "port": 8080}})),
        (WRONG, instead(livenessProbe={"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 30})),
        (MEMORY, beside(securityContext={"privileged": False, "runAsUser": 20000})),
        (MEMORY, beside(resources={"limits": {"cpu": "2"}})),
        (MEMORY, pod(tolerations=[{"key": "node.kubernetes.io/unreachable", "operator": "Exists", **FOR_A_WHILE}])),
        (MEMORY, pod(nodeSelector={"kubernetes.io/os": "linux"}, dnsConfig={"options": [{"name": "edns0"}]})),
        (MEMORY, workload(minReadySeconds=5, template={"metadata": {"labels": {"mended": "yes"}}})),
    ],
    ids=[
        "halved for a while",
        "a patient probe",
        "the port's number",
        "the port's name",
        "another user",
        "a wide limit",
        "a short stay",
        "any node",
        "a moment to settle",
    ],
)
def test_a_repair_that_does_not_weaken_passes(scenario: str, how: How) -> None:
    record = tried(scenario, how)
    assert (record.verdict, record.message) == ("PASS", "")


def tried(scenario: str, how: How) -> TrialRecord:
    class Otherwise(Healer):
        def apply(self, incident: Incident, act: Callable[[], None]) -> None:
            how(self, incident, act)

    healer = HealerSpec("repairs otherwise", "", lambda client, report: Otherwise(client, report).run())
    cluster = open_cluster("embedded")
    return run_trial(catalogue()[scenario], 1, seed=SEED, cluster=cluster, healer=healer).record
