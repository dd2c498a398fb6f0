"""When a fault is live: on tables, and on recordings of a real cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from recordings import BEGAN, recording

from healgate.chaos.signs import SignWatch, shown
from healgate.evidence import Obj, Seen
from healgate.scenario.model import Signature

APP = {"of": "Deployment/app"}
BREAK = 1_000_000.0
STAMP = "1970-01-12T13:46:40Z"  # BREAK
LATER = "1970-01-12T13:46:48Z"
BEFORE = "1970-01-12T13:45:00Z"


def signature(*signs: dict[str, Any]) -> Signature:
    return Signature.model_validate({"within": "2m", "all": [{**APP, **sign} for sign in signs]})


def owned(kind: str, name: str, owner: str, **fields: Any) -> Obj:
    kind_of, _, owner_name = owner.partition("/")
    references = [{"kind": kind_of, "name": owner_name, "uid": owner}]
    meta = {"name": name, "uid": f"{kind}/{name}", "ownerReferences": references if owner else []}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **fields}


def pod(name: str = "app-1-a", *, owner: str = "ReplicaSet/app-1", **container: Any) -> Obj:
    status = {"name": "main", "restartCount": 0, "state": {"running": {}}, **container}
    return owned("Pod", name, owner, status={"containerStatuses": [status]})


def event(reason: str, about: str, stamp: str, field: str = "") -> Obj:
    kind, _, name = about.partition("/")
    involved = {"kind": kind, "name": name, "fieldPath": field}
    return owned("Event", "e", "", reason=reason, involvedObject=involved, lastTimestamp=stamp)


def ended(code: int, reason: str = "Error", stamp: str = LATER) -> Obj:
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": stamp}}


CLUSTER = [owned("Deployment", "app", ""), owned("ReplicaSet", "app-1", "Deployment/app"), pod()]


def live(sign: dict[str, Any] | Signature, *after: Obj, before: tuple[Obj, ...] = ()) -> float | None:
    """Seconds from the break until it was live; changes come ten seconds after the break."""
    wanted = sign if isinstance(sign, Signature) else signature(sign)
    timeline = [Seen(BREAK - 60, "ADDED", obj) for obj in (*CLUSTER, *before)]
    timeline += [Seen(BREAK + 10, "MODIFIED", obj) for obj in after]
    found = shown(wanted, timeline, BREAK)
    return None if found is None else found - BREAK


WAITS = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("sign", "after", "seconds"),
    [
        ({"waiting": ["CrashLoopBackOff"]}, pod(state=WAITS), 10),
        ({"waiting": ["ErrImagePull"]}, pod(state=WAITS), None),
        ({"waiting": ["CrashLoopBackOff"], "container": "other"}, pod(state=WAITS), None),
        ({"waiting": ["CrashLoopBackOff"]}, pod(state=WAITS, owner="ReplicaSet/other-1"), None),
        ({"terminated": ["Error"], "exit-codes": [1]}, pod(state=ended(1)), 8),
        ({"terminated": ["Error"], "exit-codes": [1]}, pod(state=WAITS, lastState=ended(1)), 8),
        ({"terminated": ["Error"], "exit-codes": [1]}, pod(state=ended(1, "OOMKilled")), None),
        ({"exit-codes": [137]}, pod(state=ended(1)), None),
        ({"exit-codes": [1], "waiting": ["CrashLoopBackOff"]}, pod(state=WAITS, lastState=ended(1)), 10),
        ({"exit-codes": [1], "waiting": ["CrashLoopBackOff"]}, pod(lastState=ended(1)), None),
        ({"exit-codes": [1]}, pod(lastState=ended(1, stamp=BEFORE)), None),
        ({"exit-codes": [1], "old": True}, pod(lastState=ended(1, stamp=BEFORE)), -100),
        ({"exit-codes": [1]}, pod(lastState=ended(1, stamp=STAMP)), 0),
        ({"restarts": True}, pod(restartCount=1), 10),
        ({"restarts": True}, pod(restartCount=0), None),
        ({"event": ["Killing"]}, event("Killing", "Pod/app-1-a", LATER), 8),
        ({"event": ["Killing"]}, event("Killing", "Pod/app-1-gone", LATER), None),
        ({"event": ["Killing"]}, event("Killing", "Pod/other-1-a", LATER), None),
        ({"event": ["Killing"]}, event("Killing", "Pod/app-1-a", BEFORE), None),
        ({"event": ["Killing"], "old": True}, event("Killing", "Pod/app-1-a", BEFORE), -100),
        ({"event": ["ScalingReplicaSet"]}, event("ScalingReplicaSet", "Deployment/app", LATER), 8),
        (
            {"event": ["Killing"], "container": "main"},
            event("Killing", "Pod/app-1-a", LATER, "spec.containers{main}"),
            8,
        ),
        (
            {"event": ["Killing"], "container": "main"},
            event("Killing", "Pod/app-1-a", LATER, "spec.containers{x}"),
            None,
        ),
    ],
)
def test_a_sign_is_shown_or_not(sign: dict[str, Any], after: Obj, seconds: float | None) -> None:
    assert live(sign, after) == seconds


OTHERS = (
    owned("Deployment", "other", ""),
    owned("ReplicaSet", "other-1", "Deployment/other"),
    pod("other-1-a", owner="ReplicaSet/other-1"),
)


@pytest.mark.parametrize(
    ("sign", "after"),
    [
        ({"waiting": ["CrashLoopBackOff"]}, pod("other-1-a", owner="ReplicaSet/other-1", state=WAITS)),
        ({"event": ["Killing"]}, event("Killing", "Pod/other-1-a", LATER)),
    ],
)
def test_what_another_workload_shows_is_no_sign(sign: dict[str, Any], after: Obj) -> None:
    assert live(sign, after, before=OTHERS) is None


def test_a_state_is_as_old_as_the_status_that_tells_it() -> None:
    waits = pod(state=WAITS)
    five, nine = (datetime.fromtimestamp(BREAK + after, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for after in (5, 9))
    waits["metadata"]["managedFields"] = [{"subresource": "status", "time": five}, {"time": nine}]
    assert live({"waiting": ["CrashLoopBackOff"]}, waits) == 5


def condition(status: str, reason: str) -> Obj:
    state = {"type": "Progressing", "status": status, "reason": reason, "lastTransitionTime": LATER}
    return owned("Deployment", "app", "", status={"conditions": [state]})


def test_a_condition_holds_with_its_reason_only() -> None:
    sign = {"condition": "Progressing=False/ProgressDeadlineExceeded"}
    assert live(sign, condition("False", "ProgressDeadlineExceeded")) == 8
    assert live(sign, condition("False", "Other")) is None
    assert live({"condition": "Progressing=False"}, condition("False", "Other")) == 8


def ready(status: str, stamp: str = LATER) -> Obj:
    made = pod()
    made["status"]["conditions"] = [{"type": "Ready", "status": status, "lastTransitionTime": stamp}]
    return made


def test_a_pod_is_unready_only_if_it_had_been_ready() -> None:
    assert live({"unready": True}, ready("False"), before=(ready("True", BEFORE),)) == 8
    assert live({"unready": True}, ready("False")) is None
    assert live({"unready": True}, ready("True"), before=(ready("True", BEFORE),)) is None
    goes = ready("False")
    goes["metadata"]["deletionTimestamp"] = STAMP
    assert live({"unready": True}, goes, before=(ready("True", BEFORE),)) is None


def test_restarts_are_counted_from_the_break() -> None:
    assert live({"restarts": True}, pod(restartCount=26), before=(pod(restartCount=26),)) is None
    assert live({"restarts": True}, pod(restartCount=27), before=(pod(restartCount=26),)) == 10
    assert live({"restarts": True, "old": True}, before=(pod(restartCount=26),)) == 0


def test_what_was_there_at_the_break_already_holds_from_the_break() -> None:
    assert live({"waiting": ["CrashLoopBackOff"]}, before=(pod(state=WAITS),)) == 0


def test_all_signs_are_needed_and_the_last_one_counts() -> None:
    both = signature({"exit-codes": [1]}, {"waiting": ["CrashLoopBackOff"]})
    assert live(both, pod(state=ended(1))) is None
    assert live(both, pod(state=ended(1)), pod(state=WAITS, lastState=ended(1))) == 10


def test_two_containers_do_not_make_one_sign() -> None:
    two = [{"name": "a", "restartCount": 0, "state": WAITS}, {"name": "b", "restartCount": 0, "state": ended(1)}]
    mixed = owned("Pod", "app-1-a", "ReplicaSet/app-1", status={"containerStatuses": two})
    assert live({"exit-codes": [1], "waiting": ["CrashLoopBackOff"]}, mixed) is None


@pytest.mark.parametrize("sign", [{"exit-codes": [137]}, {"event": ["Killing"]}, {"restarts": True}])
def test_a_pod_that_was_told_to_go_shows_nothing(sign: dict[str, Any]) -> None:
    goes = pod(state=ended(137), restartCount=1)
    killing = event("Killing", "Pod/app-1-a", LATER)
    assert live(sign, goes, killing) == (8 if "restarts" not in sign else 10)
    goes["metadata"]["deletionTimestamp"] = STAMP
    assert live(sign, goes, killing) is None


def test_the_servers_time_counts_where_the_watch_was_slow() -> None:
    written = pod(state=WAITS)
    written["metadata"]["managedFields"] = [{"manager": "kubelet", "subresource": "status", "time": STAMP}]
    assert live({"waiting": ["CrashLoopBackOff"]}, written) == 0


def test_what_is_missing_is_said_with_what_is_there() -> None:
    watch = SignWatch(signature({"waiting": ["CrashLoopBackOff"], "container": "main"}, {"event": ["Killing"]}))
    watch.since(BREAK)
    for obj in (*CLUSTER[:2], pod(state=ended(0, "Completed"))):
        watch.see(Seen(BREAK, "ADDED", obj))
    assert watch.missing() == (
        "Deployment/app container main: waiting with CrashLoopBackOff (app-1-a/main terminated Completed/0); "
        "Deployment/app: an event Killing (app-1-a/main terminated Completed/0)"
    )


RECORDED = [
    ("oom-after-2s", [{"terminated": ["OOMKilled"], "exit-codes": [137]}], 10.0),
    ("oom-after-2s", [{"terminated": ["OOMKilled"]}, {"waiting": ["CrashLoopBackOff"]}], 25.66),
    ("image-404", [{"waiting": ["ErrImagePull", "ImagePullBackOff"]}], 1.48),
    ("missing-secret-volume", [{"waiting": ["ContainerCreating"]}, {"event": ["FailedMount"]}], 0.76),
    ("liveness-deadlock", [{"event": ["Killing"], "container": "main"}, {"restarts": True}], 51.16),
    ("readiness-fail", [{"event": ["Unhealthy"]}, {"condition": "Progressing=False/ProgressDeadlineExceeded"}], 601.0),
    ("config-change", [{"exit-codes": [1]}, {"waiting": ["CrashLoopBackOff"]}], 48.08),
]


@pytest.mark.parametrize(("case", "signs", "seconds"), RECORDED)
def test_recorded_faults_are_live_when_they_were(case: str, signs: list[dict[str, Any]], seconds: float) -> None:
    found = shown(signature(*signs), recording(case), BEGAN)
    assert found is not None
    assert found - BEGAN == pytest.approx(seconds, abs=0.01)


def test_a_recorded_slow_crash_is_live_at_its_first_restart() -> None:
    found = shown(signature({"exit-codes": [1]}, {"restarts": True}), recording("exit-1-after-30s"), BEGAN)
    assert found is not None
    assert 30 < found - BEGAN < 45


def test_a_recorded_blip_is_no_crash() -> None:
    assert shown(signature({"waiting": ["CrashLoopBackOff"]}), recording("image-blip"), BEGAN) is None
