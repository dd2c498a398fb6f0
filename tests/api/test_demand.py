"""What a pod asks for in all, which depends on what runs beside what."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.api.demand import demand
from healgate.embedded.api.quantities import parse

from .conftest import PODS, Api

Obj = dict[str, Any]


def one(name: str, memory: str, **more: Any) -> Obj:
    amounts = {"memory": memory}
    return {"name": name, "image": "app:1", "resources": {"requests": amounts, "limits": amounts}, **more}


def sidecar(memory: str, name: str = "side") -> Obj:
    return one(name, memory, restartPolicy="Always")


SETUP = one("setup", "500Mi")


@pytest.mark.parametrize(
    ("first", "mains", "whole"),
    [
        ([], ["100Mi", "50Mi"], "150Mi"),
        ([SETUP], ["100Mi"], "500Mi"),
        ([SETUP], ["100Mi", "600Mi"], "700Mi"),
        ([SETUP, one("more", "300Mi")], ["100Mi"], "500Mi"),
        ([SETUP, sidecar("50Mi")], ["100Mi"], "500Mi"),
        ([sidecar("50Mi"), SETUP], ["100Mi"], "550Mi"),
        ([sidecar("50Mi"), sidecar("70Mi", "other")], ["100Mi"], "220Mi"),
    ],
)
@pytest.mark.parametrize("section", ["requests", "limits"])
def test_a_sidecar_weighs_on_what_starts_after_it(first: list[Obj], mains: list[str], whole: str, section: str) -> None:
    containers = [one(f"main-{number}", memory) for number, memory in enumerate(mains)]
    assert demand({"initContainers": first, "containers": containers}, section) == {"memory": parse(whole)}


def test_the_pods_own_word_goes_first_and_its_overhead_on_top() -> None:
    spec = {
        "containers": [one("main", "100Mi")],
        "resources": {"requests": {"memory": "200Mi", "cpu": "1"}},
        "overhead": {"memory": "10Mi", "cpu": "100m"},
    }
    assert demand(spec) == {"memory": parse("210Mi"), "cpu": parse("1100m")}
    assert demand(spec, "limits") == {"memory": parse("110Mi")}


def test_a_quota_counts_all_sidecars(api: Api) -> None:
    hard = {"requests.memory": "200Mi"}
    api.post("/api/v1/namespaces/default/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    spec = {"initContainers": [sidecar("50Mi"), sidecar("70Mi", "other")], "containers": [one("main", "100Mi")]}
    refusal = api.expect(403, "POST", PODS, {"metadata": {"name": "app"}, "spec": spec})
    assert (
        "requested: requests.memory=220Mi, used: requests.memory=0, limited: requests.memory=200Mi"
        in (refusal["message"])
    )
