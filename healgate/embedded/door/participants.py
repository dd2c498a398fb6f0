"""Threads on virtual time: exactly one runs at a time, the one that holds the baton.

A thread that sleeps or waits parks, and runs the clock itself until it is woken or somebody else became ready, who
then gets the baton. So a lone healer that sleeps for an hour costs no thread switch, and the order in which threads
act is a function of the clock's agenda alone: first woken, first to go.

The trap is a thread that keeps the baton and never calls in: blocked for ever, or in a busy loop. Only the main
thread can notice, since everybody else waits for ever; it takes the baton away and goes on without it.
"""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from ..clock import Clock
from .baton import (
    USE_HTTP,
    Abandoned,
    CannotRunVirtually,
    Participant,
    Signal,
    Stalled,
    kept_waiting,
    real_monotonic,
)

__all__ = ["Participant", "Participants", "Signal", "current"]

T = TypeVar("T")

# So many calls without a moment's sleep are a busy loop.
CALLS_PER_INSTANT = 10_000
# So much time may pass while everyone waits without a limit, before that is called a deadlock.
LONGEST_SILENCE = 7 * 86_400.0
# The share of its patience that a thread must have had a processor for, or have been without need of one.
MOST = 0.9
# How long, in real seconds, a stopped thread has for its `finally` blocks.
FAREWELL = 1.0
# How often, in real seconds, a main thread that was interrupted tries to get the baton.
SNATCH = 0.05

_here = threading.local()


def current() -> Participant | None:
    """The participant that the calling thread is, of whichever cluster."""
    found: Participant | None = getattr(_here, "participant", None)
    return found


class Participants:
    """The threads of one cluster that live on its clock."""

    def __init__(self, clock: Clock, patience: float = 20.0) -> None:
        self.clock = clock
        # Real seconds that a guest may hold the baton without calling in.
        self.patience = patience
        self.ready: deque[Participant] = deque()
        self._main: Participant | None = None
        self._guests: list[Participant] = []
        self._holder: Participant | None = None
        self._failure: BaseException | None = None
        self._steps = 0
        self._limited_waits = 0

    # -- joining

    @contextmanager
    def adopt(self, name: str = "main") -> Iterator[Participant]:
        """Make the calling thread the main participant; at the end every guest is stopped."""
        for present in (current(), self._main):
            if present is not None:
                raise RuntimeError(f"{present.name!r} is on virtual time already")
        main = self._main = self._holder = Participant(self, name, guest=False)
        main.ident = threading.get_ident()
        _here.participant = main
        main.leave()
        try:
            yield main
        finally:
            try:
                for guest in tuple(self._guests):
                    self.stop(guest)
            finally:
                self._main = self._holder = None
                _here.participant = None

    def spawn(
        self, name: str, call: Callable[[], Any], on_done: Callable[[Participant], None] | None = None
    ) -> Participant:
        """Start somebody else's code in a thread of its own. Its first turn comes when the caller waits."""
        guest = Participant(self, name, guest=True, on_done=on_done)
        self._guests.append(guest)
        body = threading.Thread(target=self._live, args=(guest, call), name=name, daemon=True)
        body.start()
        guest.ident = body.ident or 0
        guest.native_ident = body.native_id or 0
        guest.wake()
        return guest

    def current(self) -> Participant | None:
        """The participant of this cluster that the calling thread is."""
        me = current()
        return me if me is not None and me.home is self else None

    # -- what a participant does

    def call(self, work: Callable[..., T], *args: Any) -> T:
        """Run a piece of the simulation in the calling participant's thread. Its exceptions are not the healer's."""
        if self._alone:
            return work(*args)
        me = self._enter()
        try:
            return work(*args)
        except Exception as error:
            self._fail(me, error)
        finally:
            me.leave()

    def sleep(self, seconds: float) -> None:
        if self._alone:
            self.clock.run_for(seconds)
        else:
            self._pause(None, max(0.0, seconds))

    def wait(self, signal: Signal, timeout: float | None = None) -> bool:
        """True when the signal is set; False if it was not within `timeout`."""
        if self._alone:
            self._wait_alone(signal, timeout)
        elif not signal.is_set:
            self._pause(signal, timeout)
        return signal.is_set

    def stop(self, guest: Participant) -> None:
        """End a guest wherever it waits; one that does not go is abandoned."""
        if not guest.finished:
            guest.ending = True
            guest.wake()
            self.wait(guest.done)

    # -- without anybody on virtual time

    @property
    def _alone(self) -> bool:
        """Nobody was adopted: whoever calls, in a test or at a prompt, has the cluster to himself."""
        return self._main is None and self.current() is None

    def _wait_alone(self, signal: Signal, timeout: float | None) -> None:
        until = None if timeout is None else self.clock.now() + timeout
        while not signal.is_set:
            due = self.clock.next_due()
            if until is not None and (due is None or due > until):
                self.clock.run_until(until)
                return
            if not self.clock.step():
                raise Stalled("waiting for a signal, and the agenda is empty")

    # -- in and out of the simulation

    def _enter(self) -> Participant:
        me = self.current()
        if me is None:
            raise CannotRunVirtually(
                f"the thread {threading.current_thread().name!r} is not on the cluster's virtual time; {USE_HTTP}"
            )
        if not me.enter():
            raise me.say_farewell()
        if me.count_call(self.clock.now()) > CALLS_PER_INSTANT and not me.ending:
            why = f"it made {CALLS_PER_INSTANT} calls without letting any time pass, the last one at {me.where()}"
            if not me.guest:
                me.leave()
                raise Stalled(f"{me.name}: {why}")
            me.lost = why
            me.ending = True
        if me.ending:
            me.leave()
            raise me.say_farewell()
        return me

    def _pause(self, signal: Signal | None, timeout: float | None) -> None:
        me = self._enter()
        limit = "" if timeout is None else f"{timeout:g}s"
        me.fall_asleep(limit if signal is None else f"a signal {limit}".strip())
        timer = None
        if timeout is not None:
            timer = self.clock.call_later(timeout, me.wake)
            self._limited_waits += 1
        if signal is not None:
            signal.join(me)
        try:
            self._park(me)
        finally:
            if timer is not None:
                timer.cancel()
                self._limited_waits -= 1
            if signal is not None:
                signal.drop(me)
            me.leave()
        if me.ending:
            raise me.say_farewell()

    def _park(self, me: Participant) -> None:
        """Give the baton away, or keep it and let time pass, until it is our turn again."""
        while (following := self._next(me)) is not me:
            self._hand_to(following)
            if me is not self._main:
                me.await_turn()
                return
            if self._await_turn(me):
                break
        if me is self._main and self._failure is not None:
            me.rouse()
            failure, self._failure = self._failure, None
            raise failure

    def _next(self, me: Participant) -> Participant:
        """Let time pass until somebody is ready."""
        began = self.clock.now()
        while True:
            if self._failure is not None and self._main is not None:
                return self._main
            if self.ready:
                return self.ready.popleft()
            self._steps += 1
            try:
                moved = self.clock.step()
                if not moved or (not self._limited_waits and self.clock.now() - began > LONGEST_SILENCE):
                    raise Stalled(self._deadlock(moved))
            except Exception as error:
                # It broke in whosever thread, and is for the main thread to tell.
                if me is self._main or self._main is None:
                    raise
                self._failure = error

    def _deadlock(self, moved: bool) -> str:
        everyone = [p for p in (self._main, *self._guests) if p is not None and p.waiting_for]
        waits = "; ".join(f"{p.name} waits for {p.waiting_for}" for p in everyone)
        agenda = f"nothing woke anybody in {LONGEST_SILENCE:g}s" if moved else "the agenda is empty"
        return f"everyone waits and {agenda}: {waits}"

    def _hand_to(self, following: Participant) -> None:
        following.since = real_monotonic()
        self._holder = following
        following.give_turn()

    def _fail(self, me: Participant, error: Exception) -> NoReturn:
        if me is self._main:
            raise error
        self._failure = error
        me.ending = True
        me.fall_asleep("nothing: the simulation broke")
        self._park(me)
        raise me.say_farewell()

    # -- the main thread's watch over the others

    def _await_turn(self, main: Participant) -> bool:
        """True when it is our turn; False if the baton was taken from somebody who hung."""
        suspected: object = None
        watched: object = None
        had = 0.0  # real seconds in which whoever is watched ran, or could have
        while True:
            holder = self._holder
            assert holder is not None
            seen = (holder, self._steps, holder.since)
            interrupted = isinstance(self._failure, KeyboardInterrupt)
            try:
                limit = SNATCH if interrupted else FAREWELL if holder.ending else self.patience
                # Nearly every turn comes at once; only longer ones are worth a look at who had a processor.
                if main.await_turn(SNATCH):
                    self._holder = main
                    return True
                began, lacked = real_monotonic(), kept_waiting(holder.native_ident)
                if main.await_turn(limit):
                    self._holder = main
                    return True
                lacked = kept_waiting(holder.native_ident) - lacked
            except KeyboardInterrupt as error:
                self._failure = error
                continue
            still = seen == (self._holder, self._steps, holder.since)
            had = had if seen == watched else 0.0
            had += real_monotonic() - began - lacked
            watched = seen
            if still and had < limit * MOST and not interrupted:
                continue  # the machine is busy: it hardly ran
            had = 0.0
            if (still or interrupted) and holder.take_baton():
                why = "interrupted" if interrupted else "it stopped calling in"
                self._abandon(main, holder, f"{why} at {holder.where()}")
                return False
            if still and suspected == seen and not interrupted:
                # In the simulation, and not since a moment ago.
                holder.ban()
                self._failure = Stalled(f"the simulation hangs at {holder.where()}")
                self._abandon(main, holder, str(self._failure))
                return False
            suspected = seen

    def _abandon(self, main: Participant, guest: Participant, why: str) -> None:
        self._holder = main
        self._guests.remove(guest)
        guest.lost = guest.lost or why
        guest.finish()
        # Ends a busy loop in Python; a thread that blocks in C stays behind as a daemon.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(guest.ident), ctypes.py_object(Abandoned))

    # -- a guest's life

    def _live(self, guest: Participant, call: Callable[[], Any]) -> None:
        _here.participant = guest
        guest.await_turn()
        try:
            guest.leave()
            try:
                if not guest.ending:
                    guest.result = call()
            except Abandoned:
                guest.lost = guest.lost or "stopped"
            except BaseException as error:
                guest.error = error
            if guest.enter():
                self._guests.remove(guest)
                guest.finish()
                self._hand_to(self._next(guest))
        except Abandoned:
            pass  # it was given up, and learnt so only now
