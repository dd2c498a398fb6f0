"""What a person reads in a terminal of one trial."""

from __future__ import annotations

from dataclasses import replace

from healgate.evidence import Evidence
from healgate.reports import story, told

from . import made_up


def course(evidence: Evidence) -> list[str]:
    return told.course(story.tell(evidence, made_up.plan(), made_up.row(), 1.0)).splitlines()


def test_the_course_of_a_trial_begins_with_the_break() -> None:
    lines = [line.split(maxsplit=1) for line in course(made_up.evidence())]
    assert lines[0] == ["-15.4s", "broken"]
    assert ["+0.0s", "the fault is live"] in lines
    assert lines[-1] == ["+644.6s", "the trial ended"]
    said = [text for _, text in lines if text.startswith("healer")]
    assert said[:2] == [
        "healer said: detected Pod/backend-7d9f8b6c5d-m8n2k",
        "healer said: classified oom Deployment/backend",
    ]
    assert said[2].startswith('healer sent: patch Deployment/backend -> 200 (request 1) {"spec": ')
    assert ["+41.7s", "recovered"] in lines


def test_what_comes_again_is_one_line() -> None:
    (killed,) = [line for line in course(made_up.evidence()) if "OOMKilled" in line]
    assert killed == "     -1.4s  backend api ended: OOMKilled 137 (2 times, until +10.6s)"


def test_what_is_done_to_the_pods_of_one_workload_is_the_same_thing() -> None:
    made = made_up.evidence()
    deleted = made.requests[-1]
    more = [replace(deleted, name=pod, time=deleted.time + n) for n, pod in enumerate((made_up.NEW, made_up.BESIDE), 1)]
    told = [line for line in course(replace(made, requests=[*made.requests, *more])) if "sent: delete" in line]
    assert [line.split("backend-")[-1] for line in told] == [
        "6b7c9d4f5c-x2x4z -> 404 (request 2) (2 times, until +4.8s)",
        "     +5.8s  healer sent: delete Pod/frontend-5c6d7e8f9a-q1w2e -> 404 (request 4)",
    ]


def test_of_a_long_course_the_middle_is_left_out() -> None:
    made = made_up.evidence()
    said = made.claims[0]
    many = [replace(said, time=said.time + n, about=f"Deployment/number-{n}") for n in range(100)]
    lines = course(replace(made, claims=many))
    assert len(lines) == 25
    assert lines[0].endswith("broken")
    assert "more" in lines[12]
    assert lines[-1].endswith("the trial ended")


def test_what_is_cut_off_says_so() -> None:
    made = made_up.evidence()
    long = replace(made.claims[0], note="and " * 60)
    (line,) = [line for line in course(replace(made, claims=[long])) if "healer said" in line]
    assert line.endswith(" and and…")
    assert len(line) <= 132


def test_the_end_is_the_last_of_what_came_at_its_time() -> None:
    made = made_up.evidence()
    late = replace(made.claims[0], time=made.ended)
    assert course(replace(made, claims=[late]))[-1].endswith("the trial ended")


def test_a_hold_is_told_once_there_was_one() -> None:
    made = made_up.evidence()
    assert "; hold " in told.what_was_asked(story.tell(replace(made, hold=90.0), made_up.plan(), made_up.row()))
    assert "hold" not in told.what_was_asked(story.tell(replace(made, hold=0.0), made_up.plan(), made_up.row()))


def test_a_trial_that_never_broke_has_one_too() -> None:
    made = replace(made_up.evidence(), broken=None, live=None, recoveries=[])
    assert course(made)[-1].endswith("the trial ended")
