"""Paths of rules lead somewhere, whatever a healer may add."""

from __future__ import annotations

import pytest

from healgate.evidence import Obj
from healgate.scenario.rulepaths import astray

ENV = [{"name": "SIZE", "value": "1"}]
POD = {"containers": [{"name": "api", "image": "x", "env": ENV}], "volumes": [{"name": "keys", "secret": {}}]}
BACKEND: Obj = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": POD}}}
CONFIG: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"LEVEL": "info"}}
CUSTOM: Obj = {"apiVersion": "shop.example/v1", "kind": "Cache", "spec": {}}
API = "spec.template.spec.containers[api]"


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (BACKEND, API),
        (BACKEND, f"{API}.livenessProbe.httpGet.path"),  # which it has not
        (BACKEND, f"{API}.resources.limits.memory"),
        (BACKEND, f"{API}.resources.limits[nvidia.com/gpu]"),
        (BACKEND, f"{API}.env[SIZE].value"),
        (BACKEND, f"{API}.env[BROUGHT].value"),
        (BACKEND, f"{API}.ports[http].containerPort"),  # items that nobody names
        (BACKEND, "spec.template.spec.containers[0].image"),
        (BACKEND, "spec.template.spec.containers[*].image"),
        (BACKEND, "spec.template.spec.initContainers[any].image"),  # it has none
        (BACKEND, "spec.template.metadata.annotations[shop.example/owner]"),
        (BACKEND, "metadata.labels.app"),
        (BACKEND, "spec.strategy.rollingUpdate.maxSurge"),
        (CONFIG, "data"),
        (CONFIG, "data[LEVEL]"),
        (CUSTOM, "spec.anything[at].all"),
        (None, "spec.whatever"),
    ],
)
def test_a_path_that_leads_somewhere(obj: Obj | None, path: str) -> None:
    assert astray(path, obj, frozenset({"BROUGHT"})) == ""


@pytest.mark.parametrize(
    ("obj", "path", "said"),
    [
        (BACKEND, f"{API}.livenesProbe", "containers has no field livenesProbe; expected one of"),
        (BACKEND, "spec.template.spec.containers[apii].image", "there is no apii among the containers"),
        (BACKEND, f"{API}.env[SIZES].value", "did you mean SIZE?"),
        (BACKEND, f"{API}.image.tag", "image has nothing in it, so no tag"),
        (BACKEND, f"{API}.resources.limit.memory", "resources has no field limit"),
        (BACKEND, "spec.template.spec.volumes[key].secret", "there is no key among the volumes"),
        (CONFIG, "data.LEVELS", "there is no LEVELS in the data, and neither method nor description names it"),
        (CONFIG, "data.LEVEL.x", "LEVEL has nothing in it, so no x"),
        (None, "spec[x", "brackets do not close"),
    ],
)
def test_one_that_leads_nowhere(obj: Obj | None, path: str, said: str) -> None:
    assert said in astray(path, obj, frozenset({"BROUGHT"}))
