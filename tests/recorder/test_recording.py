"""A recording holds what was done and what was shown, and can be replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from healgate.cli import main
from healgate.clusters import open_cluster
from healgate.clusters.running import Running, connect
from healgate.clusters.seam import Answer
from healgate.drivers import find_healer
from healgate.embedded.cluster import EmbeddedCluster
from healgate.embedded.door.http import HttpDoor
from healgate.embedded.door.kubeconfig import CONTEXT, write_kubeconfig
from healgate.recorder.session import Command, _about, record_objects, record_trial
from healgate.recorder.writing import write
from healgate.scenario.catalogue import Catalogue

from ..fidelity.compare import compare, differences
from ..fidelity.play import play

Obj = dict[str, Any]


def deployment(script: str) -> Obj:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "somewhere"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "app"}},
            "template": {"metadata": {"labels": {"app": "app"}}, "spec": spec},
        },
    }


CRASHES = deployment("echo starting; sleep 2; echo failed >&2; exit 3")
COMMANDS = [
    Command(45.0, ("rollout", "restart", "deployment/app")),
    Command(70.0, ("scale", "deployment/app", "--replicas=0")),
]


@pytest.fixture(scope="module")
def crashing() -> Obj:
    return record_objects([CRASHES], COMMANDS, 90.0, name="crashing", cluster=open_cluster("embedded"))


def test_an_embedded_cluster_behaves_as_one_was_recorded(crashing: Obj) -> None:
    assert compare(crashing) == []


def test_it_comes_back_from_the_disk_as_it_was(crashing: Obj, tmp_path: Path) -> None:
    write(crashing, tmp_path / "crashing.json")
    assert json.loads((tmp_path / "crashing.json").read_text()) == crashing


def test_what_was_applied_and_done_is_in_it_as_a_person_would_write_it(crashing: Obj) -> None:
    assert crashing["applied"] == [{**CRASHES, "metadata": {"name": "app"}}]
    done = [(one["t"], one["kubectl"], one["rc"]) for one in crashing["commands"] if one["kubectl"][0] != "logs"]
    assert done == [(command.at, list(command.words), 0) for command in COMMANDS]


def test_objects_of_any_kind_are_in_it_and_what_a_claim_is_told() -> None:
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "odd"}, "handler": "odd"}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "nope",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    found = record_objects([runtime, claim], [], 40.0, name="claim", cluster=open_cluster("embedded"))
    assert found["applied"] == [runtime, claim]
    assert {entry["about"] for entry in found["timeline"] if entry["kind"] == "Event"} == {"PersistentVolumeClaim/data"}
    assert compare(found) == []


def test_the_logs_of_what_failed_are_asked_for(crashing: Obj) -> None:
    answers = [one for one in crashing["commands"] if one["kubectl"][0] == "logs"]
    assert {one["kubectl"][-1] for one in answers} == {"main", "--previous"}
    assert "starting\nfailed\n" in {one["stdout"] for one in answers}


def test_nothing_in_it_is_of_one_run_only(crashing: Obj) -> None:
    text = json.dumps(crashing)
    for key in ("uid", "resourceVersion", "managedFields", "podIP", "hostIP"):
        assert f'"{key}"' not in text
    assert "somewhere" not in text
    assert not [one for one in crashing["timeline"] if "-" in str(one.get("metadata", {}).get("creationTimestamp"))[3:]]


def test_an_entry_says_only_what_changed(crashing: Obj) -> None:
    pods = [one for one in crashing["timeline"] if one["kind"] == "Pod" and one["type"] == "MODIFIED"]
    assert any("spec" not in one for one in pods)
    assert all(set(one) & {"metadata", "spec", "status"} for one in pods)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("oom/limit-too-low", ["patch", "deployment", "backend", "--type=strategic"]),
        ("nothing/registry-blip", ["(cut off)", "registry.shop.example"]),
        ("failing-probe/deadlock", ["(request)", "POST"]),
        ("kafka/fewer-partitions", ["create", "-f", "-"]),
        ("missing-secret/env-secret-deleted", ["delete", "secret", "database-credentials"]),
    ],
)
def test_a_trial_is_recorded_with_what_broke_the_workload(scenario: str, words: list[str]) -> None:
    loaded = Catalogue.load().scenarios[scenario]
    recording, outcome = record_trial(
        loaded, 1, seed="0", cluster=open_cluster("embedded"), healer=find_healer("reference")
    )
    assert outcome.record.verdict == "PASS"
    said = [one["kubectl"][: len(words)] for one in recording["commands"]]
    assert words in said
    assert {"scenario": scenario, "images": "healgate", "timing": "stock"}.items() <= recording.items()
    assert all(one["kind"] not in ("ManagedSecret", "CustomResourceDefinition") for one in recording["applied"])


def test_a_recording_taken_over_http_is_the_embedded_cluster_itself(tmp_path: Path) -> None:
    """The same path as for a real cluster: a kubeconfig, watches over a socket, time that nobody can hurry."""
    cluster = EmbeddedCluster("http")
    with HttpDoor(cluster.server, cluster.clock, tokens={"secret": ""}) as door:
        write_kubeconfig(tmp_path / "config", door.url, "secret")
        there = connect(Running("existing", CONTEXT, str(tmp_path / "config"), None, 1, "stock"))
        recording = record_objects([CRASHES], [], 8.0, name="over-http", cluster=there)
    cluster.close()
    restarts = [
        status["restartCount"]
        for one in recording["timeline"]
        if one["kind"] == "Pod"
        for status in one.get("status", {}).get("containerStatuses", ())
    ]
    assert max(restarts) >= 1
    assert differences(recording, play(recording)) == []


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "app.yaml").write_text(yaml.safe_dump(CRASHES))
    (tmp_path / "commands.yaml").write_text('- {at: 20s, kubectl: "scale deployment app --replicas=2"}\n')
    args = ["record", "--objects", f"{tmp_path}/app.yaml", "--commands", f"{tmp_path}/commands.yaml", "--for", "40s"]
    assert main([*args, "--out", str(tmp_path)]) == 0
    assert "kubectl scale deployment app --replicas=2" in capsys.readouterr().out
    assert json.loads((tmp_path / "app.json").read_text())["case"] == "app"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--scenario", "oom/nothing-like-it"], "--scenario: expected one of bad-image/broken-release,"),
        (["--scenario", "oom/limit-to-low"], "(did you mean oom/limit-too-low?)"),
        (["--objects", "{tmp}/app.yaml", "--seed", "7"], "--seed does not go with --objects"),
        (["--objects", "{tmp}/missing.yaml"], "missing.yaml: cannot be read: No such file or directory"),
        (["--objects", "{tmp}/wrong.yaml"], "wrong.yaml:1:1: expected a manifest with apiVersion, kind and metadata."),
        (["--objects", "{tmp}/torn.yaml"], "torn.yaml:2:1: not YAML: "),
        (["--objects", "{tmp}/refused.yaml"], "refused.yaml:2:1: the cluster refuses it: could not create Pod/x: "),
        (
            ["--objects", "{tmp}/app.yaml", "--commands", "{tmp}/wrong.yaml"],
            "wrong.yaml:1:1: expected a list of {at:",
        ),
        (
            ["--objects", "{tmp}/app.yaml", "--commands", "{tmp}/unknown.yaml"],
            "unknown.yaml:2:21: expected one of logs",
        ),
        (["--objects", "{tmp}/app.yaml", "--commands", "{tmp}/time.yaml"], "time.yaml:1:8: expected a duration"),
        (["--objects", "{tmp}/app.yaml", "--commands", "{tmp}/late.yaml"], "--for: expected longer than"),
        (["--objects", "{tmp}/app.yaml", "--name", "A b"], "--name: expected letters a-z, digits and dashes"),
        (["--objects", "{tmp}/app.yaml", "--cluster", "moon"], "--cluster: expected one of embedded, kind, existing"),
        (["--objects", "{tmp}/app.yaml", "--out", "{tmp}/app.yaml"], "--out: expected a folder"),
        (["--objects", "{tmp}/app.yaml", "--cluster", "existing"], "expected --context NAME"),
    ],
)
def test_what_a_person_gets_wrong_is_said_in_a_sentence(
    args: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.yaml").write_text(yaml.safe_dump(CRASHES))
    (tmp_path / "wrong.yaml").write_text("just: words\n")
    (tmp_path / "torn.yaml").write_text("kind: [\n")
    refused = "# no list\napiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: 5}\n"
    (tmp_path / "refused.yaml").write_text(refused)
    (tmp_path / "unknown.yaml").write_text('# one\n- {at: 1s, kubectl: "cordon worker"}\n')
    (tmp_path / "time.yaml").write_text('- {at: soon, kubectl: "scale deployment app --replicas=2"}\n')
    (tmp_path / "late.yaml").write_text('- {at: 5m, kubectl: "scale deployment app --replicas=2"}\n')
    assert main(["record", *(arg.replace("{tmp}", str(tmp_path)) for arg in args)]) == 4
    assert says in capsys.readouterr().err


def test_a_kubelet_is_asked_for_its_control_groups() -> None:
    """Their version decides who falls when memory is out, and only the kubelet tells it."""

    class Rest:
        def request(self, _: str, path: str, *__: Any, **___: Any) -> Answer:
            if path == "/api/v1/nodes":
                info = {"containerRuntimeVersion": "containerd://2.2.1", "osImage": "Debian", "kernelVersion": "6.1"}
                names = ("one", "two")
                return Answer(
                    200, {"items": [{"metadata": {"name": one}, "status": {"nodeInfo": info}} for one in names]}
                )
            if path == "/api/v1/nodes/one/proxy/metrics":
                return Answer(200, "# HELP kubelet_cgroup_version x\nkubelet_cgroup_version 1\n")
            return Answer(403, {"message": "no"})

    about = _about(open_cluster("embedded"), Rest())
    assert about["runtime"] == "containerd 2.2.1; cgroup v1; Debian, Linux 6.1"
