"""Each namespace's own account at the registry."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from healgate.images.accounts import KEY, own_account
from healgate.scenario.workloads import load_workload, shipped

HOSTS = ("registry.shop.example",)


def pull_secret() -> dict[str, Any]:
    (secret,) = [
        obj
        for obj in load_workload(shipped() / "shop").objects
        if obj["kind"] == "Secret" and obj["metadata"]["name"] == "registry-credentials"
    ]
    return secret


def entry(config: str) -> dict[str, str]:
    return dict(json.loads(config)["auths"]["registry.shop.example"])


def test_the_user_becomes_the_namespaces_own() -> None:
    before = json.dumps(pull_secret())
    made = entry(own_account(pull_secret(), "checkout-3f2a", HOSTS)["stringData"][KEY])
    assert made["username"].startswith("puller.checkout-3f2a.")
    assert made["password"] == "Wj4uT8-pull"
    assert base64.b64decode(made["auth"]).decode() == f"{made['username']}:Wj4uT8-pull"
    assert json.dumps(pull_secret()) == before


def test_what_a_cluster_gives_back_as_data_and_once_more() -> None:
    config = pull_secret()["stringData"][KEY]
    secret = {"kind": "Secret", "data": {KEY: base64.b64encode(config.encode()).decode()}}
    once = own_account(secret, "a", HOSTS)
    twice = own_account(once, "a", HOSTS)
    assert entry(base64.b64decode(once["data"][KEY]).decode())["username"].startswith("puller.a.")
    assert twice == once


def test_a_namespace_that_has_the_name_of_an_earlier_one_has_another_account() -> None:
    names = {entry(own_account(pull_secret(), "a", HOSTS)["stringData"][KEY])["username"] for _ in range(5)}
    assert len(names) == 5


def test_another_namespaces_account_is_not_kept() -> None:
    other = own_account(pull_secret(), "ab", HOSTS)
    assert entry(own_account(other, "a", HOSTS)["stringData"][KEY])["username"].startswith("puller.a.")


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "Secret", "stringData": {"username": "puller"}},
        {"kind": "Secret", "stringData": {KEY: "no json"}},
        {"kind": "Secret", "stringData": {KEY: '{"auths": {"registry.shop.example": {}}}'}},
        {"kind": "Secret", "data": {KEY: "%"}},
        {"kind": "Secret", "data": None},
        {"kind": "ConfigMap", "data": {KEY: '{"auths": {}}'}},
    ],
)
def test_anything_else_stays_as_it_is(other: dict[str, Any]) -> None:
    assert own_account(other, "a", HOSTS) == other


def test_credentials_for_somebody_elses_registry_stay() -> None:
    config = json.dumps({"auths": {"ghcr.io": {"username": "me", "password": "x"}}})
    made = own_account({"kind": "Secret", "stringData": {KEY: config}}, "a", HOSTS)
    assert json.loads(made["stringData"][KEY]) == json.loads(config)
