from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.api import tables
from healgate.embedded.api.cells import duration
from healgate.embedded.api.podcells import status
from healgate.embedded.api.resources import Resource, built_in

from .conftest import DEPLOYMENTS, PODS, Api, deployment, pod

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
END = "2026-05-16T12:00:00Z"


def container(name: str = "main", ready: bool = False, **state: Any) -> dict[str, Any]:
    return {"name": name, "ready": ready, "restartCount": 0, "state": state}


def shown(phase: str = "Running", containers: Any = (), inits: Any = (), **more: Any) -> str:
    spec = {
        "containers": [{"name": one["name"]} for one in containers] or [{"name": "main"}],
        "initContainers": [{"name": one["name"], "restartPolicy": more.get("sidecar")} for one in inits],
    }
    state = {
        "phase": phase,
        "containerStatuses": list(containers),
        "initContainerStatuses": list(inits),
        "conditions": [{"type": name, "status": "True"} for name in more.get("true", ())],
        "reason": more.get("reason"),
    }
    meta = {"name": "web", **({"deletionTimestamp": END} if more.get("deleting") else {})}
    return status({"metadata": meta, "spec": spec, "status": state}, 0)


CRASHING = container(waiting={"reason": "CrashLoopBackOff"})
FAILED = container(terminated={"exitCode": 1, "reason": "Error"})
DONE = container("first", terminated={"exitCode": 0, "reason": "Completed"})
RUNNING = container("side", ready=True, running={})


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (shown("Pending"), "Pending"),
        (shown("Pending", [container(waiting={"reason": "ContainerCreating"})]), "ContainerCreating"),
        (shown(containers=[CRASHING]), "CrashLoopBackOff"),
        (shown(containers=[FAILED]), "Error"),
        (shown(containers=[container(terminated={"exitCode": 3})]), "ExitCode:3"),
        (shown(containers=[container(terminated={"exitCode": 137, "signal": 9})]), "Signal:9"),
        (shown("Failed", reason="Evicted"), "Evicted"),
        (shown("Pending", inits=[container("i", running={})]), "Init:0/1"),
        (
            shown("Pending", inits=[DONE, container("i", waiting={"reason": "CrashLoopBackOff"})]),
            "Init:CrashLoopBackOff",
        ),
        (shown("Pending", inits=[container("i", terminated={"exitCode": 1, "reason": "Error"})]), "Init:Error"),
        (shown(containers=[DONE, RUNNING], true=["Ready"]), "Running"),
        (shown(containers=[DONE, RUNNING]), "NotReady"),
        (shown(containers=[CRASHING], deleting=True), "Terminating"),
    ],
)
def test_the_status_cell_of_a_pod(cell: str, expected: str) -> None:
    assert cell == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5, "5s"),
        (119, "119s"),
        (120, "2m"),
        (230, "3m50s"),
        (660, "11m"),
        (11100, "3h5m"),
        (86400 * 2, "2d"),
        (-1, "0s"),
    ],
)
def test_ages_have_two_units_at_most(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_a_table_of_pods_ages_with_the_clock(api: Api) -> None:
    api.post(PODS, pod())
    state = container(ready=False, waiting={"reason": "CrashLoopBackOff"})
    state.update(restartCount=3, lastState={"terminated": {"exitCode": 1, "finishedAt": END}})
    api.registry.set_status("pods", "default", "web", {"phase": "Running", "containerStatuses": [state]})
    api.clock.run_for(51)
    table = api.get(PODS, accept=TABLE)
    assert [one["name"] for one in table["columnDefinitions"] if one["priority"] == 0] == [
        "Name",
        "Ready",
        "Status",
        "Restarts",
        "Age",
    ]
    [row] = table["rows"]
    assert row["cells"][:5] == ["web", "0/1", "CrashLoopBackOff", "3 (51s ago)", "51s"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert table["metadata"]["resourceVersion"] == str(api.store.revision)


def test_a_table_of_deployments(api: Api) -> None:
    api.post(DEPLOYMENTS, deployment())
    api.patch(DEPLOYMENTS + "/web/status", {"status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}})
    [row] = api.get(DEPLOYMENTS, accept=TABLE)["rows"]
    assert row["cells"] == ["web", "1/1", 1, 0, "0s", "main", "shop:1.4", "app=web"]


def test_an_unprinted_kind_has_a_name_and_a_time(api: Api) -> None:
    url = "/api/v1/namespaces/default/limitranges"
    made = api.post(url, {"metadata": {"name": "n"}, "spec": {"limits": []}})
    [row] = api.get(url, accept=TABLE)["rows"]
    assert row["cells"] == ["n", made["metadata"]["creationTimestamp"]]


@pytest.mark.parametrize(
    "resource", [one for one in built_in() if not one.unstored], ids=lambda one: f"{one.api_version} {one.plural}"
)
def test_every_column_of_the_release_can_be_filled(resource: Resource) -> None:
    empty = {"metadata": {"name": "x", "creationTimestamp": END}, "spec": {"containers": []}, "status": {}}
    row = tables.row(resource, empty, 0, "None")
    assert len(row["cells"]) == len(tables.definitions(resource)) >= 2


def test_metadata_alone_can_be_asked_for(api: Api) -> None:
    api.post(PODS, pod())
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    found = api.get(PODS, accept=accept)
    assert found["kind"] == "PartialObjectMetadataList"
    assert set(found["items"][0]) == {"kind", "apiVersion", "metadata"}


def test_what_cannot_be_made_is_406(api: Api) -> None:
    assert api.send("GET", PODS, accept="text/html").status == 406
    mixed = api.send("GET", PODS, accept="application/vnd.kubernetes.protobuf,application/json")
    assert mixed.headers["Content-Type"] == "application/json"


def test_a_failed_pod_that_is_being_deleted_still_shows_how_it_failed() -> None:
    assert shown("Failed", containers=[FAILED], deleting=True) == "Error"
