"""What manifests that people really ship bring along, and a server takes without a word."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import APPLY, MERGE, PODS, Api, pod

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def test_a_namespace_where_there_are_none_is_passed_over(api: Api) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reader", "namespace": "kube-system"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    made = api.post(ROLES, role)
    assert "namespace" not in made["metadata"]
    applied = api.patch(f"{ROLES}/reader?fieldManager=me&force=true", role, APPLY)
    put = api.expect(200, "PUT", f"{ROLES}/reader", role)
    merged = api.patch(f"{ROLES}/reader", {"metadata": {"namespace": "default"}}, MERGE)
    assert all("namespace" not in one["metadata"] for one in (applied, put, merged))


def test_a_binding_whose_account_has_no_namespace_is_shown(api: Api) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"}
    subjects = [{"kind": "ServiceAccount", "name": "builder"}]
    api.post(BINDINGS, {"metadata": {"name": "readers"}, "roleRef": reference, "subjects": subjects})
    (row,) = [one for one in api.get(BINDINGS, accept=TABLE)["rows"] if one["cells"][0] == "readers"]
    assert "/builder" in row["cells"]


def test_tolerations_that_every_pod_gets_come_back_when_others_are_applied(api: Api) -> None:
    own = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
    body = pod()
    body |= {"apiVersion": "v1", "kind": "Pod"}
    body["spec"]["tolerations"] = [own]
    made = api.post(PODS, body)
    applied = api.patch(f"{PODS}/{made['metadata']['name']}?fieldManager=me&force=true", body, APPLY)
    assert applied["spec"]["tolerations"] == made["spec"]["tolerations"]
    assert len(applied["spec"]["tolerations"]) == 3


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"priority": 0}, ""),
        ({"preemptionPolicy": "PreemptLowerPriority"}, ""),
        ({"priority": 10}, "the integer value of priority (10) must not be provided in pod spec"),
        (
            {"preemptionPolicy": "Never"},
            "the string value of PreemptionPolicy (Never) must not be provided in pod spec",
        ),
    ],
)
def test_a_priority_comes_from_its_class_alone(api: Api, fields: dict[str, Any], why: str) -> None:
    body = pod()
    body["spec"] |= fields
    if not why:
        assert api.post(PODS, body)["spec"]["priority"] == 0
        return
    assert why in api.expect(403, "POST", PODS, body)["message"]
