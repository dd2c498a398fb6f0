"""The same profiles, run as real processes: loopback instead of a simulated network, the kernel instead of ours."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from healgate.actor.host import Request
from healgate.actor.machine import Machine, run
from healgate.actor.profile import Profile, read_profile
from healgate.actor.run import program
from healgate.embedded.runtime.shelf import resolved

from .bench import MANIFESTS, MI, Bench, said

IMAGES = MANIFESTS / "images" / "registry.shop.example"


class Recorded(Machine):
    """A machine whose output is kept, and whose ports are whatever is free."""

    def __init__(self, env: dict[str, str] | None = None) -> None:
        super().__init__(env or {})
        self.said: list[str] = []

    def emit(self, text: str, error: bool = False) -> None:  # noqa: ARG002
        self.said.append(text)

    @property
    def text(self) -> str:
        return "".join(self.said)


@pytest.fixture
def machine() -> Iterator[Recorded]:
    made = Recorded()
    yield made
    made.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def profile(repository: str, tag: str) -> Profile:
    return read_profile(resolved(IMAGES / repository / f"{tag}.yaml")["program"], tag)


def without_times(text: str) -> list[str]:
    """Lines of the plain style without their times."""
    return [line.split("Z ", 1)[-1] for line in text.splitlines()]


@pytest.mark.parametrize(("repository", "tag"), [("shop/backend", "2.6.1"), ("shop/exporter", "0.10.0")])
def test_a_release_ends_alike_on_both(bench: Bench, repository: str, tag: str) -> None:
    env = {
        "SCRAPE_ADDRESS": "127.0.0.1:1",
        "DATABASE_ADDRESS": "d:1",
        "DATABASE_USER": "u",
        "DATABASE_PASSWORD": "p",
    }
    simulated = bench.start(f"registry.shop.example/{repository}:{tag}", env=env)
    bench.after(60)
    real = Recorded(env)
    code = run(program(profile(repository, tag), real))
    assert simulated.exit is not None
    assert code == simulated.exit.code == 1
    assert without_times(real.text) == without_times(said(simulated))


def test_a_container_process_from_an_image_in_json(tmp_path: Path) -> None:
    app = tmp_path / "app.json"
    app.write_text(json.dumps(resolved(IMAGES / "shop" / "backend" / "3.0.0.yaml")))
    ended = subprocess.run(
        [sys.executable, "-m", "healgate.actor", str(app), "/usr/local/bin/backend"],
        env={"PATH": os.environ["PATH"], "DATABASE_ADDRESS": "database:5432"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "starting backend 3.0.0" in ended.stdout
    assert "required environment variable DATABASE_USER is not set" in ended.stderr
    assert not [word for word in ("healgate", "actor", "profile") if word in ended.stdout + ended.stderr]


def test_the_package_runs_when_copied_alone(tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "healgate" / "actor"
    copy = tmp_path / "app"
    copy.mkdir()
    for file in source.glob("*.py"):
        (copy / file.name).write_text(file.read_text())
    (tmp_path / "app.json").write_text(json.dumps(resolved(IMAGES / "shop" / "exporter" / "0.10.0.yaml")))
    ended = subprocess.run(
        [sys.executable, "-I", "-c", _LAUNCH, str(tmp_path), str(tmp_path / "app.json"), "/bin/exporter"],
        env={"SCRAPE_ADDRESS": "x:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, 'error: unknown collector "wal_stats"\n')


_LAUNCH = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
sys.argv[1:2] = []
runpy.run_module("app", run_name="__main__")
"""


def test_a_service_answers_and_stops_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    image = resolved(IMAGES / "base" / "newsletter" / "1.2.0.yaml")
    image["program"]["http"]["port"] = port
    image["program"]["start"] = {"seconds": 0}
    image["program"]["term"] = {"code": 3, "seconds": 0, "line": "shutting down"}
    app = tmp_path / "app.json"
    app.write_text(json.dumps(image))
    process = subprocess.Popen(
        [sys.executable, "-m", "healgate.actor", str(app), "/usr/local/bin/newsletter"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = iter(process.stdout)
        while "listening" not in next(lines):
            pass
        answer = Machine({}).fetch("127.0.0.1", port, Request("GET", "/healthz"), 5)
        missing = Machine({}).fetch("127.0.0.1", port, Request("GET", "/none"), 5)
        process.send_signal(signal.SIGTERM)
        rest = "".join(lines)
        assert process.wait(10) == 3
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    assert (answer.status, answer.body, missing.status) == (200, "ok\n", 404)
    assert rest.endswith("shutting down\n")


def test_database_and_broker_speak_over_loopback(machine: Recorded, tmp_path: Path) -> None:
    image = resolved(IMAGES / "base" / "kafka" / "3.7.1.yaml")["program"]
    port = free_port()
    image["broker"].update(port=port, data=str(tmp_path))
    image["start"] = {"seconds": 0}
    image["memory"] = {}
    host = Recorded()
    broker = program(read_profile(image, "kafka"), _NoSignals(host))
    next(broker)  # it serves, and waits for ever
    try:
        tool = read_profile({"kind": "topic-tool"}, "tool")

        def topics(*args: str) -> int:
            steps = program(tool, machine, (*args, "--bootstrap-server", f"127.0.0.1:{port}", "--topic", "orders"))
            next(steps)  # its start takes a second, which nobody waits for here
            return run(steps)

        assert topics("--create", "--partitions", "3") == 0
        assert topics("--alter", "--partitions", "2") == 1
        assert topics("--alter", "--partitions", "4") == 0
    finally:
        host.close()
    refusal = (
        "Error while executing topic command : Topic currently has 3 partitions, which is higher than the requested 2."
    )
    assert refusal in machine.text
    (topic,) = json.loads((tmp_path / "topics.json").read_text()).values()
    assert (len(topic.pop("id")), topic) == (22, {"partitions": 4, "messages": 0})


class _NoSignals(Recorded):
    """Handlers belong to a main thread that ends with its program; here it is pytest's."""

    def __init__(self, other: Recorded) -> None:
        self.__dict__ = other.__dict__

    def catch_term(self) -> None:
        pass


def test_problems_have_the_names_of_the_simulation(machine: Recorded) -> None:
    assert machine.dial("127.0.0.1", free_port(), 1).problem == "refused"
    assert machine.dial("no-such-host.invalid", 80, 1).problem == "no such host"
    server = socket.create_server(("127.0.0.1", 0), backlog=1)
    with server:
        port = server.getsockname()[1]
        assert machine.dial("127.0.0.1", port, 1).problem == ""
        assert machine.fetch("127.0.0.1", port, Request("GET", "/"), 0.05).problem == "timeout"


USES_MEMORY = """
from healgate.actor.machine import Machine, resident
machine, before = Machine({}), resident()
machine.use("program", before + 24 * 2**20)
machine.use("data", 16 * 2**20)
print(resident() - before)
"""


LEAKS_SLOWLY = """
from healgate.actor.machine import Machine, resident
machine, before = Machine({}), resident()
machine.use("program", 0)
for used in range(0, 4 * 2**20, 1000):
    machine.use("lost", used)
print(resident() - before)
"""


def grown(program: str) -> int:
    """In a process of its own, as a program has: this one may hold memory that it can use again."""
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


def test_memory_is_really_there() -> None:
    assert 36 * MI < grown(USES_MEMORY) < 48 * MI


def test_memory_that_grows_by_less_than_a_page_is_no_more_than_it_says() -> None:
    assert 3 * MI < grown(LEAKS_SLOWLY) < 7 * MI


def test_files_of_a_real_machine(machine: Recorded, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    assert machine.write(str(target), b"x") == ""
    assert machine.read(str(target)) == b"x"
    assert machine.read(str(tmp_path / "none")) is None
    assert machine.write(str(tmp_path), b"x") == "Is a directory"
