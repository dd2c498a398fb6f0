"""Pulling: order of events and states, types, texts, secrets."""

from __future__ import annotations

import base64
import json
from itertools import pairwise

import pytest

from .scripted import Bench, container

ERROR = 'rpc error: code = NotFound desc = failed to pull and unpack image "shop/web:9": not found'


def test_a_missing_tag_alternates_between_error_and_back_off(bench: Bench):
    bench.runtime.images["web:9"] = ERROR
    bench.pod(containers=[container(image="web:9")])
    bench.until(120)
    states = bench.states()
    assert states[:4] == ["ContainerCreating#0", "ErrImagePull#0", "ImagePullBackOff#0", "ErrImagePull#0"]
    assert bench.status()["phase"] == "Pending"
    assert bench.main()["imageID"] == ""
    assert bench.main()["image"] == "web:9"
    assert "containerID" not in bench.main()
    told = {(one["type"], one["reason"], one["message"]) for one in bench.events()}
    assert told == {
        ("Normal", "Pulling", 'Pulling image "web:9"'),
        ("Warning", "Failed", f'Failed to pull image "web:9": {ERROR}'),
        ("Warning", "Failed", "Error: ErrImagePull"),
        ("Normal", "BackOff", 'Back-off pulling image "web:9"'),
        ("Warning", "Failed", "Error: ImagePullBackOff"),
    }


def test_the_waiting_messages_quote_the_cause(bench: Bench):
    bench.runtime.images["web:9"] = ERROR
    bench.pod(containers=[container(image="web:9")])
    bench.until(60)
    assert bench.waiting_messages("ErrImagePull") == {ERROR}
    assert bench.waiting_messages("ImagePullBackOff") == {f'Back-off pulling image "web:9": ErrImagePull: {ERROR}'}


def test_pulls_come_at_the_first_look_after_10_20_40_80_seconds(bench: Bench):
    bench.runtime.images["web:9"] = ERROR
    bench.pod(containers=[container(image="web:9")])
    bench.until(400)
    times = [when for when, _, _ in bench.runtime.pulls]
    for gap, nominal in zip((b - a for a, b in pairwise(times)), (10, 20, 40, 80), strict=False):
        assert nominal <= gap <= nominal + 17


def test_a_registry_that_comes_back_is_found_at_the_next_pull(bench: Bench):
    bench.runtime.images["web:9"] = ERROR
    bench.pod(containers=[container(image="web:9")])
    bench.until(20)
    del bench.runtime.images["web:9"]
    bench.runtime.absent.add("web:9")
    bench.until(60)
    assert bench.status()["phase"] == "Running"
    assert bench.event("Pulled")["message"] == (
        'Successfully pulled image "web:9" in 77ms (77ms including waiting). Image size: 1234 bytes.'
    )


def test_an_image_on_the_node_is_not_pulled_unless_always(bench: Bench):
    bench.pod("a", containers=[container(imagePullPolicy="IfNotPresent")])
    bench.pod("b", containers=[container(imagePullPolicy="Always")])
    bench.until(5)
    assert [image for _, image, _ in bench.runtime.pulls] == ["busybox:1.36"]
    said = {one["involvedObject"]["name"]: one["message"] for one in bench.events("Pulled")}
    assert said["a"] == ('Container image "busybox:1.36" already present on machine and can be accessed by the pod')
    assert said["b"].startswith("Successfully pulled image")


@pytest.mark.parametrize(
    ("spec", "reason", "message", "event"),
    [
        (
            {"image": "gone:1", "imagePullPolicy": "Never"},
            "ErrImageNeverPull",
            'Container image "gone:1" is not present with pull policy of Never',
            "ErrImageNeverPull",
        ),
        (
            {"image": "Not A Name"},
            "InvalidImageName",
            'Failed to apply default image tag "Not A Name": couldn\'t parse image name "Not A Name": '
            "invalid reference format: repository name (library/Not A Name) must be lowercase",
            "InspectFailed",
        ),
    ],
)
def test_what_cannot_be_pulled_at_all(bench: Bench, spec: dict[str, str], reason: str, message: str, event: str):
    bench.runtime.absent.add("gone:1")
    bench.pod(containers=[container(**spec)])
    bench.until(30)
    assert bench.main()["state"]["waiting"] == {"reason": reason, "message": message}
    assert bench.event(event)["message"] == message
    assert bench.event("Failed")["message"] == f"Error: {reason}"
    assert not bench.runtime.pulls


def test_a_missing_pull_secret_is_told_at_every_sync_and_the_pull_is_tried_without(bench: Bench):
    bench.runtime.images["web:9"] = ERROR
    bench.pod(containers=[container(image="web:9")], imagePullSecrets=[{"name": "a"}, {"name": "b"}])
    bench.until(30)
    event = bench.event("FailedToRetrieveImagePullSecret")
    assert event["message"] == (
        "Unable to retrieve some image pull secrets (a, b); attempting to pull the image may not succeed."
    )
    assert event["count"] >= 3
    assert "fieldPath" not in event["involvedObject"]
    assert bench.runtime.pulls[0][2] == ()


def secret(bench: Bench, name: str, login: str, host: str = "docker.io") -> bytes:
    """Put a pull secret there, or another content into it."""
    auth = base64.b64encode(login.encode()).decode()
    config = json.dumps({"auths": {host: {"auth": auth}}}).encode()
    data = {".dockerconfigjson": base64.b64encode(config).decode()}
    if bench.registry.find("secrets", "shop", name) is not None:
        bench.registry.change("secrets", "shop", name, lambda old: {**old, "data": data})
    else:
        body = {"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson", "data": data}
        bench.registry.create("secrets", body, namespace="shop")
    return config


def test_a_pull_secret_reaches_the_registry_that_it_is_for(bench: Bench):
    config = secret(bench, "a", "x:y")
    secret(bench, "b", "x:y", host="registry.shop.example")
    bench.runtime.absent.add("web:9")
    bench.pod(containers=[container(image="web:9")], imagePullSecrets=[{"name": "a"}, {"name": "b"}])
    bench.until(5)
    assert [used for _, _, used in bench.runtime.pulls] == [(config,)]


def test_the_next_secret_is_tried_where_one_is_refused(bench: Bench):
    configs = [secret(bench, name, login) for name, login in (("a", "x:old"), ("b", "x:new"))]
    bench.runtime.absent.add("web:9")
    bench.runtime.opens["web:9"] = {configs[1]}
    bench.pod(containers=[container(image="web:9")], imagePullSecrets=[{"name": "a"}, {"name": "b"}])
    bench.until(5)
    assert [used for _, _, used in bench.runtime.pulls] == [(configs[0],), (configs[1],)]
    assert bench.status()["phase"] == "Running"


class TestAnImageThatCameWithASecret:
    """It is there only for those who could have pulled it: on by default since 1.35."""

    @pytest.fixture(autouse=True)
    def _pulled(self, bench: Bench):
        self.bench = bench
        config = secret(bench, "team", "x:y")
        bench.runtime.absent.add("web:9")
        bench.runtime.opens["web:9"] = {config}
        self.pod("first", "team")
        bench.until(5)
        assert len(bench.runtime.pulls) == 1

    def pod(self, name: str, *secrets: str, policy: str = "IfNotPresent"):
        self.bench.pod(
            name,
            containers=[container(image="web:9", imagePullPolicy=policy)],
            imagePullSecrets=[{"name": secret} for secret in secrets],
        )

    def state(self, name: str):
        return self.bench.main(name)["state"]

    def said(self, name: str) -> str:
        (event,) = [one for one in self.bench.events("Pulled") if one["involvedObject"]["name"] == name]
        return str(event["message"])

    def test_is_there_for_a_pod_with_the_same_secret(self):
        self.pod("second", "team")
        self.bench.until(10)
        assert len(self.bench.runtime.pulls) == 1
        assert self.said("second") == (
            'Container image "web:9" already present on machine and can be accessed by the pod'
        )

    def test_is_there_for_a_pod_whose_other_secret_says_the_same(self):
        secret(self.bench, "copy", "x:y")
        self.pod("second", "copy")
        self.bench.until(10)
        assert len(self.bench.runtime.pulls) == 1
        assert "running" in self.state("second")

    def test_is_there_even_if_the_secret_says_something_else_by_now(self):
        secret(self.bench, "team", "x:rotated")
        self.pod("second", "team")
        self.bench.until(10)
        assert len(self.bench.runtime.pulls) == 1
        assert "running" in self.state("second")

    def test_is_asked_for_again_where_the_secret_was_made_anew_with_other_words(self):
        self.bench.registry.delete("secrets", "shop", "team")
        secret(self.bench, "team", "x:other")
        self.pod("second", "team")
        self.bench.until(10)
        assert len(self.bench.runtime.pulls) == 2
        assert self.state("second")["waiting"]["reason"] == "ErrImagePull"

    def test_is_asked_for_again_by_a_pod_without_a_secret_and_refused(self):
        self.pod("second")
        self.bench.until(10)
        assert self.bench.runtime.pulls[1][1:] == ("web:9", ())
        assert self.state("second")["waiting"] == {"reason": "ErrImagePull", "message": "access denied"}
        told = [one["reason"] for one in self.bench.events() if one["involvedObject"]["name"] == "second"]
        assert told[:3] == ["Pulling", "Failed", "Failed"]

    def test_is_refused_to_its_own_pod_when_it_restarts_after_its_secret_has_gone(self):
        self.bench.registry.delete("secrets", "shop", "team")
        self.bench.runtime.runs[0].kill()
        self.bench.until(30)
        assert "access denied" in self.bench.waiting_messages("ErrImagePull")
        assert self.bench.main("first")["lastState"]["terminated"]["exitCode"] == 137

    def test_is_there_for_both_after_a_pull_with_another_secret(self):
        self.bench.runtime.opens["web:9"].add(secret(self.bench, "other", "z:w"))
        self.pod("second", "other")
        self.bench.until(10)
        assert len(self.bench.runtime.pulls) == 2
        self.pod("third", "other")
        self.pod("fourth", "team")
        self.bench.until(20)
        assert len(self.bench.runtime.pulls) == 2
        assert all("running" in self.state(name) for name in ("second", "third", "fourth"))

    def test_is_there_for_all_once_the_registry_gave_it_to_somebody_without_a_secret(self):
        del self.bench.runtime.opens["web:9"]
        self.pod("second", policy="Always")
        self.bench.until(10)
        self.pod("third")
        self.bench.until(20)
        assert len(self.bench.runtime.pulls) == 2
        assert "running" in self.state("third")

    def test_counts_as_absent_for_others_that_never_pull(self):
        self.pod("second", policy="Never")
        self.pod("third", "team", policy="Never")
        self.bench.until(10)
        assert self.state("second")["waiting"] == {
            "reason": "ErrImageNeverPull",
            "message": 'Container image "web:9" is not present with pull policy of Never',
        }
        assert "running" in self.state("third")


def test_what_the_node_came_with_is_for_everybody(bench: Bench):
    secret(bench, "team", "x:y")
    bench.pod("a", imagePullSecrets=[{"name": "team"}])
    bench.pod("b")
    bench.until(5)
    assert not bench.runtime.pulls
    assert {bench.status(name)["phase"] for name in "ab"} == {"Running"}


def test_pulls_wait_for_each_other(bench: Bench):
    bench.runtime.absent |= {"a:1", "b:1", "c:1"}
    bench.runtime.takes = 40.0
    for name in "abc":
        bench.pod(name, containers=[container(image=f"{name}:1")])
    bench.until(39)
    assert {bench.main(name)["state"]["waiting"]["reason"] for name in "abc"} == {"ContainerCreating"}
    bench.until(125)
    times = [when for when, _, _ in bench.runtime.pulls]
    assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([40.0, 40.0])
    assert {bench.status(name)["phase"] for name in "abc"} == {"Running"}
    messages = [one["message"] for one in bench.events("Pulled")]
    assert all(" in 40s (" in message for message in messages)
    assert sorted(message.partition("(")[2][:2] for message in messages) == ["1m", "1m", "40"]
