"""kind clusters, with stand-ins for kind and docker: what is called, what is noted, what is said when it fails."""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from healgate.clusters import kind_ready, leftovers
from healgate.clusters.kind import OpenedKind, clean, open_kind
from healgate.clusters.kind_config import kind_config
from healgate.clusters.kind_tools import in_words
from healgate.clusters.owner import Owner
from healgate.clusters.real_rest import RealRest
from healgate.problems import HarnessError, UsageProblem

pytest.importorskip("pytest_kind")

DEAD = Owner.read({**Owner.me().as_dict(), "started": "1"})

# Answers as the programs do; what they do stands in state.json beside them, what they were asked in calls.txt.
PROGRAM = """\
#!{python} -IS
import json, os, sys
here = {here!r}
state = json.load(open(here + "/state.json"))
def save(): json.dump(state, open(here + "/state.json", "w"))
args = sys.argv[1:]
open(here + "/calls.txt", "a").write(" ".join(["{name}", *args]) + "\\n")
flags = dict(a.split("=", 1) for a in args if a.startswith("--") and "=" in a)
if "{name}" == "docker":
    if args[0] == "version" and state["docker"]:
        sys.exit(state["docker"])
    if args[0] == "exec":
        sys.stdin.buffer.read()
        sys.stdout.buffer.write(bytes.fromhex(state["dns"]))
elif args[:2] == ["get", "clusters"]:
    print("\\n".join(state["clusters"]))
elif args[:2] == ["create", "cluster"]:
    print("Creating cluster ...", file=sys.stderr)
    state["clusters"].append(flags["--name"])
    save()
    if state["create"]:
        sys.exit(state["create"])
    open(flags["--kubeconfig"], "w").write(open(here + "/kubeconfig").read())
elif args[:2] == ["delete", "cluster"]:
    if state["delete"]:
        sys.exit(state["delete"])
    state["clusters"] = [name for name in state["clusters"] if name != flags["--name"]]
    save()
elif args[:2] == ["get", "kubeconfig"]:
    print(open(here + "/kubeconfig").read())
elif args[:2] == ["get", "nodes"]:
    print(args[3] + "-control-plane")
"""
KNOWN = struct.pack(">H", 12) + struct.pack(">6H", 0x4847, 0x8180, 1, 1, 0, 0)


class Programs:
    """The stand-ins."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "kubeconfig").write_text(kubeconfig.read_text())
        self.set(docker="", create="", delete="", clusters=[], dns=KNOWN.hex())
        for name in ("kind", "docker", "kubectl"):
            path = folder / name
            path.write_text(PROGRAM.format(python=sys.executable, here=str(folder), name=name))
            path.chmod(0o755)

    def set(self, **values: Any) -> None:
        path = self.folder / "state.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**before, **values}))

    @property
    def clusters(self) -> list[str]:
        found: list[str] = json.loads((self.folder / "state.json").read_text())["clusters"]
        return found

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls.txt").read_text().splitlines()


@pytest.fixture
def programs(tmp_path: Path, kubeconfig: Path, rest: RealRest, monkeypatch: pytest.MonkeyPatch) -> Programs:
    services = "/api/v1/namespaces/kube-system/services"
    port = {"name": "dns", "port": 53, "protocol": "UDP"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns"}, "spec": {"ports": [port]}}
    assert rest.request("POST", services, body=service).code in (201, 409)
    made = Programs(tmp_path / "bin", kubeconfig)
    monkeypatch.setenv("PATH", f"{made.folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("HEALGATE_KIND_CONFIG", raising=False)
    monkeypatch.delenv("HEALGATE_KIND_IMAGE", raising=False)
    monkeypatch.setattr("healgate.clusters.kind.KindRegistries.start", lambda _self, _nodes: None)
    monkeypatch.setattr("healgate.images.registry.prepare", lambda _base, _kafka: None)
    monkeypatch.setattr(kind_ready, "LOOK_AGAIN", 0.01)
    monkeypatch.chdir(tmp_path)
    return made


def opened(said: list[str] | None = None, reuse: str | None = None, speed: str = "fast") -> OpenedKind:
    return open_kind(image="node:1", speed=speed, reuse=reuse, say=(said if said is not None else []).append)


def test_a_cluster_is_made_for_the_run_and_deleted_with_it(programs: Programs, cache: Path) -> None:
    cluster = opened()
    name = cluster.running.name
    assert programs.clusters == [name]
    assert cluster.running.capacity >= 1
    assert cluster.running.as_dict()["kubeconfig"].startswith("/")
    (create,) = [call for call in programs.calls if call.startswith("kind create")]
    assert "--image=node:1" in create
    cluster.close(keep=False)
    assert programs.clusters == []
    assert f"docker rm --force --volumes {name}-registry" in programs.calls
    assert [path.name for path in cache.iterdir() if path.name != "lock"] == []
    assert not Path(".pytest-kind").exists()


def test_nodes_are_named_after_nothing_that_would_tell(programs: Programs) -> None:
    del programs
    name = opened().running.name
    assert not any(word in name for word in ("heal", "gate", "test", "trial", "chaos", "kind"))


@pytest.mark.parametrize("reuse", [None, "mine"])
def test_a_cluster_that_is_kept_stands_until_somebody_deletes_it(programs: Programs, reuse: str | None) -> None:
    programs.set(clusters=[reuse] if reuse else [])
    cluster = opened(reuse=reuse)
    cluster.close(keep=True)
    (note,) = leftovers.notes()
    leftovers.note(note.path.stem, note.what, DEAD)  # the run has ended
    said: list[str] = []
    clean(said.append)
    assert programs.clusters == [cluster.running.name]
    assert Path(cluster.running.kubeconfig).exists()

    programs.set(clusters=[])
    clean(said.append)
    assert not Path(cluster.running.kubeconfig).parent.exists()
    assert list(leftovers.notes()) == []
    registry = f"docker rm --force --volumes {cluster.running.name}-registry"
    assert (registry in programs.calls) is (reuse is None)  # of a cluster of the user's it goes on
    assert said == []


def test_a_cluster_that_is_kept_on_another_engine_is_not_missed(programs: Programs) -> None:
    far = {"folder": "far", "kind": "far", "engine": "docker tcp://far", "kept": True}
    leftovers.note("kind-far", far, DEAD)
    said: list[str] = []
    clean(said.append)
    assert (len(list(leftovers.notes())), said, programs.clusters) == (1, [], [])


def test_a_cluster_is_noted_before_it_is_made(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[list[str]] = []
    from healgate.clusters.kind_adapter import KindAdapter

    create = KindAdapter.create

    def creating(self: KindAdapter, config: Path) -> None:
        noted.append([note.what["kind"] for note in leftovers.notes()])
        create(self, config)

    monkeypatch.setattr(KindAdapter, "create", creating)
    cluster = opened()
    assert noted == [[cluster.running.name]]
    assert programs.clusters


def test_what_killed_runs_left_is_deleted_and_nothing_else(programs: Programs) -> None:
    programs.set(clusters=["left", "bystander", "somebodys"])
    engine = "docker " + os.environ.get("DOCKER_HOST", "")
    leftovers.note("kind-left", {"folder": "left", "kind": "left", "engine": engine}, DEAD)
    leftovers.note("kind-somebodys", {"folder": "somebodys", "kind": "somebodys", "engine": engine})
    leftovers.note("kind-far", {"folder": "far", "kind": "bystander", "engine": "docker tcp://far"}, DEAD)
    said: list[str] = []
    clean(said.append)
    assert programs.clusters == ["bystander", "somebodys"]
    assert "deleted the kind cluster left of a killed run" in said
    assert any("is on another engine (docker tcp://far)" in line for line in said)
    assert {note.what["kind"] for note in leftovers.notes()} == {"somebodys", "bystander"}


def test_what_cannot_be_deleted_stays_noted(programs: Programs) -> None:
    programs.set(clusters=["left"], delete="ERROR: no")
    engine = "docker " + os.environ.get("DOCKER_HOST", "")
    leftovers.note("kind-left", {"folder": "left", "kind": "left", "engine": engine}, DEAD)
    said: list[str] = []
    clean(said.append)
    assert len(list(leftovers.notes())) == 1
    assert "could not be deleted" in said[0]


def test_a_cluster_that_cannot_be_deleted_spoils_no_run(programs: Programs) -> None:
    """Seen where a busy node took longer to die than Docker waits: a traceback after the last verdict."""
    said: list[str] = []
    cluster = opened(said)
    programs.set(delete="ERROR: no")
    cluster.close(keep=False)
    assert "could not be deleted; the next run will: " in said[-1]
    assert len(list(leftovers.notes())) == 1
    assert len([call for call in programs.calls if call.startswith("kind delete")]) == 2


def test_a_cluster_that_is_there_is_used_and_left(programs: Programs) -> None:
    programs.set(clusters=["mine"])
    cluster = opened(reuse="mine")
    assert cluster.running.kept
    cluster.close(keep=False)
    assert programs.clusters == ["mine"]
    assert list(leftovers.notes()) == []
    assert not [call for call in programs.calls if call.startswith(("kind create", "kind delete"))]


def test_a_cluster_that_is_not_there_is_not_made_by_that_name(programs: Programs) -> None:
    programs.set(clusters=["other"])
    with pytest.raises(UsageProblem, match=r"there is no such kind cluster \(there are: other\)"):
        opened(reuse="mine")
    assert list(leftovers.notes()) == []


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("ERROR: failed to create cluster: write /var: no space left on device", "the disk is full"),
        ("Bind for 127.0.0.1:6443 failed: port is already allocated", "a port that the cluster needs is taken"),
        ('ERROR: failed to pull image "x": exit status 1', "name another with --kind-image"),
        ("failed to list nodes: Cannot connect to the Docker daemon", "the container engine is not running"),
        ("something nobody has seen before", "something nobody has seen before"),
    ],
)
def test_a_cluster_that_cannot_be_made_says_why_and_leaves_nothing(programs: Programs, output: str, said: str) -> None:
    programs.set(create=output)
    with pytest.raises(UsageProblem) as problem:
        opened()
    assert said in str(problem.value)
    assert output[-20:] in str(problem.value)
    assert programs.clusters == []
    assert list(leftovers.notes()) == []


def test_an_engine_that_does_not_run_is_said_before_anything_else(programs: Programs) -> None:
    programs.set(docker="Cannot connect to the Docker daemon at unix:///nowhere. Is the docker daemon running?")
    with pytest.raises(UsageProblem, match="the container engine is not running: start it"):
        opened()
    assert programs.calls == ["docker version --format {{.Server.Version}}"]


def test_an_engine_that_is_missing_is_said(programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    del programs
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageProblem, match=r"expected docker on PATH, found none\. Install Docker"):
        opened()


def test_a_kind_that_is_missing_and_cannot_be_fetched_is_said(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (programs.folder / "kind").unlink()
    monkeypatch.setenv("PATH", str(programs.folder))
    monkeypatch.setenv("KIND_DOWNLOAD_URL", "http://127.0.0.1:1/kind")

    def refused(*_args: object, **_more: object) -> None:
        raise OSError("Max retries exceeded with url: /kind")

    monkeypatch.setattr("pytest_kind.cluster.requests.get", refused)
    with pytest.raises(UsageProblem, match="kind is not on PATH and could not be downloaded: install it"):
        opened()
    assert "pytest-kind downloads one" in capsys.readouterr().err


def test_a_cluster_that_never_becomes_ready_says_what_is_missing(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind_ready, "READY_WITHIN", 0.1)
    programs.set(dns="")
    with pytest.raises(HarnessError, match=r"not ready within 0.1s: the name server \S+ does not answer"):
        opened()
    assert programs.clusters == []


def test_a_name_that_is_not_known_is_not_ready(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind_ready, "READY_WITHIN", 0.1)
    programs.set(dns=(struct.pack(">H", 12) + struct.pack(">6H", 0x4847, 0x8183, 1, 0, 0, 0)).hex())
    with pytest.raises(HarnessError, match=r"does not know kubernetes.default.svc.cluster.local"):
        opened()


def test_the_fast_timing_is_put_on_top_of_a_configuration_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("kind: Cluster\nnetworking: {disableDefaultCNI: true}\nkubeadmConfigPatches: ['a: b']\n")
    monkeypatch.setenv("HEALGATE_KIND_CONFIG", str(own))
    fast, stock = kind_config("fast"), kind_config("stock")
    assert fast["networking"] == {"disableDefaultCNI": True}
    assert next(map(yaml.safe_load, fast["kubeadmConfigPatches"])) == {"a": "b"}
    kubelet = yaml.safe_load(fast["kubeadmConfigPatches"][1])
    assert kubelet["crashLoopBackOff"] == {"maxContainerRestartPeriod": "5s"}
    assert "crashLoopBackOff" not in yaml.safe_load(stock["kubeadmConfigPatches"][1])


@pytest.mark.parametrize("content", ["kind: Pod", "- a list", "{"])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (tmp_path / "own.yaml").write_text(content)
    monkeypatch.setenv("HEALGATE_KIND_CONFIG", str(tmp_path / "own.yaml"))
    with pytest.raises(UsageProblem, match=r"HEALGATE_KIND_CONFIG: .*own.yaml: "):
        kind_config("fast")


def test_only_the_end_of_a_long_output_is_shown() -> None:
    assert in_words("\n".join(f"line {number}" for number in range(50))).splitlines()[0] == "  line 44"
