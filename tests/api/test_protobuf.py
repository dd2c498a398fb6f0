"""Bodies as typed Go clients encode them: `bodies.txt` has each in hexadecimal, and the same object as JSON."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healgate.embedded.api import protobuf

from .conftest import DEPLOYMENTS, Api

LINES = (Path(__file__).parent / "bodies.txt").read_text("utf-8").splitlines()
BODIES = [(bytes.fromhex(body), json.loads(text)) for body, _, text in (line.partition(" ") for line in LINES)]
TYPE = "application/vnd.kubernetes.protobuf"


def without_nothing(value: Any) -> Any:
    """JSON from Go has null for a list that nobody made; protobuf has no such thing."""
    if isinstance(value, dict):
        return {key: without_nothing(one) for key, one in value.items() if one is not None}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("body", "meant"), BODIES, ids=[meant["kind"] + str(at) for at, (_, meant) in enumerate(BODIES)]
)
def test_a_body_says_what_the_same_object_says_in_json(body: bytes, meant: dict[str, Any]) -> None:
    assert without_nothing(protobuf.decode(body)) == without_nothing(meant)


def test_a_zero_that_somebody_said_counts_and_another_does_not() -> None:
    [deployment] = [protobuf.decode(body) for body, meant in BODIES if meant["kind"] == "Deployment"]
    assert deployment["spec"]["replicas"] == 0
    assert "minReadySeconds" not in deployment["spec"]


def test_the_server_takes_it_and_answers_json(api: Api) -> None:
    body = next(body for body, meant in BODIES if meant["kind"] == "Deployment")
    accept = f"{TYPE},application/json"
    made = api.send("POST", DEPLOYMENTS, body, content_type=TYPE, accept=accept)
    assert made.status == 201
    assert made.headers["Content-Type"] == "application/json"
    assert made.json()["spec"]["replicas"] == 0
    options = next(body for body, meant in BODIES if meant["kind"] == "DeleteOptions")
    refused = api.expect(409, "DELETE", DEPLOYMENTS + "/web", options, content_type=TYPE)
    assert "Precondition failed: UID in precondition: u" in refused["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"k8s\0",
        b"k8s\0\x0a\xff",
        b"k8s\0\x0a\x0a\x0a\x04shop\x12\x02No",
        BODIES[0][0][:-7],
        BODIES[0][0].replace(b"web", b"\xff\xfe\xfd"),
    ],
)
def test_what_is_broken_is_a_bad_request(api: Api, body: bytes) -> None:
    assert api.expect(400, "POST", DEPLOYMENTS, body, content_type=TYPE)["reason"] == "BadRequest"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from([body for body, _ in BODIES]), st.data())
def test_no_body_breaks_the_decoder(body: bytes, data: Any) -> None:
    at = data.draw(st.integers(4, len(body) - 1))
    spoiled = body[:at] + data.draw(st.binary(max_size=3)) + body[at + data.draw(st.integers(0, 3)) :]
    with suppress(ValueError, KeyError):
        assert isinstance(protobuf.decode(spoiled), dict)
