"""Indexed Jobs: a pod for each index, and an index that fails for good alone."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.controllers.indexes import INDEX, parsed, shown

from .puppet import Obj, Puppet, template

JOBS = "jobs.batch"


def made(cluster: Puppet, **spec: Any) -> None:
    pods = template(restartPolicy="Never")
    body = {"completionMode": "Indexed", "template": {"spec": pods["spec"]}, **spec}
    cluster.create(JOBS, {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "load"}, "spec": body})
    cluster.run(1.5)


def status(cluster: Puppet) -> Obj:
    found: Obj = cluster.get(JOBS, "load")["status"]
    return found


def of_index(cluster: Puppet, index: int) -> list[Obj]:
    return [pod for pod in cluster.pods() if pod["metadata"]["annotations"][INDEX] == str(index)]


def end(cluster: Puppet, index: int, phase: str) -> None:
    for pod in of_index(cluster, index):
        if pod["status"]["phase"] == "Pending":
            cluster.end(pod, phase)
    cluster.run(2.5)


@pytest.mark.parametrize("text", ["", "0", "0,2", "0-2", "1,2", "0-3,5,7-9"])
def test_intervals(text: str) -> None:
    assert shown(parsed(text)) == text


def test_each_index_has_its_pod(cluster: Puppet) -> None:
    made(cluster, completions=3, parallelism=2)
    assert sorted(pod["metadata"]["labels"][INDEX] for pod in cluster.pods()) == ["0", "1"]
    pod = of_index(cluster, 1)[0]
    assert pod["metadata"]["name"].startswith("load-1-")
    assert pod["spec"]["hostname"] == "load-1"
    told = pod["spec"]["containers"][0]["env"][-1]
    assert told["name"] == "JOB_COMPLETION_INDEX"
    assert told["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"


def test_it_is_complete_when_all_indexes_are(cluster: Puppet) -> None:
    made(cluster, completions=3, parallelism=2)
    for index in (0, 1, 2):
        end(cluster, index, "Succeeded")
    assert status(cluster)["completedIndexes"] == "0-2"
    assert status(cluster)["succeeded"] == 3
    assert [one["type"] for one in status(cluster)["conditions"]] == ["SuccessCriteriaMet", "Complete"]


def test_a_failed_index_is_tried_again(cluster: Puppet) -> None:
    made(cluster, completions=2, parallelism=2)
    end(cluster, 1, "Failed")
    cluster.run(12)
    assert [len(of_index(cluster, index)) for index in (0, 1)] == [1, 2]


def test_an_index_is_given_up_alone(cluster: Puppet) -> None:
    made(cluster, completions=2, parallelism=2, backoffLimitPerIndex=0)
    end(cluster, 1, "Failed")
    assert status(cluster)["failedIndexes"] == "1"
    assert "conditions" not in status(cluster)
    end(cluster, 0, "Succeeded")
    assert status(cluster)["completedIndexes"] == "0"
    assert [(one["type"], one["reason"]) for one in status(cluster)["conditions"]] == [
        ("FailureTarget", "FailedIndexes"),
        ("Failed", "FailedIndexes"),
    ]


def test_too_many_failed_indexes_end_it(cluster: Puppet) -> None:
    made(cluster, completions=3, parallelism=3, backoffLimitPerIndex=0, maxFailedIndexes=0)
    end(cluster, 1, "Failed")
    assert status(cluster)["conditions"][0]["reason"] == "MaxFailedIndexesExceeded"
