"""The registry's container and the node's way to it, with a docker that only writes down what it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from healgate.images import registry
from healgate.images.registry import prepare, start_registry
from healgate.problems import HarnessError, UsageProblem

from .some_base import saved_image


class FakeDocker:
    """Images and containers by name, and everything that was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.scripts: list[str] = []
        self.images = {"base:1": "sha256:1", "kafka:1": "sha256:2"}
        self.containers: dict[str, dict[str, Any]] = {"shop-control-plane": _on("kind", "172.18.0.2")}
        self.fetched: dict[str, str] = {}  # what a pull brings
        self.answers = True

    def run(self, *args: str, text: str = "") -> str:
        self.asked.append(args)
        return self._do(args, text)

    def succeeds(self, *args: str) -> bool:
        if args[0] == "exec":
            self.asked.append(args)
            return self.answers
        if args[:2] == ("image", "inspect"):
            return args[2] in self.images
        if args[:2] == ("container", "inspect"):
            return args[2] in self.containers
        self.asked.append(args)
        if args[0] == "rm":
            self.containers.pop(args[-1], None)
        if args[:2] == ("image", "rm"):
            self.images.pop(args[2])
        return True

    def _do(self, args: tuple[str, ...], text: str) -> str:
        if args[:2] == ("image", "inspect"):
            return self.images[args[-1]]
        if args[:2] == ("image", "ls"):
            return "\n".join(name for name in self.images if name.startswith(f"{args[-1]}:"))
        if args[:2] == ("container", "inspect"):
            found = self.containers[args[-1]]
            return json.dumps(found["networks"]) if "Networks" in args[3] else f"true {found['image']}"
        if args[0] == "pull":
            if args[-1] not in self.fetched:
                raise HarnessError("docker pull failed: connection refused")
            self.images[args[-1]] = self.fetched[args[-1]]
        if args[0] == "save":
            saved_image(Path(args[2]))
        if args[0] == "create":
            return "made"
        if args[0] == "commit":
            self.images[args[-1]] = "sha256:3"
        if args[0] == "run":
            name = args[args.index("--name") + 1]
            self.containers[name] = {**_on("kind", "172.18.0.5"), "image": args[-1]}
        if args[0] == "exec" and text:
            self.scripts.append(text)
        return ""

    def did(self, what: str) -> list[tuple[str, ...]]:
        return [args for args in self.asked if args[0] == what]


def _on(network: str, address: str) -> dict[str, Any]:
    return {"networks": {network: {"IPAddress": address}}, "image": ""}


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    made = FakeDocker()
    monkeypatch.setattr(registry, "Docker", lambda: made)
    monkeypatch.setattr(registry, "ANSWERS_WITHIN", 0.0)
    return made


def start(**more: Any) -> registry.Registry:
    return start_registry("shop", nodes=["shop-control-plane"], base="base:1", **more)


def test_it_runs_on_the_nodes_network(docker: FakeDocker) -> None:
    made = start()
    (run,) = docker.did("run")
    assert made.container == "shop-registry"
    assert run[1:] == ("--detach", "--name", "shop-registry", "--network", "kind", run[-1])
    assert run[-1].startswith("healgate-registry:")


def test_the_node_learns_where_each_registry_is(docker: FakeDocker) -> None:
    start()
    (script,) = docker.scripts
    assert "/etc/containerd/certs.d/registry.shop.example/hosts.toml" in script
    ours, theirs = script.split("registry.shop.example/hosts.toml")[1], script.split("docker.io/hosts.toml")[1]
    # What we alone have does not exist if we do not have it; of others' images we only have some.
    assert ours.splitlines()[1:3] == ['server = "http://172.18.0.5:5000"', '[host."http://172.18.0.5:5000"]']
    assert theirs.splitlines()[1:3] == ['server = "https://registry-1.docker.io"', '[host."http://172.18.0.5:5000"]']


def test_a_second_start_only_looks_after_the_wiring(docker: FakeDocker) -> None:
    start()
    start()
    assert len(docker.did("run")) == len(docker.did("commit")) == 1
    assert len(docker.scripts) == 2


def test_other_content_is_another_registry(docker: FakeDocker) -> None:
    start()
    start(kafka="kafka:1")
    (first, second) = docker.did("run")
    assert first[-1] != second[-1]
    assert ("image", "rm", first[-1]) in docker.asked


def test_content_is_kept_for_its_base(docker: FakeDocker) -> None:
    first = prepare("base:1")
    assert prepare("base:1") == first
    docker.images["base:1"] = "sha256:9"
    assert prepare("base:1") != first


def test_a_base_that_is_not_there_is_fetched(docker: FakeDocker) -> None:
    del docker.images["base:1"]
    docker.fetched["base:1"] = "sha256:4"
    assert prepare("base:1").startswith("healgate-registry:")
    assert docker.did("pull") == [("pull", "--quiet", "base:1")]


@pytest.mark.usefixtures("docker")
def test_a_base_that_nobody_has_is_a_matter_for_whoever_named_it() -> None:
    with pytest.raises(
        UsageProblem, match=r"the image base:9 is not there and cannot be pulled: .*HEALGATE_BASE_IMAGE"
    ):
        prepare("base:9")


def test_other_processes_only_attach_to_it(docker: FakeDocker) -> None:
    made = registry.attach_registry("shop")
    assert (made.container, docker.asked) == ("shop-registry", [])


def test_a_cut_off_names_the_namespaces_account(docker: FakeDocker) -> None:
    start().cut_off("registry.shop.example", 60.0, "checkout-3f2a")
    command = ("python3", "/srv/registry/server.py", "registry.shop.example", "puller.checkout-3f2a", "60.0")
    assert docker.did("exec")[-1] == ("exec", "shop-registry", *command)


@pytest.mark.usefixtures("docker")
def test_a_registry_that_cannot_be_cut_off_for_one_alone() -> None:
    made = start()
    with pytest.raises(HarnessError, match=r"cannot cut off the registry docker.io: expected one with private"):
        made.cut_off("docker.io", 60.0, "checkout-3f2a")


def test_one_that_does_not_answer_is_named(docker: FakeDocker) -> None:
    docker.answers = False
    with pytest.raises(HarnessError, match=r"shop-registry does not answer .* see docker logs shop-registry"):
        start()
