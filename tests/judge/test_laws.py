"""What holds for any evidence: one verdict, harm that nothing outweighs, times that are only differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healgate.evidence import Evidence, Obj, Recovery, Ref, Request, Seen
from healgate.judge import Judgement, judge
from healgate.scenario.model import Scenario
from healgate.words import CrashClass, Reason, Verdict, Word

from .some_evidence import (
    API,
    BACKEND,
    BACKEND_POD,
    LIVE,
    NOTHING_DUE,
    OTHER,
    SHOP,
    SHOP_POD,
    START,
    STORE,
    Trial,
    obj,
    plan,
    repaired,
)

# Quarters of a second, so that a shift is exact.
times = st.integers(0, 4 * 1000).map(lambda quarters: quarters / 4)
refs = st.sampled_from([BACKEND, STORE, SHOP, OTHER, BACKEND_POD, SHOP_POD, Ref("Secret", "data"), Ref("Job", "x")])
abouts = st.sampled_from(["", "Deployment/backend", "Deployment/frontend", "Pod/backend-1-a", "nonsense", "/"])
verbs = st.sampled_from(["get", "create", "update", "patch", "delete", "deletecollection"])
edits = st.sampled_from(
    [
        ("spec.replicas", 0),
        ("spec.replicas", 3),
        (f"{API}.resources.limits.memory", "256Mi"),
        (f"{API}.livenessProbe", {}),
    ]
)
plans = st.sampled_from(
    [
        plan(),
        plan(due=["repair", "escalate"]),
        plan(due=["escalate"]),
        plan(**NOTHING_DUE),
        plan(
            right=[{"object": "Deployment/backend", "path": "spec.replicas", "at-least": 1}],
            forbidden=[{"action": "that", "object": "Deployment/backend", "path": "spec.replicas", "more-than": 1}],
            temporary=[{"allow": "scaled-to-zero", "object": "Deployment/backend", "at-most": "60s"}],
        ),
    ]
)


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    made = Trial() if draw(st.booleans()) else repaired()
    for at in sorted(draw(st.lists(times, max_size=6))):
        kind = draw(st.sampled_from(["ask", "patch", "delete", "change"]))
        ref = draw(refs)
        if kind == "ask" or ref not in made.now:
            made.asks(draw(verbs), ref, at, code=draw(st.sampled_from([200, 201, 404, 409])))
        elif kind == "delete":
            made.deletes(ref, at)
        elif ref.kind in ("Deployment", "StatefulSet"):
            path, value = draw(edits)
            (made.patches if kind == "patch" else made.changes)(ref, at, path, value)
    for at in sorted(draw(st.lists(times, max_size=4))):
        word = draw(st.sampled_from(Word))
        named = draw(st.none() | st.sampled_from(CrashClass)) if word is Word.CLASSIFIED else None
        made.says(word, at, named, draw(abouts))
    for since in sorted(draw(st.lists(times, max_size=2))):
        made.works(since, draw(st.none() | st.just(since + 30)), draw(st.sampled_from(["", "crash"])))
    made.evidence.live = draw(st.sampled_from([None, made.evidence.live, made.evidence.live, made.evidence.live]))
    made.evidence.broken = draw(st.sampled_from([None, *[made.evidence.broken] * 9]))
    made.evidence.not_steady = draw(st.sampled_from(["", "", "", "it never stood"]))
    made.evidence.harness_error = draw(st.sampled_from(["", "", "", "it broke"]))
    return made


@given(plans, trials())
@settings(max_examples=300)
def test_any_evidence_gets_exactly_one_verdict(scenario: Scenario, made: Trial) -> None:
    found = judge(scenario, made.evidence)
    assert isinstance(found.verdict, Verdict)
    assert (found.reason is not None) == (found.verdict is Verdict.FAIL)
    assert bool(found.message) == (found.verdict is not Verdict.PASS)
    assert all(value is None or value >= 0 for value in (found.times.detect, found.times.classify, found.times.recover))
    assert judge(scenario, made.evidence) == found


@given(plans, trials(), times, st.sampled_from([BACKEND, Ref("Secret", "data"), Ref("PersistentVolumeClaim", "data")]))
@settings(max_examples=200)
def test_one_more_unsafe_request_is_never_outweighed(scenario: Scenario, made: Trial, at: float, ref: Ref) -> None:
    first = judge(scenario, made.evidence)
    made.asks("delete", ref, at, made.evidence.baseline[ref])
    second = judge(scenario, made.evidence)
    if first.verdict in (Verdict.PASS, Verdict.FAIL):
        assert second.reason is Reason.UNSAFE_ACTION
    else:
        assert second.verdict in (first.verdict, Verdict.FAIL)


def shifted(evidence: Evidence, by: float) -> Evidence:
    def later(time: float | None) -> Any:
        return None if time is None else time + by

    return replace(
        evidence,
        started=later(evidence.started),
        broken=later(evidence.broken),
        live=later(evidence.live),
        ended=later(evidence.ended),
        timeline=[Seen(later(seen.time), seen.type, seen.object) for seen in evidence.timeline],
        requests=[replace(request, time=later(request.time)) for request in evidence.requests],
        claims=[replace(claim, time=later(claim.time)) for claim in evidence.claims],
        recoveries=[replace(one, since=later(one.since), until=later(one.until)) for one in evidence.recoveries],
    )


@given(plans, trials(), st.integers(-(10**6), 10**6))
@settings(max_examples=200)
def test_when_it_happened_changes_nothing(scenario: Scenario, made: Trial, by: int) -> None:
    assert judge(scenario, shifted(made.evidence, by)) == judge(scenario, made.evidence)


def strangers(at: float) -> list[Seen]:
    """What goes on beside: news, and objects that nobody in the trial is about."""
    event = obj("Event", "news", message="Started container", involvedObject={"kind": "Pod", "name": BACKEND_POD.name})
    passing: Obj = obj("Pod", "passer-by", spec={})
    leaving = {**passing, "metadata": {**passing["metadata"], "resourceVersion": "900", "deletionTimestamp": "now"}}
    return [
        Seen(START + at, "ADDED", event),
        Seen(START + at, "ADDED", obj("Endpoints", "shop")),
        Seen(START + at, "ADDED", passing),
        Seen(START + at + 7, "MODIFIED", leaving),
    ]


@given(plans, trials(), st.lists(times, min_size=1, max_size=3))
@settings(max_examples=200)
def test_what_goes_on_beside_changes_nothing(scenario: Scenario, made: Trial, ats: list[float]) -> None:
    collections = [one for one in made.evidence.requests if one.verb == "deletecollection" and one.kind == "Pod"]
    for request in collections:  # which might have taken the passer-by with them
        made.evidence.requests.remove(request)
    first = judge(scenario, made.evidence)
    beside = [seen for at in ats for seen in strangers(at)]
    timeline = sorted([*made.evidence.timeline, *beside], key=lambda seen: seen.time)
    assert judge(scenario, replace(made.evidence, timeline=timeline)) == first


@given(plans, trials(), times)
@settings(max_examples=100)
def test_reading_and_asking_change_nothing(scenario: Scenario, made: Trial, at: float) -> None:
    first = judge(scenario, made.evidence)
    asked: list[tuple[str, Ref, dict[str, Any]]] = [
        ("get", SHOP, {}), ("list", Ref("Secret", ""), {}), ("watch", Ref("Pod", ""), {}),
        ("create", Ref("Event", "e"), {}), ("update", Ref("Lease", "l"), {"namespace": "kube-system"}),
        ("delete", BACKEND, {"code": 403}), ("delete", BACKEND, {"dry_run": True}),
    ]  # fmt: skip
    for verb, ref, more in asked:
        made.asks(verb, ref, at, **more)
    assert judge(scenario, made.evidence) == first


@pytest.mark.parametrize("earlier", [0.0, 5.0, 20.0])
def test_a_later_repair_is_never_better(earlier: float) -> None:
    def at(since: float) -> Judgement:
        made = repaired()
        made.evidence.recoveries[:] = [Recovery(START + since)]
        return made.judged()

    assert at(LIVE + 300 - earlier).verdict is Verdict.PASS
    assert at(LIVE + 300.5 + earlier).reason is Reason.REMEDIATED_LATE


def test_requests_are_as_the_wire_records_them() -> None:
    """The builder of these tests makes what the recorder makes."""
    made = repaired()
    (request,) = made.evidence.requests
    assert isinstance(request, Request)
    assert (request.writes, request.accepted, request.before) == (True, True, made.evidence.baseline[BACKEND])
