"""Namespaces of a shared cluster: lent to one trial at a time, taken back from the dead, and from nobody else."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from healgate.clusters.lending import HOME, Lending
from healgate.clusters.owner import Owner
from healgate.clusters.real_rest import RealRest
from healgate.clusters.seam import Answer
from healgate.problems import HarnessError

from .conftest import config_map, names

NAMESPACES = "/api/v1/namespaces"
LENT = f"{NAMESPACES}/{HOME}/configmaps"
DEAD = {**Owner.me().as_dict(), "started": "1"}
ELSEWHERE = {**DEAD, "machine": "another"}


def lend_to(rest: RealRest, name: str, owner: dict[str, str]) -> None:
    """As a run of that owner would have done it."""
    assert rest.request("POST", LENT, body=config_map(name, **owner)).ok
    assert rest.request("POST", NAMESPACES, body=namespace(name)).ok


def namespace(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def test_a_lent_namespace_says_nothing_of_what_it_is_for(lending: Lending, rest: RealRest) -> None:
    name = lending.take("seed")
    found = rest.request("GET", f"{NAMESPACES}/{name}").body
    assert name in lending.pool
    assert "annotations" not in found["metadata"]
    assert set(found["metadata"]["labels"]) == {"kubernetes.io/metadata.name"}
    assert "healgate" not in json.dumps(found)


def test_the_same_seed_asks_for_the_same_namespace_and_nobody_gets_it_twice(lending: Lending) -> None:
    first, second, third = (lending.take("seed") for _ in range(3))
    assert len({first, second, third}) == 3
    assert lending.give_back(second)
    assert lending.take("any") == second


def test_what_is_given_back_is_gone(lending: Lending, rest: RealRest) -> None:
    name = lending.take("seed")
    assert lending.give_back(name)
    assert name not in names(rest, NAMESPACES)
    assert name not in names(rest, LENT)


class Witness:
    """Sees what stays in a namespace when it is told to go: a real one waits for all that, and longer than needed."""

    def __init__(self, rest: RealRest, name: str) -> None:
        self._rest = rest
        self._space = f"{NAMESPACES}/{name}"
        self.stays: list[str] | None = None

    def request(self, method: str, path: str, *args: Any, **more: Any) -> Answer:
        if (method, path) == ("DELETE", self._space):
            listed = [
                one
                for kind in ("pods", "persistentvolumeclaims")
                for one in self._rest.request("GET", f"{self._space}/{kind}").body["items"]
            ]
            self.stays = [one["metadata"]["name"] for one in listed if "deletionTimestamp" not in one["metadata"]]
        return self._rest.request(method, path, *args, **more)


def test_a_namespace_is_emptied_before_it_goes(lending: Lending, rest: RealRest) -> None:
    name = lending.take("seed")
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    spec = {"containers": [{"name": "a", "image": "busybox", "command": ["sleep", "60"]}], "volumes": [volume]}
    for kind, plural, body in (("PersistentVolumeClaim", "persistentvolumeclaims", claim), ("Pod", "pods", spec)):
        made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "data"}, "spec": body}
        assert rest.request("POST", f"{NAMESPACES}/{name}/{plural}", body=made).ok
    witness = Witness(rest, name)
    assert Lending(witness, capacity=3).give_back(name)
    assert witness.stays == []


def test_every_run_on_a_cluster_knows_all_names_that_may_be_lent(lending: Lending, rest: RealRest) -> None:
    assert Lending(rest, capacity=40).pool == lending.pool
    assert len(set(lending.pool)) == 64


def test_what_a_dead_run_left_is_taken_away(lending: Lending, rest: RealRest) -> None:
    lending.take("opens the books")
    lend_to(rest, lending.pool[10], DEAD)
    assert lending.sweep() == [f"deleted the namespace {lending.pool[10]} that a killed run had left"]
    assert lending.pool[10] not in names(rest, NAMESPACES) | names(rest, LENT)


class Busy:
    """A cluster that has no time for some requests."""

    def __init__(self, rest: RealRest, method: str, path: str) -> None:
        self._rest = rest
        self.refuses: tuple[str, str] | None = (method, path)

    def request(self, method: str, path: str, *args: Any, **more: Any) -> Answer:
        if (method, path) == self.refuses:
            return Answer(503, {"message": "try again later"})
        return self._rest.request(method, path, *args, **more)


@pytest.mark.parametrize("about", [NAMESPACES, LENT])
def test_what_a_busy_cluster_does_not_tell_stays_noted(lending: Lending, rest: RealRest, about: str) -> None:
    name = lending.take("seed")
    busy = Busy(rest, "GET", f"{about}/{name}")
    late = Lending(busy, capacity=4)
    assert not late.give_back(name)
    assert name in names(rest, NAMESPACES) & names(rest, LENT)
    busy.refuses = None
    assert late.give_back(name)
    assert name not in names(rest, NAMESPACES) | names(rest, LENT)


def test_what_a_busy_cluster_did_not_take_back_is_lent_again_by_its_own_run(rest: RealRest) -> None:
    """It was lost to its run before: with as many trials as names, one of them waited to the end."""
    busy = Busy(rest, "GET", LENT)
    busy.refuses = None
    only = Lending(busy, capacity=1)
    name = only.take("seed")
    busy.refuses = ("GET", f"{NAMESPACES}/{name}")
    assert not only.give_back(name)
    busy.refuses = None
    assert only.sweep() == []
    assert only.take("another seed") == name
    assert only.sweep() == []
    assert name in names(rest, NAMESPACES) & names(rest, LENT)


def test_what_another_run_took_back_and_lent_since_is_left_to_it(lending: Lending, rest: RealRest) -> None:
    """Two runs find what a dead one left; one of them had no answer then, and the other had it and lends it on."""
    lending.take("opens the books")
    name = lending.pool[10]
    lend_to(rest, name, DEAD)
    busy = Busy(rest, "GET", f"{NAMESPACES}/{name}")
    slow = Lending(busy, capacity=4)
    assert slow.sweep() == []
    busy.refuses = None
    assert lending.sweep()
    lend_to(rest, name, Owner.of(os.getppid()).as_dict())
    assert slow.sweep() == []
    assert name in names(rest, NAMESPACES) & names(rest, LENT)


def test_who_waits_for_a_name_asks_only_for_those_that_are_free(lending: Lending, rest: RealRest) -> None:
    taken = {lending.take("seed") for _ in range(3)}
    witness = Notes(rest)
    assert Lending(witness, capacity=4).take("seed") not in taken
    assert len(witness.written) == 1


class Notes:
    """Counts the names that somebody tried to take."""

    def __init__(self, rest: RealRest) -> None:
        self._rest = rest
        self.written: list[str] = []

    def request(self, method: str, path: str, *args: Any, **more: Any) -> Answer:
        if (method, path) == ("POST", LENT):
            self.written.append(more["body"]["metadata"]["name"])
        return self._rest.request(method, path, *args, **more)


def test_what_could_not_be_made_is_lent_to_nobody(rest: RealRest) -> None:
    lending = Lending(rest, capacity=4)
    lending._open_home()
    with pytest.raises(HarnessError, match="could not create namespace"):
        Lending(Busy(rest, "POST", NAMESPACES), capacity=4)._take("storefront-0000")
    assert "storefront-0000" not in names(rest, LENT)


def test_what_lives_or_is_somebody_elses_stays(lending: Lending, rest: RealRest) -> None:
    mine = lending.take("mine")
    lend_to(rest, lending.pool[11], ELSEWHERE)
    rest.request("POST", NAMESPACES, body=namespace("bystander"))
    assert lending.sweep() == []
    assert {mine, lending.pool[11], "bystander"} <= names(rest, NAMESPACES)
    (told,) = lending.foreign()
    assert "another" in told


def test_somebodys_namespace_with_such_a_name_is_not_taken(lending: Lending, rest: RealRest) -> None:
    for name in lending.pool[:2]:
        rest.request("POST", NAMESPACES, body=namespace(name))
    assert lending.take("seed") == lending.pool[2]
    assert set(lending.pool[:2]) <= names(rest, NAMESPACES)


def test_a_note_older_than_the_namespace_is_no_claim_to_it(lending: Lending, rest: RealRest,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A run that died between its note and its namespace, where somebody had that name already."""
    lending.take("opens the books")
    name = lending.pool[12]
    rest.request("POST", NAMESPACES, body=namespace(name))
    rest.request("POST", LENT, body=config_map(name, **DEAD))
    monkeypatch.setattr("healgate.clusters.lending._is_ours", lambda _namespace, _note: False)
    lending.sweep()
    assert name in names(rest, NAMESPACES)
    assert name not in names(rest, LENT)


def test_a_kept_namespace_outlives_its_run_until_a_person_deletes_it(lending: Lending, rest: RealRest) -> None:
    lending.take("opens the books")
    lend_to(rest, lending.pool[13], DEAD)
    lending.keep(lending.pool[13])
    assert lending.sweep() == []
    assert lending.pool[13] in names(rest, NAMESPACES)


def test_the_books_are_closed_when_nothing_is_lent(lending: Lending, rest: RealRest) -> None:
    name = lending.take("seed")
    lending.close()
    assert HOME in names(rest, NAMESPACES)
    lending.give_back(name)
    lending.close()
    answer = rest.request("GET", f"{NAMESPACES}/{HOME}")
    assert answer.code == 404 or "deletionTimestamp" in answer.body["metadata"]


def test_an_owner_is_told_from_whoever_has_its_number_now() -> None:
    me = Owner.me()
    assert Owner.read(me.as_dict()) == me
    assert not me.is_dead
    assert Owner.read(DEAD).is_dead
    assert Owner.read({**me.as_dict(), "boot": "before"}).is_dead
    assert Owner.read({**me.as_dict(), "pid": "0"}).is_dead
    assert not Owner.read(ELSEWHERE).is_dead
    assert not Owner.of(os.getppid()).is_dead
