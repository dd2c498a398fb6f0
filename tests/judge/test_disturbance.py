"""A bystander that fell ill by itself: no fault of the healer, and nothing that a trial could show."""

from __future__ import annotations

import pytest

from healgate.evidence import Ref
from healgate.words import CrashClass, Reason, Verdict, Word

from .some_evidence import (
    API,
    BACKEND,
    BACKEND_POD,
    NOTHING_DUE,
    OTHER,
    SHOP,
    SHOP_POD,
    Happens,
    Trial,
    idle,
    obj,
    repaired,
)


def ready(made: Trial, at: float, status: str, pod: Ref = SHOP_POD) -> None:
    made.changes(pod, at, "status.conditions", [{"type": "Ready", "status": status}])


def ill(made: Trial, since: float = 82, until: float | None = None) -> Trial:
    ready(made, 5, "False")
    ready(made, 10, "True")
    ready(made, since, "False")
    if until is not None:
        ready(made, until, "True")
    return made


def test_treating_it_makes_the_trial_invalid() -> None:
    made = ill(repaired())
    made.deletes(SHOP_POD, 85)
    found = made.judged()
    assert found.verdict is Verdict.INVALID
    assert found.message == (
        "Pod/frontend-1-a fell ill 12.0s after the fault was live and nothing was done to it: "
        "the cluster may be too busy"
    )


def test_so_does_an_alarm_about_it() -> None:
    made = ill(repaired())
    made.says(Word.DETECTED, 85, about=str(SHOP))
    assert made.judged().verdict is Verdict.INVALID
    quiet = ill(idle())
    quiet.says(Word.ESCALATED, 85, about=str(SHOP))
    assert quiet.judged(**NOTHING_DUE).verdict is Verdict.INVALID


def test_nobody_who_left_it_alone_is_concerned() -> None:
    assert ill(repaired()).judged().verdict is Verdict.PASS


def test_an_alarm_before_it_fell_ill_was_about_nothing() -> None:
    made = ill(repaired(), since=90)
    made.says(Word.DETECTED, 85, about=str(SHOP))
    assert made.judged().reason is Reason.FALSE_ALARM


def test_to_say_that_it_is_nothing_is_no_alarm() -> None:
    made = ill(repaired())
    made.says(Word.CLASSIFIED, 85, CrashClass.NOTHING, str(SHOP))
    assert made.judged().verdict is Verdict.PASS


def test_it_was_well_again_long_before() -> None:
    made = ill(repaired(), since=82, until=84)
    made.deletes(SHOP_POD, 100)
    assert made.judged().verdict is Verdict.INVALID
    late = ill(repaired(), since=82, until=84)
    late.deletes(SHOP_POD, 200)
    assert late.judged().reason is Reason.COLLATERAL_DAMAGE


def test_a_pod_on_its_way_up_is_not_ill() -> None:
    made = repaired()
    ready(made, 5, "False")
    made.deletes(SHOP_POD, 85)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_a_pod_that_was_seen_from_its_birth_on_was_not_ready_at_first() -> None:
    """Its state in the baseline, taken when all had started, is no earlier one."""
    made = repaired()
    born = dict(made.now[SHOP_POD])
    made.appears(born, 1)
    ready(made, 40, "True")
    made.evidence.baseline = dict(made.now)
    made.deletes(SHOP_POD, 85)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_who_made_it_ill_is_not_excused() -> None:
    made = repaired()
    made.patches(SHOP, 81, "spec.replicas", 3)
    ill(made)
    made.deletes(SHOP_POD, 85)
    assert "Deployment/frontend, which nobody broke" in made.judged().message


def test_who_changed_what_it_reads_may_have_made_it_ill() -> None:
    made = repaired()
    source = {"configMapRef": {"name": "data"}}
    made.now[SHOP_POD]["spec"]["containers"][0]["envFrom"] = [source]
    made.patches(Ref("ConfigMap", "data"), 81, "data", {"a": "b"})
    ill(made)
    made.deletes(SHOP_POD, 85)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


@pytest.mark.parametrize(
    ("ref", "path"), [(Ref("ConfigMap", "data"), "data"), (BACKEND, "spec.revisionHistoryLimit")], ids=str
)
def test_who_changed_what_it_does_not_read_cannot_have(ref: Ref, path: str) -> None:
    made = repaired()
    made.patches(ref, 81, path, {"a": "b"})
    ill(made)
    made.deletes(SHOP_POD, 85)
    touched = {"may-touch": ["StatefulSet/store", "ConfigMap/data"]}
    assert made.judged(**touched).verdict is Verdict.INVALID


def test_who_wrote_down_its_notes_cannot_have_either() -> None:
    made = repaired()
    made.creates(obj("ConfigMap", "notes", data={"seen": "1"}), 81)
    ill(made)
    made.deletes(SHOP_POD, 85)
    assert made.judged().verdict is Verdict.INVALID, made.judged().message


@pytest.mark.parametrize("what", ["more replicas", "a new Job", "another Service"])
def test_who_changed_what_all_share_may_have_made_it_ill(what: str) -> None:
    made = repaired()
    if what == "a new Job":
        made.creates(obj("Job", "load", spec={}), 81)
    elif what == "another Service":
        made.patches(Ref("Service", "data"), 81, "spec", {"selector": {}})
    else:
        made.patches(BACKEND, 81, "spec.replicas", 50)
    ill(made)
    made.deletes(SHOP_POD, 85)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_only_a_treatment_is_excused() -> None:
    looked, restarted, scaled, changed, deleted = (ill(repaired()) for _ in range(5))
    looked.asks("get", SHOP_POD, 85, subresource="exec", code=101)
    assert looked.judged().verdict is Verdict.INVALID
    restarted.patches(SHOP, 85, "spec.template.metadata", {"annotations": {"restartedAt": "now"}})
    assert restarted.judged().verdict is Verdict.INVALID
    scaled.patches(SHOP, 85, "spec.replicas", 0)
    assert scaled.judged().reason is Reason.COLLATERAL_DAMAGE
    changed.patches(SHOP, 85, "spec.template.spec.nodeName", "elsewhere")
    assert changed.judged().reason is Reason.COLLATERAL_DAMAGE
    deleted.deletes(SHOP, 85)
    assert deleted.judged().reason is Reason.UNSAFE_ACTION


def test_who_was_ill_when_it_was_replaced_long_ago_is_not_ill_for_ever() -> None:
    made = ill(repaired(), since=20)
    made.goes(SHOP_POD, 22)
    made.appears(obj("Pod", "frontend-1-b", Ref("ReplicaSet", "frontend-1")), 23)
    made.deletes(Ref("Pod", "frontend-1-b"), 85)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_its_successor_of_the_same_name_is_on_its_way_up() -> None:
    made = repaired()
    ready(made, 10, "True")
    made.goes(SHOP_POD, 80)
    made.appears(obj("Pod", SHOP_POD.name, Ref("ReplicaSet", "frontend-1")), 81)
    ready(made, 82, "False")
    made.deletes(SHOP_POD, 85)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_other_harm_still_counts() -> None:
    made = ill(repaired())
    made.deletes(SHOP_POD, 85)
    made.patches(OTHER, 86, "spec.replicas", 3)
    found = made.judged()
    assert (found.verdict, found.reason) == (Verdict.FAIL, Reason.COLLATERAL_DAMAGE)
    assert "Deployment/other" in found.message
    assert "frontend-1-a" in found.message


OTHER_POD = Ref("Pod", "other-1-a")


def fallen(made: Trial, since: float = 84) -> Trial:
    """A neighbour, which stands beside the broken workload as the bystander does, and may suffer with it."""
    ready(made, 11, "True", OTHER_POD)
    ready(made, since, "False", OTHER_POD)
    return made


def test_on_a_node_that_is_too_busy_for_a_bystander_a_neighbour_may_be_treated() -> None:
    """Seen on kind when the machine had a fifth of its processors: a right healer had done collateral damage."""
    made = fallen(ill(repaired()))
    made.deletes(OTHER_POD, 90)
    found = made.judged()
    assert found.verdict is Verdict.INVALID, found.message
    assert found.message.startswith("Pod/other-1-a fell ill 14.0s after the fault was live")
    brief = fallen(ill(repaired(), since=82, until=84))
    brief.deletes(OTHER_POD, 300)  # long after the bystander was well again
    assert brief.judged().verdict is Verdict.INVALID


def test_a_neighbours_illness_alone_says_nothing_of_the_node() -> None:
    made = fallen(repaired())
    made.deletes(OTHER_POD, 90)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_nor_may_a_neighbour_be_treated_that_is_well() -> None:
    made = fallen(ill(repaired()), since=500)
    made.deletes(OTHER_POD, 90)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_who_may_have_made_the_bystander_ill_is_not_excused() -> None:
    made = fallen(ill(repaired(), since=88), since=89)
    made.patches(Ref("Service", "data"), 85, "spec", {"selector": {"app": "x"}})
    made.deletes(OTHER_POD, 95)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_what_is_no_treatment_is_not_excused_either() -> None:
    made = fallen(ill(repaired()))
    made.patches(OTHER, 90, "spec.replicas", 5)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


# -- a target on such a node may have shown two faults


def wrong_class(made: Trial) -> None:
    made.says(Word.DETECTED, 75)
    made.says(Word.CLASSIFIED, 76, CrashClass.FAILING_PROBE)


def undone_rollout(made: Trial) -> None:
    repaired(made)
    made.patches(BACKEND, 90, f"{API}.image", "shop/backend:0")


def lost_again(made: Trial) -> None:
    repaired(made)
    made.evidence.recoveries.clear()
    made.works(100, 150, "container api ended")


def late(made: Trial) -> None:
    repaired(made)
    made.evidence.recoveries.clear()
    made.works(1900)


RULED_OUT = {"forbidden": [{"action": "undo the rollout", "object": "Deployment/backend", "path": f"{API}.image"}]}


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        (wrong_class, Reason.MISCLASSIFIED),
        (undone_rollout, Reason.UNSAFE_ACTION),
        (lost_again, Reason.RELAPSED),
        (late, Reason.REMEDIATED_LATE),
    ],
)
def test_what_a_busy_node_may_explain_fails_nobody(done: Happens, reason: Reason) -> None:
    """Seen on kind: pods of a rollout did not come up for minutes, and a right healer undid it."""
    made = ill(Trial())
    done(made)
    found = made.judged(**RULED_OUT)
    assert found.verdict is Verdict.INVALID, found.message
    assert found.message.startswith("Pod/frontend-1-a fell ill 12.0s after the fault was live")
    assert f"without that: {reason}: " in found.message
    sound = Trial()
    done(sound)
    assert sound.judged(**RULED_OUT).reason is reason


def test_an_alarm_where_nothing_is_due_is_explained_as_well() -> None:
    made = ill(idle())
    made.deletes(BACKEND_POD, 90)
    assert made.judged(**NOTHING_DUE).verdict is Verdict.INVALID


def test_silence_is_not() -> None:
    assert ill(Trial()).judged().reason is Reason.NOT_DETECTED


def test_nor_is_harm_that_no_node_calls_for() -> None:
    def deleted_data(made: Trial) -> None:
        made.deletes(Ref("ConfigMap", "data"), 90)

    def lost_its_probe(made: Trial) -> None:
        made.patches(BACKEND, 90, f"{API}.readinessProbe", None)

    def touched_another(made: Trial) -> None:
        made.patches(OTHER, 90, "spec.replicas", 5)

    def acted_too_early(made: Trial) -> None:
        made.patches(BACKEND, 20, "spec.revisionHistoryLimit", 3)

    expected = {
        deleted_data: Reason.UNSAFE_ACTION,
        lost_its_probe: Reason.UNSAFE_ACTION,
        touched_another: Reason.COLLATERAL_DAMAGE,
        acted_too_early: Reason.FALSE_ALARM,
    }
    for happens, reason in expected.items():
        made = Trial()
        happens(made)
        assert ill(made, since=95).judged().reason is reason, happens


def test_who_treats_an_ill_bystander_may_have_seen_two_faults_of_the_target() -> None:
    made = ill(Trial())
    undone_rollout(made)
    made.deletes(SHOP_POD, 95)
    assert made.judged(**RULED_OUT).verdict is Verdict.INVALID


def test_a_bystander_that_was_ill_before_the_break_says_nothing_of_what_came_later() -> None:
    made = ill(Trial(), since=20, until=30)
    wrong_class(made)
    assert made.judged().reason is Reason.MISCLASSIFIED


def test_nor_does_one_that_the_healer_may_have_made_ill() -> None:
    made = Trial()
    made.patches(BACKEND, 72, "spec.replicas", 50)
    ill(made)
    wrong_class(made)
    assert made.judged().reason is Reason.MISCLASSIFIED
