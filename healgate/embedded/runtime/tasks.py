"""Programs on the virtual clock.

A task drives one program: it sends it on when what it waits for has come, and costs nothing in between. The trap is
running a program from inside another one's step, so whatever wakes a task goes through the agenda.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...actor.effects import Forever, Program, Sleep, Spent, Unsupported, Watch
from ..clock import Clock
from .network import Network


@dataclass(frozen=True, slots=True)
class Beat:
    """Sleep so many seconds again and again until a signal has come; goes on at the end of a sleep."""

    every: float


@dataclass(frozen=True, slots=True)
class Join:
    """Wait until all these tasks have ended, or a signal comes."""

    tasks: tuple[Task, ...]


class Task:
    def __init__(
        self,
        clock: Clock,
        network: Network,
        program: Program,
        ended: Callable[[int], None],
        refused: Callable[[Unsupported], None],
    ) -> None:
        self._clock = clock
        self._network = network
        self._program = program
        self._ended = ended
        self._refused = refused
        self._cancel: Callable[[], Any] = _nothing
        self._waiting: object = None
        self._since = 0.0
        self._followers: list[Callable[[], None]] = []
        self.code: int | None = None
        self.signalled = False

    # -- from outside

    def start(self, delay: float) -> None:
        self._cancel = self._clock.call_later(delay, self._step).cancel

    def throw(self, problem: Exception) -> None:
        """Raise something where the program waits."""
        if self.code is None:
            self._cancel()
            self._cancel = self._clock.call_later(0, self._step, None, problem).cancel

    def nudge(self) -> None:
        """A signal has come that the program handles itself: let it, as soon as it would notice."""
        if isinstance(self._waiting, Join):
            self._resume_at(self._clock.now())
        elif isinstance(self._waiting, Beat):
            beats = int((self._clock.now() - self._since) / self._waiting.every) + 1
            self._resume_at(self._since + beats * self._waiting.every)

    def stop(self, code: int) -> None:
        """Killed: it gets no chance to say anything."""
        if self.code is None:
            self._cancel()
            self.code, self.signalled = code, True
            self._program.close()
            self._follow()
            self._ended(code)

    def when_ended(self, call: Callable[[], None]) -> None:
        self._followers.append(call)

    # -- the program

    def _step(self, value: Any = None, problem: Exception | None = None) -> None:
        self._waiting = None
        self._cancel = _nothing
        try:
            while True:
                effect = self._program.send(value) if problem is None else self._program.throw(problem)
                value = problem = None
                if isinstance(effect, Spent) and effect.seconds <= 0:
                    continue
                if not self._wait(effect):
                    return
        except StopIteration as end:
            if self.code is None:
                self.code = end.value
                self._follow()
                self._ended(end.value)
        except Unsupported as problem:
            self._refused(problem)

    def _wait(self, effect: object) -> bool:
        """Arrange for the program to go on later; True if it can at once."""
        self._waiting = effect
        self._since = self._clock.now()
        if isinstance(effect, (Sleep, Spent)):
            self._cancel = self._clock.call_later(effect.seconds, self._step).cancel
        elif isinstance(effect, Watch):
            self._watch(effect)
        elif isinstance(effect, Join):
            left = [task for task in effect.tasks if task.code is None]
            if not left:
                return True
            for task in left:
                task.when_ended(lambda: self._joined(effect))
        elif not isinstance(effect, (Forever, Beat)):
            raise Unsupported(f"the effect {effect!r}")
        return False

    def _joined(self, effect: Join) -> None:
        if self._waiting is effect and all(task.code is not None for task in effect.tasks):
            self._resume_at(self._clock.now())

    def _watch(self, effect: Watch) -> None:
        until = None if effect.seconds is None else self._since + effect.seconds
        last = self._clock.call_at(until, self._look, effect, True) if until is not None else None
        self._park(effect, last.cancel if last else _nothing)

    def _park(self, effect: Watch, forget_last: Callable[[], Any]) -> None:
        def look() -> None:
            if self._waiting is effect:
                self._look(effect, False, forget_last)

        leave = self._network.park(self._since, effect.every, look)

        def cancel() -> None:
            self._waiting = None
            leave()
            forget_last()

        self._cancel = cancel

    def _look(self, effect: Watch, last: bool, forget_last: Callable[[], Any] = lambda: None) -> None:
        found = effect.look()
        if found or last:
            self._cancel()
            self._step(found)
        else:
            self._park(effect, forget_last)

    def _resume_at(self, when: float) -> None:
        self._waiting = None
        self._cancel = self._clock.call_at(when, self._step).cancel

    def _follow(self) -> None:
        for call in self._followers:
            call()


def _nothing() -> None:
    pass


def run_now(program: Program, timeout: float) -> tuple[int | None, float]:
    """Run a program to its end within this instant, adding up what it would have taken.

    Answers (exit code, seconds); no code if it would have taken longer than `timeout`.
    """
    seconds = 0.0
    value: Any = None
    try:
        while True:
            effect = program.send(value)
            value = None
            if isinstance(effect, (Sleep, Spent)):
                seconds += effect.seconds
            elif isinstance(effect, Watch):
                value = effect.look()
                if not value:
                    seconds += timeout if effect.seconds is None else effect.seconds
            elif isinstance(effect, Join):
                if any(task.code is None for task in effect.tasks):
                    raise Unsupported("a command beside process 1 that waits for its jobs")
                continue
            else:
                seconds += timeout
            if seconds >= timeout:
                program.close()
                return None, timeout
    except StopIteration as end:
        return int(end.value), seconds
