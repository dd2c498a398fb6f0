"""What the text tools do: what real programs said of the same lines, and what is refused.

`text_tools.json` holds what BusyBox 1.35, and GNU coreutils 9.1 with sed 4.9 and grep 3.8, said when the real `busybox
sh` and the real `dash` ran each line in a folder with the same files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from healgate.actor.effects import Unsupported
from healgate.embedded.runtime.container import Container, Proc
from healgate.embedded.runtime.programs import launch
from healgate.embedded.runtime.tasks import run_now

from .bench import MI, Bench, said

IMAGES = {"alpine": "busybox:1.36", "debian": "debian:12"}
DATA = json.loads((Path(__file__).parent / "text_tools.json").read_text())
FILES: dict[str, str] = DATA["files"]
# What both userlands say alike: script, output, and if there is more, complaints and exit code.
ALIKE: dict[str, list[list[Any]]] = DATA["alike"]
# What they say apart: script, and by userland output, complaints, exit code.
APART: list[tuple[str, dict[str, tuple[str, str, int]]]] = DATA["apart"]


def process(bench: Bench, image: str) -> Proc:
    container = bench.start(image, "sleep", "100000")
    bench.after(1)
    for name, text in FILES.items():
        assert not container.files.write(f"/tmp/{name}", text.encode())
    return Proc(container, container.new_pid(), container.environment, "/tmp", lambda _: None, lambda _: None)


def run(bench: Bench, script: str, image: str) -> tuple[str, str, int | None]:
    out: list[str] = []
    err: list[str] = []
    proc = process(bench, image)
    proc.out, proc.err = out.append, err.append
    code, _ = run_now(launch(proc, ("sh", "-c", script)), 1000)
    proc.box.kill()
    return "".join(out), "".join(err), code


@pytest.mark.parametrize("image", IMAGES.values())
@pytest.mark.parametrize("tool", ALIKE)
def test_alike_in_both_userlands(bench: Bench, tool: str, image: str) -> None:
    for script, output, *more in ALIKE[tool]:
        complaint, code = more or ("", 0)
        assert (script, *run(bench, script, image)) == (script, output, complaint, code)


@pytest.mark.parametrize("userland", IMAGES)
def test_apart(bench: Bench, userland: str) -> None:
    for script, said_there in APART:
        if userland in said_there:
            assert (script, *run(bench, script, IMAGES[userland])) == (script, *said_there[userland])


@pytest.mark.parametrize("userland", IMAGES)
@pytest.mark.parametrize(
    "script",
    [
        "sed 's/a/b' a",
        "sed 's/a/b/k' a",
        "sed -f script a",
        "sed 's/a/b/w out' a",
        r"sed 's/\(a\)\1/x/' a",
        r"sed 's/\d/x/' a",
        "sed -E 's/(a|ab)(c|bcd)*/\\1/' a",
        "sed -n l a",
        "sed 's/./x/' accents",
        "sed -i s/a/b/ /etc/hosts",
        "sed -i s/a/b/ /config/key",
        "cut -c1 accents",
        "cut --complement -f1 a",
        "tr '[=a=]' b < a",
        "tr a '' < a",
        "tr a b < accents",
        "uniq -f1 a",
        "sort -k2 a",
        "grep -P a a",
        "grep -A1 1 a",
        r"grep 'a\{x' a",
        "find / -name x",
        "find /etc",
        "find /config",
        "find . -name '[ab]'",
        "find . -type f",
        "find . -mmin +1",
        "find . -name a -o -name b",
        "xargs -P4 echo",
        'echo "it\'s" | xargs',
        "readlink -f /bin/sh",
        "readlink -f /config/key",
        "stat -c %Y a",
        "stat a",
        "base64 -d nn",
        "md5sum -c a",
        "id nobody",
        "nproc --ignore=1",
        "yes",
        "yes | cat",
        "yes | head -c 10",
        "awk 'BEGIN{print 1}'",
        "awk '{print $1+$2}' w",
        "awk -F'[:=]' '{print $1}' conf",
        "awk '{printf $1}' w",
        "head -c 10 /dev/urandom",
        "dd if=/dev/urandom of=r bs=1k count=1; md5sum r",
        "ln -s a b",
        "paste a b",
        "comm a b",
        "fold -w 10 a",
        "du -s .",
        "timeout -k 1 2 sleep 3",
        "timeout 1 sh -c 'sleep 5 & wait'",
        "timeout 1 sh -c 'trap \"echo bye\" TERM; sleep 5; echo on'",
    ],
)
def test_refused(bench: Bench, userland: str, script: str) -> None:
    def attempt() -> None:
        container = bench.start(IMAGES[userland], "sleep", "1000", files={"/config/key": "value\n"})
        bench.after(1)
        for name, text in {**FILES, "accents": "\u00e9t\u00e9\n"}.items():
            container.files.write(f"/tmp/{name}", text.encode())
        container.exec(("sh", "-c", f"cd /tmp; {script}"), 100)

    with pytest.raises(Unsupported):
        attempt()


@pytest.mark.parametrize(
    "script",
    [
        "sed -n '1~2p' a",
        "sed 'q3' a",
        "sed 's/b/x/2g' a",
        "sed '1,2i x' a",
        "timeout 0.5 true",
        "tac a b",
        "cut -d, -f1,1 c",
        "cut -d, -f1,5 c",
    ],
)
def test_refused_where_busybox_is_different(bench: Bench, script: str) -> None:
    with pytest.raises(Unsupported):
        run(bench, script, IMAGES["alpine"])
    assert run(bench, script, IMAGES["debian"])[1:] == ("", 3 if "q3" in script else 0)


# -- what takes time


def lines_of(container: Container, start: float) -> list[tuple[float, str]]:
    return [(round(line.time - start, 1), line.text) for line in container.log]


@pytest.mark.parametrize(("userland", "code"), [("alpine", 143), ("debian", 124)])
def test_a_timeout_stops_a_command_halfway(bench: Bench, userland: str, code: int) -> None:
    start = bench.clock.now()
    script = "timeout 2 sh -c 'while true; do echo tick; date >> /tmp/d; sleep 1; done'; echo $?; wc -l < /tmp/d"
    container = bench.start(IMAGES[userland], "sh", "-c", script)
    bench.after(100)
    last = [(2.0, "Terminated")] if userland == "alpine" else []
    assert lines_of(container, start) == [(0.0, "tick"), (1.0, "tick"), *last, (2.0, str(code)), (2.0, "2")]


def test_a_timeout_gives_back_the_memory_of_its_command(bench: Bench) -> None:
    container = bench.sh("timeout 2 tail /dev/zero; sleep 1000", limit=512 * MI)
    bench.after(1.5)
    assert container.memory > 100 * MI
    bench.after(10)
    assert container.exit is None
    assert container.memory < MI


def test_a_timeout_that_comes_too_late_for_the_memory(bench: Bench) -> None:
    container = bench.sh("timeout 20 tail /dev/zero; echo never", limit=64 * MI)
    bench.after(10)
    assert container.exit is not None
    assert container.exit.reason == "OOMKilled"


def test_a_timeout_as_process_1(bench: Bench) -> None:
    container = bench.start("debian:12", "timeout", "5", "sleep", "100", pod="late")
    bench.after(100)
    assert container.exit is not None
    assert (container.exit.code, round(bench.ended["late"])) == (124, 5)
    told = bench.start("debian:12", "timeout", "50", "sleep", "100", pod="told")
    bench.after(1)
    told.terminate()
    bench.after(1)
    assert told.exit is not None
    assert told.exit.code == 143


def test_a_timeout_in_the_place_of_process_1_does_not_reach_it(bench: Bench) -> None:
    def attempt(*command: str) -> None:
        bench.start("busybox:1.36", *command)
        bench.after(100)

    with pytest.raises(Unsupported, match="as process 1"):
        attempt("timeout", "5", "sleep", "100")
    with pytest.raises(Unsupported, match="process 1"):
        attempt("sh", "-c", "echo start; timeout 5 sleep 100")


# -- files and who somebody is


def test_files_that_take_their_room_and_files_that_do_not(bench: Bench) -> None:
    sizes = {}
    for number, script in enumerate(
        (
            "fallocate -l 50M /f",
            "truncate -s 50M /f",
            "truncate -s 50M /f; fallocate -l 50M /f",
            "head -c 50M /dev/zero > /f",
            "dd if=/dev/zero of=/f bs=1M count=50 2>/dev/null; echo more >> /f",
            "dd if=/dev/zero of=/f bs=1M count=50 2>/dev/null; cp /f /g",
            "fallocate -l 50M /f; truncate -s 0 /f",
        )
    ):
        container = bench.sh(f"{script}; stat -c %s /f; sleep 1000", pod=f"p{number}")
        bench.after(5)
        sizes[script] = (container.stored() // MI, int(said(container)) // MI)
    assert list(sizes.values()) == [(50, 50), (0, 50), (50, 50), (50, 50), (50, 50), (100, 50), (0, 0)]


def test_a_disk_that_is_filled_without_end(bench: Bench) -> None:
    container = bench.sh("cat /dev/zero > /data/fill", writable=("/data",))
    bench.after(4.5)
    assert 4 <= container.stored("/data") / 1024**3 <= 5


def test_what_nobody_kept_cannot_be_read(bench: Bench) -> None:
    script = "dd if=/dev/zero of=/f bs=1M count=1 2>/dev/null; {}"
    for reader in ("md5sum /f", "wc -c < /f", "grep x /f"):
        bench.sh(script.format(reader))
        with pytest.raises(Unsupported, match="not kept"):
            bench.after(5)


def test_a_small_file_of_zeros_can_be_read(bench: Bench) -> None:
    container = bench.sh("dd if=/dev/zero of=/f bs=1k count=1 2>/dev/null; wc -c < /f; truncate -s 2k /g; wc -c < /g")
    bench.after(5)
    assert said(container) == "1024\n2048\n"


@pytest.mark.parametrize(
    ("image", "user", "group", "groups", "shown"),
    [
        ("busybox:1.36", None, None, (), "uid=0(root) gid=0(root) groups=0(root),10(wheel)\nroot\n"),
        ("debian:12", None, None, (), "uid=0(root) gid=0(root) groups=0(root)\nroot\n"),
        ("debian:12", 1234, None, (), "uid=1234 gid=0(root) groups=0(root)\ncannot find name for user ID\n"),
        ("busybox:1.36", 1234, 3000, (2000,), "uid=1234 gid=3000 groups=2000,3000\nunknown uid\n"),
        ("debian:12", 1234, 3000, (2000,), "uid=1234 gid=3000 groups=3000,2000\ncannot find name for user ID\n"),
    ],
)
def test_who_a_container_runs_as(
    bench: Bench, image: str, user: int | None, group: int | None, groups: tuple[int, ...], shown: str
) -> None:
    script = "id; whoami 2>&1 | sed 's/whoami: //;s/ [0-9]*$//'"
    container = bench.start(image, "sh", "-c", script, user=user, group=group, groups=groups)
    bench.after(1)
    assert said(container) == shown


def test_the_processors_of_the_node(bench: Bench) -> None:
    container = bench.sh("nproc; echo $(($(nproc) * 2))", cpus=4)
    bench.after(1)
    assert said(container) == "4\n8\n"


def test_temporary_files(bench: Bench) -> None:
    script = (
        "f=$(mktemp); echo $f | sed 's/[A-Za-z0-9]*$//'; echo ${#f}; echo hi > $f; cat $f; "
        "[ $f != $(mktemp) ] && echo new; d=$(mktemp -d); [ -d $d ] && echo dir; mktemp -p /no/such; echo $?"
    )
    container = bench.start("debian:12", "sh", "-c", script)
    bench.after(1)
    complaint = "mktemp: failed to create file via template '/no/such/tmp.XXXXXXXXXX': No such file or directory\n"
    assert said(container) == f"/tmp/tmp.\n19\nhi\nnew\ndir\n{complaint}1\n"


def test_a_script_that_needs_most_of_them(bench: Bench) -> None:
    config = "# settings\nport = 8080\nhost = db\n"
    script = (
        "port=$(sed -n 's/^port *= *//p' /c/app.conf); "
        "host=$(grep '^host' /c/app.conf | cut -d= -f2 | tr -d ' '); "
        'echo "connecting to $host:$port" | tr a-z A-Z; '
        "seq 3 | xargs -n1 -I{} echo {} 2>/dev/null; "
        "yes retry | head -n 2 | uniq -c; "
        '[ $(expr $port % 2) = 0 ] || exit 1; echo "FATAL: $(echo Y29ycnVwdA== | base64 -d)" >&2; exit 3'
    )
    container = bench.sh(script.replace("-n1 -I{}", "-I{}"), files={"/c/app.conf": config})
    bench.after(1)
    assert said(container) == "CONNECTING TO DB:8080\n1\n2\n3\n      2 retry\nFATAL: corrupt\n"
    assert container.exit is not None
    assert container.exit.code == 3
