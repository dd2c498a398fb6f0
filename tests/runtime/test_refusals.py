"""What a real shell would have understood and this one does not is refused by name, never guessed."""

from __future__ import annotations

import pytest

from healgate.actor.effects import Unsupported

from .bench import Bench

UBI = "registry.access.redhat.com/ubi9/ubi:latest"


@pytest.mark.parametrize(
    ("image", "script", "named"),
    [
        (UBI, "a=(1 2)", "bash arrays"),
        (UBI, "[[ -f /x ]]", "[["),
        (UBI, "echo {1..3}", "brace expansion"),
        (UBI, "cat <(echo a)", "<("),
        (UBI, "((x++))", "(( ))"),
        ("busybox:1.36", "[[ -f /x ]]", "[["),
        (UBI, "echo ${a/#b/c}", "${a/#"),
        ("busybox:1.36", "df -h", "command df"),
        ("busybox:1.36", "ls -l", "ls -l"),
        ("busybox:1.36", "tail -f /var/log/app.log", "tail -f /var/log/app.log"),
        ("busybox:1.36", "cat /proc/meminfo", "/proc/meminfo"),
        ("busybox:1.36", "awk '{s += $1} END {print s}'", "awk {s += $1}"),
        ("busybox:1.36", "while true; do echo x; sleep 1; done | cat", "a pipe from a command that does not end"),
        ("busybox:1.36", "getopts ab: o -a", "getopts"),
        ("busybox:1.36", "echo $RANDOM", "$RANDOM"),
        ("python:3.12", "python3 -c 'print(1)'", "python -c"),
        ("busybox:1.36", "exec 3>/tmp/x", "3>"),
        ("busybox:1.36", "head -n few /etc/hosts", "head -n few"),
        ("busybox:1.36", "grep", "grep"),
        ("debian:12", "wget -qO- http://db/", "wget in an image that may lack it"),
        (UBI, "nslookup db", "nslookup in an image that may lack it"),
    ],
)
def test_refused_by_name(bench: Bench, image: str, script: str, named: str) -> None:
    def run() -> None:
        bench.start(image, "sh", "-c", script)
        bench.after(7200)

    with pytest.raises(Unsupported) as refusal:
        run()
    assert named in str(refusal.value)


def test_a_probe_is_refused_as_well(bench: Bench) -> None:
    container = bench.sh("sleep 1000")
    with pytest.raises(Unsupported, match="pgrep"):
        container.exec(("pgrep", "nginx"), 1)


def test_so_is_a_look_behind_what_is_mounted(bench: Bench) -> None:
    container = bench.sh("sleep 1000", files={"/etc/app/app.conf": "x"})
    assert container.exec(("ls", "/etc/app"), 1).output == "app.conf\n"
    with pytest.raises(Unsupported, match="ls -a /etc/app, where a ConfigMap or Secret is mounted"):
        container.exec(("ls", "-a", "/etc/app"), 1)


@pytest.mark.parametrize(
    "command",
    [
        ("ps",),
        ("sh", "-c", "echo first; ps; echo never"),
        ("sh", "-c", "echo first; ps | cat; echo never"),
        ("sh", "-c", "echo first; ps & sleep 5; echo never"),
    ],
)
def test_who_takes_note_of_it_has_the_container_end_with_it(bench: Bench, command: tuple[str, ...]) -> None:
    noted: list[str] = []
    bench.runtime.machine.refuse = lambda run, problem: noted.append(f"{run.container} of {run.pod}: {problem}")
    container = bench.start("busybox:1.36", *command)
    other = bench.sh("sleep 3; echo goes on; sleep 1000", pod="other")
    bench.after(10)
    assert noted == ["main of app: the command ps"]
    assert container.exit is not None
    assert container.exit.code == 127
    assert "never" not in [line.text for line in container.log]
    assert container.log[-1].text == "the command ps: not supported"
    assert [line.text for line in other.log] == ["goes on"]


def test_so_it_is_with_a_probe(bench: Bench) -> None:
    noted: list[str] = []
    bench.runtime.machine.refuse = lambda _run, problem: noted.append(str(problem))
    container = bench.sh("sleep 1000")
    assert container.exec(("pgrep", "nginx"), 1).code == 127
    assert container.exec(("sh", "-c", "pgrep nginx"), 1).code == 127
    assert noted == ["the command pgrep"] * 2
    assert container.exit is None
