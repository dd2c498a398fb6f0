"""Paths, quantities and properties: what they find, and what they make of nonsense."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healgate.embedded.api.quantities import parse
from healgate.judge.paths import look_up
from healgate.judge.properties import lacks, value_lacks
from healgate.quantities import number
from healgate.scenario.model import Property

from .some_evidence import API, workload

OBJ = workload("Deployment", "backend")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("spec.replicas", [2]),
        (f"{API}.image", ["shop/backend:1"]),
        ("spec.template.spec.containers[*].image", ["shop/backend:1", "shop/side:1"]),
        ("spec.template.spec.containers[1].name", ["side"]),
        ("spec.template.spec.containers[none].image", []),
        (f"{API}.args", [["serve"]]),
        (f"{API}.args[0]", ["serve"]),
        (f"{API}.resources.limits[*]", ["128Mi", "1"]),
        ("metadata[namespace]", ["team-4f"]),
        ("spec.none.deeper", []),
        ("spec.replicas.deeper", []),
    ],
)
def test_a_path_finds(path: str, found: list[Any]) -> None:
    assert look_up(OBJ, path) == found


def test_a_key_with_a_dot_stands_in_brackets() -> None:
    assert look_up({"data": {".dockerconfigjson": "x", "a.b": "y"}}, "data[.dockerconfigjson]") == ["x"]
    assert look_up({"data": {"a.b": "y"}}, "data[a.b]") == ["y"]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(value=json, path=st.text(alphabet="ab.[]*0 ", max_size=12))
def test_looking_up_never_fails(value: Any, path: str) -> None:
    assert isinstance(look_up(value, path), list)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("128Mi", 128 * 2**20), ("1Gi", 2**30), ("250m", 0.25), ("0.5", 0.5), ("1e3", 1000), ("2k", 2000), ("1E", 1e18),
        (3, 3), (0.25, 0.25), ("-1", -1), (".5", 0.5), ("5.", 5), ("1Ei", 2**60), ("100u", 1e-4), ("1e3Mi", None),
        ("", None), ("Mi", None), ("1 Mi", None), ("latest", None), (True, None), (None, None),
        ("12mi", None), ([], None),
    ],
)  # fmt: skip
def test_quantities(text: Any, value: float | None) -> None:
    assert number(text) == (None if value is None else pytest.approx(value))


units = st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])


@given(st.integers(0, 10**6), units)
def test_quantities_are_read_as_the_cluster_reads_them(amount: int, unit: str) -> None:
    assert number(f"{amount}{unit}") == pytest.approx(float(parse(f"{amount}{unit}")))


def wanted(**more: Any) -> Property:
    return Property.model_validate({"object": "Deployment/backend", **more})


MEMORY = {"path": f"{API}.resources.limits.memory"}


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({}, ""),
        ({"exists": False}, "Deployment/backend should be gone"),
        ({**MEMORY, "at-least": "128Mi"}, ""),
        ({**MEMORY, "at-least": "0.125Gi"}, ""),
        ({**MEMORY, "at-least": "129Mi"}, "is '128Mi', should be at least 129Mi"),
        ({**MEMORY, "at-most": "128Mi"}, ""),
        ({**MEMORY, "at-most": "127Mi"}, "should be at most 127Mi"),
        ({**MEMORY, "at-least": "1Mi", "at-most": "100Mi"}, "should be at least 1Mi and at most 100Mi"),
        ({**MEMORY, "equals": "131072Ki"}, ""),
        ({**MEMORY, "one-of": ["64Mi", "128Mi"]}, ""),
        ({**MEMORY, "one-of": ["64Mi", "96Mi"]}, "should be one of 64Mi, 96Mi"),
        ({**MEMORY, "present": True}, ""),
        ({**MEMORY, "present": True, "at-most": "100Mi"}, "should be at most 100Mi"),
        ({**MEMORY, "present": False}, "should be absent, is '128Mi'"),
        ({**MEMORY, "matches": "Mi$"}, ""),
        ({**MEMORY, "matches": "Gi$"}, "should be like Gi$"),
        ({"path": "spec.none", "present": False}, ""),
        ({"path": "spec.none", "present": True}, "is missing"),
        ({"path": "spec.none", "at-least": 1}, "is missing, should be at least 1"),
        ({"path": "spec.none", "equals": 0}, "is missing, should be 0"),
        ({"path": "spec.replicas", "equals": "2"}, ""),
        ({"path": "spec.replicas", "at-least": 3}, "is 2, should be at least 3"),
        ({"path": f"{API}.image", "at-least": 1}, "is 'shop/backend:1', should be at least 1"),
        ({"path": "spec.template.spec.containers[*].image", "matches": "^shop/"}, ""),
        ({"path": "spec.template.spec.containers[*].image", "matches": "side"}, "1', should be like side"),
        ({"recreated": False}, ""),
        ({"recreated": True}, "should have been made anew"),
    ],
)  # fmt: skip
def test_properties(asked: dict[str, Any], problem: str) -> None:
    found = lacks(wanted(**asked), OBJ, OBJ)
    assert problem in found
    assert bool(found) == bool(problem)


def test_what_is_gone() -> None:
    assert lacks(wanted(), None, OBJ) == "Deployment/backend should exist"
    assert lacks(wanted(path="spec.replicas", present=False), None, OBJ) == "Deployment/backend should exist"
    assert lacks(wanted(exists=False), None, OBJ) == ""


def test_made_anew() -> None:
    again = {**OBJ, "metadata": {**OBJ["metadata"], "uid": "another"}}
    assert lacks(wanted(recreated=True), again, OBJ) == ""
    assert "should be the one that there was" in lacks(wanted(recreated=False), again, OBJ)


@given(value=json, limit=st.integers(-5, 5))
def test_no_value_is_both_above_and_below(value: Any, limit: int) -> None:
    above = not value_lacks(wanted(path="x", **{"at-least": limit}), [value])
    below = not value_lacks(wanted(path="x", **{"at-most": limit - 1}), [value])
    assert not (above and below)
