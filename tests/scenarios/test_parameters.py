"""Draws are the same everywhere, lie in their variation, and are worked out right."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.judge.properties import value_lacks
from healgate.scenario.catalogue import Catalogue
from healgate.scenario.parameters import BadParameter, draw, members, placeholders, put_in

CATALOGUE = Catalogue.load()
SPEC = {
    "need": {"from": 64, "to": 256, "step": 16},
    "limit": {"of": "need", "times": 0.4, "unit": "Mi"},
    "which": ["api", "exporter"],
    "port": {"of": "which", "is": {"api": 8080, "exporter": 9187}},
    "room": {"of": "need", "minus": "port", "times": 2, "over": 3, "plus": 1},
    "stretch": {"of": "need", "over": 3, "digits": 2},
}


def test_a_draw_is_what_it_was_yesterday() -> None:
    drawn = draw(SPEC, "0", "oom/limit-too-low", 1)
    assert drawn == {"need": 224, "limit": "90Mi", "which": "exporter", "port": 9187, "room": -9037, "stretch": 74.67}


@pytest.mark.parametrize("hash_seed", ["1", "77"])
def test_a_draw_does_not_depend_on_the_hash_seed(hash_seed: str) -> None:
    code = f"from healgate.scenario.parameters import draw; print(draw({SPEC!r}, '0', 'a/b', 3))"
    run = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == str(draw(SPEC, "0", "a/b", 3))


def test_seed_scenario_and_trial_all_matter() -> None:
    several = [draw(SPEC, seed, name, trial) for seed in "01" for name in ("a/b", "a/c") for trial in range(1, 9)]
    assert len({str(one) for one in several}) > 12


@given(st.text(max_size=8), st.integers(1, 10_000))
def test_every_draw_is_a_member_of_its_variation(seed: str, trial: int) -> None:
    assert list(members(SPEC, draw(SPEC, seed, "a/b", trial))) == []


@given(st.text(max_size=8), st.integers(1, 10_000), st.sampled_from(sorted(CATALOGUE.scenarios)))
def test_every_scenario_can_be_planned_with_every_draw(seed: str, trial: int, name: str) -> None:
    drawn = CATALOGUE.scenarios[name].plan(seed, trial)
    assert set(drawn.parameters) == set(drawn.scenario.parameters)
    assert drawn.experiment["configuration"].items() >= drawn.parameters.items()
    assert "${" not in str(drawn.scenario.model_dump(exclude={"parameters"}))


@pytest.mark.parametrize("name", CATALOGUE.scenarios)
def test_the_defaults_could_have_been_drawn(name: str) -> None:
    scenario = CATALOGUE.scenarios[name]
    assert scenario.defaults
    assert list(members(scenario.default.parameters, scenario.defaults)) == []


@pytest.mark.parametrize("name", CATALOGUE.scenarios)
def test_trials_differ(name: str) -> None:
    plans = {str(CATALOGUE.scenarios[name].plan("0", trial).parameters) for trial in range(1, 21)}
    assert len(plans) > 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ([], "at least one value"),
        ("api", "expected a list, a range"),
        ({"from": 1}, "to: expected a whole number"),
        ({"from": 1, "to": 5, "stop": 1}, "unknown key 'stop'"),
        ({"from": 1, "to": 5, "step": 0}, "step >= 1"),
        ({"of": "later"}, "expected an earlier parameter"),
        ({"of": "which", "is": {"api": 1}}, "expected a value for which = 'exporter'"),
        ({"of": "which", "times": 2}, "expected a number; found 'exporter'"),
        ({"of": "need", "times": "which"}, "expected a number; found 'exporter'"),
    ],
)
def test_a_wrong_form_says_what_is_wrong(form: Any, said: str) -> None:
    with pytest.raises(BadParameter, match=said):
        draw({"need": [64], "which": ["exporter"], "mine": form}, "0", "a/b", 1)


def test_what_could_not_be_drawn_is_named_with_what_could() -> None:
    strange = dict(members(SPEC, {**draw(SPEC, "0", "a/b", 1), "which": "web"}))
    assert strange == {"which": ["api", "exporter"]}


def test_true_is_not_one() -> None:
    assert dict(members({"pods": [1, 2]}, {"pods": True})) == {"pods": [1, 2]}


def test_placeholders_keep_the_type_of_what_they_stand_for() -> None:
    data = {"a": "${n}", "b": ["x-${n}", "${n}${m}", "${other}"], "c": 1}
    assert put_in(data, {"n": 3, "m": [1]}) == {"a": 3, "b": ["x-3", "3[1]", "${other}"], "c": 1}
    assert [name for name, _ in placeholders(data)] == ["n", "n", "n", "m", "other"]


@pytest.mark.parametrize(
    ("address", "resolves"),
    [
        ("kafka:9092", True),
        ("kafka.shop:9092", True),
        ("kafka.shop.svc:9092", True),
        ("kafka.shop.svc.cluster.local:9092", True),
        ("kafka.shop.svc.cluster.local.:9092", True),
        ("kafka-old:9092", False),
        ("kafka:9093", False),
        ("broker.kafka:9092", False),
        ("kafka.shop.cluster.local:9092", False),
    ],
)
def test_every_name_that_resolves_to_the_broker_is_right(address: str, resolves: bool) -> None:
    wanted = CATALOGUE.scenarios["kafka/wrong-bootstrap"].plan("0", 1).scenario.right[0]
    assert (value_lacks(wanted, [address]) == "") is resolves
