"""A program with client-go: shared informers, the typed client with its protobuf bodies, leader election."""

from __future__ import annotations

import json

from healgate.embedded.api import protobuf

from .conftest import Served


def test_a_go_program_with_the_stock_libraries(served: Served, shopwatch: str) -> None:
    said = served.run(shopwatch).stdout.split("\n")
    assert said[0].startswith("ok server v1.")
    assert said[1:-1] == [
        "ok discovery",
        "ok typed client",
        "ok selectors",
        "ok eviction",
        "ok delete options",
        "ok shared informer",
        "ok lister",
        "ok event recorder",
        "ok leader election",
        "ok dynamic client",
    ]


def test_the_recorded_bodies_are_what_client_go_sends(served: Served, shopwatch: str) -> None:
    """tests/api/bodies.txt is this program's own word; a map's order is not."""
    lines = served.run(shopwatch, "bodies").stdout.splitlines()
    assert lines
    for line in lines:
        body, _, text = line.partition(" ")
        assert protobuf.decode(bytes.fromhex(body))["kind"] == json.loads(text)["kind"]
