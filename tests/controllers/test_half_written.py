"""A status that somebody else wrote, half or nonsense: controllers and kubelets live on, as real ones do."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healgate.embedded.api.messages import ApiAnswer, ApiRequest
from healgate.embedded.cluster import EmbeddedCluster

from ..api.test_nonsense import paths

Obj = dict[str, Any]

LABELS = {"app": "web"}
TEMPLATE = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 20; exit 1"]}]},
}
SELECTS = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
ONCE = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
BUDGET = {"minAvailable": 1, "selector": {"matchLabels": LABELS}}
MADE = {
    "/apis/apps/v1/namespaces/default/deployments": {"replicas": 2, **SELECTS},
    "/apis/apps/v1/namespaces/default/statefulsets": {"replicas": 2, "serviceName": "web", **SELECTS},
    "/apis/apps/v1/namespaces/default/daemonsets": SELECTS,
    "/apis/batch/v1/namespaces/default/jobs": {"template": ONCE},
    "/apis/batch/v1/namespaces/default/cronjobs": {
        "schedule": "* * * * *",
        "jobTemplate": {"spec": {"template": ONCE}},
    },
    "/api/v1/namespaces/default/services": {"selector": LABELS, "ports": [{"port": 80}]},
    "/apis/policy/v1/namespaces/default/poddisruptionbudgets": BUDGET,
    "/api/v1/namespaces/default/persistentvolumeclaims": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
WRITTEN = [*MADE, "/api/v1/namespaces/default/pods", "/apis/apps/v1/namespaces/default/replicasets", "/api/v1/nodes"]
NONSENSE = st.none() | st.sampled_from(["", "x", "True", 0, 1, -1, [], {}, [{}], [None], {"type": "x"}, "1Gi", True])


def send(cluster: EmbeddedCluster, method: str, path: str, body: Any = None) -> ApiAnswer:
    answer = cluster.server.handle(ApiRequest.of(method, path, body))
    assert isinstance(answer, ApiAnswer)
    return answer


def spoil(obj: Obj, draw: Any) -> Obj:
    """Something of its status is gone, or is something else."""
    obj = copy.deepcopy(obj)
    for _ in range(draw(st.integers(1, 3))):
        inside = [("status", *one) for one in paths(obj.setdefault("status", {}))]
        *steps, last = draw(st.sampled_from([("status",), *inside]))
        place: Any = obj
        for step in steps:
            place = place[step]
        if draw(st.booleans()):
            del place[last]
        else:
            place[last] = copy.deepcopy(draw(NONSENSE))
    return obj


@pytest.mark.parametrize("path", WRITTEN)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_status_that_somebody_spoilt_stops_nobody(path: str, data: Any) -> None:
    cluster = EmbeddedCluster("half")
    for url, spec in MADE.items():
        assert send(cluster, "POST", url, {"metadata": {"name": "web"}, "spec": spec}).status == 201
    cluster.run_for(data.draw(st.sampled_from([1.0, 15.0, 100.0])))
    for obj in send(cluster, "GET", path).json()["items"][:2]:
        spoilt = spoil(obj, data.draw)
        answer = send(cluster, "PUT", f"{path}/{obj['metadata']['name']}/status", spoilt)
        assert answer.status < 500, answer.body
    cluster.run_for(150.0)
    pods = send(cluster, "GET", "/api/v1/namespaces/default/pods").json()["items"]
    assert all(pod["status"]["phase"] for pod in pods)
