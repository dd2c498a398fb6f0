"""A lease on a real API server: changes in order and in one thread, requests on the record, trouble told as trouble."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from kubernetes.client import ApiClient, CoreV1Api

from healgate.clusters.real import RealCluster, RealLease
from healgate.clusters.server_time import ServerTime
from healgate.drivers import Report
from healgate.embedded.door.http import HttpDoor
from healgate.evidence import Claim, Seen
from healgate.problems import HarnessError, UsageProblem
from healgate.wire.http import Head
from healgate.wire.upstream import Unreachable

from . import some_healers
from .conftest import LIMIT, config_map, names

GADGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.shop.example"},
    "spec": {
        "group": "shop.example",
        "scope": "Namespaced",
        "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }],
    },
}  # fmt: skip


@pytest.fixture
def lease(cluster: RealCluster) -> Iterator[RealLease]:
    made = cluster.lease("seed")
    assert isinstance(made, RealLease)
    yield made
    made.close()


@pytest.fixture
def seen(lease: RealLease) -> list[Seen]:
    told: list[Seen] = []
    lease.watch(told.append)
    return told


def path(lease: RealLease, kind: str = "configmaps", name: str = "") -> str:
    return f"/api/v1/namespaces/{lease.namespace}/{kind}{'/' + name if name else ''}"


def about(seen: list[Seen], name: str) -> list[str]:
    return [change.type for change in seen if change.object["metadata"]["name"] == name]


def test_every_change_in_the_namespace_is_told_and_nothing_else(lease: RealLease, seen: list[Seen]) -> None:
    lease.rest.request("POST", path(lease), body=config_map("a", step="1"))
    lease.rest.request("POST", "/api/v1/namespaces/default/configmaps", body=config_map("b"))
    lease.rest.request("PATCH", path(lease, name="a"), body={"data": {"step": "2"}},
                       content_type="application/merge-patch+json")  # fmt: skip
    lease.rest.request("DELETE", path(lease, name="a"))
    assert lease.wait(lambda: "DELETED" in about(seen, "a"), LIMIT)
    assert about(seen, "a") == ["ADDED", "MODIFIED", "DELETED"]
    assert about(seen, "b") == []
    assert all(change.object["kind"] and change.object["apiVersion"] for change in seen)


def test_objects_of_a_kind_that_the_workload_brings_are_told_too(lease: RealLease, seen: list[Seen]) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    gadgets = f"/apis/shop.example/v1/namespaces/{lease.namespace}/gadgets"
    assert lease.rest.request("POST", definitions, body=GADGETS).ok
    assert lease.wait(lambda: lease.rest.request("GET", gadgets).ok, LIMIT)
    gadget = {"apiVersion": "shop.example/v1", "kind": "Gadget", "metadata": {"name": "one"}}
    assert lease.rest.request("POST", gadgets, body=gadget).ok
    assert lease.wait(lambda: about(seen, "one") == ["ADDED"], LIMIT)


def test_changes_and_later_calls_are_handed_over_in_the_trials_own_thread(lease: RealLease) -> None:
    threads: set[int] = set()
    lease.watch(lambda _seen: threads.add(threading.get_ident()))
    done = threading.Event()
    lease.after(0.0, lambda: (threads.add(threading.get_ident()), done.set()))  # type: ignore[func-returns-value]
    lease.rest.request("POST", path(lease), body=config_map("a"))
    assert not done.is_set()
    assert lease.wait(lambda: done.is_set() and bool(threads), LIMIT)
    assert threads == {threading.get_ident()}


def test_what_was_to_be_done_later_is_dropped_when_the_trial_ends(lease: RealLease) -> None:
    done: list[int] = []
    lease.after(0.0, lambda: done.append(1))
    lease.close()
    assert done == []


def test_a_closed_lease_leaves_nothing(cluster: RealCluster, lease: RealLease, seen: list[Seen]) -> None:
    assert lease.wait(lambda: bool(seen), LIMIT)
    lease.close()
    assert lease.namespace not in names(cluster.rest, "/api/v1/namespaces")


def test_what_cannot_be_followed_is_not_left_out_in_silence(
    lease: RealLease, seen: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen with a definition whose conditions were null: its kind was missing from the evidence."""
    assert lease.wait(lambda: bool(seen), LIMIT)

    def falls_over(*_: object) -> None:
        raise TypeError("no such thing")

    monkeypatch.setattr("healgate.clusters.watching.Watching.see", falls_over)
    lease.rest.request("POST", path(lease), body=config_map("a"))
    with pytest.raises(HarnessError, match="configmaps cannot be followed: TypeError: no such thing"):
        lease.wait(lambda: False, LIMIT)


def test_a_server_that_goes_away_is_the_harnesss_trouble(
    lease: RealLease, seen: list[Seen], door: HttpDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("healgate.clusters.watching.SILENT_AT_MOST", 0.1)
    monkeypatch.setattr("healgate.clusters.watching.TRY_AGAIN_AFTER", 0.01)
    monkeypatch.setattr("healgate.clusters.real_rest.BACK_WITHIN", 0.1)
    assert lease.wait(lambda: bool(seen), LIMIT)
    door.close()
    with pytest.raises(HarnessError, match="the cluster was lost in the middle of the trial"):
        lease.wait(lambda: False, LIMIT)
    with pytest.raises(Unreachable):
        lease.rest.request("GET", "/version")
    lease.close()  # says nothing: the trial has said it


def test_a_server_that_was_away_for_a_moment_is_watched_on(
    lease: RealLease, seen: list[Seen], cluster: RealCluster
) -> None:
    """The connections break; nothing that happened meanwhile is missed, and nothing is told twice."""
    watching = lease._watching
    assert watching is not None
    for resource in list(watching.resources.values()):
        cluster.loop.call(resource.break_off(), LIMIT)
    lease.rest.request("POST", path(lease), body=config_map("meanwhile"))
    assert lease.wait(lambda: bool(about(seen, "meanwhile")), LIMIT)
    assert about(seen, "meanwhile") == ["ADDED"]
    assert about(seen, "default") == ["ADDED"]


@pytest.mark.parametrize(("plural", "kept"), [("configmaps", True), ("gadgets", False)])
def test_only_what_a_workload_brought_may_go(
    lease: RealLease, cluster: RealCluster, seen: list[Seen], plural: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that starts answers 404 for a moment; a definition that was deleted, for ever."""
    test_objects_of_a_kind_that_the_workload_brings_are_told_too(lease, seen)
    watching = lease._watching
    assert watching is not None
    (resource,) = [one for (_, name), one in watching.resources.items() if name == plural]
    asked = threading.Event()

    async def not_found(_reader: object) -> Head:
        asked.set()
        return Head("HTTP/1.1 404 Not Found", (("Content-Length", "0"),))

    with monkeypatch.context() as patch:
        patch.setattr("healgate.clusters.watching.read_head", not_found)
        cluster.loop.call(resource.break_off(), LIMIT)
        assert asked.wait(LIMIT)
    kind = {"configmaps": "ConfigMap", "gadgets": "Gadget"}[plural]
    where = path(lease) if kept else f"/apis/shop.example/v1/namespaces/{lease.namespace}/gadgets"
    version = "v1" if kept else "shop.example/v1"
    lease.rest.request("POST", where, body={"apiVersion": version, "kind": kind, "metadata": {"name": "later"}})
    assert lease.wait(lambda: bool(about(seen, "later")), LIMIT if kept else 1.0) is kept


@pytest.fixture
def claims() -> list[Claim]:
    return []


@pytest.fixture
def report(lease: RealLease, claims: list[Claim]) -> Report:
    return Report(lease.now, claims)


def test_a_healer_works_beside_the_trial_and_its_requests_are_on_the_record(
    lease: RealLease, report: Report, claims: list[Claim]
) -> None:
    lease.rest.request("POST", path(lease), body=config_map("sick"))
    healer = lease.run_python_healer(some_healers.patches_sick, report, 0.01)
    assert lease.wait(lambda: any(claim.word == "remediated" for claim in claims), LIMIT)
    assert healer.stop().how == "running"
    assert healer.cpu_seconds > 0
    patches = [request for request in lease.requests if request.writes]
    assert (patches[0].kind, patches[0].name, patches[0].code) == ("ConfigMap", "sick", 200)
    assert [claim.about for claim in claims[:2]] == ["ConfigMap/sick", "ConfigMap/sick"]
    assert [str(claim.crash_class) for claim in claims[:2]] == ["None", "oom"]
    assert all(lease.now() - LIMIT < claim.time <= lease.now() for claim in claims)


def test_a_healer_that_raises_is_told_with_its_place(lease: RealLease, report: Report) -> None:
    healer = lease.run_python_healer(some_healers.raises, report, 1.0)
    assert lease.wait(lambda: healer.end().how == "raised", LIMIT)
    assert "ValueError: no idea at " in healer.end().note
    assert "some_healers.py" in healer.stop().note


def test_a_healer_whose_process_dies_is_told_with_its_last_words(lease: RealLease, report: Report) -> None:
    healer = lease.run_python_healer(some_healers.dies, report, 1.0)
    assert lease.wait(lambda: healer.end().how == "raised", LIMIT)
    assert healer.end().note == "its process ended with exit status 7: that was it"


def test_a_healer_that_hangs_is_ended(lease: RealLease, report: Report, claims: list[Claim]) -> None:
    healer = lease.run_python_healer(some_healers.hangs, report, 1.0)
    assert lease.wait(lambda: bool(claims), LIMIT)
    assert healer.stop().how == "running"
    assert healer.end().how == "running"


def test_a_healer_that_exits_is_told_and_its_children_end_with_it(lease: RealLease, report: Report) -> None:
    """A child holds the pipe for claims; whoever closed it meanwhile would wait for ever."""
    healer = lease.run_python_healer(some_healers.leaves_a_child, report, 1.0)
    assert lease.wait(lambda: healer.end().how == "raised", LIMIT)
    assert "SystemExit: 3" in healer.stop().note


def test_a_healer_that_exits_while_it_is_loaded_is_refused(lease: RealLease, report: Report) -> None:
    from . import exits_elsewhere

    with pytest.raises(UsageProblem, match="SystemExit: only for tests"):
        lease.run_python_healer(exits_elsewhere.heal, report, 1.0)


def test_claims_of_any_length_arrive_whole(lease: RealLease, report: Report, claims: list[Claim]) -> None:
    lease.run_python_healer(some_healers.says_much, report, 1.0)
    assert lease.wait(lambda: len(claims) == 4, LIMIT)
    assert sorted({claim.note[0] * len(claim.note) for claim in claims}) == [letter * 100_000 for letter in "abcd"]


def test_what_a_healer_prints_disturbs_nobody(lease: RealLease, report: Report, claims: list[Claim]) -> None:
    lease.run_python_healer(some_healers.talks, report, 1.0)
    assert lease.wait(lambda: len(claims) == 2, LIMIT)


def test_a_healer_without_a_name_is_refused_before_anything_is_broken(lease: RealLease, report: Report) -> None:
    with pytest.raises(UsageProblem, match="define it at the top level of a module"):
        lease.run_python_healer(lambda _client, _report: None, report, 1.0)


def test_every_built_in_healer_can_be_sent_to_a_process() -> None:
    from healgate.drivers.find import built_in_healers
    from healgate.drivers.process import by_name

    assert all(by_name(healer) for healer in built_in_healers().values())


def test_the_harness_has_a_client_of_its_own(lease: RealLease, new_client: Callable[[], ApiClient]) -> None:
    del new_client
    found = CoreV1Api(lease.official_client()).read_namespace(lease.namespace)
    assert found.metadata.name == lease.namespace
    assert lease.requests == []


def date(second: int) -> str:
    from email.utils import formatdate

    return formatdate(second, usegmt=True)


def test_as_long_as_no_answer_contradicts_it_our_own_clock_is_right() -> None:
    time = ServerTime()
    time.learn(date(1_000_000), 1_000_000.2, 1_000_000.3)
    assert time.ahead == 0.0


def test_answers_narrow_the_difference_between_the_clocks() -> None:
    """The server is 5.25 s ahead; each answer says only which second it has."""
    time = ServerTime()
    for number in range(200):
        sent = 1_000_000 + number * 0.37
        time.learn(date(int(sent + 5.25)), sent - 0.001, sent + 0.001)
    assert time.ahead == pytest.approx(5.25, abs=0.05)


def test_a_clock_that_was_set_is_learned_anew() -> None:
    time = ServerTime()
    time.learn(date(1_000_000), 1_000_000.2, 1_000_000.3)
    time.learn(date(2_000_000), 1_000_001.2, 1_000_001.3)
    assert time.ahead == pytest.approx(999_998.7, abs=1.1)


def test_an_answer_without_a_date_teaches_nothing() -> None:
    time = ServerTime()
    time.learn(None, 1.0, 2.0)
    time.learn("yesterday", 1.0, 2.0)
    assert time.ahead == 0.0
