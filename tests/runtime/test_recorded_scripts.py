"""The scripts of the recorded cluster, and of the tutorial, end as they did there."""

from __future__ import annotations

import pytest

from .bench import MI, Bench, said

READY = "echo ready; trap 'exit 0' TERM; while true; do sleep 1; done"
DOUBLING = (
    """echo allocating; exec awk 'BEGIN{s="x"; while(length(s)<60000000) s=s s; print "allocated"; fflush(); """
    """while(1) system("sleep 5")}' """
)


@pytest.mark.parametrize(
    ("script", "output", "code", "seconds"),
    [
        (
            '[ "$MODE" = prod ] || { echo "unknown mode: $MODE" >&2; exit 1; }; ' + READY,
            "unknown mode: prdo\n",
            1,
            0,
        ),
        (
            "echo 'Error while executing topic command : Topic currently has 3 partitions, which is higher than the "
            "requested 2.'; exit 1",
            "Error while executing topic command : Topic currently has 3 partitions, which is higher than the "
            "requested 2.\n",
            1,
            0,
        ),
        (
            "echo starting; echo 'fatal: cannot open /etc/app/config.yaml' >&2; exit 1",
            "starting\nfatal: cannot open /etc/app/config.yaml\n",
            1,
            0,
        ),
        ("echo corrupt page; exit 1", "corrupt page\n", 1, 0),
        ("echo done; exit 0", "done\n", 0, 0),
        ("echo serving; sleep 30; exit 1", "serving\n", 1, 30),
        ("exit 3", "", 3, 0),
        ("sleep 5; exit 1", "", 1, 5),
    ],
)
def test_scripts_that_end(bench: Bench, script: str, output: str, code: int, seconds: float) -> None:
    container = bench.sh(script, env={"MODE": "prdo"})
    bench.after(600)
    assert container.exit is not None
    assert container.exit.code == code
    assert container.exit.reason == ("Completed" if code == 0 else "Error")
    assert bench.ended["app"] == pytest.approx(seconds, abs=0.1)
    assert said(container) == output


@pytest.mark.parametrize(
    ("script", "seconds"),
    [("echo allocating; tail /dev/zero", 0), ("echo up; sleep 2; tail /dev/zero", 2), (DOUBLING, 0)],
)
def test_scripts_that_run_out_of_memory(bench: Bench, script: str, seconds: float) -> None:
    container = bench.sh(script, limit=32 * MI)
    bench.after(600)
    assert container.exit is not None
    assert (container.exit.code, container.exit.reason) == (137, "OOMKilled")
    assert bench.ended["app"] == pytest.approx(seconds, abs=1)


def test_the_same_with_enough_memory(bench: Bench) -> None:
    container = bench.sh(DOUBLING, limit=256 * MI)
    bench.after(600)
    assert container.exit is None
    assert said(container) == "allocating\nallocated\n"


def test_a_root_file_system_that_is_read_only(bench: Bench) -> None:
    container = bench.sh("set -e; echo x > /data.txt; " + READY, read_only_root=True)
    bench.after(1)
    assert said(container) == "sh: can't create /data.txt: Read-only file system\n"
    assert container.exit is not None
    assert container.exit.code == 1


def test_a_counter_in_a_volume_outlives_the_container(bench: Bench) -> None:
    script = (
        "n=$(cat /d/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /d/n; echo attempt $n; [ $n -lt 4 ] && exit 1; "
        + READY
    )
    runs = []
    for _ in range(4):
        runs.append(bench.sh(script, writable=("/d",)))
        bench.after(1)
    assert [container.exit is None for container in runs] == [False, False, False, True]
    assert said(runs[-1]) == "attempt 4\nready\n"


def test_files_that_fill_a_disk(bench: Bench) -> None:
    script = "dd if=/dev/zero of={}/big bs=1M count=50; " + READY
    volume = bench.sh(script.format("/d"), writable=("/d",), pod="a")
    layer = bench.sh(script.format(""), pod="b")
    bench.after(5)
    assert said(volume) == "50+0 records in\n50+0 records out\nready\n"
    assert (volume.stored("/d"), layer.stored("/d")) == (50 * MI, 0)
    assert volume.stored() < MI < 50 * MI <= layer.stored()


def test_a_probe_that_reads_a_file(bench: Bench) -> None:
    container = bench.sh("touch /tmp/ok; sleep 30; rm /tmp/ok; echo stuck; while true; do sleep 1; done")
    bench.after(20)
    assert container.exec(("cat", "/tmp/ok"), 1).code == 0
    bench.after(20)
    failed = container.exec(("cat", "/tmp/ok"), 1)
    assert (failed.code, failed.output) == (1, "cat: can't open '/tmp/ok': No such file or directory\n")
    hook = container.exec(("sh", "-c", "echo hook broke; exit 3"), 1)
    assert (hook.code, hook.output) == (3, "hook broke\n")


def test_a_slow_server(bench: Bench) -> None:
    bench.sh("sleep 40; mkdir /www; echo ok > /www/healthz; httpd -f -p 8080 -h /www", ip="10.244.0.9")
    bench.after(39)
    assert bench.runtime.http_get("10.244.0.9", 8080, "/healthz").problem == "refused"
    bench.after(2)
    assert bench.runtime.http_get("10.244.0.9", 8080, "/healthz").body == "ok\n"
    assert bench.runtime.http_get("10.244.0.9", 8080, "/nothing").status == 404


ASKING = (
    "while true; do wget -q -T 3 -O /dev/null http://db:8080/ || { echo 'cannot reach db' >&2; exit 1; }; sleep 2; done"
)


def test_a_dependency_that_goes_away(bench: Bench) -> None:
    server = bench.sh("mkdir /www; echo ok > /www/index.html; exec httpd -f -p 8080 -h /www", ip="10.244.0.9", pod="db")
    bench.service("db", 8080, 8080, "10.244.0.9")
    client = bench.start("alpine:3.20", "sh", "-c", ASKING)
    bench.after(41)
    assert client.exit is None
    server.kill()
    bench.after(3)
    assert client.exit is not None
    assert client.exit.code == 1
    assert said(client) == "wget: can't connect to remote host (10.96.0.20): Connection refused\ncannot reach db\n"


def test_the_recorded_image_falls_over_its_timeout_option(bench: Bench) -> None:
    client = bench.sh(ASKING)
    bench.after(1)
    assert said(client) == "Segmentation fault\ncannot reach db\n"


@pytest.mark.parametrize("shell", ["/bin/bash", "bash"])
def test_the_tutorial_of_the_crash_after_half_a_minute(bench: Bench, shell: str) -> None:
    container = bench.start(
        "registry.access.redhat.com/ubi9/python-311:latest",
        shell,
        "-c",
        args=("# This will crash after 30 seconds\nsleep 30\nexit 1\n",),
    )
    bench.after(60)
    assert container.exit is not None
    assert (container.exit.code, said(container)) == (1, "")
    assert bench.ended["app"] == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("/no/such/binary", 'exec: "/no/such/binary": stat /no/such/binary: no such file or directory'),
        ("/etc", 'exec: "/etc": permission denied'),
        ("nosuch", 'exec: "nosuch": executable file not found in $PATH'),
    ],
)
def test_commands_that_cannot_start(bench: Bench, command: str, text: str) -> None:
    container = bench.start("busybox:1.36", command)
    assert container.exit is not None
    assert container.exit.message == (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
        f"runc create failed: unable to start container process: {text}"
    )
    assert (container.exit.code, container.exit.reason, container.exit.started) == (128, "StartError", False)
    bench.after(10)
    assert not bench.ended


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("touch /root/x || echo refused", "touch: /root/x: Permission denied\nrefused\n"),
        ("echo x > /etc/x || echo refused", "sh: can't create /etc/x: Permission denied\nrefused\n"),
        ("echo x > /tmp/x && cat /tmp/x", "x\n"),
        ("echo bye > /dev/termination-log && echo told", "told\n"),
        ("echo x > /data/x && cat /data/x", "x\n"),
    ],
)
def test_who_is_not_root_writes_where_anybody_may(bench: Bench, script: str, output: str) -> None:
    container = bench.sh(script, user=1000, writable=("/data",))
    bench.after(5)
    assert said(container) == output


def test_a_working_directory_that_is_a_file(bench: Bench) -> None:
    container = bench.sh("pwd", working_dir="/etc/passwd")
    assert container.exit is not None
    assert (container.exit.code, container.exit.reason) == (128, "StartError")
    assert container.exit.message.endswith("error during container init: mkdir /etc/passwd: not a directory")
