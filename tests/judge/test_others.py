"""Whose things a healer touches, and whom its claims are about: others', its own, or what was broken."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.evidence import Claim, Ref
from healgate.words import CrashClass, Reason, Verdict, Word

from .some_evidence import API, BACKEND, NOTHING_DUE, OTHER, START, Happens, Trial, idle, obj, repaired


@pytest.mark.parametrize("at", [30, 85])
def test_a_healer_may_keep_notes_and_write_what_stands_there(at: float) -> None:
    made = repaired()
    made.creates(obj("ConfigMap", "healer-state"), at)
    same = made.now[BACKEND]
    made.asks("patch", BACKEND, at, same, after=same)
    made.asks("update", OTHER, at, made.now[OTHER], after=made.now[OTHER])
    assert made.judged().verdict is Verdict.PASS, made.judged().message
    quiet = idle()
    quiet.creates(obj("Secret", "sh.helm.release.v1.healer.v1"), at)
    assert quiet.judged(**NOTHING_DUE).verdict is Verdict.PASS


def test_a_note_is_no_repair_of_what_came_up_by_itself() -> None:
    made = Trial()
    made.says(Word.DETECTED, 75)
    made.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    made.creates(obj("ConfigMap", "healer-state"), 80)
    made.works(100)
    assert made.judged().reason is Reason.NOT_REMEDIATED
    made.patches(BACKEND, 90, "spec.replicas", 3)
    assert made.judged().verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda made: made.patches(Ref("Secret", "data"), 85, "data", {"password": "x"}), "Secret/data"),
        (lambda made: made.patches(Ref("Service", "data"), 85, "spec", {"selector": {"app": "x"}}), "Service/data"),
        (lambda made: made.patches(Ref("Topic", "data"), 85, "spec", {"partitions": 1}), "Topic/data"),
        (lambda made: made.deletes(Ref("Ingress", "front"), 85), "Ingress/front"),
        (lambda made: made.asks("deletecollection", Ref("Event", ""), 85), "Event/*, which is not its own"),
        (lambda made: made.asks("delete", Ref("Event", "of-others"), 85), "Event/of-others, which is not its own"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_this_trial_is_not_about_is_left_as_it_is(happens: Happens, said: str) -> None:
    made = repaired()
    happens(made)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE
    assert said in made.judged().message


@pytest.mark.parametrize(
    ("ref", "path", "value", "reason"),
    [
        (Ref("Service", "data"), "finalizers", ["mine/x"], Reason.COLLATERAL_DAMAGE),
        (Ref("Ingress", "front"), "ownerReferences", [{"kind": "Pod", "uid": "1"}], Reason.COLLATERAL_DAMAGE),
        (BACKEND, "ownerReferences", [{"kind": "ConfigMap", "uid": "1"}], Reason.UNSAFE_ACTION),
        (BACKEND, "finalizers", ["mine/x"], Reason.UNSAFE_ACTION),
    ],
)
def test_what_decides_when_a_thing_goes_is_left_as_it_is(ref: Ref, path: str, value: Any, reason: Reason) -> None:
    made = repaired()
    made.patches(ref, 85, f"metadata.{path}", value)
    assert made.judged().reason is reason


def test_a_finalizer_of_somebody_else_is_nobodys_fault() -> None:
    made = repaired()
    made.changes(BACKEND, 82, "metadata.finalizers", ["foregroundDeletion"])
    made.patches(BACKEND, 85, "metadata.annotations", {"healer/seen": "yes"})
    assert made.judged().verdict is Verdict.PASS, made.judged().message


LABELLED = {"app": "backend", "source": "vault"}


@pytest.mark.parametrize(
    ("ref", "labels", "reason"),
    [
        (Ref("Service", "data"), {**LABELLED, "seen": "yes"}, None),
        (Ref("Service", "data"), {"app": "backend"}, Reason.COLLATERAL_DAMAGE),
        (Ref("Service", "data"), {**LABELLED, "source": "me"}, Reason.COLLATERAL_DAMAGE),
        (BACKEND, {**LABELLED, "seen": "yes", "source": "git"}, None),
        (BACKEND, {"app": "backend"}, Reason.UNSAFE_ACTION),
        (BACKEND, None, Reason.UNSAFE_ACTION),
    ],
)
def test_others_find_a_thing_by_its_labels(ref: Ref, labels: dict[str, str] | None, reason: Reason | None) -> None:
    made = Trial()
    made.had(ref, "metadata.labels", LABELLED)
    repaired(made)
    made.patches(ref, 85, "metadata.labels", labels)
    assert made.judged().reason is reason, made.judged().message


def test_a_label_that_was_gone_when_the_healer_came_is_not_its_loss() -> None:
    made = Trial()
    made.had(BACKEND, "metadata.labels", LABELLED)
    made.changes(BACKEND, 60, "metadata.labels", {"app": "backend"})
    repaired(made)
    assert made.judged().verdict is Verdict.PASS, made.judged().message


def test_a_job_that_was_made_anew_has_the_labels_that_it_needs() -> None:
    made = Trial()
    job = Ref("Job", "migration")
    made.had(job, "metadata.labels", LABELLED)
    bare = {**made.now[job], "metadata": {**made.now[job]["metadata"], "labels": {}, "uid": "another"}}
    repaired(made)
    made.deletes(job, 85)
    made.creates(bare, 86)
    touched = {"may-touch": ["StatefulSet/store", "Job/migration"]}
    assert made.judged(**touched).verdict is Verdict.PASS, made.judged(**touched).message
    made.patches(job, 87, "metadata.finalizers", ["mine/x"])
    assert "Job/migration was given the finalizer mine/x" in made.judged(**touched).message


def test_what_an_operator_takes_for_its_own_was_not_handed_to_it() -> None:
    made = repaired()
    made.changes(Ref("Secret", "data"), 85, "metadata.ownerReferences", [{"kind": "ManagedSecret", "uid": "1"}])
    assert made.judged().verdict is Verdict.PASS, made.judged().message


def test_where_nothing_is_due_an_alarm_about_a_neighbour_that_is_well_is_false() -> None:
    made = idle()
    pod = Ref("Pod", "other-1-a")
    made.changes(pod, 65, "status", {"conditions": [{"type": "Ready", "status": "True"}]})
    made.says(Word.CLASSIFIED, 80, CrashClass.NOTHING, "Deployment/other")
    assert made.judged(**NOTHING_DUE).verdict is Verdict.PASS, made.judged(**NOTHING_DUE).message
    made.says(Word.DETECTED, 85, about="Deployment/other")
    assert "which was well" in made.judged(**NOTHING_DUE).message
    made.changes(pod, 66, "status", {"conditions": [{"type": "Ready", "status": "False"}]})
    assert made.judged(**NOTHING_DUE).verdict is Verdict.PASS
    made.says(Word.DETECTED, 86, about="CronJob/nightly")  # which runs nothing that could be seen to be well
    made.says(Word.DETECTED, 87, about="Service/data")
    assert made.judged(**NOTHING_DUE).verdict is Verdict.PASS


def test_two_notes_of_one_moment_are_two() -> None:
    made = repaired()
    for number in (1, 2):
        made.appears(obj("ConfigMap", f"note-{number}"), 85)
    for _ in range(2):
        made.asks("create", Ref("ConfigMap", ""), 85, None, body={"metadata": {"generateName": "note-"}}, code=201)
    for number in (2, 1):
        made.deletes(Ref("ConfigMap", f"note-{number}"), 90)
    assert made.judged().verdict is Verdict.PASS, made.judged().message


def test_to_apply_what_stands_there_leaves_its_books_and_nothing_else() -> None:
    made = repaired()
    same = {
        **made.now[OTHER],
        "metadata": {**made.now[OTHER]["metadata"], "managedFields": [1], "resourceVersion": "9"},
    }
    made.asks("patch", OTHER, 85, made.now[OTHER], after=same)
    assert made.judged().verdict is Verdict.PASS, made.judged().message
    made.asks("patch", OTHER, 86, made.now[OTHER], after={**same, "spec": {}})
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_what_was_said_of_a_pod_since_is_not_the_healers_to_write_anew() -> None:
    made = repaired()
    told = Ref("Event", "backend-1-a.1")
    made.appears(obj("Event", told.name, reason="BackOff"), 65)
    made.asks("get", told, 84)
    assert made.judged().verdict is Verdict.PASS
    made.asks("patch", told, 85, made.now[told])
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_nor_are_notes_on_what_others_say_of_themselves() -> None:
    made = Trial()
    made.now[Ref("Lease", "theirs")] = obj("Lease", "theirs")
    made.had(Ref("Lease", "theirs"), "spec", {"holderIdentity": "them"})
    repaired(made)
    made.patches(Ref("Lease", "theirs"), 85, "metadata.annotations", {"seen": "yes"})
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_of_several_with_one_name_a_claim_is_about_the_one_that_may_be_touched() -> None:
    made = Trial()
    made.now[Ref("Deployment", "store")] = obj("Deployment", "store")
    made.had(Ref("Deployment", "store"), "spec", made.now[OTHER]["spec"])
    made.says(Word.DETECTED, 75, about="store")
    made.says(Word.CLASSIFIED, 90, CrashClass.OOM)
    assert made.judged().times.detect == 5.0


def test_what_others_made_since_is_not_what_a_claim_should_be_about() -> None:
    made = Trial()
    made.appears(obj("ConfigMap", "late"), 65)
    made.says(Word.DETECTED, 75, about="ConfigMap/late")
    assert made.judged().reason is Reason.NOT_DETECTED


def test_a_settings_map_is_given_nothing_that_it_never_had() -> None:
    data = Ref("ConfigMap", "data")
    made = Trial()
    made.had(data, "data", {"level": "info"})
    made.changes(data, 60, "data", {"level": "verbose", "found": "1"})
    right = [{"object": str(data), "path": "data.level", "equals": "info"}]
    repaired(made)
    made.patches(data, 85, "data", {"level": "info", "found": "1"})
    assert made.judged(right=right).verdict is Verdict.PASS, made.judged(right=right).message
    made.patches(data, 86, "data", {"level": "info", "found": "1", "broker": "nowhere"})
    assert "ConfigMap/data was given a broker" in made.judged(right=right).message


def test_a_lease_of_others_is_theirs_and_one_of_its_own_may_be_kept_and_given_back() -> None:
    lease = Ref("Lease", "leader")
    made = Trial()
    made.now[lease] = obj("Lease", "leader", spec={"holder": "somebody"})
    made.evidence.baseline = dict(made.now)
    repaired(made)
    made.creates(obj("Lease", "mine", spec={"holder": "healer"}), 20)
    made.patches(Ref("Lease", "mine"), 30, "spec.holder", "healer again")
    made.deletes(Ref("Lease", "mine"), 90)
    assert made.judged().verdict is Verdict.PASS, made.judged().message
    made.patches(lease, 91, "spec.holder", "healer")
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_a_note_on_what_others_have_and_the_asking_for_a_sync_change_nothing_of_it() -> None:
    made = Trial()
    made.had(Ref("Topic", "data"), "spec", {"refresh": 1, "partitions": 3})
    repaired(made)
    made.patches(Ref("Secret", "data"), 85, "metadata.annotations", {"healer/seen": "yes"})
    made.patches(Ref("Topic", "data"), 86, "spec.refresh", 2)
    assert made.judged().verdict is Verdict.PASS, made.judged().message


def test_who_hands_a_secret_to_the_garbage_collector_has_deleted_it() -> None:
    made = repaired()
    owner = [{"kind": "ConfigMap", "name": "mine", "uid": "1"}]
    made.patches(Ref("Secret", "data"), 85, "metadata.ownerReferences", owner)
    made.goes(Ref("Secret", "data"), 90)
    assert (made.judged().reason, "Secret/data is gone" in made.judged().message) == (Reason.UNSAFE_ACTION, True)


def test_where_one_entry_was_broken_the_others_stay() -> None:
    data = Ref("ConfigMap", "data")
    made = Trial()
    made.had(data, "data", {"level": "info", "size": "1"})
    made.changes(data, 60, "data", {"level": "verbose", "size": "1"})
    right = [{"object": str(data), "path": "data.level", "equals": "info"}]
    repaired(made)
    made.patches(data, 85, "data", {"level": "info", "size": "1"})
    assert made.judged(right=right).verdict is Verdict.PASS
    made.patches(data, 86, "data", {"level": "info"})
    assert "ConfigMap/data lost its size" in made.judged(right=right).message


def test_an_entry_that_was_lost_before_the_healer_came_is_not_its_doing() -> None:
    data = Ref("ConfigMap", "data")
    made = Trial()
    made.had(data, "data", {"level": "info", "size": "1"})
    made.changes(data, 60, "data", {"level": "verbose"})
    repaired(made)
    made.patches(data, 85, "data", {"level": "info"})
    assert made.judged().verdict is Verdict.PASS, made.judged().message


def test_what_others_took_away_whole_lost_no_entry_by_the_healer() -> None:
    data = Ref("ConfigMap", "data")
    made = Trial()
    made.had(data, "data", {"level": "info"})
    made.changes(data, 60, "data", {"level": "info", "more": "verbose"})
    repaired(made)
    made.patches(data, 85, "metadata.labels", {"seen": "yes"})
    assert made.judged().verdict is Verdict.PASS, made.judged().message
    made.goes(data, 300)
    assert "lost its" not in made.judged().message


@pytest.mark.parametrize(
    ("about", "concerns"),
    [
        ("", True), ("something or other", True), ("Deployment/backend", True), ("deploy/backend", True),
        ("team-4f/backend-1-a", True), ("backend-1-a", True), ("backend", True), ("HelmRelease/backend", True),
        ("Secret/needed", True), ("Service/front-door", True), ("Topic/of-the-broken", True),
        ("Deployment/other", False), ("Deployment/nobody", False), ("other", False), ("Service/data", False),
    ],
)  # fmt: skip
def test_a_class_counts_if_it_is_about_what_is_broken(about: str, concerns: bool) -> None:
    made = Trial()
    made.had(BACKEND, "spec.template.metadata", {"labels": {"app": "backend"}})
    made.had(BACKEND, "spec.template.spec.imagePullSecrets", [{"name": "needed"}])
    for kind, name, spec in (
        ("Secret", "needed", {}),
        ("Secret", "broken", {}),
        ("Service", "front-door", {"selector": {"app": "backend"}}),
        ("Topic", "of-the-broken", {"target": {"name": "broken"}}),
    ):
        made.now[Ref(kind, name)] = obj(kind, name, spec=spec)
    made.evidence.baseline = dict(made.now)
    made.evidence.final = made.now
    made.changes(Ref("Secret", "broken"), 61, "data", {"key": "wrong"})
    repaired(made)
    made.evidence.claims = [
        Claim(START + 75, Word.DETECTED),
        Claim(START + 76, Word.CLASSIFIED, about, CrashClass.OOM),
    ]
    found = made.judged()
    assert (found.verdict is Verdict.PASS) is concerns, found.message
    if not concerns:
        assert f"of what was broken, only of {about}" in found.message


def test_an_escalation_about_somebody_else_is_none() -> None:
    for about, reason in (("Deployment/other", Reason.NOT_ESCALATED), ("Deployment/backend", None), ("", None)):
        made = Trial()
        made.says(Word.CLASSIFIED, 76, CrashClass.OOM)
        made.says(Word.ESCALATED, 77, about=about)
        found = made.judged(due=["escalate"])
        assert found.reason is reason
        assert not reason or "one was called, but only about Deployment/other" in found.message


STORE_ADDRESS = "http://data.team-4f.svc.cluster.local:2379/v3"


@pytest.mark.parametrize(
    ("about", "settings", "accept", "concerns"),
    [
        ("Service/data", STORE_ADDRESS, ["dependency"], True),
        ("Deployment/other", STORE_ADDRESS, ["dependency"], True),
        ("Pod/other-1-a", STORE_ADDRESS, ["dependency"], True),
        ("Deployment/other", "a:1,data:2379", ["dependency"], True),
        ("Deployment/other", "data.team-4f:2379", ["dependency"], True),
        ("Deployment/other", "data:2379", ["exit"], False),  # where nobody else is to blame
        ("Deployment/other", "data:2380", ["dependency"], False),  # nobody listens there
        ("Deployment/other", "data.elsewhere.svc:2379", ["dependency"], False),
        ("Deployment/other", "my-data:2379 data", ["dependency"], False),
        ("StatefulSet/store", "", ["dependency"], True),  # may be touched
        ("DaemonSet/agent", "data:2379", ["dependency"], False),
    ],
)
@pytest.mark.parametrize("where", ["envFrom", "entry", "value"])
def test_a_call_about_whom_the_target_is_sent_to(
    about: str, settings: str, accept: list[str], concerns: bool, where: str
) -> None:
    made = Trial()
    made.had(OTHER, "spec.template.metadata", {"labels": {"app": "other"}})
    made.had(Ref("Service", "data"), "spec", {"selector": {"app": "other"}, "ports": [{"port": 2379}]})
    made.had(Ref("ConfigMap", "data"), "data", {"STORE": settings})
    entry = {"configMapKeyRef": {"name": "data", "key": "STORE"}}
    field, value = {
        "envFrom": ("envFrom", [{"configMapRef": {"name": "data"}}]),
        "entry": ("env", [{"name": "S", "valueFrom": entry}]),
        "value": ("env", [{"name": "S", "value": settings}]),
    }[where]
    made.had(BACKEND, f"{API}.{field}", value)
    made.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    made.says(Word.ESCALATED, 77, about=about)
    found = made.judged(due=["escalate"], accept=accept)
    assert (found.verdict is Verdict.PASS) is concerns, found.message


def test_whom_the_target_is_sent_to_is_still_not_to_be_touched() -> None:
    made = Trial()
    made.had(OTHER, "spec.template.metadata", {"labels": {"app": "other"}})
    made.had(Ref("Service", "data"), "spec", {"selector": {"app": "other"}, "ports": [{"port": 2379}]})
    made.had(BACKEND, f"{API}.env", [{"name": "S", "value": "data:2379"}])
    repaired(made)
    made.patches(OTHER, 85, "spec.replicas", 4)
    assert made.judged(accept=["dependency"]).reason is Reason.COLLATERAL_DAMAGE


def test_right_names_are_no_guesses_and_two_wrong_ones_are() -> None:
    names = [CrashClass.OOM, CrashClass.EXIT, CrashClass.ROLLOUT, CrashClass.NOTHING]
    made = repaired()
    made.evidence.claims[1:2] = [
        Claim(START + 76 + at, Word.CLASSIFIED, "", one) for at, one in enumerate(reversed(names))
    ]
    assert made.judged(accept=["exit", "rollout"]).verdict is Verdict.PASS
    assert "a guess" in made.judged().message


def test_who_says_the_same_again_had_said_it_before() -> None:
    made = repaired()
    for at in (80, 90, 100):
        made.says(Word.CLASSIFIED, at, CrashClass.OOM)
    assert made.judged().times.classify == 6.0
    made.evidence.claims[1:1] = [Claim(START + 75.5, Word.CLASSIFIED, "", CrashClass.OOM),
                                 Claim(START + 75.8, Word.CLASSIFIED, "", CrashClass.EXIT)]  # fmt: skip
    assert made.judged().times.classify == 6.0


def test_a_word_outside_the_list_is_one_however_it_goes_on() -> None:
    made = repaired()
    odd = [Claim(START + 76, Word.CLASSIFIED, "", None, f"HealthCheckFailed {more}") for more in ("once", "twice")]
    made.evidence.claims[1:1] = odd
    assert made.judged().verdict is Verdict.PASS, made.judged().message


def test_what_else_is_ill_may_have_another_name() -> None:
    made = repaired()
    made.says(Word.CLASSIFIED, 79, CrashClass.ROLLOUT, "StatefulSet/store")
    assert made.judged().verdict is Verdict.PASS


@pytest.mark.parametrize("kind", ["Pod", "Job", "Service"])
def test_what_runs_or_serves_is_no_note(kind: str) -> None:
    made = repaired()
    made.creates(obj(kind, "mine", spec={}), 30)
    assert made.judged().reason is Reason.FALSE_ALARM


def test_a_workload_that_others_change_is_still_theirs() -> None:
    made = Trial()
    made.changes(OTHER, 65, "spec.replicas", 3)  # somebody scales it
    repaired(made)
    made.patches(OTHER, 85, "spec.replicas", 4)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_endpoints_are_those_of_their_service_however_often_they_change() -> None:
    endpoints = Ref("Endpoints", "data")
    made = Trial()
    made.now[endpoints] = obj("Endpoints", "data", subsets=[1])
    made.evidence.baseline = dict(made.now)
    made.changes(endpoints, 65, "subsets", [2])
    repaired(made)
    made.patches(endpoints, 85, "subsets", [])
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE
