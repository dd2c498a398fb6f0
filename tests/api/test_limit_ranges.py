"""LimitRanges: what is filled in, what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Api

PODS = "/api/v1/namespaces/default/pods"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
RANGES = "/api/v1/namespaces/default/limitranges"


def limit(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "bounds"}, "spec": {"limits": [{"type": "Container", **fields}]}}


def pod(*resources: dict[str, Any], **meta: Any) -> dict[str, Any]:
    containers = [{"name": f"c{n}", "image": "a", "resources": one} for n, one in enumerate(resources)]
    return {"metadata": {"name": "app", **meta}, "spec": {"containers": containers}}


def test_what_a_bound_says_of_defaults(api: Api) -> None:
    made = api.post(RANGES, limit(max={"memory": "64Mi"}, min={"cpu": "10m"}))
    (written,) = made["spec"]["limits"]
    assert (written["default"], written["defaultRequest"]) == ({"memory": "64Mi"}, {"memory": "64Mi", "cpu": "10m"})


def test_defaults_are_filled_in_and_noted(api: Api) -> None:
    api.post(RANGES, limit(default={"memory": "32Mi"}, defaultRequest={"memory": "16Mi", "cpu": "5m"}))
    made = api.post(PODS, pod({}, {"limits": {"memory": "20Mi"}}, {"requests": {"memory": "1Mi", "cpu": "1m"}}))
    assert [one["resources"] for one in made["spec"]["containers"]] == [
        {"limits": {"memory": "32Mi"}, "requests": {"memory": "16Mi", "cpu": "5m"}},
        {"limits": {"memory": "20Mi"}, "requests": {"memory": "20Mi", "cpu": "5m"}},
        {"limits": {"memory": "32Mi"}, "requests": {"memory": "1Mi", "cpu": "1m"}},
    ]
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c0; memory limit for container c0; "
        "cpu request for container c1; memory limit for container c2"
    )


def test_init_containers_are_containers_too(api: Api) -> None:
    api.post(RANGES, limit(default={"memory": "32Mi"}, max={"memory": "64Mi"}))
    first: dict[str, Any] = {"name": "first", "image": "a"}
    body = pod({})
    body["spec"]["initContainers"] = [first]
    made = api.post(f"{PODS}?dryRun=All", body)
    assert made["spec"]["initContainers"][0]["resources"]["limits"] == {"memory": "32Mi"}
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"].endswith("limit for init container first")
    first["resources"] = {"limits": {"memory": "65Mi"}}
    told = api.expect(403, "POST", PODS, body)["message"]
    assert told.endswith("maximum memory usage per Container is 64Mi, but limit is 65Mi")


@pytest.mark.parametrize(
    ("bounds", "resources", "why"),
    [
        (
            {"min": {"memory": "8Mi"}},
            {"requests": {"memory": "4Mi"}},
            "minimum memory usage per Container is 8Mi, but request is 4Mi",
        ),
        (
            {"max": {"cpu": "1"}, "default": {"cpu": "500m"}},
            {"limits": {"cpu": "2"}},
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            {"maxLimitRequestRatio": {"memory": "2"}},
            {"requests": {"memory": "10Mi"}, "limits": {"memory": "25Mi"}},
            "memory max limit to request ratio per Container is 2, but provided ratio is 2.500000",
        ),
        (
            {"maxLimitRequestRatio": {"memory": "2"}},
            {},
            "memory max limit to request ratio per Container is 2, but no request is specified or request is 0",
        ),
        (
            {"type": "Pod", "max": {"memory": "30Mi"}},
            {"limits": {"memory": "16Mi"}},
            "maximum memory usage per Pod is 30Mi, but limit is 32Mi",
        ),
        (
            {"type": "Pod", "min": {"cpu": "1"}},
            {"requests": {"cpu": "400m"}},
            "minimum cpu usage per Pod is 1, but request is 800m",
        ),
    ],
)
def test_what_is_out_of_bounds(api: Api, bounds: dict[str, Any], resources: dict[str, Any], why: str) -> None:
    api.post(RANGES, limit(**bounds))
    status = api.expect(403, "POST", PODS, pod(resources, resources))
    repeated = f"[{why}, {why}]" if bounds.get("type") != "Pod" else why
    assert status["message"] == f'pods "app" is forbidden: {repeated}'


def test_the_name_that_was_drawn_is_told(api: Api) -> None:
    api.post(RANGES, limit(min={"memory": "8Mi"}))
    unnamed = pod({"requests": {"memory": "1Mi"}}, generateName="app-")
    del unnamed["metadata"]["name"]
    assert api.expect(403, "POST", PODS, unnamed)["details"]["name"].removeprefix("app-")


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ("1Gi", "minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi"),
        ("9Gi", "maximum"),
        ("3Gi", ""),
    ],
)
def test_claims(api: Api, size: str, why: str) -> None:
    bounds = {"min": {"storage": "2Gi"}, "max": {"storage": "8Gi"}, "type": "PersistentVolumeClaim"}
    api.post(RANGES, limit(**bounds))
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    claim = {"metadata": {"name": "data"}, "spec": spec}
    assert why in (api.expect(403, "POST", CLAIMS, claim)["message"] if why else api.post(CLAIMS, claim)["kind"])
