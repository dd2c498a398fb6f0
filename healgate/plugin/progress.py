"""A line now and then on a long run: how far it is, what came out so far, how long it may take.

On a real cluster one trial takes minutes, so the line also comes from inside a trial where this process runs it. The
trap is pytest's capture: while a test runs, the terminal is turned away from it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

import pytest

from ..durations import format_duration
from ..words import Verdict

_EVERY = 15.0


class Progress:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = self._last = time.perf_counter()

    def tell(self, verdicts: Iterable[Verdict], already: int, expected: int, now: str = "") -> None:
        """Write the line if the last one is old enough; `already` were there before this run."""
        clock = time.perf_counter()
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if clock - self._last < _EVERY or reporter is None or self._config.option.verbose < 0:
            return
        self._last = clock
        line = progress_line(Counter(verdicts), already, expected, clock - self._began, now)
        capture = self._config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            reporter.ensure_newline()
            reporter.write_line(line)
        else:
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(line)


def progress_line(verdicts: Counter[Verdict], already: int, expected: int, seconds: float, now: str = "") -> str:
    done = verdicts.total()
    shown = [f"{verdicts[verdict]} {verdict}" for verdict in Verdict if verdicts[verdict]]
    line = f"healgate: {done} of {expected} trials after {format_duration(seconds)}"
    if shown:
        line += f" ({', '.join(shown)})"
    ran = done - already
    if ran > 0 and expected > done:
        line += f", about {format_duration(seconds / ran * (expected - done))} to go"
    return f"{line}; {now}" if now else line
