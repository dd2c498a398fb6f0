from __future__ import annotations

from typing import Any

import pytest

from .conftest import DEPLOYMENTS, PODS, STRATEGIC, Api, deployment, job, pod

WEB = DEPLOYMENTS + "/web"


def test_a_stale_write_conflicts_and_a_fresh_one_does_not(api: Api) -> None:
    first = api.post(DEPLOYMENTS, deployment())
    api.expect(200, "PUT", WEB, {**first, "spec": {**first["spec"], "replicas": 2}})
    refusal = api.expect(409, "PUT", WEB, {**first, "spec": {**first["spec"], "replicas": 3}})
    assert refusal["message"] == (
        'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert refusal["details"] == {"name": "web", "group": "apps", "kind": "deployments"}


def test_a_write_that_changes_nothing_is_none(api: Api) -> None:
    made = api.post(DEPLOYMENTS, deployment())
    watch = api.watch(DEPLOYMENTS + f"?watch=1&resourceVersion={made['metadata']['resourceVersion']}")
    assert api.expect(200, "PUT", WEB, made)["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    api.patch(WEB, {"spec": {"replicas": 1}})
    api.patch(WEB, {"metadata": {"labels": {}}})
    assert watch.take() == []


def test_only_a_change_of_spec_counts_as_a_generation(api: Api) -> None:
    api.post(DEPLOYMENTS, deployment())
    assert api.patch(WEB, {"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"] == 1
    assert api.patch(WEB + "/status", {"status": {"replicas": 1}})["metadata"]["generation"] == 1
    assert api.patch(WEB, {"spec": {"replicas": 2}})["metadata"]["generation"] == 2


def test_status_and_spec_have_their_own_doors(api: Api) -> None:
    made = api.post(DEPLOYMENTS, deployment())
    through_main = api.expect(200, "PUT", WEB, {**made, "status": {"replicas": 9}})
    assert through_main["status"] == {}
    changed = {**made, "spec": {**made["spec"], "replicas": 9}, "status": {"replicas": 1}}
    changed["metadata"] = {**made["metadata"], "labels": {"a": "b"}}
    through_status = api.expect(200, "PUT", WEB + "/status", changed)
    assert through_status["spec"]["replicas"] == 1
    assert through_status["status"] == {"replicas": 1}
    assert "labels" not in through_status["metadata"]


def test_a_pods_labels_go_through_its_status(api: Api) -> None:
    api.post(PODS, pod())
    body = {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Running"}}
    done = api.patch(PODS + "/web/status", body)
    assert (done["metadata"]["labels"], done["status"]["phase"]) == ({"a": "b"}, "Running")


def _refusal(api: Api, url: str, body: Any) -> dict[str, Any]:
    return api.expect(422, "PATCH", url, body, content_type=STRATEGIC)


def test_a_selector_is_for_life(api: Api) -> None:
    api.post(DEPLOYMENTS, deployment())
    body = {"spec": {"selector": {"matchLabels": {"tier": "x"}}, "template": {"metadata": {"labels": {"tier": "x"}}}}}
    refusal = _refusal(api, WEB, body)
    assert refusal["message"] == (
        'Deployment.apps "web" is invalid: spec.selector: Invalid value: '
        '{"matchLabels":{"app":"web","tier":"x"}}: field is immutable'
    )
    assert refusal["details"]["kind"] == "Deployment"
    assert refusal["details"]["causes"][0]["reason"] == "FieldValueInvalid"


def test_a_jobs_template_is_for_life(api: Api) -> None:
    api.post("/apis/batch/v1/namespaces/default/jobs", job())
    change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "shop:1.5"}]}}}}
    refusal = _refusal(api, "/apis/batch/v1/namespaces/default/jobs/once", change)
    assert refusal["message"].startswith('Job.batch "once" is invalid: spec.template: Invalid value: {')
    assert refusal["message"].endswith(": field is immutable")


def test_a_pods_image_may_change_and_its_resources_may_not(api: Api) -> None:
    api.post(PODS, pod())
    done = api.patch(PODS + "/web", {"spec": {"containers": [{"name": "main", "image": "shop:1.5"}]}})
    assert done["metadata"]["generation"] == 2
    limits = {"spec": {"containers": [{"name": "main", "resources": {"limits": {"memory": "1Gi"}}}]}}
    refusal = _refusal(api, PODS + "/web", limits)
    assert "pod updates may not change fields other than `spec.containers[*].image`" in refusal["message"]
    assert refusal["details"]["causes"][0]["reason"] == "FieldValueForbidden"


def test_a_pod_is_resized_through_its_own_door_and_keeps_its_class(api: Api) -> None:
    body = pod()
    body["spec"]["containers"][0]["resources"] = {"requests": {"memory": "32Mi"}, "limits": {"memory": "64Mi"}}
    api.post(PODS, body)

    def sized(**limits: str) -> dict[str, Any]:
        return {"spec": {"containers": [{"name": "main", "resources": {"limits": limits}}]}}

    done = api.patch(PODS + "/web/resize", sized(memory="128Mi"))
    assert done["spec"]["containers"][0]["resources"]["limits"] == {"memory": "128Mi"}
    assert done["metadata"]["generation"] == 2
    same = {"requests": {"memory": "1Mi", "cpu": "1"}, "limits": {"memory": "1Mi", "cpu": "1"}}
    change = {"spec": {"containers": [{"name": "main", "resources": same}]}}
    assert "Pod QOS Class may not change" in _refusal(api, PODS + "/web/resize", change)["message"]
    storage = sized(**{"ephemeral-storage": "1Gi"})
    assert "only cpu and memory resources are mutable" in _refusal(api, PODS + "/web/resize", storage)["message"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"image": ""}, "spec.template.spec.containers[0].image: Required value"),
        (
            {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}},
            'containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
        ),
        ({"livenessProbe": {"periodSeconds": 5}}, "livenessProbe: Required value: must specify a handler type"),
        ({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, 'volumeMounts[0].name: Not found: "v"'),
    ],
)
def test_container_mistakes_are_named_by_field(api: Api, change: dict[str, Any], text: str) -> None:
    body = deployment()
    body["spec"]["template"]["spec"]["containers"][0].update(change)
    refusal = api.expect(422, "POST", DEPLOYMENTS, body)
    assert refusal["reason"] == "Invalid"
    assert text in refusal["message"]


def test_the_template_must_carry_the_selected_labels(api: Api) -> None:
    body = deployment()
    body["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    refusal = api.expect(422, "POST", DEPLOYMENTS, body)
    assert "`selector` does not match template `labels`" in refusal["message"]


def test_several_mistakes_are_told_at_once(api: Api) -> None:
    body = pod("Web")
    body["spec"]["containers"].append({"name": "main", "image": ""})
    refusal = api.expect(422, "POST", PODS, body)
    fields = [one["field"] for one in refusal["details"]["causes"]]
    assert fields == ["metadata.name", "spec.containers[1].image", "spec.containers[1].name"]
    assert refusal["message"].startswith('Pod "Web" is invalid: [metadata.name: Invalid value: "Web": a lowercase')


def test_name_and_namespace_must_be_those_of_the_url(api: Api) -> None:
    made = api.post(DEPLOYMENTS, deployment())
    renamed = {**made, "metadata": {**made["metadata"], "name": "other"}}
    text = "the name of the object (other) does not match the name on the URL (web)"
    assert api.expect(400, "PUT", WEB, renamed)["message"] == text
    moved = {**made, "metadata": {**made["metadata"], "namespace": "kube-system"}}
    text = "the namespace of the provided object does not match the namespace sent on the request"
    assert api.expect(400, "PUT", WEB, moved)["message"] == text


def test_creating_with_a_version_is_an_error_of_its_own_kind(api: Api) -> None:
    body = pod()
    body["metadata"]["resourceVersion"] = "5"
    answer = api.expect(500, "POST", PODS, body)
    assert answer["message"] == "resourceVersion should not be set on objects to be created"


def test_some_kinds_are_created_by_put_and_some_need_a_version(api: Api) -> None:
    url = "/apis/coordination.k8s.io/v1/namespaces/default/leases/leader"
    made = api.expect(201, "PUT", url, {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "a"}})
    unlocked = {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "b"}}
    refusal = api.expect(422, "PUT", url, unlocked)
    assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in refusal["message"]
    unlocked["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    assert api.expect(200, "PUT", url, unlocked)["spec"]["holderIdentity"] == "b"
    assert api.send("PUT", WEB, deployment()).status == 404


def test_scale_is_a_view_of_replicas(api: Api) -> None:
    api.post(DEPLOYMENTS, deployment())
    scale = api.get(WEB + "/scale")
    assert scale["kind"] == "Scale"
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 0, "selector": "app=web"})
    done = api.patch(WEB + "/scale", {"spec": {"replicas": 3}}, "application/merge-patch+json")
    assert done["spec"] == {"replicas": 3}
    assert api.get(WEB)["spec"]["replicas"] == 3
    stale = {**scale, "spec": {"replicas": 5}}
    assert api.send("PUT", WEB + "/scale", stale).status == 409


def test_controllers_write_without_copying_what_they_leave_alone(api: Api) -> None:
    api.post(DEPLOYMENTS, deployment())
    before = api.registry.get("deployments.apps", "default", "web")
    after = api.registry.set_status("deployments.apps", "default", "web", {"replicas": 1})
    assert after is not None
    assert after["spec"] is before["spec"]
    again = api.registry.set_status("deployments.apps", "default", "web", {"replicas": 1})
    assert again is after
    assert api.registry.set_status("deployments.apps", "default", "gone", {}) is None
    assert api.registry.set_status("deployments.apps", "default", "web", {}, only_if_uid="other") is None
