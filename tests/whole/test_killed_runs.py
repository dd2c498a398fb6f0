"""kill -9 from outside, at ten moments: nothing that was finished is lost, and the table is that of an unharmed run.

What a kill leaves at each single write is shown in tests/plugin, with a stand-in for the engine; here it is the real
one, and whatever is running dies: the only process, controller and workers together, the controller alone, so that its
workers outlive it by the trial that they are in, or a worker alone, so that the run goes on without it. The blow falls
some way into the trial after so many have ended. The trap is a run that was quicker: then there is no more to lose.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from . import runs
from .runs import Run

SCENARIOS = ("limit-too-low", "tag-does-not-exist", "env-secret-deleted", "key-missing")
WORKERS = ("-n", "2")
# A look at the folder comes every so many seconds; a trial takes some fifty looks.
LOOK = 0.002
LONGEST = 50

Blow = Callable[[Run, random.Random], None]


def all_of_it(run: Run, _chance: random.Random) -> None:
    os.killpg(run.process.pid, signal.SIGKILL)


def the_controller(run: Run, _chance: random.Random) -> None:
    run.process.kill()


def a_worker(run: Run, chance: random.Random) -> None:
    """Not before there is one: the run's only children are its workers."""
    while run.process.poll() is None:
        found = subprocess.run(["pgrep", "-P", str(run.process.pid)], capture_output=True, text=True).stdout.split()
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(chance.choice(found)), signal.SIGKILL)
            return


def start(out: Path, *args: str) -> Run:
    return runs.start(out, SCENARIOS, "--trials", "2", *args)


def close(run: Run) -> None:
    """Not before the end: workers that outlive their run still write there."""
    assert run.process.stdout is not None
    run.process.stdout.close()


def table(shown: str) -> list[str]:
    lines = shown.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("scenario "))
    end = next(number for number, line in enumerate(lines) if number > start and not line)
    return lines[start:end]


def watch_until(run: Run, rows: int, looks: int) -> None:
    """So many trials have ended, and some of the next one has passed."""
    while looks and run.process.poll() is None:
        looks -= len(run.lines) >= rows and run.out.exists()
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(LOOK)


def finished(run: Run) -> dict[str, str]:
    """Every whole row that a trial wrote, by its evidence file; a trial whose worker died has none."""
    whole = [line for line in run.lines if line.endswith("\n")]
    return {evidence: line for line in whole if (evidence := runs.row(line)["evidence"])}


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    run = start(tmp_path_factory.mktemp("unharmed") / "out")
    return run, run.finish()


@pytest.mark.parametrize(
    ("workers", "blows"),
    [
        ((), [all_of_it] * 4),
        (WORKERS, [all_of_it, the_controller, all_of_it, the_controller]),
        (WORKERS, [a_worker, a_worker]),
    ],
    ids=["alone", "with workers", "only workers"],
)
def test_a_run_killed_again_and_again_ends_as_if_nothing_had_happened(
    workers: tuple[str, ...],
    blows: list[Blow],
    unharmed: tuple[Run, str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    whole, shown = unharmed
    assert whole.status == 0, shown
    chance = random.Random(f"{workers} {len(blows)}")
    out = tmp_path / "out"
    kept: dict[str, int] = {}
    for number, blow in enumerate(blows):
        run = start(out, *workers, *(("--resume",) if number else ()))
        request.addfinalizer(partial(close, run))
        watch_until(run, len(kept) + chance.randrange(2), chance.randrange(1, LONGEST))
        if run.process.poll() is None:
            blow(run, chance)
        if blow is a_worker:
            run.finish()
        run.process.wait(runs.PATIENCE)
        rows = finished(run)
        assert set(rows.values()) <= set(whole.lines), "a row that the unharmed run lacks"
        written = {name: (out / name).stat().st_mtime_ns for name in rows}
        assert {name: written.get(name) for name in kept} == kept, "a finished trial was lost, or run again"
        kept = written
    last = start(out, *workers, "--resume")
    told = last.finish()
    assert last.status == 0, told
    assert table(told) == table(shown)
    assert last.lines == whole.lines
    assert last.evidence == whole.evidence
    rates = [(run.out / "pass-rates.json").read_bytes() for run in (last, whole)]
    assert rates[0] == rates[1]
