"""The registry beside a kind node: a container that serves the workloads' images, and the node's way to it.

What it serves is put together once and kept as a docker image, named after all that went into it; after that a
registry is up in half a second. It lives and dies with its cluster and listens nowhere but on the cluster's own docker
network, where no healer looks. There are two traps. An image that is loaded into the node instead of pulled is never
verified by the kubelet, so a deleted pull secret would go unnoticed. And a cut-off must not touch the neighbours'
trials, so it is meant for one namespace's account (see accounts.py); who pulls a public image has none and is served.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ..evidence import Obj
from ..problems import HarnessError, UsageProblem
from ..scenario.workloads import shipped
from . import server
from .accounts import account, own_account
from .base import Base, read_base
from .docker import Docker
from .store import STAND_INS, Store, access, hosts

CONTENT = "healgate-registry"
FOLDER = "/srv/registry"
CERTS = "/etc/containerd/certs.d"
ANSWERS_WITHIN = 20.0
# Where images are looked for that the registry beside the node does not have.
UPSTREAM = {"docker.io": "https://registry-1.docker.io"}


class Registry:
    """A registry that runs."""

    def __init__(self, docker: Docker, container: str) -> None:
        images = shipped() / "images"
        self._docker = docker
        self.container = container
        self.hosts = hosts(images)
        self._accounts = {
            host: sorted({entry.partition(":")[0] for entries in prefixes.values() for entry in entries})
            for host, prefixes in access(images).items()
        }

    def cut_off(self, host: str, seconds: float, namespace: str) -> None:
        """For so long, pulls with the namespace's account do not reach the host."""
        if host not in self._accounts:
            raise HarnessError(
                f"cannot cut off the registry {host}: expected one with private repositories "
                f"({', '.join(self._accounts)}), since nothing else tells whose pull it is"
            )
        for user in self._accounts[host]:
            name = account(user, namespace)
            self._docker.run("exec", self.container, "python3", f"{FOLDER}/server.py", host, name, str(seconds))

    def own_account(self, secret: Obj, namespace: str) -> Obj:
        """A Secret as it is to be written into a namespace."""
        return own_account(secret, namespace, tuple(self._accounts))

    def stop(self) -> None:
        self._docker.succeeds("rm", "--force", self.container)


def start_registry(
    cluster: str,
    *,
    nodes: Sequence[str],
    base: str,
    kafka: str = "",
) -> Registry:
    """Have a registry beside these nodes; one that is there already and has the same content is kept."""
    docker = Docker()
    content = prepare(base, kafka, docker)
    registry = Registry(docker, f"{cluster}-registry")
    name = registry.container
    network = _network(docker, nodes[0])
    if not _runs(docker, name, content):
        registry.stop()
        docker.run("run", "--detach", "--name", name, "--network", network, content)
    address = _address(docker, name, network)
    for node in nodes:
        docker.run("exec", "--interactive", node, "sh", "-e", text=_wiring(registry.hosts, address))
    _wait_until_it_answers(docker, name)
    return registry


def attach_registry(cluster: str) -> Registry:
    """The registry that another process of this run has started. Asks nobody."""
    return Registry(Docker(), f"{cluster}-registry")


def prepare(base: str, kafka: str = "", docker: Docker | None = None) -> str:
    """Put together what a registry serves, unless that was done before; the docker image that holds it.

    Needs no cluster, so it can be done while one is being made.
    """
    docker = docker or Docker()
    folder = shipped() / "images"
    content = f"{CONTENT}:{_key(folder, [_image_id(docker, image) for image in (base, kafka) if image])}"
    if not docker.succeeds("image", "inspect", content):
        _make(docker, content, base, kafka, folder)
    return content


def _make(docker: Docker, content: str, base: str, kafka: str, images: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="healgate-images-") as place:
        work = Path(place)
        store = Store(work / "registry")
        store.fill(images, _saved(docker, base, work, store), _saved(docker, kafka, work, store) if kafka else None)
        shutil.copy(server.__file__, store.folder / "server.py")
        made = docker.run("create", base)
        try:
            docker.run("cp", str(store.folder), f"{made}:{Path(FOLDER).parent}")
            start = json.dumps(["python3", f"{FOLDER}/server.py"])
            docker.run("commit", "--change", "ENTRYPOINT []", "--change", f"CMD {start}", made, content)
        finally:
            docker.succeeds("rm", "--force", made)
    for old in docker.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", CONTENT).split():
        if old != content:
            docker.succeeds("image", "rm", old)  # one that still serves a cluster stays


def _saved(docker: Docker, image: str, work: Path, store: Store) -> Base:
    archive = work / "saved.tar"
    docker.run("save", "--output", str(archive), image)
    try:
        return read_base(archive, store.blobs)
    finally:
        archive.unlink()


def _image_id(docker: Docker, image: str) -> str:
    if not docker.succeeds("image", "inspect", image):
        try:
            docker.run("pull", "--quiet", image)
        except HarnessError as problem:
            raise UsageProblem(
                f"--cluster kind: the image {image} is not there and cannot be pulled: {problem}. "
                "HEALGATE_BASE_IMAGE and HEALGATE_KAFKA_IMAGE name others that are."
            ) from None
    return docker.run("image", "inspect", "--format", "{{.Id}}", image)


def _key(images: Path, bases: Sequence[str]) -> str:
    """Everything that the content depends on."""
    digest = hashlib.sha256("\n".join(bases).encode())
    here = Path(__file__).parent
    for root, pattern in ((here, "**/*.py"), (here.parent / "actor", "*.py"), (images, "**/*.yaml")):
        for file in sorted(root.glob(pattern)):
            digest.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    digest.update("\n".join(STAND_INS).encode())
    return digest.hexdigest()[:16]


def _runs(docker: Docker, name: str, content: str) -> bool:
    form = "{{.State.Running}} {{.Config.Image}}"
    return docker.succeeds("container", "inspect", name) and (
        docker.run("container", "inspect", "--format", form, name) == f"true {content}"
    )


def _network(docker: Docker, node: str) -> str:
    networks = json.loads(docker.run("container", "inspect", "--format", "{{json .NetworkSettings.Networks}}", node))
    return str(next(iter(networks)))


def _address(docker: Docker, name: str, network: str) -> str:
    networks = json.loads(docker.run("container", "inspect", "--format", "{{json .NetworkSettings.Networks}}", name))
    return f"{networks[network]['IPAddress']}:{server.PORT}"


def _wiring(served: Sequence[str], address: str) -> str:
    """A script for the node. Containerd reads these files at every pull."""
    lines = []
    for host in served:
        upstream = UPSTREAM.get(host, f"https://{host}")
        # A name that nobody else has is answered by us alone: what is not there does not exist.
        ours = host.endswith(".example")
        lines += [
            f"mkdir -p {CERTS}/{host}",
            f"cat > {CERTS}/{host}/hosts.toml <<'END'",
            f'server = "{f"http://{address}" if ours else upstream}"',
            f'[host."http://{address}"]',
            'capabilities = ["pull", "resolve"]',
            "END",
        ]
    return "\n".join(lines) + "\n"


def _wait_until_it_answers(docker: Docker, name: str) -> None:
    ask = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{server.PORT}/v2/')"
    until = time.monotonic() + ANSWERS_WITHIN
    while not docker.succeeds("exec", name, "python3", "-c", ask):
        if time.monotonic() >= until:
            raise HarnessError(f"the registry {name} does not answer after {ANSWERS_WITHIN:g}s; see docker logs {name}")
        time.sleep(0.2)
