"""kubectl, command by command, against what it printed on a real cluster (`said.txt`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .conftest import Served, serve

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "bench"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 3600"]}],
            },
        },
    },
}
PLACEHOLDERS = {
    "pod": r"web-[a-z0-9]+-[a-z0-9]{5}",
    "rs": r"web-[a-z0-9]+",
    "hash": r"[a-z0-9]+",
    "ready": r"\d/1",
    "state": r"\w+",
    "word": r"\w+",
    "age": r"\d+[smh]\d*s?(?: \(x\d+ over \d+[smh]\d*s?\))?",
    "n": r"\d+",
    "ip": r"<none>|[\d.]+",
    "node": r"[\w-]+",
    "volume": r"kube-api-access-[a-z0-9]{5}",
    "date": r"[\w ,:+.-]+",
    "path": r"\S+",
}


def commands() -> Iterator[tuple[str, str, int]]:
    """(arguments, what was printed, exit code)."""
    text = (Path(__file__).parent / "said.txt").read_text("utf-8")
    for block in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, printed = block.partition("\n")
        match = re.search(r"^exit (\d+)\n", printed, re.MULTILINE)
        yield command, printed.replace(match[0], "") if match else printed, int(match[1]) if match else 0


def pattern(printed: str) -> str:
    """As a regular expression: columns may be wider or narrower."""
    lines = []
    for line in printed.rstrip().splitlines():
        quoted = re.escape(line).replace(r"\ ", " ").replace(re.escape("[...]"), ".*")
        quoted = re.sub(" +", r"[ \\t]+", quoted)
        for name, form in PLACEHOLDERS.items():
            quoted = quoted.replace(f"<{name}>", f"(?:{form})")
        lines.append("(?:.*\n)*?" if quoted == ".*" else quoted + r"[ \t]*\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("kubectl")
    (home / "dep.yaml").write_text(yaml.safe_dump(DEPLOYMENT))
    yield from serve(home, warp=1)  # kubectl reckons some ages itself


def test_it_prints_what_it_printed_on_a_real_cluster(bench: Served, kubectl: str) -> None:
    """One story, since each command finds what the ones before it left."""
    bench.run(kubectl, "create", "namespace", "bench")
    differing: list[str] = []
    for command, printed, code in commands():
        done = bench.run(kubectl, "-n", "bench", *arguments(command), fails=bool(code))
        got = (done.stderr + done.stdout).rstrip() + "\n" * bool(done.stdout + done.stderr)
        if done.returncode != code or not re.fullmatch(pattern(printed), got):
            differing.append(f"$ kubectl {command}\n{got}exit {done.returncode}, but on a real cluster:\n{printed}")
    assert not differing, "\n".join(differing)


def arguments(command: str) -> list[str]:
    """The words of a command; a patch is the last of them."""
    words, dash, patch = command.partition(" -p ")
    return [*words.split(), *(["-p", patch] if dash else [])]


def test_a_healers_everyday(served: Served, kubectl: str) -> None:
    """What is not in the story: top, logs that go on, debugging, impersonation, waiting for the end."""

    def ask(*words: str, fails: bool = False) -> str:
        done = served.run(kubectl, *words, fails=fails)
        return done.stdout + done.stderr

    ask("run", "talker", "--image=busybox:1.36", "--restart=Never", "--", "sh", "-c", "echo one; sleep 40; echo two")
    ask("wait", "--for=jsonpath={.status.phase}=Running", "pod/talker", "--timeout=20s")
    assert ask("logs", "-f", "talker") == "one\ntwo\n"
    ask("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/talker", "--timeout=30s")
    ask("run", "idle", "--image=busybox:1.36", "--", "sleep", "3600")
    ask("wait", "--for=condition=Ready", "pod/idle", "--timeout=20s")
    served.until(lambda: "idle" in served.tried(kubectl, "top", "pods").stdout)
    assert re.search(r"^idle +\d+m +\d+Mi", ask("top", "pods"), re.MULTILINE)
    assert "worker-1" in ask("top", "nodes")
    assert "exit code 7" in ask("exec", "idle", "--", "sh", "-c", "exit 7", fails=True)
    ask("debug", "idle", "--image=busybox:1.36", "-c", "look", "--profile=general", "--", "sh", "-c", "echo found it")
    served.until(lambda: served.tried(kubectl, "logs", "idle", "-c", "look").stdout == "found it\n")
    ended = "--for=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0"
    ask("wait", ended, "pod/idle", "--timeout=20s")
    assert "Ephemeral Containers:\n  look:\n" in ask("describe", "pod", "idle")
    assert "NAME" in ask("get", "all", "-A")
    assert ask("auth", "can-i", "delete", "nodes", "--as=somebody", fails=True).startswith("no")
    assert "kubernetes-admin" in ask("auth", "whoami")
    ask("cordon", "worker-1")
    assert "SchedulingDisabled" in ask("get", "nodes")
    ask("uncordon", "worker-1")
    assert ask("delete", "pod", "idle", "--grace-period=0", "--force").count("idle") == 1
