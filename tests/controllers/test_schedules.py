"""CronJobs, disruption budgets and the statuses of quotas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from healgate.embedded.api.errors import ApiError
from healgate.embedded.api.schedule import Unparseable, parse
from healgate.embedded.clock.clock import seconds_of

from .puppet import Obj, Puppet, deployment

CRONS = "cronjobs.batch"
JOBS = "jobs.batch"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
BUDGETS = "poddisruptionbudgets.policy"


def cron(schedule: str = "*/5 * * * *", **spec: Any) -> Obj:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "shop/load:1"}]}
    body = {"schedule": schedule, "jobTemplate": {"spec": {"template": {"spec": pod}}}, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}, "spec": body}


def when(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("schedule", "since", "then"),
    [
        ("*/15 * * * *", "2026-05-16 12:07:30", "2026-05-16 12:15:00"),
        ("0 3 * * *", "2026-05-16 03:00:00", "2026-05-17 03:00:00"),
        ("30 9 1 jan *", "2026-05-16 03:00:00", "2027-01-01 09:30:00"),
        ("0 0 * * mon-fri", "2026-05-15 12:00:00", "2026-05-18 00:00:00"),
        ("0 0 13 * fri", "2026-05-14 12:00:00", "2026-05-15 00:00:00"),
        ("@hourly", "2026-05-16 12:59:59", "2026-05-16 13:00:00"),
        ("5,35 8-10/2 * * *", "2026-05-16 08:36:00", "2026-05-16 10:05:00"),
        ("0 0 29 2 *", "2026-05-16 00:00:00", "2028-02-29 00:00:00"),
        ("0 0 */10 * mon", "2026-05-18 12:00:00", "2026-05-21 00:00:00"),
        ("0 0 */1 * mon", "2026-05-18 12:00:00", "2026-05-25 00:00:00"),
        ("@every 1h30m", "2026-05-16 12:07:30", "2026-05-16 13:37:30"),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, since: str, then: str) -> None:
    assert parse(schedule).after(when(since)) == when(then)


def test_a_time_zone_counts() -> None:
    assert parse("0 3 * * *", "Europe/Berlin").after(when("2026-07-01 00:00:00")) == when("2026-07-01 01:00:00")


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("61 * * * *", "end of range (61) above maximum (59): 61"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("* 5-3 * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("@fortnightly", "unrecognized descriptor: @fortnightly"),
        ("@every moon", 'failed to parse duration @every moon: time: invalid duration "moon"'),
    ],
)
def test_what_is_no_schedule(cluster: Puppet, schedule: str, why: str) -> None:
    with pytest.raises(Unparseable) as unparseable:
        parse(schedule)
    assert str(unparseable.value) == why
    with pytest.raises(ApiError) as refused:
        cluster.create(CRONS, cron(schedule))
    assert f"spec.schedule: Invalid value: {json.dumps(schedule)}: {why}" in refused.value.message


def test_every_so_often_counts_from_the_last_time(cluster: Puppet) -> None:
    cluster.create(CRONS, cron("@every 7m", concurrencyPolicy="Allow"))
    made = cluster.clock.now()
    cluster.run(2 * 420 - 1)
    cluster.patch(CRONS, "nightly", {"metadata": {"labels": {"looked": "at"}}})
    cluster.run(10)
    due = sorted(seconds_of(one["metadata"]["annotations"][SCHEDULED]) for one in cluster.all(JOBS))
    assert due == [int(made) + 420, int(made) + 840]


def test_a_job_is_made_when_its_time_comes(cluster: Puppet) -> None:
    cluster.create(CRONS, cron())
    cluster.run(301)
    (job,) = cluster.all(JOBS)
    meta = job["metadata"]
    due = seconds_of(meta["annotations"][SCHEDULED])
    assert due % 300 == 0
    assert meta["name"] == f"nightly-{int(due // 60)}"
    status = cluster.get(CRONS, "nightly")["status"]
    assert [one["name"] for one in status["active"]] == [meta["name"]]
    assert seconds_of(status["lastScheduleTime"]) == due
    assert f"Created job {meta['name']}" in cluster.events("nightly")


def test_what_has_ended_is_seen_and_only_so_much_of_it_kept(cluster: Puppet) -> None:
    cluster.create(CRONS, cron(successfulJobsHistoryLimit=1))
    for _ in range(3):
        cluster.run(300)
        for pod in cluster.pods("Pending"):
            cluster.end(pod, "Succeeded")
    cluster.run(10)
    assert len(cluster.all(JOBS)) == 1
    status = cluster.get(CRONS, "nightly")["status"]
    assert "active" not in status
    assert "lastSuccessfulTime" in status
    told = cluster.events("nightly")
    assert (
        sum(text.startswith("Saw completed job: nightly-") and text.endswith("condition: Complete") for text in told)
        == 3
    )
    assert sum(text.startswith("Deleted job nightly-") for text in told) == 2


@pytest.mark.parametrize(("policy", "jobs"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
def test_a_job_that_still_runs(cluster: Puppet, policy: str, jobs: int) -> None:
    cluster.create(CRONS, cron(concurrencyPolicy=policy))
    cluster.run(300)
    (first,) = cluster.names(JOBS)
    cluster.run(301)
    assert len(cluster.names(JOBS)) == jobs
    assert (first in cluster.names(JOBS)) == (policy != "Replace")
    assert bool(cluster.events("nightly", "JobAlreadyActive")) == (policy == "Forbid")


def test_a_suspended_one_makes_nothing(cluster: Puppet) -> None:
    cluster.create(CRONS, cron(suspend=True))
    cluster.run(900)
    assert cluster.names(JOBS) == []


def budget(**spec: Any) -> Obj:
    body = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": body}


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [({"minAvailable": 2}, 2, 2), ({"maxUnavailable": 1}, 3, 1), ({"minAvailable": "50%"}, 2, 2)],
)
def test_a_budget_counts_the_healthy(cluster: Puppet, spec: Obj, desired: int, allowed: int) -> None:
    cluster.create("deployments.apps", deployment(replicas=4))
    cluster.create(BUDGETS, budget(**spec))
    cluster.run(2)
    pods = cluster.pods()
    cluster.ready(*pods)
    cluster.run(1)
    status = cluster.get(BUDGETS, "web")["status"]
    assert (status["expectedPods"], status["currentHealthy"]) == (4, 4)
    assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (desired, allowed)
    assert [(one["status"], one["reason"]) for one in status["conditions"]] == [("True", "SufficientPods")]
    cluster.ready(*pods, ready=False)
    cluster.run(1)
    status = cluster.get(BUDGETS, "web")["status"]
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (0, 0)
    assert status["conditions"][0]["reason"] == "InsufficientPods"


def test_a_quota_says_what_is_used(cluster: Puppet) -> None:
    hard = {"pods": "10", "requests.memory": "1Gi", "count/deployments.apps": "5", "limits.cpu": "4"}
    cluster.create(
        "resourcequotas",
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}},
    )
    made = deployment(replicas=2)
    amounts = {"requests": {"memory": "64Mi", "cpu": "100m"}, "limits": {"memory": "64Mi", "cpu": "500m"}}
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = amounts
    cluster.create("deployments.apps", made)
    cluster.run(2)
    status = cluster.get("resourcequotas", "q")["status"]
    assert status["hard"] == hard
    assert status["used"] == {
        "pods": "2",
        "requests.memory": "128Mi",
        "count/deployments.apps": "1",
        "limits.cpu": "1",
    }
