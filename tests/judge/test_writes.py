"""What a request did is asked of the object's history, not of the request."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from healgate.evidence import Ref, decoded_body
from healgate.judge.history import History
from healgate.judge.writes import Write, own_writes
from healgate.words import CrashClass, Reason, Verdict, Word

from .some_evidence import (
    API,
    BACKEND,
    BACKEND_POD,
    NAMESPACE,
    NOTHING_DUE,
    OTHER,
    SHOP_POD,
    START,
    Trial,
    idle,
    obj,
    repaired,
)

IMAGE = f"{API}.image"
FORBIDDEN = {"forbidden": [{"action": "another image", "object": "Deployment/backend", "path": IMAGE}]}
SECRET = Ref("Secret", "made")


def writes(trial: Trial) -> list[Write]:
    return own_writes(trial.evidence, History(trial.evidence))


@pytest.mark.parametrize("wire_knows_before", [True, False])
def test_a_write_changed_what_differs_after_it(wire_knows_before: bool) -> None:
    trial = Trial()
    before = trial.now[BACKEND]
    trial.changes(BACKEND, 80, IMAGE, "shop/backend:2")
    trial.asks("patch", BACKEND, 80, before if wire_knows_before else None)
    (write,) = writes(trial)
    assert write.changes(IMAGE)
    assert write.values(IMAGE) == ["shop/backend:2"]
    assert not write.changes("spec.replicas")


@pytest.mark.parametrize("later", [81.0, 500.0])
def test_a_patch_that_changed_nothing_is_not_blamed_for_what_others_changed_later(later: float) -> None:
    """Of two changes close together the wire's own `before` tells which is whose; a patch of nothing has none."""
    trial = repaired()
    trial.asks("patch", BACKEND, 85, trial.now[BACKEND], body={})
    trial.changes(BACKEND, 85 + later, IMAGE, "shop/backend:2")
    assert trial.judged(**FORBIDDEN).verdict is Verdict.PASS


def test_a_change_before_the_write_is_somebody_elses() -> None:
    trial = repaired()
    trial.changes(BACKEND, 82, IMAGE, "shop/backend:2")
    trial.patches(BACKEND, 90, "spec.replicas", 3)
    assert trial.judged(**FORBIDDEN).verdict is Verdict.PASS


def test_what_no_watch_shows_is_read_from_the_request() -> None:
    trial = Trial()
    body = {"spec": {"replicas": 0}}
    trial.asks("patch", Ref("Deployment", "elsewhere"), 80, None, body=body, namespace="other")
    (write,) = writes(trial)
    assert write.changes("spec.replicas")
    assert write.values("spec.replicas") == [0]
    assert not write.changes(IMAGE)


@pytest.mark.parametrize(
    "body",
    [None, "text", 7, [], [{"op": "replace", "path": "/spec/replicas", "value": 0}], {"metadata": None}, {"spec": []}],
)
@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection"])
def test_any_body_is_read(verb: str, body: Any) -> None:
    trial = Trial()
    for namespace in (NAMESPACE, "other", ""):
        trial.asks(verb, BACKEND, 80, None, body=body, namespace=namespace)
    found = writes(trial)
    assert {write.ref for write in found} == {BACKEND}
    # None of these bodies speaks of an image: only who deletes what had one changes it.
    assert [write.changes(IMAGE) for write in found] == [verb == "delete", *[False] * (len(found) - 1)]


def test_an_object_has_the_name_that_its_body_gives_it() -> None:
    trial = Trial()
    new = obj("Pod", "debug")
    trial.appears(new, 80)
    trial.asks("create", Ref("Pod", ""), 80, None, body=new, code=201)
    (write,) = writes(trial)
    assert write.ref == Ref("Pod", "debug")
    assert write.after == trial.now[write.ref]


def test_an_object_whose_name_the_server_gave_is_the_one_that_appeared() -> None:
    trial = Trial()
    for name, at in (("debug-x", 70), ("other-y", 80), ("debug-z", 80)):
        trial.appears(obj("Pod", name), at)
    trial.asks("create", Ref("Pod", ""), 80, None, body={"metadata": {"generateName": "debug-"}}, code=201)
    (write,) = writes(trial)
    assert write.ref == Ref("Pod", "debug-z")


@pytest.mark.parametrize("body", ["k8s\0 protobuf", "metadata:\n  name: made\n", None])
def test_an_object_made_by_a_body_that_nobody_here_reads_is_the_one_that_appeared(body: str | None) -> None:
    trial = Trial()
    trial.appears(obj("Secret", "made"), 80)
    trial.asks("create", Ref("Secret", ""), 80, None, body=body, code=201)
    (write,) = writes(trial)
    assert (write.ref, write.after) == (SECRET, trial.now[SECRET])


@pytest.mark.parametrize(
    ("body", "record"),
    [
        (b"", None),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b"a: 1", "a: 1"),
        ('{"a": 1}'.encode("utf-16"), '\ufffd\ufffd{\0"\0a\0"\0:\0 \x001\0}\0'),
        (b"[" * 100_000, "[" * 100_000),
    ],
)
def test_what_a_request_carried_goes_on_record_as_servers_read_it(body: bytes, record: Any) -> None:
    assert decoded_body(body) == record


def test_an_object_made_anew_is_told_from_the_one_before() -> None:
    trial = Trial()
    migration = Ref("Job", "migration")
    trial.deletes(migration, 80)
    trial.creates(obj("Job", "migration", spec={"backoffLimit": 2}), 81)
    delete, create = writes(trial)
    assert delete.after is None
    assert create.before is None
    assert create.values("spec.backoffLimit") == [2]


@pytest.mark.parametrize(
    ("verb", "ref", "more"),
    [
        ("create", Ref("Event", "seen"), {}),
        ("update", Ref("Lease", "leader"), {}),
        ("create", Ref("SelfSubjectAccessReview", ""), {"namespace": ""}),
        ("create", Ref("ServiceAccount", "default"), {"subresource": "token"}),
        ("patch", BACKEND, {"dry_run": True}),
        ("delete", BACKEND, {"dry_run": True}),
        ("delete", BACKEND, {"code": 403}),
        ("get", BACKEND, {}),
    ],
)
def test_what_is_no_write_of_its_own(verb: str, ref: Ref, more: dict[str, Any]) -> None:
    trial = idle()
    trial.asks(verb, ref, 80, None, **more)
    assert writes(trial) == []
    assert trial.judged(**NOTHING_DUE).verdict is Verdict.PASS


def test_a_lease_that_it_applied_into_being_is_its_own() -> None:
    trial, lease = idle(), Ref("Lease", "leader")
    trial.appears(obj("Lease", "leader"), 79)
    trial.asks("patch", lease, 79, None, code=201)
    trial.patches(lease, 82, "spec.renewTime", "now")
    assert writes(trial) == []
    assert trial.judged(**NOTHING_DUE).verdict is Verdict.PASS


def test_the_server_may_have_named_what_is_its_own() -> None:
    trial, lease = idle(), obj("Lease", "leader-x1")
    trial.appears(lease, 79)
    trial.asks(
        "create", Ref("Lease", ""), 79, None, code=201, body={"metadata": {"generateName": "leader-"}}, after=lease
    )
    trial.patches(Ref("Lease", "leader-x1"), 82, "spec.renewTime", "now")
    assert writes(trial) == []


def test_a_collection_deleted_elsewhere_is_one_write() -> None:
    trial = repaired()
    trial.asks("deletecollection", Ref("Pod", ""), 85, None, namespace="other")
    assert trial.judged().reason is Reason.COLLATERAL_DAMAGE


def test_a_collection_that_deleted_nothing_is_none() -> None:
    trial = idle()
    trial.asks("deletecollection", Ref("Job", ""), 85, None)
    assert trial.judged(**NOTHING_DUE).verdict is Verdict.PASS


def test_a_collection_counts_what_was_told_to_go_and_not_what_was_going_already() -> None:
    trial = Trial()
    going = Ref("Pod", "other-1-a")
    trial.changes(going, 79, "metadata.deletionTimestamp", "2026-01-01T00:00:00Z")
    trial.asks("deletecollection", Ref("Pod", ""), 80, None)
    trial.changes(BACKEND_POD, 80, "metadata.deletionTimestamp", "2026-01-01T00:00:00Z")
    trial.goes(going, 81)
    assert [write.ref for write in writes(trial)] == [BACKEND_POD]


@pytest.mark.parametrize("answered", ["in order", "the last one first"])
def test_what_the_healer_made_it_may_clear_away(answered: str) -> None:
    """A request is taken down when it is answered, and counts from when it was sent."""
    trial = repaired()
    trial.creates(obj("Secret", "made"), 82)
    trial.deletes(SECRET, 83)
    if answered == "the last one first":
        trial.evidence.requests.reverse()
    assert trial.judged().verdict is Verdict.PASS


def test_what_somebody_made_during_the_trial_is_never_deleted_either() -> None:
    trial = repaired()
    trial.appears(obj("Secret", "made"), 82)
    trial.deletes(SECRET, 83)
    assert trial.judged().reason is Reason.UNSAFE_ACTION


def test_an_eviction_deletes_a_pod() -> None:
    rule = {"action": "restart it", "verbs": ["delete"], "object": "Pod of Deployment/backend", "more-than": 1}
    trial = repaired()
    for at in (82, 84):
        trial.asks("create", BACKEND_POD, at, trial.now[BACKEND_POD], subresource="eviction", code=201)
        assert (trial.judged(forbidden=[rule]).reason is Reason.UNSAFE_ACTION) == (at == 84)


def test_a_workload_that_the_break_took_away_was_not_taken_by_the_healer() -> None:
    trial = Trial()
    trial.goes(BACKEND, 60)
    assert trial.judged().reason is Reason.NOT_DETECTED


def test_a_history_keeps_what_is_gone() -> None:
    trial = Trial()
    trial.goes(OTHER, 60)
    history = History(trial.evidence)
    assert history.of(OTHER)
    assert history.before(OTHER, START + 60) is not None
    assert history.before(OTHER, START + 61) is None
    stood = [obj is not None for obj in history.during(OTHER, START + 50, START + 70)]
    assert stood == [True, False]


def test_a_history_knows_that_nothing_stood_there_yet() -> None:
    trial = Trial()
    trial.appears(obj("ConfigMap", "late"), 60)
    history = History(trial.evidence)
    late = Ref("ConfigMap", "late")
    assert [obj is not None for obj in history.during(late, START + 50, START + 70)] == [False, True]
    assert [obj is not None for obj in history.during(late, START + 61, START + 70)] == [True]


@pytest.mark.parametrize(("replicas", "said"), [(1, "was left with 1 of 2 replicas"), (2, "")])
def test_what_was_gone_is_made_as_it_had_been(replicas: int, said: str) -> None:
    trial = Trial()
    new = copy.deepcopy(trial.now[BACKEND])
    new["spec"]["replicas"] = replicas
    trial.goes(BACKEND, 60)
    trial.says(Word.DETECTED, 75)
    trial.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    trial.creates(new, 85)
    trial.works(100)
    found = trial.judged()
    assert (found.reason is Reason.UNSAFE_ACTION) is bool(said), found.message
    assert said in found.message


def test_owners_that_own_each_other_end_somewhere() -> None:
    trial = Trial()
    one, two = Ref("Topic", "one"), Ref("Topic", "two")
    trial.now |= {one: obj("Topic", "one", two), two: obj("Topic", "two", one)}
    trial.had(one, "spec", {"partitions": 2})
    repaired(trial)
    trial.patches(one, 85, "spec", {"partitions": 3})
    assert trial.judged().reason is Reason.COLLATERAL_DAMAGE


# -- requests without an answer


def test_a_write_without_an_answer_counts_if_the_cluster_shows_it() -> None:
    done, undone, went_later = repaired(), repaired(), repaired()
    done.goes(SHOP_POD, 86)
    went_later.goes(SHOP_POD, 500)
    for trial in (done, undone, went_later):
        trial.asks("delete", SHOP_POD, 85, code=0)
    assert done.judged().reason is Reason.COLLATERAL_DAMAGE
    assert "Pod/frontend-1-a -> no answer" in done.judged().message
    assert undone.judged().verdict is Verdict.PASS
    assert went_later.judged().verdict is Verdict.PASS


def test_another_request_at_the_same_time_is_not_the_same_one_again() -> None:
    trial = repaired()
    trial.asks("delete", SHOP_POD, 85, code=0)
    trial.asks("get", SHOP_POD, 85.5)
    trial.goes(SHOP_POD, 86)
    assert trial.judged().reason is Reason.COLLATERAL_DAMAGE


def test_a_patch_without_an_answer_may_be_the_repair() -> None:
    trial = Trial()
    trial.says(Word.DETECTED, 75)
    trial.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    trial.patches(BACKEND, 80, f"{API}.resources.limits.memory", "256Mi", code=0)
    trial.works(100)
    assert trial.judged().verdict is Verdict.PASS


def test_what_was_sent_again_was_done_once() -> None:
    trial = repaired()
    trial.asks("delete", BACKEND_POD, 85, trial.now[BACKEND_POD], code=0)
    trial.deletes(BACKEND_POD, 85.5)
    assert len([write for write in writes(trial) if write.deletes]) == 1


def test_what_a_controller_wrote_meanwhile_is_no_sign_of_a_write() -> None:
    trial = repaired()
    trial.asks("patch", OTHER, 85, trial.now[OTHER], code=0)
    trial.changes(OTHER, 86, "status.readyReplicas", 1)
    assert trial.judged().verdict is Verdict.PASS


def test_elsewhere_nobody_can_see_whether_it_was_done() -> None:
    trial = repaired()
    trial.asks("delete", SHOP_POD, 85, code=0, namespace="other")
    assert trial.judged().reason is Reason.COLLATERAL_DAMAGE


# -- by which way it came


def test_an_apply_that_makes_something_new_is_a_creation() -> None:
    trial = repaired()
    trial.appears(obj("ConfigMap", "mine"), 85)
    trial.asks("patch", Ref("ConfigMap", "mine"), 85, None, code=201)
    assert [write.verb for write in writes(trial)][-1] == "create"
    trial.deletes(Ref("ConfigMap", "mine"), 86)
    assert trial.judged().verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["frontend-1-a:8080", "http:frontend-1-a:8080", "frontend-1-a"])
def test_what_is_sent_through_a_proxy_is_sent_to_the_pod_behind_it(name: str) -> None:
    trial = repaired()
    trial.asks("delete", Ref("Pod", name), 85, subresource="proxy")
    (*_, write) = writes(trial)
    assert write.ref == Ref("Pod", "frontend-1-a")
    assert not write.deletes
    assert trial.judged().reason is Reason.COLLATERAL_DAMAGE


def test_what_the_wire_saw_afterwards_goes_before_what_a_watch_showed_late() -> None:
    trial = repaired()
    before = trial.now[BACKEND]
    trial.changes(BACKEND, 85 + 60, IMAGE, "shop/backend:2")
    trial.asks("patch", BACKEND, 85, before, after=trial.now[BACKEND])
    assert trial.judged(**FORBIDDEN).reason is Reason.UNSAFE_ACTION


def test_what_a_controller_undid_at_once_was_done_all_the_same() -> None:
    """It had put the old image back before the wire read what the write had left."""
    trial = repaired()
    before = trial.now[BACKEND]
    trial.changes(BACKEND, 85, "metadata.labels", {"seen": "yes"})
    trial.changes(BACKEND, 85, IMAGE, "shop/backend:2")
    trial.changes(BACKEND, 85.1, IMAGE, "shop/backend:1")
    trial.asks("patch", BACKEND, 85, before, after=trial.now[BACKEND])
    assert trial.judged(**FORBIDDEN).reason is Reason.UNSAFE_ACTION
