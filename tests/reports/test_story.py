"""The evidence file: what is told, how shortly, and that it is the same every time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from healgate.evidence import Evidence, Obj, Ref, Request
from healgate.reports import story, told

from . import made_up


def tell(evidence: Evidence) -> story.Story:
    return story.tell(evidence, made_up.plan(), made_up.row(), 2.0)


def test_the_same_evidence_is_told_in_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        story.write(tmp_path / name, tell(made_up.evidence(polls=5)))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert story.read(tmp_path / "one") == json.loads(json.dumps(tell(made_up.evidence(polls=5))))


def test_half_a_character_in_a_note_is_named(tmp_path: Path) -> None:
    evidence = made_up.evidence()
    evidence.claims.append(replace(evidence.claims[0], note="\ud83d"))
    story.write(tmp_path / "one", tell(evidence))
    read = story.read(tmp_path / "one")
    assert read["claims"][-1]["note"] == "\\ud83d"
    told.requests(read).encode()


def test_times_are_seconds_since_the_trial_began() -> None:
    marks = tell(made_up.evidence())["marks"]
    assert marks == {"started": 0.0, "broken": 60.0, "live": 75.4, "ended": 720.0}


def test_budgets_are_those_that_were_applied() -> None:
    assert tell(made_up.evidence())["budgets"] == {"detect": 60.0, "classify": 120.0, "recover": 360.0}


def test_containers_go_from_state_to_state() -> None:
    steps = [
        (step["t"], step["state"], step.get("reason"), step.get("exit"), step["restarts"])
        for step in tell(made_up.evidence())["containers"]
        if step["pod"] == made_up.NEW
    ]
    assert steps[3:7] == [
        (74.0, "terminated", "OOMKilled", 137, 0),
        (75.4, "running", None, None, 1),
        (86.0, "terminated", "OOMKilled", 137, 1),
        (87.0, "waiting", "CrashLoopBackOff", None, 1),
    ]


def test_a_change_that_no_container_shows_is_not_told_again() -> None:
    evidence = made_up.evidence()
    evidence.timeline.append(replace(evidence.timeline[-1], time=made_up.BEGAN + 300))
    assert tell(evidence)["containers"] == tell(made_up.evidence())["containers"]


def test_polling_is_told_once_between_two_writes() -> None:
    requests = tell(made_up.evidence(polls=300))["requests"]
    reads = [request for request in requests if request["verb"] == "list"]
    assert [(read["n"], read["times"], read["until"]) for read in reads] == [(1, 300, 359.0)]
    assert [request["n"] for request in requests if request.get("writes")] == [301, 302]


def test_reads_after_a_write_are_told_again() -> None:
    evidence = made_up.evidence(polls=2)
    evidence.requests.append(evidence.requests[0])
    assert [request["verb"] for request in tell(evidence)["requests"]] == ["list", "patch", "delete", "list"]


def test_manifests_are_compared_without_noise() -> None:
    changes = tell(made_up.evidence())["changes"]
    assert list(changes) == ["Deployment/backend"]
    changed = [line for line in changes["Deployment/backend"].splitlines() if line[0] in "+-"]
    assert [" ".join(line.split()) for line in changed] == [
        "--- Deployment/backend before",
        "+++ Deployment/backend after",
        "- memory: 128Mi",
        "+ memory: 256Mi",
    ]


def test_an_object_that_is_gone_is_told_whole() -> None:
    evidence = made_up.evidence()
    evidence.final = {}
    assert "-kind: Deployment" in tell(evidence)["changes"]["Deployment/backend"]


def secret(value: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": value}}


def test_no_secret_ends_in_a_report() -> None:
    evidence = made_up.evidence()
    ref = Ref("Secret", "db")
    evidence.baseline = {ref: secret("aHVudGVyMg==")}
    evidence.final = {ref: secret("c3dvcmRmaXNo")}
    patch = {"stringData": {"password": "swordfish"}}
    evidence.requests.append(
        Request(made_up.BEGAN + 80, "healer", "PATCH", "/api/v1/namespaces/team-4f/secrets/db", "patch", "secrets",
                "Secret", "", "team-4f", "db", 200, patch)
    )  # fmt: skip
    told_story = tell(evidence)
    text = json.dumps(told_story)
    for value in ("aHVudGVyMg==", "c3dvcmRmaXNo", "swordfish"):
        assert value not in text
    assert "password" in told_story["changes"]["Secret/db"]  # that it changed is told


def test_requests_and_events_read_as_text_with_times_from_the_live_fault() -> None:
    text = told.requests(tell(made_up.evidence(polls=3)))
    assert text.splitlines()[0].split() == [
        "1", "-15.4s", "list", "Pods", "->", "200", "(3", "times,", "until", "-13.4s)",
    ]  # fmt: skip
    assert '{"spec": {"template"' in text
    events = told.events(tell(made_up.evidence()))
    assert events.split()[:3] == ["+0.6s", "Warning", "BackOff"]
    assert events.rstrip().endswith("(x3)")


def test_a_trial_that_never_broke_is_told_too() -> None:
    evidence = Evidence("team", made_up.BEGAN, ended=made_up.BEGAN + 300, not_steady="the workload was never steady")
    told_story = tell(evidence)
    assert told_story["marks"]["live"] is None
    assert told.requests(told_story) == ""


TEXTS = st.one_of(
    st.text(st.characters(max_codepoint=0xFFFD, exclude_categories=("Cs",)), max_size=12),
    st.text(st.sampled_from("ab:-#{}[]&*!|>'\"%@`,?= \n\t0.1e+_~"), max_size=12),
    st.sampled_from(
        ["yes", "NO", "null", "~", "1e3", "0x1F", "1_000", "12:30", "2026-01-01", ".inf", "=", "<<", "- a", "a: b"]
    ),
)
DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inside: st.one_of(st.lists(inside, max_size=4), st.dictionaries(TEXTS, inside, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, DATA, max_size=4))
def test_manifests_are_shown_as_yaml_that_means_the_same(data: dict[str, Any]) -> None:
    text = "".join(story.as_yaml(data))
    assert yaml.safe_load(text) == data
