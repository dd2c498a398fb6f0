"""The kind cluster that `make kind` has made, and what may be asked of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from healgate.clusters.kind import BASE_IMAGE, PUBLIC_BASE

from ..conftest import OPTION

# A namespace of somebody else's, that must outlive whatever happens.
BYSTANDER = "somebody-elses"
ANSWERS_WITHIN = 60.0


@dataclass(frozen=True)
class Kind:
    """kind, docker and kubectl, for one cluster."""

    name: str
    kubeconfig: Path

    def kubectl(self, *words: str) -> Any:
        """What it answers, decoded; None where it prints nothing."""
        said = tool("kubectl", "--kubeconfig", str(self.kubeconfig), *words)
        return json.loads(said) if said.startswith("{") else None

    def namespaces(self) -> set[str]:
        return {one["metadata"]["name"] for one in self.kubectl("get", "namespaces", "-o", "json")["items"]}


def tool(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=ANSWERS_WITHIN, check=True)
    return done.stdout


def clusters() -> set[str]:
    return set(tool("kind", "get", "clusters").split())


@pytest.fixture(scope="session")
def neighbour() -> Iterator[str]:
    """A kind cluster of somebody else's, as far as kind can tell: a container with its labels."""
    name = f"neighbour-{os.getpid()}"
    labels = ["--label", f"io.x-k8s.kind.cluster={name}", "--label", "io.x-k8s.kind.role=control-plane"]
    image = os.environ.get(BASE_IMAGE, PUBLIC_BASE)
    tool("docker", "run", "--detach", "--name", f"{name}-control-plane", *labels, image, "sleep", "infinity")
    yield name
    tool("docker", "rm", "--force", f"{name}-control-plane")


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kind]:
    name = request.config.getoption(OPTION)
    kubeconfig = tmp_path_factory.mktemp("kind") / "kubeconfig"
    kubeconfig.touch(0o600)
    kubeconfig.write_text(tool("kind", "get", "kubeconfig", "--name", name))
    made = Kind(name, kubeconfig)
    made.kubectl("create", "namespace", BYSTANDER)
    yield made
    made.kubectl("delete", "namespace", BYSTANDER)
