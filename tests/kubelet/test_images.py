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
            "invalid reference format",
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


def test_a_pull_secret_reaches_the_runtime(bench: Bench):
    config = json.dumps({"auths": {"registry.shop.example": {"auth": "eDp5"}}}).encode()
    bench.registry.create(
        "secrets",
        {
            "metadata": {"name": "a"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(config).decode()},
        },
        namespace="shop",
    )
    bench.runtime.absent.add("web:9")
    bench.pod(containers=[container(image="web:9")], imagePullSecrets=[{"name": "a"}])
    bench.until(5)
    assert bench.runtime.pulls[0][2] == (config,)


def test_pulls_wait_for_each_other(bench: Bench):
    bench.runtime.absent |= {"a:1", "b:1"}
    bench.pod("a", containers=[container(image="a:1")])
    bench.pod("b", containers=[container(image="b:1")])
    bench.until(5)
    assert abs(bench.runtime.pulls[0][0] - bench.runtime.pulls[1][0]) >= 0.0
    assert {bench.status(name)["phase"] for name in "ab"} == {"Running"}
