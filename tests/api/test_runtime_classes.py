"""Pods that name a RuntimeClass."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import PODS, Api, pod

CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"


def of_class(name: str | None = "small", **fields: Any) -> dict[str, Any]:
    body = pod()
    body["spec"] |= fields
    if name:
        body["spec"]["runtimeClassName"] = name
    return body


@pytest.fixture
def classes(api: Api) -> Api:
    tolerated = {"key": "small", "operator": "Exists"}
    scheduling = {"nodeSelector": {"size": "small"}, "tolerations": [tolerated]}
    overhead = {"podFixed": {"memory": "64Mi"}}
    made = {"metadata": {"name": "small"}, "handler": "runc", "overhead": overhead, "scheduling": scheduling}
    api.post(CLASSES, made)
    api.post(CLASSES, {"metadata": {"name": "plain"}, "handler": "runc"})
    return api


def test_what_a_pod_takes_over(classes: Api) -> None:
    spec = classes.post(PODS, of_class(nodeSelector={"zone": "a"}))["spec"]
    assert spec["overhead"] == {"memory": "64Mi"}
    assert spec["nodeSelector"] == {"zone": "a", "size": "small"}
    assert {"key": "small", "operator": "Exists"} in spec["tolerations"]


def test_what_a_pod_tolerates_already_is_not_said_twice(classes: Api) -> None:
    small = {"key": "small", "operator": "Exists"}
    assert classes.post(PODS, of_class(tolerations=[small]))["spec"]["tolerations"].count(small) == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (of_class("gone"), 'pod rejected: RuntimeClass "gone" not found'),
        (
            of_class(overhead={"memory": "1Mi"}),
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (of_class("plain", overhead={"memory": "1Mi"}), "pod rejected: Pod Overhead set without corresponding"),
        (of_class(None, overhead={"memory": "1Mi"}), "pod rejected: Pod Overhead set without corresponding"),
        (
            of_class(nodeSelector={"size": "large"}),
            "conflict: runtimeClass.scheduling.nodeSelector[size] = small; pod.spec.nodeSelector[size] = large",
        ),
    ],
)
def test_what_is_refused(classes: Api, body: dict[str, Any], why: str) -> None:
    assert why in classes.expect(403, "POST", PODS, body)["message"]


def test_overhead_may_be_repeated(classes: Api) -> None:
    assert classes.post(PODS, of_class(overhead={"memory": "65536Ki"}))["spec"]["overhead"] == {"memory": "64Mi"}
