"""Who runs when: one baton, first woken first served, and nobody can keep it for ever."""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
from collections.abc import Iterator

import pytest

from healgate.embedded.clock import Clock
from healgate.embedded.door import participants
from healgate.embedded.door.baton import Abandoned, CannotRunVirtually, Stalled, real_monotonic
from healgate.embedded.door.participants import Participants, Signal, current


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(clock: Clock) -> Participants:
    # So short that a hanging guest costs a test little; everybody else in here calls in at once.
    return Participants(clock, patience=0.5)


def elapsed(clock: Clock) -> float:
    return clock.now() - clock.epoch


def test_threads_act_in_the_order_in_which_they_were_woken(clock: Clock, people: Participants) -> None:
    seen: list[tuple[str, float]] = []

    def every(name: str, seconds: float) -> None:
        for _ in range(3):
            people.sleep(seconds)
            seen.append((name, elapsed(clock)))

    with people.adopt():
        people.spawn("b", lambda: every("b", 10))
        people.spawn("a", lambda: every("a", 10))
        people.spawn("c", lambda: every("c", 4))
        people.sleep(60)

    assert seen == [
        ("c", 4), ("c", 8), ("b", 10), ("a", 10), ("c", 12), ("b", 20), ("a", 20), ("b", 30), ("a", 30),
    ]  # fmt: skip


def test_twenty_runs_are_alike() -> None:
    def run() -> list[tuple[str, float]]:
        clock = Clock("seed")
        people = Participants(clock)
        seen: list[tuple[str, float]] = []
        handed_over = Signal()

        def life(name: str) -> None:
            draw = clock.random(name)
            for _ in range(30):
                people.sleep(draw.choice((0.0, 0.5, 1.0, 1.0, 7.3)))
                seen.append((name, clock.now()))
                if draw.random() < 0.3:
                    handed_over.set()
                    handed_over.clear()
                elif draw.random() < 0.3:
                    seen.append((f"{name} {people.wait(handed_over, 2.0)}", clock.now()))

        with people.adopt():
            for name in ("w", "x", "y", "z"):
                people.spawn(name, lambda name=name: life(name))
            people.sleep(1000)
        return seen

    first = run()
    assert len(first) > 100
    assert all(run() == first for _ in range(19))


def test_only_one_thread_runs_at_a_time(people: Participants) -> None:
    inside = 0
    most = 0

    def life() -> None:
        nonlocal inside, most
        for _ in range(50):
            inside += 1
            most = max(most, inside)
            sum(range(2000))
            inside -= 1
            people.sleep(1)

    with people.adopt():
        for number in range(4):
            people.spawn(str(number), life)
        people.sleep(100)

    assert most == 1


def test_a_lone_sleeper_lets_the_world_go_on(clock: Clock, people: Participants) -> None:
    seen: list[float] = []
    clock.call_later(5, lambda: seen.append(elapsed(clock)))
    with people.adopt():
        people.sleep(3600)
        assert elapsed(clock) == 3600
    assert seen == [5]


def test_waiting_ends_with_the_signal_or_with_the_time(clock: Clock, people: Participants) -> None:
    signal = Signal()
    with people.adopt():
        assert not people.wait(signal, 10)
        assert elapsed(clock) == 10
        clock.call_later(3, signal.set)
        assert people.wait(signal, 10)
        assert elapsed(clock) == 13
        assert people.wait(signal)  # stays set
        signal.clear()
        assert not people.wait(signal, 1)


def test_without_anybody_adopted_whoever_calls_runs_the_clock(clock: Clock, people: Participants) -> None:
    signal = Signal()
    clock.call_later(3, signal.set)
    assert people.wait(signal, 10)
    people.sleep(7)
    assert elapsed(clock) == 10
    assert people.call(lambda: 5) == 5
    signal.clear()
    with pytest.raises(Stalled):
        people.wait(signal)


def test_a_guest_returns_raises_and_is_told_of(people: Participants) -> None:
    ended: list[str] = []

    def raises() -> None:
        people.sleep(1)
        raise SystemExit(3)

    with people.adopt():
        good = people.spawn("good", lambda: 42, lambda who: ended.append(who.name))
        bad = people.spawn("bad", raises, lambda who: ended.append(who.name))
        assert not good.finished
        people.wait(bad.done, 10)

    assert good.finished
    assert good.result == 42
    assert isinstance(bad.error, SystemExit)
    assert ended == ["good", "bad"]


def test_everyone_waiting_for_nothing_is_said_and_not_waited_out(people: Participants) -> None:
    with people.adopt():
        people.spawn("other", lambda: people.wait(Signal()))
        with pytest.raises(Stalled, match="main waits for a signal; other waits for a signal"):
            people.wait(Signal())


def test_a_world_that_only_ticks_wakes_nobody_either(clock: Clock, people: Participants) -> None:
    def tick() -> None:
        clock.call_later(3600, tick)

    tick()
    with people.adopt(), pytest.raises(Stalled, match="nothing woke anybody"):
        people.wait(Signal())


def test_a_simulation_that_breaks_tells_the_main_thread_and_not_the_healer(clock: Clock, people: Participants) -> None:
    caught: list[BaseException] = []

    def healer() -> None:
        try:
            people.sleep(100)
        except BaseException as error:
            caught.append(error)
            raise

    with people.adopt():
        guest = people.spawn("healer", healer)
        clock.call_later(5, lambda: [][0])
        with pytest.raises(IndexError):
            people.wait(guest.done, 50)
        people.sleep(1)  # the rest of the trial can still be tidied up

    assert [type(error) for error in caught] == [Abandoned]


def test_an_error_inside_a_request_is_no_answer_to_the_healer(people: Participants) -> None:
    with people.adopt():
        guest = people.spawn("healer", lambda: people.call(lambda: {}["missing"]))
        with pytest.raises(KeyError):
            people.wait(guest.done, 50)
    assert guest.error is None


# -- guests who do not let go


def test_a_busy_loop_loses_the_baton(clock: Clock, people: Participants) -> None:
    over = threading.Event()

    def busy() -> None:
        try:
            while True:
                pass
        finally:
            over.set()

    with people.adopt():
        guest = people.spawn("healer", busy)
        people.sleep(30)
        assert elapsed(clock) == 30
    assert guest.finished
    assert f"{__file__}:" in guest.lost
    assert guest.lost.endswith(":busy")
    assert over.wait(10), "the loop was not ended"


def test_a_thread_that_gets_no_processor_keeps_the_baton(people: Participants, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with thirty times more work than processors, a healer's start took longer than its patience."""
    released = threading.Event()
    asked: list[int] = []

    def kept_waiting(_: int) -> float:
        asked.append(1)
        if len(asked) > 4:  # two patiences later it gets its processor
            released.set()
        return real_monotonic()

    monkeypatch.setattr(participants, "kept_waiting", kept_waiting)
    with people.adopt():
        guest = people.spawn("healer", released.wait)
        people.sleep(30)
    assert not guest.lost
    assert guest.finished


def test_a_thread_blocked_for_ever_loses_the_baton(clock: Clock, people: Participants) -> None:
    lock = threading.Lock()
    told: list[str] = []

    def block() -> None:
        with lock:
            pass

    with lock, people.adopt():
        people.spawn("healer", block, lambda who: told.append(who.lost))
        people.sleep(30)
        assert elapsed(clock) == 30
    assert [lost.rsplit(":", 1)[1] for lost in told] == ["block"]


def test_an_abandoned_thread_that_comes_back_is_turned_away(clock: Clock, people: Participants) -> None:
    lock = threading.Lock()
    came_back = threading.Event()
    refused: list[BaseException] = []

    def block() -> None:
        try:
            with lock:
                pass
            people.sleep(1000)
        except BaseException as error:
            refused.append(error)
            raise
        finally:
            came_back.set()

    with people.adopt():
        with lock:
            people.spawn("healer", block)
            people.sleep(30)
        assert came_back.wait(10)
        assert [type(error) for error in refused] == [Abandoned]
        people.sleep(5)
        assert elapsed(clock) == 35


def test_requests_without_end_at_one_instant_are_a_busy_loop(people: Participants) -> None:
    def spin() -> None:
        while True:
            people.call(int)

    with people.adopt():
        guest = people.spawn("healer", spin)
        people.sleep(30)
    assert "without letting any time pass" in guest.lost
    assert guest.lost.endswith(":spin")


def test_a_thousand_requests_at_one_instant_are_none(people: Participants) -> None:
    def reads_everything() -> None:
        for _ in range(1000):
            people.call(int)

    with people.adopt():
        guest = people.spawn("healer", reads_everything)
        people.sleep(30)
    assert guest.finished
    assert not guest.lost


def test_a_simulation_that_hangs_is_not_the_healers_fault(clock: Clock, people: Participants) -> None:
    release = threading.Lock()

    def hang() -> None:
        with release:
            pass

    with release, people.adopt():
        people.spawn("healer", lambda: people.sleep(50))
        clock.call_later(5, hang)
        with pytest.raises(Stalled, match=r"the simulation hangs at .*:hang"):
            people.sleep(100)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that a shell started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_reaches_the_main_thread(people: Participants) -> None:
    def healer() -> None:
        _thread.interrupt_main()
        while True:
            pass

    with people.adopt():
        guest = people.spawn("healer", healer)
        with pytest.raises(KeyboardInterrupt):
            people.sleep(50)
    assert guest.lost.startswith("interrupted at")


# -- stopping


def test_a_sleeping_guest_is_woken_and_may_tidy_up(clock: Clock, people: Participants) -> None:
    tidied: list[str] = []

    def healer() -> None:
        try:
            while True:
                try:
                    people.sleep(10)
                except Exception:
                    tidied.append("swallowed")
        finally:
            tidied.append("finally")

    with people.adopt():
        guest = people.spawn("healer", healer)
        people.sleep(25)
        people.stop(guest)
        assert guest.finished
        assert elapsed(clock) == 25
    assert tidied == ["finally"]
    assert guest.lost == "stopped"


def test_a_guest_that_was_never_run_can_be_stopped(people: Participants) -> None:
    ran: list[int] = []
    with people.adopt():
        people.stop(people.spawn("healer", lambda: ran.append(1)))
    assert ran == []


def test_one_that_swallows_everything_is_left_behind(people: Participants) -> None:
    def stubborn() -> None:
        while True:
            with contextlib.suppress(BaseException):
                people.sleep(1)

    with people.adopt():
        guest = people.spawn("healer", stubborn)
        people.sleep(5)
        people.stop(guest)
        people.sleep(5)
    assert guest.finished


def test_leaving_stops_whoever_is_left(people: Participants) -> None:
    with people.adopt():
        guests = [people.spawn(str(n), lambda: people.sleep(1000)) for n in range(3)]
        people.sleep(1)
    assert all(guest.finished for guest in guests)
    assert current() is None


def test_cpu_time_counts_the_guests_own_code_only(clock: Clock, people: Participants) -> None:
    def heavy() -> None:
        sum(range(3_000_000))

    def healer() -> None:
        people.sleep(10)

    with people.adopt():
        guest = people.spawn("healer", healer)
        clock.call_later(5, heavy)
        worker = people.spawn("worker", heavy)
        people.sleep(20)
    assert guest.cpu_seconds < worker.cpu_seconds


def test_a_strange_thread_is_refused(people: Participants) -> None:
    problems: list[BaseException] = []

    def stranger() -> None:
        try:
            people.sleep(1)
        except CannotRunVirtually as error:
            problems.append(error)

    with people.adopt():
        thread = threading.Thread(target=stranger)
        thread.start()
        thread.join()
    assert "healgate up" in str(problems[0])


def test_a_thread_is_on_one_virtual_time_only(people: Participants) -> None:
    with people.adopt(), pytest.raises(RuntimeError, match="already"), Participants(Clock()).adopt():
        pass
