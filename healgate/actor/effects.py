"""What a program asks of whoever runs it: to let time pass. Everything else goes through its `Host`.

A program is a generator that yields these and returns its exit code. The trap is doing work "meanwhile": between two
effects no time passes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple


class Sleep(NamedTuple):
    """Go on after so many seconds."""

    seconds: float


class Spent(NamedTuple):
    """A call took this long. On a real machine the time is gone already, on a virtual clock it has yet to pass."""

    seconds: float


class Forever(NamedTuple):
    """Nothing more to do until a signal comes."""


class Watch(NamedTuple):
    """Look every so often until something is to be seen (`look` returns its name) or the time is up (answer "").

    What `look` sees must depend on the network and on what other programs announce by `Host.changed`: a virtual clock
    does not tick through looks that can only repeat the one before.
    """

    look: Callable[[], str]
    every: float
    seconds: float | None = None


Effect = Sleep | Spent | Forever | Watch
Program = Generator[Effect, Any, int]


class Terminated(Exception):
    """Raised in a program that catches SIGTERM, at the effect it waits for."""


class AddressInUse(Exception):
    """Somebody in this pod listens on that port already."""


class Unsupported(Exception):
    """A real tool of this name knows it, this program does not; guessing would make a run worthless."""
