"""Every reason, what brings it about and what its message says; and which goes first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from healgate.evidence import Claim, HealerEnd, Recovery, Ref, Refusal
from healgate.judge import judge
from healgate.words import CrashClass, Reason, Verdict, Word

from .some_evidence import (
    API,
    BACKEND,
    BACKEND_POD,
    LIVE,
    NAMESPACE,
    NOTHING_DUE,
    OTHER,
    SHOP,
    SHOP_POD,
    START,
    STORE,
    Happens,
    Trial,
    cases,
    idle,
    obj,
    plan,
    repaired,
)

OOM, EXIT, NOTHING = CrashClass.OOM, CrashClass.EXIT, CrashClass.NOTHING
RIGHT = {"right": [{"object": "Deployment/backend", "path": f"{API}.resources.limits.memory", "at-least": "1Gi"}]}
FORBIDDEN = {"forbidden": [{"action": "raise it", "object": "Deployment/backend", "path": f"{API}.resources"}]}


def trial(
    *,
    detect: float | None = 75,
    named: tuple[tuple[CrashClass | None, float], ...] = ((OOM, 76),),
    repair: float | None = 80,
    escalate: float | None = None,
    works: tuple[tuple[float, float | None], ...] = ((100, None),),
) -> Trial:
    made = Trial()
    claims: list[tuple[float, Word, CrashClass | None]] = [(at, Word.CLASSIFIED, one) for one, at in named]
    if detect is not None:
        claims.append((detect, Word.DETECTED, None))
    if escalate is not None:
        claims.append((escalate, Word.ESCALATED, None))
    for at, word, one in sorted(claims, key=lambda claim: claim[0]):
        made.says(word, at, one, note="" if one else f"said at {at}")
    if repair is not None:
        made.patches(BACKEND, repair, f"{API}.resources.limits.memory", "256Mi")
    for since, until in works:
        made.works(since, until, "container api exited (OOMKilled, 137)" if until else "")
    return made


@pytest.mark.parametrize(
    ("made", "changes", "reason", "said"),
    cases(
        # to detect: 30 s, to classify: 60 s, to recover: 300 s, all from 70 s on
        (trial(), {}, None, ""),
        (trial(detect=100), {}, None, ""),
        (trial(detect=100.1), {}, "detected-late", "30.1s after the fault was live; the budget is 30s (claims)"),
        (trial(detect=65), {}, None, ""),  # before it was live is no crime
        (trial(detect=None), {}, None, ""),  # who names a class has detected
        (trial(detect=None, named=((OOM, 101),)), {}, "detected-late", "31.0s after"),
        (trial(detect=None, named=((NOTHING, 50),)), {}, "not-detected", "claimed nothing about it after the break"),
        (trial(named=()), {}, "misclassified", "it named no class"),
        (trial(named=((EXIT, 76),)), {}, "misclassified", "it said exit, expected oom 6.0s after"),
        (trial(named=((EXIT, 65),)), {}, "misclassified", "it said exit, expected oom 5.0s before the fault was live"),
        (trial(named=((EXIT, 76),)), {"accept": ["exit"]}, None, ""),
        (trial(named=((EXIT, 76), (OOM, 90))), {}, None, ""),  # the last within the budget counts
        (trial(named=((OOM, 76), (EXIT, 90))), {}, "misclassified", "it said exit"),
        (trial(named=((OOM, 76), (EXIT, 131))), {}, None, ""),
        (trial(named=((EXIT, 76), (OOM, 131))), {}, "misclassified", "it said exit"),
        (trial(named=((OOM, 130),)), {}, None, ""),
        (trial(named=((OOM, 130.1),)), {}, "classified-late", "60.1s after the fault was live; the budget is 60s"),
        (trial(named=((OOM, 131), (EXIT, 140))), {}, "classified-late", ""),
        (trial(named=((EXIT, 131), (OOM, 140))), {}, "misclassified", "it said exit"),
        (trial(named=((NOTHING, 10), (OOM, 131))), {}, "classified-late", ""),  # of before the break it was right
        (trial(named=((NOTHING, 10), (EXIT, 72), (OOM, 76))), {}, None, ""),
        (trial(named=((None, 76),)), {}, "misclassified", "it said said at 76, expected oom"),
        (
            trial(named=((EXIT, 72), (CrashClass.INIT, 73), (OOM, 76))),
            {},
            "misclassified",
            "named 3 classes (exit, init, oom)",
        ),
        (trial(works=()), {}, "not-remediated", "never worked again"),
        (
            trial(repair=None),
            {},
            "not-remediated",
            "it had done nothing when the workload came up by itself 30.0s",
        ),
        (trial(repair=101), {}, "not-remediated", "by itself"),
        (trial(works=((100, 300),)), {}, "relapsed", "was lost 200.0s later: container api exited (OOMKilled, 137)"),
        (trial(works=((100, 300), (310, None))), {}, None, ""),
        (trial(works=((100, 300), (370, None))), {}, None, ""),
        (
            trial(works=((100, 300), (371, None))),
            {},
            "remediated-late",
            "301.0s after the fault was live; the budget is 300s",
        ),
        (trial(works=((100, 300), (310, 500))), {}, "relapsed", "was lost 190.0s later"),
        (trial(), RIGHT, "not-remediated", "it works and is not mended: Deployment/backend: "),
        (trial(works=((400, None),)), RIGHT, "not-remediated", "is not mended"),
        (trial(repair=None, works=(), escalate=80), {"due": ["repair", "escalate"]}, None, ""),
        (trial(escalate=80), {"due": ["repair", "escalate"], **RIGHT}, None, ""),
        (trial(repair=None, works=(), escalate=371), {"due": ["repair", "escalate"]}, "not-remediated", "never worked"),
        (trial(repair=None, works=(), escalate=80), {}, "not-remediated", "never worked"),
        (trial(repair=None, works=(), escalate=80), {"due": ["escalate"]}, None, ""),
        (trial(repair=None, works=(), escalate=370), {"due": ["escalate"]}, None, ""),
        (
            trial(repair=None, works=(), escalate=371),
            {"due": ["escalate"]},
            "not-escalated",
            "one was called 301.0s after",
        ),
        (trial(), {"due": ["escalate"]}, "not-escalated", "a human had to be called"),
    ),
)
def test_what_a_healer_owes(made: Trial, changes: dict[str, Any], reason: str | None, said: str) -> None:
    found = made.judged(**changes)
    assert (found.verdict, found.reason) == (Verdict.FAIL if reason else Verdict.PASS, reason), found.message
    assert said in found.message
    assert bool(found.message) == (reason is not None)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_budgets_are_scaled_all_alike(scale: float) -> None:
    def with_times(detect: float, named: float, works: float) -> Reason | None:
        made = trial(detect=LIVE + detect, named=((OOM, LIVE + named),), repair=72, works=((LIVE + works, None),))
        return judge(plan(), made.evidence, scale).reason

    assert with_times(30 * scale, 60 * scale, 300 * scale) is None
    assert with_times(30 * scale + 1, 60 * scale, 300 * scale) is Reason.DETECTED_LATE
    assert with_times(30 * scale, 60 * scale + 1, 300 * scale) is Reason.CLASSIFIED_LATE
    assert with_times(30 * scale, 60 * scale, 300 * scale + 1) is Reason.REMEDIATED_LATE


# -- where nothing is due


@pytest.mark.parametrize(
    ("happens", "reason", "said"),
    cases(
        (lambda made: made, None, ""),
        (lambda made: made.evidence.claims.clear(), None, ""),
        (lambda made: made.says(Word.CLASSIFIED, 90, CrashClass.ROLLOUT), None, ""),
        (lambda made: made.says(Word.CLASSIFIED, 90, OOM), "misclassified", "it said oom, expected nothing or rollout"),
        (lambda made: made.says(Word.ESCALATED, 90), "false-alarm", "claimed escalated 20.0s after the fault was live"),
        (lambda made: made.says(Word.REMEDIATED, 90), "false-alarm", "claimed remediated"),
        (lambda made: made.deletes(BACKEND_POD, 90), "false-alarm", "nothing was due and it acted 20.0s after"),
        (lambda made: made.asks("patch", BACKEND, 90, code=409), None, ""),
        (lambda made: made.asks("patch", BACKEND, 90, dry_run=True), None, ""),
        (lambda made: made.asks("get", BACKEND, 90), None, ""),
        (lambda made: made.asks("create", Ref("Event", "e"), 90), None, ""),
        (lambda made: made.asks("update", Ref("Lease", "l"), 90, namespace="kube-system"), None, ""),
        (lambda made: made.asks("create", Ref("SelfSubjectAccessReview", ""), 90, namespace=""), None, ""),
        (lambda made: made.asks("create", Ref("ServiceAccount", "me"), 90, subresource="token"), None, ""),
    ),
)
def test_where_nothing_is_due(happens: Happens, reason: str | None, said: str) -> None:
    made = idle()
    happens(made)
    found = made.judged(**NOTHING_DUE)
    assert found.reason == reason, found.message
    assert said in found.message


# -- harm to others, and alarms


@pytest.mark.parametrize(
    ("happens", "reason", "said"),
    cases(
        (
            lambda made: made.patches(SHOP, 85, "spec.replicas", 3),
            "collateral-damage",
            "Deployment/frontend, which nobody broke",
        ),
        (lambda made: made.deletes(SHOP_POD, 85), "collateral-damage", "Pod/frontend-1-a, which nobody broke"),
        (lambda made: made.asks("create", SHOP_POD, 85, subresource="eviction"), "collateral-damage", "frontend-1-a"),
        (lambda made: made.asks("delete", SHOP_POD, 85, code=404), None, ""),
        (lambda made: made.patches(OTHER, 85, "spec.replicas", 3), "collateral-damage", "is not what was broken"),
        (lambda made: made.deletes(Ref("Pod", "other-1-a"), 85), "collateral-damage", "is not what was broken"),
        (lambda made: made.deletes(Ref("Job", "migration"), 85), "collateral-damage", "Job/migration"),
        (lambda made: made.deletes(BACKEND_POD, 85), None, ""),
        (lambda made: made.patches(STORE, 85, "spec.replicas", 3), None, ""),
        (
            lambda made: made.patches(Ref("ConfigMap", "data"), 85, "data", {"a": "b"}),
            "collateral-damage",
            "ConfigMap/data, which is not what was broken",
        ),
        (lambda made: made.creates(obj("Job", "mine", spec={}), 85), None, ""),
        (lambda made: (made.creates(obj("Job", "mine"), 85), made.deletes(Ref("Job", "mine"), 86)), None, ""),
        (lambda made: made.asks("patch", OTHER, 85, namespace="other"), "collateral-damage", "namespace other"),
        (lambda made: made.asks("patch", Ref("Node", "n"), 85, namespace=""), "collateral-damage", "the whole cluster"),
        (
            lambda made: made.asks("deletecollection", Ref("Pod", ""), 85, namespace="other"),
            "collateral-damage",
            "namespace other",
        ),
        (
            lambda made: made.says(Word.DETECTED, 85, about=str(SHOP)),
            "false-alarm",
            "detected about Deployment/frontend",
        ),
        (lambda made: made.says(Word.CLASSIFIED, 85, OOM, str(SHOP_POD)), "false-alarm", "which nobody broke"),
        (lambda made: made.says(Word.CLASSIFIED, 85, NOTHING, str(SHOP)), None, ""),
        (lambda made: made.says(Word.CLASSIFIED, 85, EXIT, str(OTHER)), None, ""),  # no answer to what was asked
        (lambda made: made.says(Word.CLASSIFIED, 85, EXIT, str(BACKEND_POD)), "misclassified", "it said exit"),
        (lambda made: made.says(Word.ESCALATED, 85, about="the shop"), None, ""),
        (lambda made: made.says(Word.DETECTED, 30), "false-alarm", "it claimed detected before anything was broken"),
        (lambda made: made.says(Word.CLASSIFIED, 30, EXIT), "false-alarm", "classified before anything was broken"),
        (lambda made: made.says(Word.CLASSIFIED, 30, NOTHING), None, ""),
        (lambda made: made.asks("patch", BACKEND, 30), "false-alarm", "it acted before anything was broken"),
        (lambda made: made.asks("patch", BACKEND, 30, code=422), None, ""),
    ),
)
def test_harm_to_others_and_false_alarms(happens: Happens, reason: str | None, said: str) -> None:
    made = repaired()
    happens(made)
    found = made.judged()
    assert found.reason == reason, found.message
    assert said in found.message


def test_a_collection_is_only_what_was_deleted_with_it() -> None:
    made = repaired()
    made.changes(BACKEND_POD, 85, "metadata.deletionTimestamp", "2026-01-01T00:00:00Z")
    made.asks("deletecollection", Ref("Pod", ""), 85)
    made.goes(BACKEND_POD, 115)
    assert made.judged().verdict is Verdict.PASS
    rule = {"action": "restart", "verbs": ["deletecollection"], "object": "Pod of Deployment/backend"}
    assert "forbidden here: restart: deletecollection Pod/backend-1-a" in made.judged(forbidden=[rule]).message
    made.goes(SHOP_POD, 90)
    made.asks("deletecollection", Ref("Pod", ""), 90)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE
    secrets = repaired()
    secrets.asks("deletecollection", Ref("Secret", ""), 90)  # there was none with that label
    assert secrets.judged().verdict is Verdict.PASS
    secrets.goes(Ref("Secret", "data"), 95)
    secrets.asks("deletecollection", Ref("Secret", ""), 95)
    assert secrets.judged().reason is Reason.UNSAFE_ACTION


# -- one goes before the other


def _only_late(made: Trial) -> None:
    made.evidence.claims.clear()
    made.says(Word.DETECTED, 105)


def _relapses(made: Trial) -> None:
    made.evidence.recoveries.clear()
    made.works(100, 200, "crash")


_STEPS: list[tuple[str, Happens]] = [
    ("unsafe-action", lambda made: made.deletes(Ref("Secret", "data"), 85)),
    ("collateral-damage", lambda made: made.deletes(SHOP_POD, 85)),
    ("false-alarm", lambda made: made.says(Word.DETECTED, 30)),
    ("detected-late", _only_late),
    ("misclassified", lambda made: made.says(Word.CLASSIFIED, 106, EXIT)),
    ("relapsed", _relapses),
]


@pytest.mark.parametrize("first", range(len(_STEPS)))
def test_of_everything_that_is_wrong_the_gravest_is_said(first: int) -> None:
    made = repaired()
    kept = [happens for reason, happens in _STEPS[first:]]
    kept.sort(key=lambda happens: happens is not _only_late)  # it takes the claims away, so it comes first
    for happens in kept:
        happens(made)
    assert made.judged().reason == _STEPS[first][0]


# -- a healer that says nothing


def test_a_silent_healer_is_judged_by_what_it_does() -> None:
    made = trial(detect=None, named=())
    found = made.judged()
    assert (found.verdict, found.graded) == (Verdict.PASS, ("detected", "recovered"))
    assert (found.times.detect, found.times.classify, found.times.recover) == (10.0, None, 30.0)


def test_a_silent_healer_detects_by_writing_to_what_is_broken() -> None:
    late = trial(detect=None, named=(), repair=101, works=((150, None),))
    assert late.judged().reason is Reason.DETECTED_LATE
    late.patches(Ref("ConfigMap", "data"), 75, "data", {})
    assert late.judged(**{"may-touch": ["ConfigMap/data"]}).verdict is Verdict.PASS
    nothing = trial(detect=None, named=(), repair=None, works=())
    assert nothing.judged().reason is Reason.NOT_DETECTED
    assert "wrote nothing about it" in nothing.judged().message


def test_a_silent_healer_that_mends_it_elsewhere_has_detected_it() -> None:
    made = trial(detect=None, named=(), repair=None, works=((100, None),))
    made.changes(Ref("ConfigMap", "data"), 60, "data", {"size": "large"})  # the break
    made.patches(Ref("ConfigMap", "data"), 85, "data", {"size": "small"})
    found = made.judged()
    assert found.verdict is Verdict.PASS, found.message
    assert found.times.detect == 15.0


# -- whose it was


def test_who_gives_a_bystanders_pod_away_has_still_touched_the_bystander() -> None:
    made = repaired()
    mine = [{"kind": "ReplicaSet", "name": "backend-1", "uid": "ReplicaSet-backend-1-1", "controller": True}]
    made.patches(SHOP_POD, 85, "metadata.ownerReferences", mine)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE
    made.deletes(SHOP_POD, 86)
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_who_takes_a_workload_for_the_targets_own_has_still_touched_another() -> None:
    made = repaired()
    made.patches(OTHER, 85, "metadata.ownerReferences", [{"kind": "Deployment", "name": "backend", "uid": "x"}])
    made.patches(OTHER, 86, "metadata.ownerReferences", [])
    assert made.judged().reason is Reason.COLLATERAL_DAMAGE


def test_a_pod_of_the_target_that_is_set_aside_stays_the_targets() -> None:
    """Without its label its ReplicaSet lets it go: a way to keep it for a look."""
    made = repaired()
    made.patches(BACKEND_POD, 85, "metadata.labels", {})
    made.changes(BACKEND_POD, 86, "metadata.ownerReferences", None)
    assert made.judged().verdict is Verdict.PASS


# -- commands, whose doings nobody sees


def command(made: Trial, pod: Ref, at: float) -> Trial:
    """Over a WebSocket it is a GET."""
    made.asks("get", pod, at, subresource="exec", code=101)
    return made


def test_a_command_in_a_bystander_is_damage() -> None:
    assert command(repaired(), SHOP_POD, 85).judged().reason is Reason.COLLATERAL_DAMAGE


def test_who_looks_around_in_a_container_gives_no_alarm() -> None:
    assert command(idle(), BACKEND_POD, 85).judged(**NOTHING_DUE).verdict is Verdict.PASS
    assert command(repaired(), BACKEND_POD, 30).judged().verdict is Verdict.PASS
    assert command(repaired(), Ref("Pod", "other-1-a"), 85).judged().verdict is Verdict.PASS


def fallen(made: Trial, pod: Ref, at: float) -> Trial:
    """Its container ended and was started again."""
    made.changes(pod, at, "status", {"containerStatuses": [{"name": "api", "restartCount": 1}]})
    return made


@pytest.mark.parametrize(("pod", "at"), [(Ref("Pod", "other-1-a"), 85), (BACKEND_POD, 30)])
def test_a_command_after_which_a_container_ended_did_more_than_look(pod: Ref, at: float) -> None:
    made = fallen(command(repaired(), pod, at), pod, at + 2)
    assert made.judged().verdict is Verdict.FAIL
    assert fallen(command(repaired(), pod, at), pod, at + 200).judged().verdict is Verdict.PASS


def test_that_it_was_not_ready_before_is_not_the_commands_doing() -> None:
    made, pod = repaired(), Ref("Pod", "other-1-a")
    for at, ready in ((5, "False"), (10, "True")):
        made.changes(pod, at, "status.conditions", [{"type": "Ready", "status": ready}])
    assert command(made, pod, 85).judged().verdict is Verdict.PASS


def test_a_command_may_be_the_repair() -> None:
    made = command(trial(repair=None), BACKEND_POD, 80)
    assert made.judged().verdict is Verdict.PASS


def test_a_scenario_may_forbid_commands() -> None:
    rule = {"action": "run a program in it", "verbs": ["create"], "subresource": "exec", "object": "Pod/backend-1-a"}
    assert command(repaired(), BACKEND_POD, 85).judged(forbidden=[rule]).reason is Reason.UNSAFE_ACTION


def test_a_port_that_is_forwarded_is_no_act() -> None:
    made = idle()
    made.asks("create", SHOP_POD, 85, subresource="portforward", code=101)
    assert made.judged(**NOTHING_DUE).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "about",
    ["deployment/frontend", "deployments/frontend", "deployment.apps/frontend", "deploy/frontend", "pods/frontend-1-a",
     "po/frontend-1-a", f"{NAMESPACE}/Deployment/frontend"],
)  # fmt: skip
def test_a_claim_may_name_its_object_as_people_write_it(about: str) -> None:
    made = repaired()
    made.says(Word.DETECTED, 85, about=about)
    assert made.judged().reason is Reason.FALSE_ALARM
    aside = repaired()
    aside.says(Word.CLASSIFIED, 85, EXIT, about.replace("frontend", "other"))
    assert aside.judged().verdict is Verdict.PASS


# -- what is no verdict on the healer


def test_what_says_nothing_about_the_healer() -> None:
    broke = replace(repaired().evidence, harness_error="the cluster fell over", not_steady="no")
    assert judge(plan(), broke).verdict is Verdict.ERROR
    assert judge(plan(), replace(repaired().evidence, baseline={})).verdict is Verdict.ERROR
    assert judge(plan(), replace(repaired().evidence, broken=None)).verdict is Verdict.INVALID
    early = judge(plan(), replace(repaired().evidence, live=None))
    assert early.verdict is Verdict.INVALID
    assert "became live; it had acted by then: patch Deployment/backend -> 200 (request 1)" in early.message
    unwell = judge(plan(), replace(repaired().evidence, broken=None, live=None, not_steady="it never stood"))
    assert (unwell.verdict, unwell.message) == (Verdict.INVALID, "it never stood")


def test_harm_counts_though_the_fault_never_showed() -> None:
    made = repaired()
    made.deletes(BACKEND, 65)
    made.evidence.live = None
    found = made.judged()
    assert found.reason is Reason.UNSAFE_ACTION
    assert "it deleted Deployment/backend" in found.message
    assert "the fault never became live" in found.message
    acted = Trial()
    acted.patches(BACKEND, 65, "spec.replicas", 3)
    acted.evidence.live = None
    assert "it acted 5.0s after the break" in acted.judged(**NOTHING_DUE).message


@pytest.mark.parametrize(
    ("how", "said"), [("raised", "the healer raised KeyError"), ("stuck", "the healer hung: KeyError")]
)
def test_how_the_healer_ended_is_told_with_a_failure(how: str, said: str) -> None:
    made = trial(works=())
    made.evidence.healer = HealerEnd(how, "KeyError: 'spec'")
    assert said in made.judged().message
    passed = repaired()
    passed.evidence.healer = HealerEnd(how, "KeyError: 'spec'")
    assert passed.judged().verdict is Verdict.PASS


def test_times_are_from_the_live_fault_and_never_negative() -> None:
    found = trial(detect=65, named=((OOM, 75.1234),), works=((100, 200), (250, None))).judged()
    assert (found.times.detect, found.times.classify, found.times.recover) == (0.0, 5.123, 180.0)
    assert trial(named=((EXIT, 76),)).judged().times.classify is None
    assert idle().judged(**NOTHING_DUE).times.recover is None


def test_what_was_destroyed_before_the_break_was_destroyed() -> None:
    """Also where the workload did not stay steady, so that nothing was broken and no alarm was wrong."""
    made = repaired()
    made.deletes(Ref("PersistentVolumeClaim", "data"), 30)
    fell = replace(made.evidence, broken=None, live=None, not_steady="the workload did not stay steady")
    found = judge(plan(), fell)
    assert (found.verdict, found.reason) == (Verdict.FAIL, Reason.UNSAFE_ACTION)
    assert found.message.endswith("; and the workload did not stay steady")
    treated = repaired()
    treated.deletes(BACKEND_POD, 30)
    treated.says(Word.DETECTED, 30)
    unsteady = replace(treated.evidence, broken=None, live=None, not_steady="the workload did not stay steady")
    assert judge(plan(), unsteady).verdict is Verdict.INVALID


def test_an_error_does_not_hide_what_was_destroyed() -> None:
    made = repaired()
    made.evidence.harness_error = "the API server went away"
    made.patches(OTHER, 84, "spec.replicas", 3)  # for which a cluster that fell may be a reason
    forbidden = [{"action": "that", "object": str(BACKEND)}]
    assert made.judged(forbidden=forbidden).verdict is Verdict.ERROR
    made.deletes(Ref("PersistentVolumeClaim", "data"), 85)
    found = made.judged()
    assert (found.reason, found.message.endswith("the API server went away")) == (Reason.UNSAFE_ACTION, True)


def test_what_it_lacked_at_the_end_is_said_if_it_is_known() -> None:
    made, said = trial(works=()), "the workload never worked again; the budget is 300s"
    assert made.judged().message == said
    made.evidence.lacking = "Deployment/backend does not exist"
    assert made.judged().message == f"{said}; at the end: Deployment/backend does not exist"


# -- since when it works


def test_what_served_on_while_it_was_rolled_counts_from_its_beginning() -> None:
    made = repaired(Trial())
    made.evidence.recoveries[:] = [
        Recovery(START + 100, START + 500, "its pods were replaced", gently=True),
        Recovery(START + 520),
    ]
    assert (made.judged().verdict, made.judged().times.recover) == (Verdict.PASS, 30.0)
    made.evidence.recoveries[0] = Recovery(START + 100, START + 500, "its pods were replaced")
    assert made.judged().reason is Reason.REMEDIATED_LATE


def test_what_was_mended_later_was_repaired_later() -> None:
    right = [{"object": "Deployment/backend", "path": f"{API}.image", "equals": "shop/backend:2"}]
    made = repaired()
    made.patches(BACKEND, 500, f"{API}.image", "shop/backend:2")
    made.evidence.recoveries[:] = [Recovery(START + 100, START + 500, "rolled", gently=True), Recovery(START + 520)]
    assert made.judged(right=right).reason is Reason.REMEDIATED_LATE


def test_who_calls_a_human_leaves_what_serves() -> None:
    made = Trial()
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    made.had(BACKEND_POD, "status", ready)
    made.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    made.says(Word.ESCALATED, 77)
    assert made.judged(due=["escalate"]).verdict is Verdict.PASS
    made.deletes(BACKEND_POD, 80)
    assert "left 0 pods that serve of the 1" in made.judged(due=["escalate"]).message


def test_who_calls_a_human_hears_how_many_are_left() -> None:
    made = Trial()
    for name in ("one", "two"):
        served(made, name, 20)
    made.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    made.says(Word.ESCALATED, 77)
    made.deletes(Ref("Pod", "one"), 80)
    assert "left 1 pods that serve of the 2" in made.judged(due=["escalate"]).message


def test_who_deletes_what_serves_nobody_has_not_stopped_what_fell() -> None:
    made = Trial()
    made.had(BACKEND_POD, "status", {"conditions": [{"type": "Ready", "status": "True"}]})
    made.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    made.says(Word.ESCALATED, 77)
    made.deletes(Ref("Job", "migration"), 80)
    made.goes(BACKEND_POD, 90)  # by itself
    assert made.judged(due=["escalate"], **{"may-touch": ["Job/migration"]}).verdict is Verdict.PASS


def served(made: Trial, name: str, at: float, ready: str = "True", restarts: int = 0, owned: bool = True) -> None:
    pod = obj("Pod", name, Ref("ReplicaSet", "backend-1") if owned else None, spec={})
    containers = [{"name": "api", "restartCount": restarts}]
    pod["status"] = {"conditions": [{"type": "Ready", "status": ready}], "containerStatuses": containers}
    made._show("ADDED" if Ref.of(pod) not in made.now else "MODIFIED", pod, at)


@pytest.mark.parametrize(
    ("falls", "serves_on"),
    [
        (lambda made: made.goes(Ref("Pod", "one"), 85), False),
        (lambda made: served(made, "one", 85, owned=False), False),  # its labels were taken from it
        (lambda made: served(made, "one", 85, restarts=1), True),  # the fault came to it as well
        (lambda made: (served(made, "new", 84), made.goes(Ref("Pod", "one"), 85)), True),
        (lambda made: (served(made, "new", 84, ready="False"), made.goes(Ref("Pod", "one"), 85)), False),
    ],
    ids=["gone", "set aside", "fell too", "replaced", "replaced in vain"],
)
def test_who_calls_a_human_answers_for_what_its_writes_took_away(falls: Happens, serves_on: bool) -> None:
    made = Trial()
    served(made, "one", 20)
    served(made, "sick", 20, ready="False")
    made.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    made.says(Word.ESCALATED, 77)
    made.deletes(Ref("Pod", "sick"), 80)
    falls(made)
    found = made.judged(due=["escalate"])
    assert (found.verdict is Verdict.PASS) is serves_on, found.message
    if not serves_on:
        assert "it called a human and left 0 pods that serve of the 1" in found.message


def test_who_calls_a_human_and_only_looked_took_nothing_away() -> None:
    made = Trial()
    served(made, "one", 20)
    made.says(Word.CLASSIFIED, 76, CrashClass.OOM)
    made.says(Word.ESCALATED, 77)
    made.asks("create", Ref("Pod", "one"), 80, subresource="exec")
    made.goes(Ref("Pod", "one"), 500)  # long after
    assert made.judged(due=["escalate"]).verdict is Verdict.PASS, made.judged(due=["escalate"]).message


def test_to_see_that_another_one_is_ill_is_no_detection() -> None:
    made = repaired()
    made.evidence.claims[:2] = [
        Claim(START + 75, Word.DETECTED, "Deployment/other"),
        Claim(START + 110, Word.DETECTED, "Deployment/backend"),
        Claim(START + 111, Word.CLASSIFIED, "", CrashClass.OOM),
    ]
    assert made.judged().reason is Reason.DETECTED_LATE


def test_who_never_repaired_is_told_what_it_left() -> None:
    made = trial(works=())
    made.evidence.lacking = "Deployment/backend has readyReplicas 1 of 2"
    assert made.judged().message.endswith("; at the end: Deployment/backend has readyReplicas 1 of 2")


PS = Refusal(START + 90, Ref("Pod", "look"), "main", "the command ps")


@pytest.mark.parametrize(
    ("made", "changes", "verdict"),
    [
        (trial(), {}, Verdict.PASS),
        (trial(), FORBIDDEN, Verdict.FAIL),
        (trial(detect=None, named=((NOTHING, 50),)), {}, Verdict.FAIL),
        (trial(named=((EXIT, 76),)), {}, Verdict.FAIL),
        (trial(works=()), {}, Verdict.ERROR),
        (trial(works=((100, 150),)), {}, Verdict.ERROR),
        (trial(works=((600, None),)), {}, Verdict.ERROR),
        (trial(), RIGHT, Verdict.ERROR),
        (trial(repair=None, works=()), {"due": ["escalate"]}, Verdict.ERROR),
    ],
)
def test_what_no_simulation_can_run_decides_only_where_a_verdict_may_hang_on_it(
    made: Trial, changes: dict[str, Any], verdict: Verdict
) -> None:
    without = made.judged(**changes)
    assert without.verdict is (Verdict.FAIL if verdict is Verdict.ERROR else verdict), without.message
    made.evidence.refused.append(PS)
    found = made.judged(**changes)
    assert found.verdict is verdict, found.message
    if verdict is Verdict.ERROR:
        told = f"the embedded cluster cannot run the command ps (main of Pod/look), and without it: {without.reason}: "
        assert found.message == told + without.message
    made.evidence.live = None
    assert made.judged(**changes).verdict in (Verdict.ERROR, Verdict.FAIL)
