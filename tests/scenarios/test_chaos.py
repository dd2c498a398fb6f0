"""What the actions send, and how strictly a run's journal is read."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest
from fake_lease import FakeLease

from healgate.chaos import actions, coactors, probes, run
from healgate.chaos.place import acting_on
from healgate.clusters.seam import Answer
from healgate.problems import HarnessError, NotSteady
from healgate.scenario.catalogue import Catalogue

NAMESPACED = "/api/v1/namespaces/storefront-1a2b"
DEPLOYMENTS = "/apis/apps/v1/namespaces/storefront-1a2b/deployments"


@pytest.fixture
def lease() -> Iterator[FakeLease]:
    with acting_on(fake := FakeLease()):  # type: ignore[arg-type]
        yield fake


@pytest.fixture
def activity(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module of activities for the experiments here."""
    module = types.ModuleType("activities_of_this_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def experiment(*functions: str, **tolerance: Any) -> dict[str, Any]:
    def step(name: str) -> dict[str, Any]:
        provider = {"type": "python", "module": "activities_of_this_test", "func": name}
        more = {"tolerance": tolerance[name]} if name in tolerance else {}
        return {"type": "probe" if more else "action", "name": name, "provider": provider, **more}

    ends = [{"type": "action", "name": "end", "provider": {"type": "python", "module": "os", "func": "abort"}}]
    return {"title": "t", "description": "d", "method": [*ends, *map(step, functions), *ends]}


def test_deploying_applies_everything_in_order_with_the_changes_put_in(lease: FakeLease) -> None:
    changes = [
        {"object": "Deployment/backend", "patch": {"spec": {"replicas": 3}}},
        {"object": "ConfigMap/backend-config", "patch": {"data": {"WORKERS": "4", "LOG_LEVEL": None}}},
    ]
    extra = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}}
    actions.deploy("shop", changes, [extra])
    kinds = [body["kind"] for method, _, body in lease.rest.sent if method == "POST"]
    assert kinds[:2] == ["CustomResourceDefinition"] * 2
    assert kinds.index("Secret") < kinds.index("Deployment")
    assert lease.rest.objects[f"{DEPLOYMENTS}/backend"]["spec"]["replicas"] == 3
    data = lease.rest.objects[f"{NAMESPACED}/configmaps/backend-config"]["data"]
    assert data["WORKERS"] == "4"
    assert "LOG_LEVEL" not in data
    assert f"{NAMESPACED}/configmaps/extra" in lease.rest.objects


def test_deploying_with_an_age_lets_time_pass(lease: FakeLease) -> None:
    before = lease.now()
    actions.deploy("crashy", age="5h")
    assert lease.now() == before + 5 * 3600


def test_a_refused_write_is_an_error_with_the_servers_words(lease: FakeLease) -> None:
    lease.rest.answers[f"{DEPLOYMENTS}/backend"] = Answer(403, {"message": "not allowed"})
    with pytest.raises(HarnessError, match="patch Deployment/backend: 403 not allowed"):
        actions.set_image("Deployment/backend", "api", "x:1")


def test_a_job_that_is_made_again_keeps_nothing_of_the_clusters(lease: FakeLease) -> None:
    labels = {"app": "topics", "batch.kubernetes.io/controller-uid": "7", "job-name": "topics"}
    lease.rest.objects["/apis/batch/v1/namespaces/storefront-1a2b/jobs/topics"] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "topics", "namespace": "storefront-1a2b", "uid": "7", "resourceVersion": "3"},
        "spec": {
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "7"}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "args": ["x"]}]}},
        },
        "status": {"failed": 3},
    }
    actions.recreate_job("topics", {"spec": {"template": {"spec": {"containers": [{"name": "a", "args": ["y"]}]}}}})
    (delete, create) = lease.rest.writes()
    assert delete[0] == "DELETE"
    assert create[2] == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "topics", "namespace": "storefront-1a2b"},
        "spec": {
            "template": {
                "metadata": {"labels": {"app": "topics"}},
                "spec": {"containers": [{"name": "a", "args": ["y"]}]},
            }
        },
    }


def pod_of_the_server(ready: str, **metadata: str) -> dict[str, Any]:
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    return {"kind": "Pod", "metadata": {"name": f"backend-{ready}", **metadata}, "status": status}


@pytest.mark.parametrize(
    "serves",
    [pod_of_the_server("True"), pod_of_the_server("False", deletionTimestamp="2026-09-21T14:13:20Z")],
    ids=["ready", "on its way out"],
)
def test_nobody_serves_when_the_last_pod_that_did_is_gone(lease: FakeLease, serves: dict[str, Any]) -> None:
    """Where no other is ready, a Service asks a pod that is being ended."""
    selector = {"selector": {"matchLabels": {"app": "backend"}}}
    lease.rest.objects[f"{DEPLOYMENTS}/backend"] = {"kind": "Deployment", "metadata": {}, "spec": selector}
    starting = pod_of_the_server("False")
    pods = f"{NAMESPACED}/pods"
    lease.rest.answers[pods] = Answer(200, {"apiVersion": "v1", "items": [starting, serves]})
    lease.after(9, lambda: lease.rest.answers.update({pods: Answer(200, {"apiVersion": "v1", "items": [starting]})}))
    before = lease.now()
    actions.wait_until_unserved("Deployment/backend")
    assert lease.now() >= before + 9
    lease.rest.answers[pods] = Answer(200, {"apiVersion": "v1", "items": [serves]})
    before = lease.now()
    actions.wait_until_unserved("Deployment/backend")  # nor for ever: the proof tells what became of it
    assert lease.now() == before + actions.UNSERVED_WITHIN
    with pytest.raises(HarnessError, match="expected Deployment/other to be there; found none"):
        actions.wait_until_unserved("Deployment/other")


def test_registries_are_cut_off_beside_the_api(lease: FakeLease) -> None:
    lease.rest.answers["/harness/registries/registry.shop.example"] = Answer(200, {})
    actions.cut_off_registry("registry.shop.example", 60)
    assert lease.rest.sent[-1][2] == {"unreachableForSeconds": 60.0}
    with pytest.raises(HarnessError, match=r"cannot cut off the registry other\.example: 404"):
        actions.cut_off_registry("other.example", 60)


def test_a_probe_says_what_it_found(lease: FakeLease) -> None:
    lease.rest.answers[f"{NAMESPACED}/services/frontend:80/proxy/"] = Answer(502, "bad gateway")
    assert probes.answers("frontend", 80) == 502
    assert probes.stands("Deployment/backend") is False
    assert probes.job_finished("topics") is False


def test_a_job_that_was_complete_may_clear_itself_away(lease: FakeLease) -> None:
    path, condition = f"/apis/batch/v1/namespaces/{lease.namespace}/jobs/topics", {"type": "Complete", "status": "True"}
    done = {"kind": "Job", "metadata": {"name": "topics"}, "status": {"conditions": [condition]}}
    with acting_on(lease):  # type: ignore[arg-type]
        for answer, finished in (
            (Answer(404, {}), False),
            (Answer(200, done), True),
            (Answer(404, {}), True),
            (Answer(200, {**done, "status": {}}), False),
            (Answer(404, {}), False),
        ):
            lease.rest.answers[path] = answer
            assert probes.job_finished("topics") is finished


TOPIC = f"{NAMESPACED}/services/kafka:9092/proxy/topics/logs"


def test_a_topic_that_was_made_anew_is_another_one(lease: FakeLease) -> None:
    with acting_on(lease):  # type: ignore[arg-type]
        assert not probes.topic_has("logs", "3")
    for id_, partitions, has in (
        ("", 3, True),  # so new that nobody told its id yet
        ("a", 3, True),
        ("a", 2, False),
        ("a", 4, True),
        ("b", 3, False),
        ("a", 3, True),
    ):
        lease.rest.answers[TOPIC] = Answer(200, json.dumps({"id": id_, "partitions": partitions}))
        with acting_on(lease):  # type: ignore[arg-type]
            assert probes.topic_has("logs", "3") is has


@pytest.mark.parametrize("body", ["not found", "[1]", "{}", {"partitions": None}, {"partitions": "3"}])
def test_whoever_else_answers_as_the_broker_is_no_broker(lease: FakeLease, body: Any) -> None:
    lease.rest.answers[TOPIC] = Answer(200, body)
    assert probes.topic_has("logs", "1") is False


@pytest.mark.parametrize("body", ["busy", {"messages": "4"}])
def test_nor_is_whoever_answers_as_the_consumer_one(lease: FakeLease, body: Any) -> None:
    lease.rest.answers[f"{TOPIC}/messages"] = Answer(201, {})
    lease.rest.answers[f"{NAMESPACED}/services/consumer:8080/proxy/consumed"] = Answer(200, body)
    assert probes.consumes("logs", within="2s") is False


def test_works_names_the_probe_and_what_it_found(lease: FakeLease) -> None:
    scenario = Catalogue.load().scenarios["bad-image/tag-does-not-exist"]
    works, why = run.works(scenario.plan("0", 1).experiment, lease)  # type: ignore[arg-type]
    assert not works
    assert why == "the backend's newest release runs: expected True, found False"


def test_the_break_runs_between_deploying_and_proving(lease: FakeLease, activity: types.ModuleType) -> None:
    done: list[str] = []
    activity.first = lambda: done.append("first")  # type: ignore[attr-defined]
    activity.second = lambda: done.append("second")  # type: ignore[attr-defined]
    journal = run.break_workload(experiment("first", "second"), lease)  # type: ignore[arg-type]
    assert done == ["first", "second"]
    assert journal["status"] == "completed"


def failing() -> None:
    raise HarnessError("no such thing")


def interrupted() -> None:
    raise KeyboardInterrupt


def test_an_action_that_fails_is_an_error_with_its_name(lease: FakeLease, activity: types.ModuleType) -> None:
    activity.failing = failing  # type: ignore[attr-defined]
    with pytest.raises(HarnessError, match=r"the break failed at 'failing': .*no such thing"):
        run.break_workload(experiment("failing"), lease)  # type: ignore[arg-type]


def test_an_unmet_tolerance_is_an_error(lease: FakeLease, activity: types.ModuleType) -> None:
    activity.three = lambda: 3  # type: ignore[attr-defined]
    run.break_workload(experiment("three", three=3), lease)  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match="'three': expected 4, found 3"):
        run.break_workload(experiment("three", three=4), lease)  # type: ignore[arg-type]


def test_an_interruption_is_raised_again(lease: FakeLease, activity: types.ModuleType) -> None:
    activity.interrupted = interrupted  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        run.break_workload(experiment("interrupted"), lease)  # type: ignore[arg-type]


def test_a_break_of_nothing_is_an_error(lease: FakeLease) -> None:
    with pytest.raises(HarnessError, match="the break did not run"):
        run.break_workload(experiment(), lease)  # type: ignore[arg-type]


def test_signals_stay_with_the_process(lease: FakeLease, activity: types.ModuleType) -> None:
    kept = signal.getsignal(signal.SIGTERM)
    seen: list[Any] = []
    activity.look = lambda: seen.append(signal.getsignal(signal.SIGTERM))  # type: ignore[attr-defined]
    run.break_workload(experiment("look"), lease)  # type: ignore[arg-type]
    assert seen == [kept]


def test_it_runs_outside_the_main_thread_too(activity: types.ModuleType) -> None:
    activity.nothing = lambda: None  # type: ignore[attr-defined]
    journals: list[Any] = []
    fake: Any = FakeLease()
    thread = threading.Thread(target=lambda: journals.append(run.break_workload(experiment("nothing"), fake)))
    thread.start()
    thread.join()
    assert journals[0]["status"] == "completed"


def test_stock_actions_get_the_leases_client_and_only_meanwhile(lease: FakeLease) -> None:
    import chaosk8s
    from chaosk8s.secret import actions as stock

    calls: list[Any] = []

    class Client:
        def call_api(self, *args: Any, **kwargs: Any) -> Any:
            calls.append((args, kwargs))

        def __getattr__(self, name: str) -> Any:
            return lambda *args, **_: calls.append((name, args)) or ("", "", {}, None, [])

    lease.client = Client()
    provider = {"type": "python", "module": "chaosk8s.secret.actions", "func": "delete_secret"}
    step = {
        "type": "action",
        "name": "stock",
        "provider": {**provider, "arguments": {"name": "${which}", "ns": "${namespace}"}},
    }
    broken = {**experiment("x"), "configuration": {"which": "keys"}}
    broken["method"][1] = step
    with contextlib.suppress(HarnessError):  # the client is none; that it was asked is what counts
        run.break_workload(broken, lease)  # type: ignore[arg-type]
    assert calls
    assert stock.create_k8s_api_client is chaosk8s.create_k8s_api_client


SOURCE = "/apis/secrets.shop.example/v1/namespaces/storefront-1a2b/managedsecrets/keys"


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "keys", "namespace": "storefront-1a2b", "labels": {"a": "b"}},
    "type": "Opaque",
    "data": {"current": "eA=="},
}


def sourced(lease: FakeLease, *, holds: bool = True) -> None:
    coactors.start([{"actor": "secret-source"}], lease)  # type: ignore[arg-type]
    source = {
        "apiVersion": "secrets.shop.example/v1",
        "kind": "ManagedSecret",
        "metadata": {"name": "keys", "namespace": "storefront-1a2b"},
        "spec": {"secretName": "keys", "source": "vault/keys", "refresh": 1},
    }
    lease.rest.request("POST", SOURCE.rpartition("/")[0], body=source)
    if holds:
        lease.rest.request("POST", f"{NAMESPACED}/secrets", body=SECRET)
    lease.sleep(5)


def test_a_source_reports_its_first_sync(lease: FakeLease) -> None:
    sourced(lease)
    status = lease.rest.objects[SOURCE]["status"]
    assert status["observedRefresh"] == 1
    assert [(c["type"], c["status"], c["reason"]) for c in status["conditions"]] == [("Ready", "True", "Synced")]


def test_a_deleted_secret_stays_away_until_its_source_is_asked(lease: FakeLease) -> None:
    sourced(lease)
    lease.rest.request("DELETE", f"{NAMESPACED}/secrets/keys")
    lease.sleep(3600)
    assert f"{NAMESPACED}/secrets/keys" not in lease.rest.objects
    lease.rest.request("PATCH", SOURCE, body={"spec": {"refresh": 2}})
    lease.sleep(2)
    assert f"{NAMESPACED}/secrets/keys" not in lease.rest.objects, "nobody is instant"
    lease.sleep(2)
    again = lease.rest.objects[f"{NAMESPACED}/secrets/keys"]
    assert (again["data"], again["type"], again["metadata"]["labels"]) == ({"current": "eA=="}, "Opaque", {"a": "b"})
    assert lease.rest.objects[SOURCE]["status"]["observedRefresh"] == 2


@pytest.mark.parametrize("found", [{"current": None}, {"current": "b3RoZXI=", "more": "eA=="}])
def test_a_changed_secret_is_written_as_the_source_has_it(lease: FakeLease, found: dict[str, Any]) -> None:
    sourced(lease)
    lease.rest.request("PATCH", f"{NAMESPACED}/secrets/keys", body={"data": found})
    annotations = {"secrets.shop.example/refresh": "now"}
    lease.rest.request("PATCH", SOURCE, body={"metadata": {"annotations": annotations}})
    lease.sleep(4)
    assert lease.rest.objects[f"{NAMESPACED}/secrets/keys"]["data"] == {"current": "eA=="}


def test_what_somebody_else_wrote_is_not_what_the_source_has(lease: FakeLease) -> None:
    sourced(lease, holds=False)
    lease.rest.request("POST", f"{NAMESPACED}/secrets", body={**SECRET, "data": {"current": "Z3Vlc3M="}})
    lease.rest.request("PATCH", SOURCE, body={"spec": {"refresh": 2}})
    lease.sleep(5)
    (condition,) = lease.rest.objects[SOURCE]["status"]["conditions"]
    assert (condition["reason"], condition["message"]) == ("SourceNotFound", "no vault/keys")


def test_a_source_that_may_not_write_says_so_and_spoils_no_trial(lease: FakeLease) -> None:
    sourced(lease)
    secret = f"{NAMESPACED}/secrets/keys"
    why = {"message": "field is immutable when `immutable` is set"}
    lease.rest.answers[secret] = Answer(422, why)
    lease.rest.request("PATCH", SOURCE, body={"spec": {"refresh": 2}})
    lease.sleep(4)
    (condition,) = lease.rest.objects[SOURCE]["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "SyncFailed")
    assert "Secret/keys: 422 field is immutable" in condition["message"]


def test_somebody_who_writes_it_at_the_same_moment_is_no_trouble(lease: FakeLease) -> None:
    sourced(lease)
    secrets = f"{NAMESPACED}/secrets"
    lease.rest.request("DELETE", f"{secrets}/keys")
    lease.rest.request("PATCH", SOURCE, body={"spec": {"refresh": 2}})
    ask = lease.rest.request

    def race(method: str, path: str, *args: Any, **more: Any) -> Answer:
        if method == "POST" and path == secrets:
            lease.rest.request = ask  # type: ignore[method-assign]
            other = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "keys"},
                "data": {"current": "b3RoZXI="},
            }
            ask("POST", secrets, body=other)
        return ask(method, path, *args, **more)

    lease.rest.request = race
    lease.sleep(4)
    assert lease.rest.objects[f"{secrets}/keys"]["data"] == {"current": "eA=="}


def test_a_definition_is_waited_for_until_it_is_served(lease: FakeLease) -> None:
    lease.rest.answers["/apis/secrets.shop.example/v1"] = Answer(404, "404 page not found")
    lease.after(3, lambda: lease.rest.answers.clear())
    actions.deploy("shop")
    assert f"{DEPLOYMENTS}/backend" in lease.rest.objects


def test_a_definition_without_conditions_yet_is_waited_for(lease: FakeLease) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/managedsecrets.secrets.shop.example"
    lease.rest.answers[path] = Answer(200, {"status": {"conditions": None}})
    lease.after(3, lambda: lease.rest.answers.clear())
    actions.deploy("shop")
    assert f"{DEPLOYMENTS}/backend" in lease.rest.objects


def test_a_definition_that_is_never_served_is_no_healers_fault(lease: FakeLease) -> None:
    lease.rest.answers["/apis/secrets.shop.example/v1"] = Answer(404, "404 page not found")
    with pytest.raises(NotSteady, match=r"managedsecrets.secrets.shop.example was not served within 30s"):
        actions.deploy("shop")
