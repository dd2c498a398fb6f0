"""Turns at starting a workload: so many at once, and a turn ends with whoever has it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from healgate.clusters.capacity import starts_at_once
from healgate.clusters.seam import Answer
from healgate.clusters.turns import turn
from healgate.problems import HarnessError


class Full(Exception):
    """Raised instead of waiting."""


def never(_seconds: float) -> None:
    raise Full


def test_so_many_have_a_turn_and_the_next_one_waits(tmp_path: Path) -> None:
    with ExitStack() as turns:
        for _ in range(3):
            turns.enter_context(turn(tmp_path, 3, never))
        with pytest.raises(Full), turn(tmp_path, 3, never):
            pass
    with turn(tmp_path, 3, never):
        pass


def test_who_waits_gets_the_turn_that_somebody_ends(tmp_path: Path) -> None:
    held = ExitStack()
    held.enter_context(turn(tmp_path, 1, never))
    looks = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        held.close()

    with turn(tmp_path, 1, pause):
        assert len(looks) == 1


def test_a_turn_ends_with_what_went_wrong_in_it(tmp_path: Path) -> None:
    with pytest.raises(HarnessError), turn(tmp_path, 1, never):
        raise HarnessError("the workload did not start")
    with turn(tmp_path, 1, never):
        pass


HOLDER = """
import sys, pathlib
from healgate.clusters.turns import turn
with turn(pathlib.Path(sys.argv[1]), 1, None):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_holds_no_turn(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "mine\n"
    with pytest.raises(Full), turn(tmp_path, 1, never):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with turn(tmp_path, 1, never):
        pass


class Nodes:
    """An API server that knows nodes with so much processor each."""

    def __init__(self, *cpus: str) -> None:
        self._items = [{"status": {"allocatable": {"cpu": cpu}}} for cpu in cpus]

    def request(self, *_: Any, **__: Any) -> Answer:
        return Answer(200, {"items": self._items}) if self._items else Answer(503, "not now")


@pytest.mark.parametrize(("cpus", "turns"), [(("2",), 3), (("500m",), 1), (("4", "3500m"), 11)])
def test_three_start_at_once_for_every_two_cores(cpus: tuple[str, ...], turns: int) -> None:
    assert starts_at_once(Nodes(*cpus)) == turns


def test_nodes_that_cannot_be_read_are_the_harness_s_trouble() -> None:
    with pytest.raises(HarnessError, match="503"):
        starts_at_once(Nodes())
