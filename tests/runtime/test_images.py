"""Image names, pulls and their refusals, in the words of the recorded containerd."""

from __future__ import annotations

import base64
import json

import pytest

from healgate.embedded.clock import Clock
from healgate.embedded.runtime.names import StoreNames
from healgate.embedded.runtime.runtime import SimulatedRuntime
from healgate.embedded.runtime.seam import Pulled, PullFailed, Registries
from healgate.embedded.runtime.shelf import ImageShelf
from healgate.embedded.store import Store

from .bench import PULLER, Bench

PRIVATE = "registry.shop.example/private/app:1.0.0"
BLIP = "registry2.shop.example/ok/app:1.0.0"


def recorded_node() -> SimulatedRuntime:
    """The registries of the recordings: one beside the node, asked through a mirror, and one that is not up yet."""
    clock = Clock()
    shelf = ImageShelf(None, {PRIVATE: "busybox:1.36", BLIP: "busybox:1.36"})
    registries = Registries(
        reachable={"registry.shop.example": True, "registry2.shop.example": False},
        private={"registry.shop.example/private/": frozenset({"robot:right"})},
        mirrors={
            "registry.shop.example": "http://172.18.0.1:5005",
            "registry2.shop.example": "http://172.18.0.1:5006",
        },
    )
    return SimulatedRuntime(clock, StoreNames(Store(clock)), shelf, registries)


def secret(host: str, user: str, password: str) -> bytes:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps({"auths": {host: {"auth": auth}}}).encode()


def refused(image: str, *credentials: bytes) -> str:
    answer = recorded_node().pull(image, credentials)
    assert isinstance(answer, PullFailed)
    assert 0 < answer.seconds < 1
    return answer.message


def unpack(image: str, why: str) -> str:
    return f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {why}'


def test_a_tag_that_does_not_exist() -> None:
    image = "registry.shop.example/ok/app:9.9.9"
    assert refused(image) == "rpc error: code = NotFound desc = " + unpack(image, f"{image}: not found")


def test_a_private_image_without_credentials() -> None:
    why = (
        "pull access denied, repository does not exist or may require authorization: "
        "authorization failed: no basic auth credentials"
    )
    assert refused(PRIVATE) == unpack(PRIVATE, why)
    assert refused(PRIVATE, secret("ghcr.io", "robot", "right")) == unpack(PRIVATE, why)


def test_a_private_image_with_wrong_credentials() -> None:
    assert refused(PRIVATE, secret("registry.shop.example", "robot", "wrong")) == unpack(
        PRIVATE,
        "unexpected status from HEAD request to http://172.18.0.1:5005/v2/private/app/manifests/1.0.0"
        "?ns=registry.shop.example: 401 Unauthorized",
    )


def test_a_registry_that_refuses_the_connection() -> None:
    assert refused(BLIP) == unpack(
        BLIP,
        'failed to do request: Head "http://172.18.0.1:5006/v2/ok/app/manifests/1.0.0?ns=registry2.shop.example": '
        "dial tcp 172.18.0.1:5006: connect: connection refused",
    )


def test_a_registry_that_nobody_has_heard_of() -> None:
    image = "registry.invalid/team/app:v1.2.3"
    assert refused(image) == unpack(
        image,
        'failed to do request: Head "https://registry.invalid/v2/team/app/manifests/v1.2.3": '
        "dial tcp: lookup registry.invalid on 172.18.0.1:53: no such host",
    )


def test_a_pull_that_succeeds_puts_the_image_on_the_node() -> None:
    node = recorded_node()
    assert node.present(PRIVATE) is None
    answer = node.pull(PRIVATE, (secret("registry.shop.example", "robot", "right"),))
    assert isinstance(answer, Pulled)
    assert answer.reference == PRIVATE
    there = node.present(PRIVATE)
    assert there is not None
    assert (there.image_id, there.seconds) == (answer.image_id, 0.0)
    assert answer.image_id.startswith("registry.shop.example/private/app@sha256:")


def test_a_digest_decides_whatever_tag_stands_before_it(bench: Bench) -> None:
    image = bench.runtime.pull("registry.shop.example/shop/backend:2.4.1", (PULLER,))
    assert isinstance(image, Pulled)
    pinned = image.image_id
    for name in (pinned, pinned.replace("@", ":2.5.1@")):
        again = bench.runtime.pull(name, (PULLER,))
        assert isinstance(again, Pulled), again
        assert (again.image_id, again.size) == (pinned, image.size)
    other = f"registry.shop.example/shop/backend:2.4.1@sha256:{'0' * 64}"
    assert isinstance(bench.runtime.pull(other, (PULLER,)), PullFailed)


def test_what_is_there_is_only_asked_for_again(bench: Bench) -> None:
    image = "registry.access.redhat.com/ubi9/python-311:latest"
    first, second = bench.runtime.pull(image, ()), bench.runtime.pull(image, ())
    assert isinstance(first, Pulled)
    assert isinstance(second, Pulled)
    assert first.seconds > 5 > 0.5 > second.seconds
    bench.registries.reachable["registry.access.redhat.com"] = False
    assert isinstance(bench.runtime.pull(image, ()), PullFailed)


def test_a_registry_comes_back() -> None:
    node = recorded_node()
    node.registries.reachable["registry2.shop.example"] = True
    assert isinstance(node.pull(BLIP, ()), Pulled)


def test_the_workloads_registry_keeps_its_private_images_private(bench: Bench) -> None:
    image = "registry.shop.example/shop/backend:2.4.1"
    assert isinstance(bench.runtime.pull(image, ()), PullFailed)
    assert isinstance(bench.runtime.pull(image, (PULLER,)), Pulled)
    assert isinstance(bench.runtime.pull("registry.shop.example/base/postgres:16.3", ()), Pulled)


def test_pulls_are_the_same_for_the_same_seed_and_larger_images_take_longer() -> None:
    def seconds(seed: str, image: str) -> float:
        answer = Bench(seed).runtime.pull(image, (PULLER,))
        assert isinstance(answer, Pulled)
        return answer.seconds

    small, large = "registry.shop.example/agent/api-proxy:2.9.7", "registry.shop.example/base/kafka:3.7.1"
    assert seconds("1", small) == seconds("1", small) != seconds("2", small)
    assert seconds("1", large) > 3 * seconds("1", small)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("curlimages/curl:8.9.1", "docker.io/curlimages/curl:8.9.1"),
        ("registry.invalid/team/app:v1.2.3", "registry.invalid/team/app:v1.2.3"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        (f"app@sha256:{'a' * 64}", f"docker.io/library/app@sha256:{'a' * 64}"),
        ("UPPER/app:bad tag", None),
        ("Upper/app", None),
        ("app:", None),
        ("", None),
    ],
)
def test_names(bench: Bench, name: str, reference: str | None) -> None:
    assert bench.runtime.resolve(name) == reference


def test_an_image_must_be_there_before_it_is_started(bench: Bench) -> None:
    bench.start("busybox:1.36", "true")
    other = SimulatedRuntime(bench.clock, StoreNames(bench.store), ImageShelf(None), Registries(), preloaded=())
    with pytest.raises(LookupError, match="started before it was pulled"):
        other.start(bench.start("busybox:1.36", "true").run, lambda _: None)
