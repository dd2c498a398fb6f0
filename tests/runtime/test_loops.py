"""Loops that never wait: the clock goes on, and so does the loop."""

from __future__ import annotations

import pytest

from healgate.actor.effects import Unsupported
from healgate.embedded.runtime.shell.pace import A_ROUND, LONGEST_WAIT, ROUNDS, ROUNDS_MORE, Pace

from .bench import Bench, said


@pytest.mark.parametrize(
    "script",
    [
        "while :; do :; done",
        "until false; do echo x; done",
        "while true; do continue; done",
        "while sleep 0; do :; done",
        "while true; do sleep 0.000001; done",
        "while :; do while :; do :; done; done",
    ],
)
def test_it_runs_for_an_hour(bench: Bench, script: str) -> None:
    container = bench.start("busybox:1.36", "sh", "-c", script)
    bench.after(3600)
    assert container.exit is None


@pytest.mark.parametrize("pause", ["", "sleep 0.01; "])
def test_a_loop_that_counts_comes_to_its_end(bench: Bench, pause: str) -> None:
    script = f"i=0; while [ $i -lt 3000 ]; do {pause}i=$((i+1)); done; echo $i; sleep 1000"
    container = bench.start("busybox:1.36", "sh", "-c", script)
    bench.after(35 if pause else 1)
    assert said(container) == "3000\n"


def test_a_function_that_calls_itself_runs_out_of_stack(bench: Bench) -> None:
    container = bench.start("busybox:1.36", "sh", "-c", "f() { f; }; f")
    bench.after(1)
    assert container.exit is not None
    assert container.exit.code == 139


@pytest.mark.parametrize("script", ["x=a; while :; do x=$x$x; done", "seq 1 1000000000 | wc -l"])
def test_what_would_take_all_the_memory_is_refused(bench: Bench, script: str) -> None:
    bench.start("busybox:1.36", "sh", "-c", script)
    with pytest.raises(Unsupported, match="more than"):
        bench.after(60)


def test_a_text_that_grows_is_memory(bench: Bench) -> None:
    script = "x=a; while :; do x=$x$x; done"
    container = bench.start("busybox:1.36", "sh", "-c", script, limit=32 * 1024 * 1024)
    bench.after(5)
    assert container.exit is not None
    assert (container.exit.code, container.exit.reason) == (137, "OOMKilled")


@pytest.mark.parametrize(("whole", "end"), [(True, (137, "OOMKilled")), (False, (3, "OOMKilled"))])
def test_who_falls_when_memory_is_out(bench: Bench, whole: bool, end: tuple[int, str]) -> None:
    bench.runtime.machine.falls_whole = whole
    script = "sh -c 'x=a; while :; do x=$x$x; done'; echo child $?; exit 3"
    container = bench.start("busybox:1.36", "sh", "-c", script, limit=32 * 1024 * 1024)
    bench.after(5)
    assert container.exit is not None
    assert (container.exit.code, container.exit.reason) == end
    assert said(container) == ("" if whole else "Killed\nchild 137\n")


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


def test_a_loop_that_takes_its_time_never_waits() -> None:
    clock = Clock()
    pace = Pace(clock.now)
    for _ in range(5 * ROUNDS):
        clock.time += 2 * A_ROUND
        assert pace.round() == 0.0


def test_one_that_does_not_waits_longer_each_time() -> None:
    clock = Clock()
    pace = Pace(clock.now)
    waits = [wait for _ in range(ROUNDS + 20 * ROUNDS_MORE) if (wait := pace.round())]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.01, LONGEST_WAIT)


def test_one_that_slows_down_is_let_alone_again() -> None:
    clock = Clock()
    pace = Pace(clock.now)
    for _ in range(ROUNDS + ROUNDS_MORE):
        clock.time += pace.round()
    for _ in range(3 * ROUNDS):
        clock.time += 10 * A_ROUND
        assert pace.round() == 0.0
