"""How containers stop: the rules of process 1, of traps, and of `exec`."""

from __future__ import annotations

import pytest

from .bench import Bench, said

LOOP = "trap 'exit 0' TERM; while true; do sleep 7; done"


def test_process_1_without_a_handler_ignores_term(bench: Bench) -> None:
    container = bench.sh("while true; do sleep 1; done")
    bench.after(5)
    container.terminate()
    bench.after(60)
    assert container.exit is None
    container.kill()
    assert container.exit is not None
    assert (container.exit.code, container.exit.reason) == (137, "Error")


def test_a_trap_waits_for_the_command_in_the_foreground(bench: Bench) -> None:
    container = bench.sh(LOOP)
    bench.after(10)
    container.terminate()
    bench.after(3)
    assert container.exit is None
    bench.after(2)
    assert container.exit is not None
    assert container.exit.code == 0
    assert bench.ended["app"] == pytest.approx(14.02)


def test_wait_is_left_at_once(bench: Bench) -> None:
    container = bench.sh("trap 'echo stopping; exit 5' TERM; sleep 1000 & wait; echo never")
    bench.after(10)
    container.terminate()
    bench.after(0.1)
    assert container.exit is not None
    assert (container.exit.code, said(container)) == (5, "stopping\n")


def test_an_ignored_term(bench: Bench) -> None:
    container = bench.sh("trap '' TERM; while true; do sleep 1; done")
    bench.after(5)
    container.terminate()
    bench.after(60)
    assert container.exit is None


def test_a_trap_that_never_gets_its_turn(bench: Bench) -> None:
    container = bench.sh("trap 'exit 0' TERM; tail -f /dev/null")
    bench.after(5)
    container.terminate()
    bench.after(60)
    assert container.exit is None


def test_exec_takes_the_traps_away(bench: Bench) -> None:
    container = bench.sh("trap 'exit 0' TERM; exec sleep 1000")
    bench.after(5)
    container.terminate()
    bench.after(60)
    assert container.exit is None


@pytest.mark.parametrize(
    ("image", "script", "stops"),
    [
        ("registry.shop.example/shop/frontend:1.8.0", "frontend", False),  # ash stays, and shields its child
        ("registry.shop.example/shop/frontend:1.8.0", "exec frontend", True),
        ("registry.shop.example/ingest/consumer:3.2.0", "/app/bin/consumer", True),  # dash makes room for it
        ("registry.shop.example/ingest/consumer:3.2.0", "echo hi; /app/bin/consumer", False),
    ],
)
def test_who_is_process_1_under_a_shell(bench: Bench, image: str, script: str, stops: bool) -> None:
    settings = {
        "BACKEND_ADDRESS": "backend:8080",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
        "GROUP_ID": "g",
        "TOPIC": "t",
    }
    container = bench.start(image, "/bin/sh", "-c", script, env=settings)
    bench.after(5)
    container.terminate()
    bench.after(5)
    assert (container.exit is not None) == stops


def test_killing_a_background_job(bench: Bench) -> None:
    container = bench.sh("sleep 1000 & kill -0 $! && echo alive; kill $!; wait $!; echo $?; kill -0 $! 2>&1; echo $?")
    bench.after(1)
    assert said(container) == "alive\nTerminated\n143\nsh: can't kill pid 2: No such process\n1\n"


def test_idle_loops_cost_nothing(bench: Bench) -> None:
    container = bench.sh("echo ready; " + LOOP)
    bench.after(1)
    assert bench.clock.next_due() is None
    bench.after(600)
    assert container.exit is None


def test_what_is_left_in_the_background_dies_with_process_1(bench: Bench) -> None:
    container = bench.sh("(sleep 5; echo late) & sleep 1")
    bench.after(60)
    assert container.exit is not None
    assert said(container) == ""
