"""What counts as recovered, and what ends a recovery."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.evidence import Ref, Seen, began
from healgate.vigil import View, Vigil, longest_back_off, unsettled

BACKEND = Ref("Deployment", "backend")


def deployment(generation: int = 1, **status: Any) -> dict[str, Any]:
    good = {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
    return {
        "kind": "Deployment",
        "metadata": {"name": "backend", "uid": "d", "generation": generation},
        "spec": {"replicas": 1},
        "status": {**good, **status},
    }


def replica_set(uid: str = "r") -> dict[str, Any]:
    owner = [{"uid": "d", "kind": "Deployment", "name": "backend"}]
    return {
        "kind": "ReplicaSet",
        "metadata": {"name": f"backend-{uid}", "uid": uid, "ownerReferences": owner},
        "spec": {"replicas": 1},
    }


def pod(name: str = "backend-r-1", ready: bool = True, restarts: int = 0, **state: Any) -> dict[str, Any]:
    container = {"name": "api", "restartCount": restarts, "state": state or {"running": {}}, "lastState": {}}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "uid": name, "ownerReferences": [{"uid": "r", "kind": "ReplicaSet", "name": "b"}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": [container]},
    }


def leaving(obj: dict[str, Any]) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def vigil_over(*objects: dict[str, Any]) -> Vigil:
    view = View()
    for obj in objects:
        view.see(Seen(0.0, "ADDED", obj))
    return Vigil(view, [BACKEND])


def show(vigil: Vigil, time: float, obj: dict[str, Any], kind: str = "MODIFIED") -> None:
    vigil.view.see(Seen(time, kind, obj))
    vigil.check(time)


def test_a_workload_that_stands_as_its_spec_asks_is_settled() -> None:
    assert vigil_over(deployment(), replica_set(), pod()).settled()


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        ([], "Deployment/backend does not exist"),
        ([deployment(2, observedGeneration=1)], "has not seen its newest spec"),
        ([deployment(readyReplicas=0)], "has 0 pods that are ready, and should have 1"),
        ([deployment(replicas=2)], "has 2 pods, and should have 1"),
        ([deployment(), replica_set(), pod(ready=False)], "pod backend-r-1 is not ready"),
        ([deployment(), replica_set(), leaving(pod())], "pod backend-r-1 is terminating"),
        ([{**deployment(), "spec": {}}], ""),  # one is the default
        ([{**deployment(replicas=0, updatedReplicas=0, readyReplicas=0), "spec": {"replicas": 0}}], "scaled to zero"),
    ],
)
def test_why_a_workload_is_not_settled(objects: list[dict[str, Any]], why: str) -> None:
    said = unsettled(vigil_over(*objects).view, BACKEND)
    assert (why in said, bool(said)) == (True, bool(why)), said


@pytest.mark.parametrize(
    ("kind", "spec", "status", "why"),
    [
        ("StatefulSet", {"replicas": 2}, {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}, ""),
        ("StatefulSet", {"replicas": 2}, {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 2}, "of its newest"),
        ("ReplicaSet", {"replicas": 2}, {"replicas": 2, "readyReplicas": 2}, ""),
        ("ReplicaSet", {"replicas": 2}, {"replicas": 2, "readyReplicas": 1}, "has 1 pods that are ready"),
        ("DaemonSet", {}, {"desiredNumberScheduled": 2, "numberReady": 2, "updatedNumberScheduled": 2}, ""),
        ("DaemonSet", {}, {"desiredNumberScheduled": 2, "numberReady": 1, "updatedNumberScheduled": 2}, "1 of 2 pods"),
        ("DaemonSet", {}, {"desiredNumberScheduled": 2, "numberReady": 2, "updatedNumberScheduled": 1}, "2 of 2 pods"),
        ("PersistentVolumeClaim", {}, {"phase": "Bound"}, ""),
        ("PersistentVolumeClaim", {}, {"phase": "Pending"}, "is not bound"),
        ("ConfigMap", {}, {}, ""),
    ],
)
def test_each_kind_stands_in_its_own_way(kind: str, spec: dict[str, Any], status: dict[str, Any], why: str) -> None:
    view = View()
    found = {"kind": kind, "metadata": {"name": "it", "uid": "u"}, "spec": spec, "status": status}
    view.see(Seen(0.0, "ADDED", found))
    said = unsettled(view, Ref(kind, "it"))
    assert (why in said, bool(said)) == (True, bool(why)), said


def test_what_a_job_tries_again_was_not_restarted() -> None:
    view = View()
    tried = pod("topics-1", restarts=2)
    owner = {"uid": "j", "kind": "Job", "name": "topics"}
    view.see(Seen(0.0, "ADDED", {**tried, "metadata": {**tried["metadata"], "ownerReferences": [owner]}}))
    for other in (pod("sound"), pod("fallen", restarts=1)):
        view.see(Seen(0.0, "ADDED", other))
    assert view.restarted() == [Ref("Pod", "fallen")]


def test_a_job_is_settled_when_it_is_complete() -> None:
    job = {"kind": "Job", "metadata": {"name": "topics", "uid": "j"}, "status": {}}
    view = View()
    view.see(Seen(0.0, "ADDED", job))
    assert unsettled(view, Ref("Job", "topics")) == "Job/topics is not complete"
    done = {**job, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    view.see(Seen(1.0, "MODIFIED", done))
    assert unsettled(view, Ref("Job", "topics")) == ""


def test_a_crash_ends_a_recovery_and_says_so() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod())
    vigil.begin(10.0)
    show(vigil, 20.0, pod(ready=False, terminated={"reason": "OOMKilled", "exitCode": 137}))
    (recovery,) = vigil.recoveries
    assert (recovery.since, recovery.until, recovery.lost_to_crash) == (10.0, 20.0, True)
    assert "OOMKilled, exit code 137" in recovery.lost
    assert vigil.current is None


def test_a_restart_that_nobody_saw_happen_is_a_crash_too() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod())
    vigil.begin(10.0)
    show(vigil, 20.0, pod(restarts=1))
    assert vigil.recoveries[0].lost_to_crash


def test_replaced_pods_end_a_recovery_without_a_crash() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod())
    vigil.begin(10.0)
    show(vigil, 20.0, pod("backend-r-2"), "ADDED")
    assert vigil.recoveries[0].lost == "its pods were replaced"
    assert not vigil.recoveries[0].lost_to_crash


def lapse(vigil: Vigil, since: float, until: float) -> None:
    """One probe too slow."""
    show(vigil, since, pod(ready=False))
    assert vigil.current is None
    show(vigil, until, pod())
    vigil.begin(until)


def test_a_moment_of_not_being_ready_ends_no_recovery() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod())
    vigil.begin(10.0)
    lapse(vigil, 20.0, 30.0)
    lapse(vigil, 40.0, 42.0)
    (only,) = vigil.recoveries
    assert (only.since, only.until) == (10.0, None)
    assert vigil.stands_since == 42.0  # the hold begins anew


@pytest.mark.parametrize("lapses", [[(20.0, 36.0)], [(20.0, 21.0), (30.0, 31.0), (40.0, 41.0)]])
def test_too_long_or_too_often_does(lapses: list[tuple[float, float]]) -> None:
    vigil = vigil_over(deployment(), replica_set(), pod())
    vigil.begin(10.0)
    for since, until in lapses:
        lapse(vigil, since, until)
    assert [one.since for one in vigil.recoveries] == [10.0, lapses[-1][1]]
    assert "is not ready" in vigil.recoveries[0].lost


def test_a_moment_in_which_a_container_was_restarted_ends_a_recovery() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod())
    vigil.begin(10.0)
    show(vigil, 20.0, pod(ready=False))
    show(vigil, 22.0, pod(restarts=1))
    vigil.begin(22.0)
    assert len(vigil.recoveries) == 2


def rolled(vigil: Vigil, at: float, *, gap: bool, crash: bool = False) -> None:
    """A new pod takes the old one's place; with a gap, after it has gone."""
    old, new = f"backend-r-{at:.0f}", f"backend-r-{at + 10:.0f}"
    show(vigil, at, deployment(generation=int(at), observedGeneration=1))
    if gap:
        show(vigil, at + 1, pod(old), "DELETED")
    if crash:
        show(vigil, at + 2, pod(new, terminated={"reason": "Error", "exitCode": 1}), "ADDED")
    show(vigil, at + 2.5, pod(new), "ADDED")
    if not gap:
        show(vigil, at + 3, pod(old), "DELETED")
    show(vigil, at + 4, deployment(generation=int(at)))
    vigil.begin(at + 5)


@pytest.mark.parametrize(("gap", "crash", "gently"), [(False, False, True), (True, False, False), (False, True, False)])
def test_a_change_that_nobody_feels_is_gentle(gap: bool, crash: bool, gently: bool) -> None:
    vigil = vigil_over(deployment(), replica_set(), pod("backend-r-20"))
    vigil.begin(10.0)
    rolled(vigil, 20.0, gap=gap, crash=crash)
    first, second = vigil.recoveries
    assert (first.until, first.gently, second.since) == (20.0, gently, 25.0)
    assert began(vigil.recoveries, 5.0) == (10.0 if gently else 25.0)
    assert began(vigil.recoveries, 15.0) == 25.0, "what came before anybody acted is nobody's repair"


@pytest.mark.parametrize(("wanted", "left", "gently"), [(4, 3, True), (4, 2, False), (2, 2, True), (2, 1, True)])
def test_enough_pods_serve_on_while_few_of_many_change(wanted: int, left: int, gently: bool) -> None:
    pods = [pod(f"backend-r-{number}") for number in range(4)]
    vigil = vigil_over(deployment(), replica_set(), *pods)
    vigil.begin(10.0)
    show(vigil, 20.0, {**deployment(generation=2, observedGeneration=1), "spec": {"replicas": wanted}})
    for one in pods[left:]:
        show(vigil, 21.0, one, "DELETED")
    vigil.begin(25.0)
    assert vigil.recoveries[0].gently is gently


def test_what_is_rolled_again_and_again_is_kept_alive_by_it() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod("backend-r-20"))
    vigil.begin(10.0)
    for turn in range(2, 7):
        rolled(vigil, 10.0 * turn, gap=False)
    assert [one.gently for one in vigil.recoveries] == [True, True, True, False, False, False]


def test_what_does_not_do_its_work_is_lost_for_everybody() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod())
    vigil.begin(10.0)
    vigil.lose(20.0, "it does not do its work", crash=False)
    vigil.begin(30.0)
    assert not vigil.recoveries[0].gently


def test_a_change_elsewhere_leaves_a_recovery_alone() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod())
    vigil.begin(10.0)
    show(vigil, 20.0, {"kind": "ConfigMap", "metadata": {"name": "other", "uid": "c"}})
    assert vigil.current is vigil.recoveries[0]


def test_old_restarts_do_not_end_a_new_recovery() -> None:
    vigil = vigil_over(deployment(), replica_set(), pod(restarts=26))
    vigil.begin(10.0)
    show(vigil, 20.0, pod(restarts=26))
    assert vigil.current is not None


@pytest.mark.parametrize(("restarts", "expected"), [(0, 0.0), (1, 10.0), (2, 20.0), (5, 160.0), (26, 300.0)])
def test_the_back_off_that_the_next_crash_would_meet(restarts: int, expected: float) -> None:
    assert longest_back_off(vigil_over(deployment(), replica_set(), pod(restarts=restarts)).view, [BACKEND]) == expected


def with_sidecar(restarts: int) -> dict[str, Any]:
    found = pod()
    found["spec"] = {"initContainers": [{"name": "schema"}, {"name": "proxy", "restartPolicy": "Always"}]}
    done = {"name": "schema", "restartCount": 1, "state": {"terminated": {"reason": "Completed", "exitCode": 0}}}
    proxy = {"name": "proxy", "restartCount": restarts, "state": {"running": {}}}
    if restarts:
        proxy["lastState"] = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    found["status"]["initContainerStatuses"] = [done, proxy]
    return found


def test_a_sidecar_that_dies_ends_a_recovery_and_one_that_prepared_the_pod_does_not() -> None:
    vigil = vigil_over(deployment(), replica_set(), with_sidecar(0))
    vigil.begin(10.0)
    show(vigil, 15.0, with_sidecar(0))
    assert vigil.current
    show(vigil, 20.0, with_sidecar(1))
    assert "container proxy of pod backend-r-1 ended (OOMKilled, exit code 137)" in vigil.recoveries[0].lost


JOB = Ref("Job", "topics")


def job(uid: str, complete: bool) -> dict[str, Any]:
    conditions = [{"type": "Complete", "status": "True"}] if complete else []
    return {"kind": "Job", "metadata": {"name": "topics", "uid": uid}, "status": {"conditions": conditions}}


@pytest.mark.parametrize(("complete", "lost"), [(True, []), (False, ["Job/topics does not exist"])])
def test_a_job_may_go_when_its_work_is_done(complete: bool, lost: list[str]) -> None:
    view = View()
    view.see(Seen(0.0, "ADDED", job("a", True)))
    view.see(Seen(0.0, "ADDED", {**pod("topics-1"), "metadata": owned("topics-1", "a")}))
    vigil = Vigil(view, [JOB])
    vigil.begin(10.0)
    show(vigil, 20.0, {**pod("topics-1"), "metadata": owned("topics-1", "a")}, "DELETED")
    show(vigil, 20.0, job("a", complete), "DELETED")
    assert [one.lost for one in vigil.recoveries if one.lost] == lost


def owned(name: str, uid: str) -> dict[str, Any]:
    return {"name": name, "uid": name, "ownerReferences": [{"uid": uid, "kind": "Job", "name": "topics"}]}


def test_a_job_that_is_made_anew_has_to_be_done_again() -> None:
    view = View()
    view.see(Seen(0.0, "ADDED", job("a", True)))
    vigil = Vigil(view, [JOB])
    vigil.begin(10.0)
    show(vigil, 20.0, job("a", True), "DELETED")
    show(vigil, 21.0, job("b", False), "ADDED")
    assert vigil.recoveries[0].lost == "Job/topics is not complete"
    show(vigil, 22.0, job("b", False), "DELETED")
    assert vigil.why_unsettled() == "Job/topics does not exist"
