"""Jobs: tries, waits between them, and how they end."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.clock.clock import stamp
from healgate.embedded.controllers.jobs import Failures

from .puppet import Obj, Puppet, template

JOBS = "jobs.batch"


def job(restart: str = "Never", **spec: Any) -> Obj:
    pods = template(restartPolicy=restart)
    body = {"template": {"metadata": {"labels": {"app": "load"}}, "spec": pods["spec"]}, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "load"}, "spec": body}


def made(cluster: Puppet, **spec: Any) -> None:
    cluster.create(JOBS, job(**spec))
    cluster.run(1.5)


def status(cluster: Puppet) -> Obj:
    found: Obj = cluster.get(JOBS, "load")["status"]
    return found


def conditions(cluster: Puppet) -> list[tuple[str, str]]:
    return [(one["type"], one["reason"]) for one in status(cluster).get("conditions", ())]


def fail(cluster: Puppet) -> None:
    for pod in [*cluster.pods("Pending"), *cluster.pods("Running")]:
        cluster.end(pod, "Failed")
    cluster.run(2.5)


def test_a_job_that_succeeds_is_complete(cluster: Puppet) -> None:
    made(cluster)
    assert status(cluster)["active"] == 1
    cluster.end(cluster.pods()[0], "Succeeded")
    cluster.run(2)
    assert conditions(cluster) == [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]
    assert status(cluster)["succeeded"] == 1
    assert "completionTime" in status(cluster)
    assert cluster.events("load", "Completed") == ["Job completed"]
    assert "finalizers" not in cluster.pods()[0]["metadata"]


def test_failures_are_retried_after_ten_then_twenty_seconds(cluster: Puppet) -> None:
    made(cluster, backoffLimit=2)
    fail(cluster)
    cluster.run(6)
    assert len(cluster.pods()) == 1
    cluster.run(4)
    assert len(cluster.pods()) == 2
    fail(cluster)
    cluster.run(15)
    assert len(cluster.pods()) == 2
    cluster.run(6)
    assert len(cluster.pods()) == 3
    assert status(cluster)["failed"] == 2
    fail(cluster)
    assert conditions(cluster) == [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]
    assert cluster.events("load", "BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]
    assert status(cluster)["failed"] == 3
    assert len(cluster.pods("Failed")) == 3, "the pods stay to be read"


def test_a_pod_is_counted_once_though_it_is_deleted(cluster: Puppet) -> None:
    made(cluster, backoffLimit=5)
    cluster.end(cluster.pods()[0], "Failed")
    cluster.delete("pods", cluster.names("pods")[0])
    cluster.run(5)
    assert status(cluster)["failed"] == 1
    assert cluster.pods("Failed") == []


def test_uids_are_written_before_they_are_counted(cluster: Puppet) -> None:
    made(cluster)
    seen = []
    cluster.store.subscribe(JOBS, lambda change: seen.append(change.object["status"]))
    uid = cluster.pods()[0]["metadata"]["uid"]
    fail(cluster)
    assert [one.get("uncountedTerminatedPods") for one in seen[:2]] == [{"failed": [uid]}, {}]
    assert [one.get("failed") for one in seen[:2]] == [None, 1]


def test_restarts_count_as_tries_where_the_pod_restarts(cluster: Puppet) -> None:
    made(cluster, restart="OnFailure", backoffLimit=3)
    pod = cluster.pods()[0]
    cluster.ready(pod, ready=False, restarts=2)
    cluster.run(2)
    assert conditions(cluster) == []
    cluster.status(pod, "Running", ready=True, restarts=3)
    cluster.run(2)
    assert conditions(cluster) == [("FailureTarget", "BackoffLimitExceeded")]
    assert "deletionTimestamp" in cluster.pods()[0]["metadata"], "the pod and its logs go"
    cluster.reap()
    cluster.run(2)
    assert conditions(cluster)[-1] == ("Failed", "BackoffLimitExceeded")


def test_a_job_may_take_only_so_long(cluster: Puppet) -> None:
    made(cluster, activeDeadlineSeconds=60)
    cluster.ready()
    cluster.run(55)
    assert conditions(cluster) == []
    cluster.run(8)
    cluster.reap()
    cluster.run(2)
    assert conditions(cluster) == [("FailureTarget", "DeadlineExceeded"), ("Failed", "DeadlineExceeded")]


def test_parallel_pods_up_to_the_completions_left(cluster: Puppet) -> None:
    made(cluster, completions=3, parallelism=2)
    assert len(cluster.pods()) == 2
    cluster.end(cluster.pods()[0], "Succeeded")
    cluster.run(2)
    assert len(cluster.pods("Pending")) == 2
    for pod in cluster.pods("Pending"):
        cluster.end(pod, "Succeeded")
    cluster.run(2)
    assert conditions(cluster)[-1][0] == "Complete"
    assert status(cluster)["succeeded"] == 3


def test_a_suspended_job_has_no_pods_until_it_resumes(cluster: Puppet) -> None:
    made(cluster, suspend=True)
    assert cluster.pods() == []
    assert conditions(cluster) == [("Suspended", "JobSuspended")]
    cluster.patch(JOBS, "load", {"spec": {"suspend": False}})
    cluster.run(2)
    assert len(cluster.pods()) == 1
    assert conditions(cluster) == [("Suspended", "JobResumed")]
    assert cluster.reasons("load")[:2] == ["Suspended", "SuccessfulCreate"]


def test_a_finished_job_is_removed_after_its_time(cluster: Puppet) -> None:
    made(cluster, ttlSecondsAfterFinished=30)
    cluster.end(cluster.pods()[0], "Succeeded")
    cluster.run(25)
    assert cluster.find(JOBS, "load") is not None
    cluster.run(10)
    assert cluster.find(JOBS, "load") is None
    assert cluster.pods() == []


def test_an_exit_code_can_fail_the_job_at_once(cluster: Puppet) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}
    made(cluster, podFailurePolicy={"rules": [rule]})
    name = cluster.names("pods")[0]
    fail(cluster)
    assert conditions(cluster)[-1] == ("Failed", "PodFailurePolicy")
    where = f"Container main for pod shop/{name} failed with exit code 1 matching FailJob rule at index 0"
    assert cluster.events("load", "PodFailurePolicy") == [where]


def test_so_can_the_exit_code_of_an_init_container(cluster: Puppet) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"containerName": "setup", "operator": "In", "values": [7]}}
    made(cluster, podFailurePolicy={"rules": [rule]})
    (pod,) = cluster.pods()
    setup = {"name": "setup", "state": {"terminated": {"exitCode": 7}}}
    status = {**pod["status"], "phase": "Failed", "initContainerStatuses": [setup]}
    cluster.registry.set_status("pods", cluster.namespace, pod["metadata"]["name"], status)
    cluster.run(2.5)
    assert conditions(cluster)[-1] == ("Failed", "PodFailurePolicy")


@pytest.mark.parametrize(("policy", "left"), [("Background", 0), ("Orphan", 1)])
def test_deleting_a_job_takes_its_pods_along_or_not(cluster: Puppet, policy: str, left: int) -> None:
    made(cluster)
    cluster.end(cluster.pods()[0], "Failed")
    cluster.delete(JOBS, "load", propagation=policy)
    cluster.run(2)
    assert cluster.find(JOBS, "load") is None
    assert len(cluster.pods()) == left
    assert all("finalizers" not in pod["metadata"] for pod in cluster.pods())


def failures(cluster: Puppet, rule: Obj, times: int = 2) -> Obj:
    """What a Job that may fail once has come to after its pods failed so often."""
    made(cluster, backoffLimit=1, podFailurePolicy={"rules": [rule]})
    for _ in range(times):
        fail(cluster)
        cluster.run(100)
    return status(cluster)


ONE: Obj = {"operator": "In", "values": [1]}


def test_failures_that_a_rule_ignores_are_not_counted(cluster: Puppet) -> None:
    found = failures(cluster, {"action": "Ignore", "onExitCodes": ONE}, times=4)
    assert "failed" not in found
    assert conditions(cluster) == []
    assert found["active"] == 1
    assert len(cluster.pods()) == 5


@pytest.mark.parametrize(
    "codes",
    [{"operator": "In", "values": [2]}, {"operator": "NotIn", "values": [1]}, {**ONE, "containerName": "another"}],
)
def test_failures_of_which_a_rule_says_nothing_are(cluster: Puppet, codes: Obj) -> None:
    found = failures(cluster, {"action": "Ignore", "onExitCodes": codes})
    assert found["failed"] == 2
    assert conditions(cluster) == [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]


def test_pods_that_were_disrupted_can_be_ignored(cluster: Puppet) -> None:
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    made(cluster, backoffLimit=0, podFailurePolicy={"rules": [rule]})
    (pod,) = cluster.pods()
    told = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
    cluster.registry.set_status(
        "pods", pod["metadata"]["namespace"], pod["metadata"]["name"], {**pod["status"], "conditions": [told]}
    )
    fail(cluster)
    cluster.run(60)
    assert conditions(cluster) == []
    assert len(cluster.pods()) == 2


def test_once_one_has_succeeded_a_job_without_completions_makes_no_more(cluster: Puppet) -> None:
    made(cluster, parallelism=3)
    first, second, _ = cluster.pods()
    cluster.end(first, "Succeeded")
    cluster.end(second, "Failed")
    cluster.run(60)
    assert (len(cluster.pods()), status(cluster)["active"]) == (3, 1)
    assert conditions(cluster) == []
    cluster.end(cluster.pods("Pending")[0], "Succeeded")
    cluster.run(5)
    assert ("Complete", "CompletionsReached") in conditions(cluster)


def ended(at: float) -> Obj:
    return {"metadata": {}, "status": {"containerStatuses": [{"state": {"terminated": {"finishedAt": stamp(at)}}}]}}


def test_what_failed_before_the_last_success_makes_nobody_wait() -> None:
    before = Failures(2, 100.0)
    assert before.after([], [ended(250), ended(150)]) == Failures(4, 250.0)
    assert before.after([ended(200)], [ended(250), ended(150)]) == Failures(1, 250.0)
    assert before.after([ended(200)], []) == Failures(0, 0.0)
