"""What can go wrong, and whose fault it is.

    Exception
      HarnessError        the harness or the cluster broke: ERROR, Allure "broken"
        NotSteady         the workload was not healthy, or the fault never became live: INVALID, Allure "broken"
      UsageProblem        somebody's file or command line is wrong: exit 4 (or 2 from `lint`)
    AssertionError
      HealerFailure       the healer failed its trial: FAIL, Allure "failed"

One split decides whether a red trial counts against the healer, so it is made here and nowhere else.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class HarnessError(Exception):
    """The trial says nothing about the healer."""


class Refused(HarnessError):
    """The cluster would not have it: somebody else has changed what it was to be done to."""


class NotSteady(HarnessError):
    """There was no healthy workload to break, or the break did not take."""


class HealerFailure(AssertionError):
    """The healer failed its trial, and the message says how."""


@dataclass(frozen=True)
class Place:
    """Where in something that a person wrote."""

    file: str
    line: int = 0  # from 1; 0: the file as a whole
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Problem:
    """One mistake: where, what was expected and found, what to do."""

    message: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class UsageProblem(Exception):
    """One or more mistakes in what a person wrote; never shown with a traceback."""

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(p if isinstance(p, Problem) else Problem(p) for p in problems)
        super().__init__("\n".join(str(p) for p in self.problems))


def suggest(found: str, known: Iterable[str]) -> str:
    """What is allowed, and which of it was probably meant."""
    names = list(known)
    if not names:
        return "nothing is expected here"
    close = difflib.get_close_matches(found, names, n=1, cutoff=0.6)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"expected one of {', '.join(names)}{meant}"
