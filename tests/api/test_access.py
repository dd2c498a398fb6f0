from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.api import ApiAnswer, ApiRequest

from .conftest import DEPLOYMENTS, PODS, Api, deployment, pod

ROBOT = "system:serviceaccount:default:robot"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def grant(api: Api, *rules: dict[str, Any], cluster: bool = False) -> None:
    kind = "clusterrole" if cluster else "role"
    where = RBAC if cluster else f"{RBAC}/namespaces/default"
    api.post(f"{where}/{kind}s", {"metadata": {"name": "robot"}, "rules": list(rules)})
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
    reference = {"kind": "ClusterRole" if cluster else "Role", "name": "robot"}
    api.post(f"{where}/{kind}bindings", {"metadata": {"name": "robot"}, "roleRef": reference, "subjects": [subject]})


def rule(resources: str, verbs: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}


def status(api: Api, method: str, url: str, body: Any = None) -> int:
    return api.send(method, url, body, user=ROBOT).status


def test_a_service_account_may_do_what_a_binding_grants(api: Api) -> None:
    api.post(PODS, pod())
    refusal = api.expect(403, "GET", PODS, user=ROBOT)
    assert refusal["message"] == (
        f'pods is forbidden: User "{ROBOT}" cannot list resource "pods" in API group "" in the namespace "default"'
    )
    assert refusal["details"] == {"kind": "pods"}
    grant(api, rule("pods", "get list delete"), rule("pods/log", "get"))
    assert status(api, "GET", PODS) == 200
    assert status(api, "GET", PODS + "/web/log") == 200
    assert status(api, "GET", PODS + "?watch=1") == 403
    assert status(api, "GET", "/api/v1/pods") == 403
    assert status(api, "DELETE", PODS) == 403
    assert status(api, "DELETE", PODS + "/web") == 200


def test_refusals_name_group_subresource_and_scope(api: Api) -> None:
    refusal = api.expect(403, "PATCH", DEPLOYMENTS + "/web/scale", {}, user=ROBOT)
    assert refusal["message"] == (
        f'deployments.apps "web" is forbidden: User "{ROBOT}" cannot patch resource "deployments/scale" '
        'in API group "apps" in the namespace "default"'
    )
    nodes = api.expect(403, "GET", "/api/v1/nodes", user=ROBOT)
    assert nodes["message"].endswith('in API group "" at the cluster scope')
    path = api.expect(403, "GET", "/metrics", user=ROBOT)
    assert path["message"] == f'forbidden: User "{ROBOT}" cannot get path "/metrics"'


def test_cluster_roles_names_and_wildcards(api: Api) -> None:
    api.post(DEPLOYMENTS, deployment())
    api.post(DEPLOYMENTS, deployment("db"))
    grant(
        api, rule("deployments", "get list", "apps", resourceNames=["web"]), rule("*/status", "get", "*"), cluster=True
    )
    assert status(api, "GET", DEPLOYMENTS + "/web") == 200
    assert status(api, "GET", DEPLOYMENTS + "/db") == 403
    assert status(api, "GET", DEPLOYMENTS + "?fieldSelector=metadata.name%3Dweb") == 200
    assert status(api, "GET", DEPLOYMENTS) == 403
    assert status(api, "GET", DEPLOYMENTS + "/db/status") == 200


def test_a_binding_may_use_the_roles_that_every_cluster_has(api: Api) -> None:
    subject = {"kind": "ServiceAccount", "name": "robot"}
    body = {"metadata": {"name": "v"}, "roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [subject]}
    api.post(f"{RBAC}/namespaces/default/rolebindings", body)
    assert status(api, "GET", PODS) == 200
    assert status(api, "GET", "/api/v1/namespaces/default/secrets") == 403
    assert status(api, "POST", PODS, pod()) == 403


def test_everybody_may_discover_and_ask(api: Api) -> None:
    assert status(api, "GET", "/apis") == 200
    assert status(api, "GET", "/version") == 200
    url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {"spec": {"resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": "default"}}}
    assert api.expect(201, "POST", url, asked, user=ROBOT)["status"] == {"allowed": False}
    assert api.post(url, asked)["status"]["allowed"]
    who = api.expect(201, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, user=ROBOT)
    assert who["status"]["userInfo"]["username"] == ROBOT
    assert "system:serviceaccounts:default" in who["status"]["userInfo"]["groups"]


def test_the_administrator_may_act_as_another(api: Api) -> None:
    assert api.send("GET", PODS, impersonate_user=ROBOT).status == 403
    assert api.send("GET", PODS, user=ROBOT, impersonate_user="kubernetes-admin").status == 403


def test_a_token_belongs_to_its_service_account(api: Api) -> None:
    api.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}})
    made = api.post("/api/v1/namespaces/default/serviceaccounts/robot/token", {"spec": {"expirationSeconds": 600}})
    assert made["status"]["expirationTimestamp"] == "2026-05-16T12:10:00Z"
    token = made["status"]["token"]
    assert api.server.tokens[token] == ROBOT
    found = api.post("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": token}})
    assert found["status"]["user"]["username"] == ROBOT


def test_another_authorizer_may_be_put_in(api: Api) -> None:
    api.server.authorizer = lambda _, wanted: wanted.verb == "get"
    assert api.send("GET", "/version").status == 200
    assert api.send("GET", PODS).status == 403


# -- subresources and observers


class Node:
    """A kubelet that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def logs(self, pod: dict[str, Any], container: str, **options: Any) -> bytes:
        self.asked.append((pod["metadata"]["name"], container, options))
        return b"one\ntwo\n"

    def proxy(self, pod: dict[str, Any], port: int, method: str, path: str, body: bytes) -> Any:
        self.asked.append((pod["metadata"]["name"], port, method, path, body))

        class Answer:
            status, body, problem = 200, "hello", ""

        return Answer()

    def exec(self, pod: dict[str, Any], container: str, argv: tuple[str, ...]) -> Any:
        raise NotImplementedError

    def usage(self, pod: dict[str, Any]) -> dict[str, int]:
        raise NotImplementedError


@pytest.fixture
def node(api: Api) -> Node:
    found = Node()
    api.server.node = found
    api.post(PODS, pod())
    api.registry.bind("default", "web", "node-1")
    return found


def test_logs_are_the_nodes_with_the_options_of_the_request(api: Api, node: Node) -> None:
    answer = api.send("GET", PODS + "/web/log?tailLines=5&previous=true&sinceTime=2026-05-16T12:00:00Z")
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "text/plain", b"one\ntwo\n")
    [(name, container, options)] = node.asked
    assert (name, container) == ("web", "main")
    assert (options["tail"], options["previous"], options["since_time"]) == (5, True, api.clock.epoch)


def test_logs_refuse_wrong_containers_and_wrong_options(api: Api, node: Node) -> None:
    body = pod("two")
    body["spec"]["containers"].append({"name": "side", "image": "side:1"})
    body["spec"]["initContainers"] = [{"name": "first", "image": "init:1"}]
    api.post(PODS, body)
    text = "a container name must be specified for pod two, choose one of: [first main side]"
    assert api.expect(400, "GET", PODS + "/two/log")["message"] == text
    text = "container x is not valid for pod web"
    assert api.expect(400, "GET", PODS + "/web/log?container=x")["message"] == text
    refusal = api.expect(422, "GET", PODS + "/web/log?sinceSeconds=0")
    assert refusal["message"] == ('PodLogOptions "" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0')
    assert node.asked == []


def test_proxies_reach_a_pod_or_a_ready_endpoint(api: Api, node: Node) -> None:
    assert api.send("GET", PODS + "/web:8080/proxy/health?x=1").body == b"hello"
    assert node.asked[-1] == ("web", 8080, "GET", "/health?x=1", b"")
    services = "/api/v1/namespaces/default/services"
    api.post(services, {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80, "targetPort": 8080}]}})
    refusal = api.expect(503, "GET", services + "/web/proxy/")
    assert refusal["message"] == 'no endpoints available for service "web"'
    endpoint = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "web"}}
    api.post(
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        {
            "metadata": {"name": "web-x", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"port": 8080}],
            "endpoints": [endpoint],
        },
    )
    assert api.send("GET", services + "/web:80/proxy/a").body == b"hello"
    assert node.asked[-1] == ("web", 8080, "GET", "/a", b"")


def test_binding_schedules_once(api: Api, node: Node) -> None:
    refusal = api.expect(409, "POST", PODS + "/web/binding", {"target": {"kind": "Node", "name": "node-2"}})
    assert 'pod web is already assigned to node "node-1"' in refusal["message"]
    bound = api.get(PODS + "/web")
    assert bound["metadata"]["generation"] == 1
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    assert node.asked == []


EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


def runs_with_budget(api: Api) -> None:
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    api.registry.set_status("pods", "default", "web", ready)
    api.post(BUDGETS, {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {}}})


def test_an_eviction_that_only_asks_or_names_another_pod_writes_nothing(api: Api, node: Node) -> None:
    runs_with_budget(api)
    status = {"observedGeneration": 1, "desiredHealthy": 1, "currentHealthy": 2, "disruptionsAllowed": 1}
    api.registry.set_status("poddisruptionbudgets.policy", "default", "b", status)
    before = api.get(PODS + "/web")
    api.expect(201, "POST", PODS + "/web/eviction?dryRun=All", EVICTION)
    api.expect(201, "POST", PODS + "/web/eviction", {**EVICTION, "deleteOptions": {"dryRun": ["All"]}})
    assert api.get(BUDGETS + "/b")["status"] == status
    api.expect(409, "POST", PODS + "/web/eviction", {**EVICTION, "deleteOptions": {"preconditions": {"uid": "other"}}})
    assert api.get(PODS + "/web") == before
    assert node.asked == []


def test_eviction_asks_the_budget(api: Api, node: Node) -> None:
    runs_with_budget(api)
    early = api.send("POST", PODS + "/web/eviction", EVICTION)
    assert (early.status, early.headers["Retry-After"]) == (429, "10")
    status = {"observedGeneration": 1, "desiredHealthy": 1, "currentHealthy": 1, "disruptionsAllowed": 0}
    api.registry.set_status("poddisruptionbudgets.policy", "default", "b", status)
    refusal = api.expect(429, "POST", PODS + "/web/eviction", EVICTION)
    assert refusal["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    cause = refusal["details"]["causes"][0]
    assert cause["message"] == "The disruption budget b needs 1 healthy pods and has 1 currently"
    api.registry.set_status("poddisruptionbudgets.policy", "default", "b", {**status, "disruptionsAllowed": 1})
    api.expect(201, "POST", PODS + "/web/eviction", EVICTION)
    gone = api.get(PODS + "/web")
    assert gone["metadata"]["deletionTimestamp"]
    assert gone["status"]["conditions"][-1]["reason"] == "EvictionByEvictionAPI"
    assert node.asked == []


def test_observers_see_every_request_with_what_was_there_before(api: Api) -> None:
    seen: list[tuple[str, int, Any]] = []

    def observe(request: ApiRequest, answer: Any, before: Any) -> None:
        seen.append((request.method, answer.status, before["spec"]["replicas"] if before else None))
        assert isinstance(answer, ApiAnswer)

    api.server.observers.append(observe)
    api.post(DEPLOYMENTS, deployment())
    api.patch(DEPLOYMENTS + "/web", {"spec": {"replicas": 3}})
    api.send("GET", DEPLOYMENTS + "/web")
    api.send("DELETE", DEPLOYMENTS + "/web", user=ROBOT)
    assert seen == [("POST", 201, None), ("PATCH", 200, 1), ("GET", 200, None), ("DELETE", 403, 3)]
