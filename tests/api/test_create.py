from __future__ import annotations

from typing import Any

import pytest

from .conftest import DEPLOYMENTS, PODS, Api, deployment, job, pod

CONTAINER = {
    "name": "main",
    "image": "shop:1.4",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}
TEMPLATE_SPEC = {
    "containers": [CONTAINER],
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}


def test_a_deployment_gets_the_defaults_of_the_recordings_and_no_more(api: Api) -> None:
    made = api.post(DEPLOYMENTS, deployment())
    assert made["spec"] == {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": TEMPLATE_SPEC},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    assert made["status"] == {}
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["creationTimestamp"] == "2026-05-16T12:00:00Z"


def test_a_pod_is_admitted_with_its_account_token_tolerations_and_class(api: Api) -> None:
    made = api.post(PODS, pod())
    spec = made["spec"]
    volume = spec["volumes"][-1]["name"]
    assert volume.startswith("kube-api-access-")
    assert spec["containers"][0]["volumeMounts"] == [
        {"name": volume, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    ]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    assert [one["key"] for one in spec["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert (spec["priority"], spec["preemptionPolicy"], spec["enableServiceLinks"]) == (0, "PreemptLowerPriority", True)
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


@pytest.mark.parametrize(
    ("resources", "qos", "requests"),
    [
        ({"limits": {"memory": "64Mi"}}, "Burstable", {"memory": "64Mi"}),
        ({"limits": {"memory": "64Mi", "cpu": "1"}}, "Guaranteed", {"memory": "64Mi", "cpu": "1"}),
        ({"requests": {"cpu": "100m"}}, "Burstable", {"cpu": "100m"}),
    ],
)
def test_requests_follow_limits_and_decide_the_class_of_service(
    api: Api, resources: dict[str, Any], qos: str, requests: dict[str, str]
) -> None:
    body = pod()
    body["spec"]["containers"][0]["resources"] = resources
    made = api.post(PODS, body)
    assert made["spec"]["containers"][0]["resources"]["requests"] == requests
    assert made["status"]["qosClass"] == qos


@pytest.mark.parametrize(
    ("image", "policy"),
    [("shop", "Always"), ("shop:latest", "Always"), ("reg.example:5000/shop", "Always"), ("shop:1", "IfNotPresent")],
)
def test_the_pull_policy_follows_the_tag(api: Api, image: str, policy: str) -> None:
    body = pod()
    body["spec"]["containers"][0]["image"] = image
    assert api.post(PODS, body)["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_job_selects_its_pods_by_its_own_uid(api: Api) -> None:
    made = api.post("/apis/batch/v1/namespaces/default/jobs", job())
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert made["spec"]["template"]["metadata"]["labels"] == made["metadata"]["labels"]
    assert made["metadata"]["labels"]["job-name"] == "once"
    assert {key: made["spec"][key] for key in ("backoffLimit", "completions", "parallelism", "suspend")} == {
        "backoffLimit": 6,
        "completions": 1,
        "parallelism": 1,
        "suspend": False,
    }


def test_a_service_gets_an_address_and_a_headless_one_does_not(api: Api) -> None:
    url = "/api/v1/namespaces/default/services"
    made = api.post(url, {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    assert made["spec"]["clusterIP"].startswith("10.96.")
    assert made["spec"]["clusterIPs"] == [made["spec"]["clusterIP"]]
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    headless = api.post(url, {"metadata": {"name": "db"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
    assert headless["spec"]["clusterIP"] == "None"


def test_a_secret_stores_plain_strings_encoded(api: Api) -> None:
    made = api.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert made["data"] == {"a": "Yg=="}
    assert "stringData" not in made
    assert made["type"] == "Opaque"


def test_generated_names_use_no_vowels_and_differ(api: Api) -> None:
    body = pod()
    body["metadata"] = {"generateName": "web-"}
    made = {api.post(PODS, body)["metadata"]["name"] for _ in range(30)}
    assert len(made) == 30
    assert all(len(name) == 9 and not set(name[4:]) & set("aeiou013") for name in made)


def test_what_a_client_says_about_system_fields_and_status_does_not_count(api: Api) -> None:
    body = pod()
    body["metadata"].update(uid="mine", generation=7, creationTimestamp="2001-01-01T00:00:00Z")
    body["status"] = {"phase": "Running"}
    made = api.post(PODS, body)
    assert made["metadata"]["uid"] != "mine"
    assert made["metadata"]["generation"] == 1
    assert made["status"]["phase"] == "Pending"


def test_names_are_taken_once(api: Api) -> None:
    api.post(PODS, pod())
    refusal = api.expect(409, "POST", PODS, pod())
    assert refusal["reason"] == "AlreadyExists"
    assert refusal["message"] == 'pods "web" already exists'


def test_nothing_is_created_in_a_namespace_that_is_absent_or_going(api: Api) -> None:
    missing = api.expect(404, "POST", "/api/v1/namespaces/shop/pods", pod())
    assert missing["message"] == 'namespaces "shop" not found'
    api.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    api.expect(200, "DELETE", "/api/v1/namespaces/shop")
    going = api.expect(403, "POST", "/api/v1/namespaces/shop/pods", pod())
    assert going["message"].endswith("unable to create new content in namespace shop because it is being terminated")
    assert going["details"]["causes"][0]["reason"] == "NamespaceTerminating"


def test_an_unknown_service_account_is_named_with_the_unfinished_pod_name(api: Api) -> None:
    body = pod()
    body["metadata"] = {"generateName": "web-abc-"}
    body["spec"]["serviceAccountName"] = "robot"
    refusal = api.expect(403, "POST", PODS, body)
    assert refusal["message"] == (
        'pods "web-abc-" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found'
    )


def test_a_quota_refuses_the_pod_that_exceeds_it(api: Api) -> None:
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}}
    api.post("/api/v1/namespaces/default/resourcequotas", quota)
    api.post(PODS, pod("one"))
    refusal = api.expect(403, "POST", PODS, pod("two"))
    assert refusal["message"] == (
        'pods "two" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    )


def test_a_quota_names_the_containers_that_do_not_say_how_much(api: Api) -> None:
    hard = {"limits.memory": "1Gi", "cpu": "2", "requests.ephemeral-storage": "1Gi"}
    api.post("/api/v1/namespaces/default/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    body = pod("one")
    stated = {"requests": {"cpu": "1"}, "limits": {"memory": "64Mi"}}
    (main,) = body["spec"]["containers"]
    body["spec"]["containers"] = [{**main, "name": "main", "resources": stated}, {**main, "name": "mute"}]
    body["spec"]["initContainers"] = [{**main, "name": "init", "resources": {"requests": {"cpu": "1"}}}]
    refusal = api.expect(403, "POST", PODS, body)
    assert refusal["message"] == (
        'pods "one" is forbidden: failed quota: q: must specify cpu for: mute; limits.memory for: init,mute'
    )


def test_a_limit_range_gives_defaults_and_bounds(api: Api) -> None:
    limit = {"type": "Container", "default": {"memory": "128Mi"}, "max": {"memory": "256Mi"}}
    api.post("/api/v1/namespaces/default/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [limit]}})
    made = api.post(PODS, pod("one"))
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "128Mi"},
        "requests": {"memory": "128Mi"},
    }
    big = pod("two")
    big["spec"]["containers"][0]["resources"] = {"limits": {"memory": "1Gi"}}
    refusal = api.expect(403, "POST", PODS, big)
    assert "maximum memory usage per Container is 256Mi, but limit is 1Gi" in refusal["message"]


def test_a_dry_run_answers_as_if_and_stores_nothing(api: Api) -> None:
    before = api.store.revision
    made = api.post(DEPLOYMENTS + "?dryRun=All", deployment())
    assert made["metadata"]["uid"]
    assert made["spec"]["replicas"] == 1
    assert api.store.revision == before
    api.expect(404, "GET", DEPLOYMENTS + "/web")
    assert api.send("POST", DEPLOYMENTS + "?dryRun=Some", deployment()).status == 422


def test_unknown_fields_are_refused_reported_or_ignored_and_never_kept(api: Api) -> None:
    body = deployment()
    body["spec"]["replica"] = 2
    refusal = api.expect(400, "POST", DEPLOYMENTS + "?fieldValidation=Strict", body)
    assert refusal["message"] == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '
        'unknown field "spec.replica"'
    )
    answer = api.send("POST", DEPLOYMENTS, body)
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.replica\\""'
    assert "replica" not in answer.json()["spec"]
    other = {**body, "metadata": {"name": "other"}}
    assert "Warning" not in api.send("POST", DEPLOYMENTS + "?fieldValidation=Ignore", other).headers


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"resources": {"limits": {"memory": "lots"}}}, "quantities must match the regular expression"),
        ({"env": [{"name": "A", "value": 1}]}, "number into Go struct field EnvVar.spec.template.spec.containers.env."),
        ({"ports": {}}, "object into Go struct field Container.spec.template.spec.containers.ports of type []v1.Con"),
        ({"resources": []}, "containers.resources of type v1.ResourceRequirements"),
    ],
)
def test_what_a_decoder_chokes_on_is_a_bad_request(api: Api, change: dict[str, Any], text: str) -> None:
    body = deployment()
    body["spec"]["template"]["spec"]["containers"][0].update(change)
    assert text in api.expect(400, "POST", DEPLOYMENTS, body)["message"]


def test_amounts_are_kept_as_a_server_writes_them(api: Api) -> None:
    sent = {"limits": {"memory": "1024Mi", "cpu": 0.5}, "requests": {"memory": "0.5Gi", "cpu": ".1"}}
    body = pod()
    body["spec"]["containers"][0]["resources"] = sent
    made = api.post(PODS, body)["spec"]["containers"][0]["resources"]
    assert made == {"limits": {"memory": "1Gi", "cpu": "500m"}, "requests": {"memory": "512Mi", "cpu": "100m"}}


def test_a_mistyped_field_is_a_decoding_error(api: Api) -> None:
    body = deployment()
    body["spec"]["replicas"] = "two"
    refusal = api.expect(400, "POST", DEPLOYMENTS, body)
    assert (
        "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32" in refusal["message"]
    )


def test_yaml_is_accepted_and_keeps_its_dates_as_text(api: Api) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {since: 2026-01-01}\n"
    made = api.expect(201, "POST", "/api/v1/namespaces/default/configmaps", text, content_type="application/yaml")
    assert made["data"] == {"since": "2026-01-01"}


def test_whoever_brings_rules_that_are_not_evaluated_is_told(api: Api) -> None:
    rule = {"rule": "self.size > 0"}
    spec = {"type": "object", "properties": {"size": {"type": "integer"}}, "x-kubernetes-validations": [rule]}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "gadgets", "kind": "Gadget"}
    body = {"group": "shop.example", "scope": "Namespaced", "names": names, "versions": [version]}
    url = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    made = api.send("POST", url, {"metadata": {"name": "gadgets.shop.example"}, "spec": body})
    assert made.status == 201
    assert "properties[spec].x-kubernetes-validations: CEL rules are not evaluated" in made.headers["Warning"]


@pytest.mark.parametrize(
    ("plural", "said"),
    [
        ("validatingwebhookconfigurations", "webhooks are stored and not called"),
        ("mutatingwebhookconfigurations", "webhooks are stored and not called"),
        ("validatingadmissionpolicies", "admission policies are stored and not evaluated"),
        ("mutatingadmissionpolicybindings", "admission policies are stored and not evaluated"),
    ],
)
def test_whoever_looks_for_what_admits_nothing_here_is_told(api: Api, plural: str, said: str) -> None:
    found = api.send("GET", f"/apis/admissionregistration.k8s.io/v1/{plural}")
    assert found.status == 200
    assert f"{said} by this simulated cluster" in found.headers["Warning"]


def test_a_stateful_set_mounts_its_own_claims(api: Api) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    body = deployment()
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    body["spec"] |= {"serviceName": "db", "volumeClaimTemplates": [claim]}
    body |= {"kind": "StatefulSet"}
    url = "/apis/apps/v1/namespaces/default/statefulsets"
    made = api.post(url, body)
    assert "volumes" not in made["spec"]["template"]["spec"]
    container["volumeMounts"] = [{"name": "other", "mountPath": "/data"}]
    status = api.expect(422, "POST", url, {**body, "metadata": {"name": "two"}})
    assert 'volumeMounts[0].name: Not found: "other"' in status["message"]


@pytest.mark.parametrize(
    ("spec", "field", "said"),
    [
        ({"dnsPolicy": "None"}, "dnsConfig", "Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
        (
            {"dnsPolicy": "None", "dnsConfig": {"searches": ["a.b"]}},
            "dnsConfig.nameservers",
            "Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
        ),
        (
            {"dnsConfig": {"nameservers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]}},
            "dnsConfig.nameservers",
            'Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]: must not have more than 3 nameservers',
        ),
        (
            {"dnsConfig": {"nameservers": ["x"]}},
            "dnsConfig.nameservers[0]",
            'Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ),
        (
            {"hostAliases": [{"hostnames": ["a"]}]},
            "hostAliases[0].ip",
            'Invalid value: "": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ),
    ],
)
def test_a_pod_that_nobody_could_give_names_is_refused_in_a_servers_words(
    api: Api, spec: dict[str, Any], field: str, said: str
) -> None:
    pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "b"}], **spec}}
    refused = api.send("POST", "/api/v1/namespaces/default/pods", pod)
    assert refused.json()["message"] == f'Pod "x" is invalid: spec.{field}: {said}'
