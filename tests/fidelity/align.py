"""Laying two tracks side by side: which state of one is which of the other, and whether the times agree.

What may differ, for all recordings alike:

* a state that lasted under two seconds may be missing on either side (and so may what only separated its
  neighbours); in the recorded cluster's slow first thirty seconds, a termination may be missing behind its own
  back-off;
* where pods that are alike become ready or unready one after the other, an owner's counts between the first and the
  last of them may be missing: their jitter is their own;
* a first kill for memory may read Error or OOMKilled;
* after a back-off of B seconds the next start comes between B and B + min(B/2 + 2, 27) seconds;
* CrashLoopBackOff becomes visible when the kubelet looks again: after the back-off, but at most 60 s, and up to half
  as long again; a real one sometimes looks sooner, the simulated one must not; the start that ends it comes as said
  above, and so do pulls; other waiting states come and go with looks that are ten to fifteen seconds apart, within 17
  seconds and a tenth;
* all other gaps agree within two seconds and a tenth, once the first thirty seconds are past; those that began in
  them, within five more.

The trap is to compare absolute times: two crash loops drift apart by their jitter, and both are right.
"""

from __future__ import annotations

import bisect
import itertools
import re
from dataclasses import dataclass
from typing import Any

from .tracks import State, Story, Track

SHORT = 2.0
SLOW_UNTIL = 30.0
SLOW_BY = 5.0
JITTER = 27.0
LOOK = 17.0
LONGEST_LOOK = 60.0
READINESS = ("readyReplicas", "availableReplicas", "unavailableReplicas")

# Waiting states before the first try; all others are between two tries, and end with a look of the kubelet.
UNTRIED = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True)
class Pair:
    """Two states taken for the same."""

    expected: State
    seen: State


@dataclass(frozen=True)
class Mismatch:
    """Where the tracks part; None: that side has nothing (left) there."""

    expected: State | None
    seen: State | None
    why: str


class Aligner:
    """One expected track and one seen track of the same thing."""

    def __init__(self, expected: Track, seen: Track, *, end: float, limited: bool = False) -> None:
        self._left = expected.states
        self._right = seen.states
        self._end = end
        self._limited = limited
        self._known: dict[tuple[int, int, int, int], _Best] = {}
        self._short_left = [self._is_short(self._left, index) for index in range(len(self._left))]
        self._short_right = [self._is_short(self._right, index) for index in range(len(self._right))]
        self._alike: dict[tuple[int, int], bool] = {}

    def align(self) -> tuple[list[Pair], list[Mismatch]]:
        """The longest common story, and the first place where it breaks."""
        placed, found = self._furthest(0, 0, -1, -1)
        pairs = [Pair(self._left[i], self._right[j]) for i, j in found]
        if placed == len(self._left) + len(self._right):
            return pairs, []
        i, j = 0, 0
        last = (-1, -1)
        for pair in (*found, None):
            while i < (pair[0] if pair else len(self._left)) and self._may_lack_left(i, j, *last):
                i += 1
            while j < (pair[1] if pair else len(self._right)) and self._may_lack_right(i, j, *last):
                j += 1
            if pair != (i, j):
                break
            last, i, j = pair, i + 1, j + 1
        left = self._left[i] if i < len(self._left) else None
        right = self._right[j] if j < len(self._right) else None
        return pairs, [Mismatch(left, right, "another state")]

    def _furthest(self, i: int, j: int, li: int, lj: int) -> _Best:
        """How many states can be placed from here on, and the pairs; `li` and `lj` were paired last."""
        key = (i, j, li, lj)
        if key not in self._known:
            best: _Best = (0, ())
            if i < len(self._left) and j < len(self._right) and self._equal(self._left[i], self._right[j]):
                placed, pairs = self._furthest(i + 1, j + 1, i, j)
                best = (placed + 2, ((i, j), *pairs))
            if i < len(self._left) and self._may_lack_left(i, j, li, lj):
                placed, pairs = self._furthest(i + 1, j, li, lj)
                best = max(best, (placed + 1, pairs), key=_worth)
            if j < len(self._right) and self._may_lack_right(i, j, li, lj):
                placed, pairs = self._furthest(i, j + 1, li, lj)
                best = max(best, (placed + 1, pairs), key=_worth)
            self._known[key] = best
        return self._known[key]

    def _equal(self, one: State, other: State) -> bool:
        key = (id(one), id(other))
        if key not in self._alike:
            self._alike[key] = same(one.value, other.value, limited=self._limited)
        return self._alike[key]

    def _may_lack_left(self, i: int, j: int, li: int, lj: int) -> bool:
        """Whether the expected state may have no counterpart."""
        if self._short_left[i] or (li >= 0 and self._equal(self._left[i], self._left[li])):
            return True
        return j >= len(self._right) and li >= 0 and self._too_late(self._left[i], self._left[li], self._right[lj])

    def _may_lack_right(self, i: int, j: int, li: int, lj: int) -> bool:
        """Whether the seen state may have no counterpart."""
        if self._short_right[j] or (lj >= 0 and self._equal(self._right[j], self._right[lj])):
            return True
        return i >= len(self._left) and lj >= 0 and self._too_late(self._right[j], self._right[lj], self._left[li])

    def _is_short(self, states: list[State], index: int) -> bool:
        until = states[index + 1].start if index + 1 < len(states) else self._end
        lasted = until - states[index].start
        if states[index].start < SLOW_UNTIL and _is_overtaken(states, index):
            return True
        return lasted < SHORT or (lasted < JITTER and _is_passing(states, index))

    def _too_late(self, state: State, before: State, counterpart: State) -> bool:
        """Whether on the other side, with the most jitter, this state would come after the end of the run."""
        gap = state.start - before.start
        return counterpart.start + gap * 1.1 + JITTER > self._end


def _is_overtaken(states: list[State], index: int) -> bool:
    """Whether a termination, or a start that failed, was followed by its own back-off."""
    if index + 1 >= len(states) or "restarts" not in states[index].value:
        return False
    value, after = states[index].value, states[index + 1].value
    return bool(
        value["state"] != "running" and after["reason"] == "CrashLoopBackOff" and after["restarts"] == value["restarts"]
    )


def _is_passing(states: list[State], index: int) -> bool:
    """Whether counts of ready pods only step from the state before to that behind: alike pods change one by one."""
    if not 0 < index < len(states) - 1:
        return False
    before, value, after = (states[at].value for at in (index - 1, index, index + 1))
    if "replicas" not in value:
        return False
    for key in dict.fromkeys((*before, *value, *after)):
        one, two, three = (found.get(key, 0) for found in (before, value, after))
        if key in READINESS and not min(one, three) <= two <= max(one, three):
            return False
        if key not in READINESS and two not in (one, three):
            return False
    return True


_Best = tuple[int, tuple[tuple[int, int], ...]]


def _worth(found: _Best) -> tuple[int, int]:
    return found[0], len(found[1])


def same(one: Any, other: Any, *, limited: bool = False) -> bool:
    if one == other:
        return True
    if limited and isinstance(one, dict) and isinstance(other, dict) and "restarts" in one:
        return bool(_first_kill(one) == _first_kill(other))
    return False


def _first_kill(value: dict[str, Any]) -> dict[str, Any]:
    """With the two readings of a container's first kill for memory made one."""
    found = dict(value)
    if value["restarts"] == 0 and value["code"] == 137 and value["reason"] in ("Error", "OOMKilled"):
        found["reason"] = "OOMKilled"
    if value["restarts"] <= 1 and value["last"][1] == 137 and value["last"][0] in ("Error", "OOMKilled"):
        found["last"] = ("OOMKilled", 137, value["last"][2])
    return found


# -- when


class Causes:
    """The moments at which something happened to containers or pods of one side: what statuses follow from."""

    def __init__(self, story: Story) -> None:
        tracks = [track for key, track in story.tracks.items() if " container " in key or key.endswith(" life")]
        self._times = sorted(state.start for track in tracks for state in track.states)

    def near(self, when: float) -> bool:
        at = bisect.bisect_left(self._times, when - SHORT)
        return at < len(self._times) and self._times[at] <= when + 0.5


def check_gaps(pairs: list[Pair], commands: list[float], causes: tuple[Causes, Causes] | None) -> list[Mismatch]:
    """Whether paired states followed one another, or the last command, after like times.

    `causes` are given for what only follows from pods: there it is enough that both sides had one.
    """
    found = []
    before: Pair | None = None
    for after in pairs:
        command = max((when for when in commands if when <= after.expected.start + 0.1), default=0.0)
        start = (before.expected.start, before.seen.start) if before else (0.0, 0.0)
        if start[0] < command:
            start = (command, command)
        expected, seen = after.expected.start - start[0], after.seen.start - start[1]
        slack = SLOW_BY if start[0] < SLOW_UNTIL else 0.0
        if after.expected.start >= SLOW_UNTIL and not _gaps_agree(expected, seen, slack, before, after):
            caused = causes is not None and causes[0].near(after.expected.start) and causes[1].near(after.seen.start)
            if not caused:
                why = f"{seen:.1f} s after what came before, recorded {expected:.1f} s"
                found.append(Mismatch(after.expected, after.seen, why))
        before = after
    return found


def _gaps_agree(expected: float, seen: float, slack: float, before: Pair | None, after: Pair) -> bool:
    """Starts after a back-off and what looks publish have rules of their own, see check_waits."""
    value = after.expected.value
    if isinstance(value, dict) and "restarts" in value:
        was = before.expected.value if before is not None else None
        ended = was is not None and was["state"] == "running"
        restarted = was is not None and value["restarts"] > was["restarts"]
        if was is not None and was["reason"] == "CrashLoopBackOff":
            return True
        if value["reason"] == "CrashLoopBackOff" and not ended:
            look = min(backoff_of(value["message"]), LONGEST_LOOK)
            early = expected - seen > look / 2 + SHORT + slack + expected / 10
            return not early and seen <= max(1.5 * look, expected) + SHORT + slack
        if (restarted or _is_retried(value) or (was is not None and _is_retried(was))) and not ended:
            return abs(expected - seen) <= LOOK + max(expected, seen) / 10
    return abs(expected - seen) <= SHORT + slack + max(expected, seen) / 10


def _is_retried(value: dict[str, Any]) -> bool:
    return value["state"] == "waiting" and value["reason"] not in UNTRIED


def check_waits(track: Track, commands: list[float]) -> list[Mismatch]:
    """Whether every start came as late as its announced back-off and the kubelet's looks make it.

    Not if somebody did something meanwhile: a new limit, for one, is a new back-off.
    """
    found = []
    died: float | None = None
    announced = 0.0
    for before, state in itertools.pairwise(track.states):
        value = state.value
        if value["restarts"] > before.value["restarts"]:
            undisturbed = died is not None and not any(died <= when <= state.start for when in commands)
            if announced and died is not None and died >= SLOW_UNTIL and undisturbed:
                found += _late_or_early(state.start - died, announced, state, "started")
            died, announced = None, 0.0
        if value["state"] != "running" and died is None:
            died = state.start
        if value["reason"] == "CrashLoopBackOff":
            announced = backoff_of(value["message"])
    return found


def check_pulls(attempts: list[tuple[int, float]]) -> list[Mismatch]:
    """The same for pulls: 10, 20, 40 … 300 s after the attempt before; `attempts` are (number, time)."""
    found = []
    for (number, when), (following, then) in itertools.pairwise(attempts):
        if following == number + 1 and when >= SLOW_UNTIL:
            wait = min(10.0 * 2.0 ** (number - 1), 300.0)
            found += _late_or_early(then - when, wait, State(then, f"pull {following}"), "tried again")
    return found


def _late_or_early(waited: float, announced: float, state: State, what: str) -> list[Mismatch]:
    """A death is seen by a look at the runtime, up to a second and a half after it happened."""
    latest = announced + min(announced / 2 + 2, JITTER)
    if announced - 1.5 <= waited <= latest + SHORT:
        return []
    return [Mismatch(None, state, f"{what} {waited:.1f} s after a failure with a back-off of {announced:.0f} s")]


def backoff_of(message: str) -> float:
    """Seconds of `back-off 1m20s restarting …`."""
    match = re.match(r"back-off (?:(\d+)m)?(\d+)s ", message)
    return int(match.group(1) or 0) * 60.0 + int(match.group(2)) if match else 0.0
