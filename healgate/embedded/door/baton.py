"""The exceptions and the small parts of the baton that `participants` passes around.

The trap is thread safety without a lock: a lock held by a thread that is abandoned in the wrong moment is held for
ever. Taking the only item out of a deque is atomic, and there is nothing to give back.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .participants import Participants

# Bound before anything patches the time module.
real_monotonic = time.monotonic
thread_seconds = time.thread_time

# A thread may swallow this many goodbyes before it is stopped where it stands.
FAREWELLS = 100

USE_HTTP = "what needs that runs with `--cluster kind`, or against `healgate up`"


class Abandoned(BaseException):
    """The trial goes on without this thread. Not an Exception: a healer's `except Exception` must not keep it."""


class CannotRunVirtually(RuntimeError):
    """What a healer does in process that a virtual clock cannot follow."""


class Stalled(RuntimeError):
    """Nobody can go on: the simulation or its user is wrong, never the healer."""


class Signal:
    """Something that participants wait for; stays set until it is cleared."""

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: dict[Participant, None] = {}

    def set(self) -> None:
        """Only whoever holds the baton may do this."""
        self.is_set = True
        for participant in self._waiting:
            participant.wake()
        self._waiting.clear()

    def clear(self) -> None:
        self.is_set = False

    def join(self, participant: Participant) -> None:
        self._waiting[participant] = None

    def drop(self, participant: Participant) -> None:
        self._waiting.pop(participant, None)


class Participant:
    """A thread on virtual time. Compared by identity; created by `Participants`."""

    def __init__(
        self, home: Participants, name: str, guest: bool, on_done: Callable[[Participant], None] | None = None
    ) -> None:
        self.home = home
        self.name = name
        self.on_done = on_done
        # A guest is somebody else's code: it may be abandoned, and may not do what cannot run virtually.
        self.guest = guest
        self.ident = 0
        self.native_ident = 0  # as the operating system knows the thread
        self.done = Signal()
        self.finished = False
        self.result: Any = None
        self.error: BaseException | None = None
        # Where it hangs or why it was given up, if it was.
        self.lost = ""
        # The first thing it tried that cannot run virtually; its own `except Exception` may have hidden it.
        self.refused = ""
        self.ending = False
        # CPU spent in its own code: without the simulation's, which runs in whichever thread waits.
        self.cpu_seconds = 0.0
        self.waiting_for = ""
        # Real time since when it runs its own code with the baton.
        self.since = 0.0
        self._awake = False
        self._cpu_mark = 0.0
        self._turn = threading.Lock()
        self._turn.acquire()
        # Holds its one item while this thread has the baton and is in its own code.
        self._outside: deque[bool] = deque()
        self._banned = False
        self._instant = 0.0
        self._calls = 0
        self._farewells = 0

    # -- passing in and out of the simulation, called in this participant's thread

    def enter(self) -> bool:
        """From its own code into ours; False if the baton was taken away meanwhile."""
        try:
            self._outside.pop()
        except IndexError:
            return False
        self.cpu_seconds += thread_seconds() - self._cpu_mark
        return True

    def leave(self) -> None:
        self._cpu_mark = thread_seconds()
        self.since = real_monotonic()
        if not self._banned:
            self._outside.append(True)

    def count_call(self, now: float) -> int:
        """How many calls it made at this instant."""
        if now != self._instant:
            self._instant, self._calls = now, 0
        self._calls += 1
        return self._calls

    def say_farewell(self) -> Abandoned:
        """What to raise in a thread that is given up. One that will not go is stopped where it stands."""
        self._farewells += 1
        if self._farewells > FAREWELLS:
            threading.Semaphore(0).acquire()
        return Abandoned(self.lost or "the trial is over")

    # -- waiting for the turn

    def fall_asleep(self, reason: str) -> None:
        self._awake = False
        self.waiting_for = reason

    def wake(self) -> None:
        """Make it ready if it waits; called by whoever holds the baton."""
        if not self._awake and not self._banned:
            self._awake = True
            self.waiting_for = ""
            self.home.ready.append(self)

    def rouse(self) -> None:
        """It goes on without having been woken."""
        if self in self.home.ready:
            self.home.ready.remove(self)
        self._awake = True
        self.waiting_for = ""

    def give_turn(self) -> None:
        self._turn.release()

    def await_turn(self, seconds: float = -1) -> bool:
        return self._turn.acquire(timeout=seconds)

    # -- from the main thread

    def take_baton(self) -> bool:
        """Take the baton from a thread that is in its own code; False if it just came in."""
        try:
            self._outside.pop()
        except IndexError:
            return False
        return True

    def ban(self) -> None:
        """Never let it have the baton again, wherever it is now."""
        self._banned = True
        self._outside.clear()

    def finish(self) -> None:
        self.finished = True
        if self.on_done is not None:
            self.on_done(self)
        self.done.set()

    def where(self) -> str:
        """file:line:function where it is now."""
        return place(sys._current_frames().get(self.ident))


def kept_waiting(thread: int) -> float:
    """Real seconds for which a thread could have run and had no processor; 0 where the system does not say.

    On a busy machine that is most of the time, and no sign that the thread hangs."""
    try:
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


OUR_FILES = (str(Path(__file__).parent.parent),)
LIBRARIES = (*OUR_FILES, sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
STANDARD = (*LIBRARIES, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), "<frozen")


def place(innermost: FrameType | None) -> str:
    """Where a person would look for the mistake: in his own code, else in a library's, else wherever it is."""
    for foreign in (STANDARD, (*OUR_FILES, *STANDARD[len(LIBRARIES) :]), ()):
        frame = innermost
        while frame is not None:
            code = frame.f_code
            if not code.co_filename.startswith(foreign):
                return f"{code.co_filename}:{frame.f_lineno}:{code.co_name}"
            frame = frame.f_back
    return "nowhere: the thread has ended"
