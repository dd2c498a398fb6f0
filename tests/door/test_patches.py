"""Participants see virtual time, everybody else real time, and nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from kubernetes import client

from healgate.embedded.clock import Clock
from healgate.embedded.door.baton import CannotRunVirtually, Participant
from healgate.embedded.door.participants import Participants
from healgate.embedded.door.patches import modules_of, patched, rebound

WATCHED: tuple[tuple[Any, str], ...] = (
    (time, "sleep"),
    (time, "time"),
    (time, "time_ns"),
    (time, "monotonic"),
    (time, "monotonic_ns"),
    (threading.Thread, "start"),
    (threading.Condition, "wait"),
    (asyncio.BaseEventLoop, "run_forever"),
    (datetime.datetime, "now"),
    (datetime.datetime, "utcnow"),
)


def standing() -> list[Any]:
    return [getattr(owner, name) for owner, name in WATCHED]


@pytest.fixture
def people() -> Participants:
    return Participants(Clock(), patience=0.5)


def run(people: Participants, call: Callable[[], Any], seconds: float = 1000) -> Participant:
    with patched(), people.adopt():
        guest = people.spawn("healer", call)
        people.wait(guest.done, seconds)
    return guest


def test_a_participant_sleeps_and_reads_the_clock_virtually(people: Participants) -> None:
    def healer() -> list[float]:
        start, ticks = time.time(), time.monotonic()
        time.sleep(90)
        return [
            time.time() - start,
            time.monotonic() - ticks,
            time.time_ns() / 1e9 - start,
            datetime.datetime.now(datetime.UTC).timestamp() - start,
            datetime.datetime.now().timestamp() - start,
            datetime.datetime.today().timestamp() - start,
            datetime.datetime.utcnow().replace(tzinfo=datetime.UTC).timestamp() - start,
        ]

    guest = run(people, healer)
    assert guest.result == pytest.approx([90] * 7)
    assert people.clock.now() == people.clock.epoch + 90


def test_other_threads_and_the_time_after_are_real(people: Participants) -> None:
    before = standing()
    year = datetime.datetime.now().year
    seen: list[int] = []
    with patched(), people.adopt():
        people.sleep(20 * 365 * 86400)
        stranger = threading.Thread(
            target=lambda: seen.extend((datetime.datetime.now().year, time.localtime(time.time()).tm_year))
        )
        stranger.start()
        stranger.join()
        assert datetime.datetime.now().year >= 2046
    assert seen == [year, year]
    assert standing() == before
    assert datetime.datetime.now().year == year


def test_an_error_restores_everything(people: Participants) -> None:
    before = standing()
    with pytest.raises(KeyError), patched(), people.adopt():
        raise KeyError
    assert standing() == before


def test_types_stay_what_they_are(people: Participants) -> None:
    """The official client's models load when first used, and pydantic goes by identity."""

    def healer() -> list[bool]:
        meta = client.V1ObjectMeta.from_dict({"creationTimestamp": "2026-01-01T00:00:00Z"})
        assert meta is not None
        now = datetime.datetime.now(datetime.UTC)
        return [
            type(now) is datetime.datetime,
            isinstance(meta.creation_timestamp, datetime.datetime),
            now - meta.creation_timestamp > datetime.timedelta(days=100),
        ]

    assert run(people, healer).result == [True, True, True]


@pytest.fixture
def healer_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A healer's package that bound its names before any trial."""
    package = tmp_path / "their_healer"
    package.mkdir()
    (package / "__init__.py").write_text("from .pace import wait_a_bit\n\ndef heal():\n    return wait_a_bit()\n")
    (package / "pace.py").write_text(
        "from datetime import datetime, timezone\nfrom time import sleep, time as now\n\n"
        "def wait_a_bit():\n    start = now()\n    sleep(30)\n"
        "    return now() - start, datetime.now(timezone.utc).timestamp() - start\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import their_healer  # type: ignore[import-not-found]

    yield their_healer
    for name in ("their_healer", "their_healer.pace"):
        sys.modules.pop(name, None)


def test_names_bound_by_the_healers_own_modules(people: Participants, healer_module: ModuleType) -> None:
    pace = sys.modules["their_healer.pace"]
    bound = dict(vars(pace))
    assert {m.__name__ for m in modules_of(healer_module.heal)} == {"their_healer", "their_healer.pace"}
    with rebound(healer_module.heal):
        assert run(people, healer_module.heal).result == (30.0, 30.0)
    assert vars(pace) == bound


def test_our_own_modules_are_not_a_healers() -> None:
    def built_in() -> None: ...

    built_in.__module__ = "healgate.healers.reference"
    assert not any(".embedded" in module.__name__ for module in modules_of(built_in))


def test_an_event_with_a_timeout_is_a_sleep(people: Participants) -> None:
    stop = threading.Event()
    assert run(people, lambda: stop.wait(45)).result is False
    assert people.clock.now() == people.clock.epoch + 45


REFUSED: dict[str, Callable[[], Any]] = {
    "it starts a thread": lambda: threading.Thread(target=print).start(),
    "it runs an asyncio event loop": lambda: asyncio.run(asyncio.sleep(1)),
    "it waits without a limit for another thread": lambda: threading.Event().wait(),
    "it calls os.fork": lambda: os.fork(),
    "it calls os.system": lambda: os.system("true"),
    "it starts a program": lambda: subprocess.run(["true"], check=False),
    "it starts a process": lambda: multiprocessing.get_context("fork").Process(target=print).start(),
    "it calls os.execv": lambda: os.execv("/bin/true", ["true"]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_run_virtually_is_refused_and_named(people: Participants, what: str) -> None:
    guest = run(people, REFUSED[what])
    assert isinstance(guest.error, CannotRunVirtually)
    assert what in str(guest.error)
    assert f"{__file__}:" in str(guest.error)
    assert "healgate up" in str(guest.error)


def test_a_healer_that_ends_its_process_ends_itself_alone(people: Participants) -> None:
    guest = run(people, lambda: os._exit(0))
    assert isinstance(guest.error, SystemExit)


def test_the_main_thread_may_start_programs() -> None:
    assert subprocess.run(["true"], check=True).returncode == 0


def test_a_refusal_that_the_healer_swallows_is_kept(people: Participants) -> None:
    def healer() -> None:
        with contextlib.suppress(Exception):
            threading.Thread(target=print).start()

    guest = run(people, healer)
    assert guest.error is None
    assert "starts a thread" in guest.refused


def test_the_main_thread_may_start_threads(people: Participants) -> None:
    ran: list[int] = []
    with patched(), people.adopt():
        thread = threading.Thread(target=lambda: ran.append(1))
        thread.start()
        thread.join()
    assert ran == [1]
