"""The embedded cluster against recordings of a real one.

`compare(recording)` plays what was done to the real cluster on an embedded one and returns where the two differ;
`python -m tests.fidelity.compare FOLDER` does so for every recording in a folder. A new recording needs no code.

The trap is a comparison that cannot fail: test_compare.py changes recordings in all the ways that matter and
expects each to be found.
"""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .align import JITTER, SHORT, Aligner, Causes, Mismatch, Pair, check_gaps, check_pulls, check_waits
from .neutral import neutral
from .tracks import Recording, State, Story, Telling, Track, call, identify, tell

# Groups of pods that are alike are matched in the order that fits best, up to this many.
INTERCHANGEABLE = 3

# Seeds that are tried before a recording counts as not reproduced.
DRAWS = 8


@dataclass(frozen=True)
class Difference:
    """What was expected, what was seen, and when."""

    where: str
    expected: str
    seen: str
    when: float
    why: str = ""

    def __str__(self) -> str:
        reason = f" ({self.why})" if self.why else ""
        return f"{self.when:7.1f} s  {self.where}{reason}\n      expected: {self.expected}\n      seen:     {self.seen}"


def compare(recording: Recording) -> list[Difference]:
    """Where embedded clusters that were treated alike behave differently, earliest first.

    A recording is one draw: where chance decides between two courses, as for a container that a probe kills just
    when its last back-off ends, one of a few draws here must take the same.
    """
    from .play import play

    found: list[Difference] = []
    for draw in range(DRAWS):
        run = differences(recording, play(recording, seed=str(draw)))
        if not run:
            return []
        if not found or len(run) < len(found):
            found = run
    return found


def differences(recording: Recording, run: Recording) -> list[Difference]:
    """Where two recordings of the same treatment differ, earliest first."""
    found = _Comparison(recording, run).differences()
    return sorted(found, key=lambda one: (one.when, one.where))


def length(recording: Recording) -> float:
    times = [entry["t"] for entry in recording["timeline"]] + [entry["t"] for entry in recording["commands"]]
    return float(max(times))


class _Comparison:
    def __init__(self, recording: Recording, run: Recording) -> None:
        self._recording, self._run = recording, run
        self._end = length(recording)
        expected, seen = identify(recording), identify(run)
        self._expected = tell(recording, call(expected), until=self._end)
        self._seen = self._best(seen)
        self._commands = [
            float(one["t"]) for one in recording["commands"] if one["kubectl"][0] not in ("logs", "describe", "get")
        ]

    # -- who is who

    def _best(self, seen: dict[str, list[str]]) -> Story:
        """Pods of one owner may change places: which of two alike is deleted first is chance."""
        chosen = dict(seen)
        for owner, names in seen.items():
            if owner.startswith(("Deployment/", "revisions/")) or not 2 <= len(names) <= INTERCHANGEABLE:
                continue
            orders = [{**chosen, owner: list(order)} for order in itertools.permutations(names)]
            chosen = min(orders, key=lambda order: self._distance(order, owner))
        return tell(self._run, call(chosen), until=self._end)

    def _distance(self, groups: dict[str, list[str]], owner: str) -> tuple[int, float]:
        story = tell(self._run, call(groups), until=self._end)
        names = {story.names[name] for name in groups[owner]}
        missed, apart = 0, 0.0
        for key in dict.fromkeys((*self._expected.tracks, *story.tracks)):
            if key.partition("/")[2].partition(" ")[0] in names:
                pairs, missing = self._align(key, story)
                missed += len(missing)
                apart += sum(abs(pair.expected.start - pair.seen.start) for pair in pairs)
        return missed, apart

    def _align(self, key: str, story: Story) -> tuple[list[Pair], list[Mismatch]]:
        expected = self._expected.tracks.get(key, Track())
        seen = story.tracks.get(key, Track())
        limited = key in self._expected.limited and key in story.limited
        return Aligner(expected, seen, end=self._end, limited=limited).align()

    # -- what differs

    def differences(self) -> list[Difference]:
        found: list[Difference] = []
        causes = Causes(self._expected), Causes(self._seen)
        for key in dict.fromkeys((*self._expected.tracks, *self._seen.tracks)):
            pairs, mismatches = self._align(key, self._seen)
            container = " container " in key
            mismatches += check_gaps(pairs, self._commands, None if container else causes)
            if container and key in self._seen.tracks:
                mismatches += check_waits(self._seen.tracks[key], self._commands)
            found += [_difference(key, one) for one in mismatches]
            if container:
                found += self._answers(key, pairs)
        for about in dict.fromkeys((*self._expected.events, *self._seen.events)):
            found += self._events(about)
            found += [_difference(about, one) for one in check_pulls(_attempts(self._run, self._seen, about))]
        return found + self._outcomes()

    def _events(self, about: str) -> list[Difference]:
        """First tellings: the same ones, in the same order but for what came together, at about the same time."""
        expected = [one for one in self._expected.events.get(about, ()) if not self._is_late(one)]
        seen = list(self._seen.events.get(about, ()))
        where = f"events of {about}"
        found = []
        partner: dict[tuple[str, str, str, str], Telling] = {one.what: one for one in seen}
        for one in expected:
            other = partner.pop(one.what, None)
            if other is None:
                found.append(Difference(where, _shown(one), _nearest(one, seen), one.time, "no such event"))
            elif abs(one.time - other.time) > JITTER + one.time / 10:
                found.append(Difference(where, _shown(one), _shown(other), one.time, "at another time"))
        late = {one.what for one in self._expected.events.get(about, ())}
        for other in partner.values():
            if not self._is_late(other) and other.what not in late:
                found.append(Difference(where, "nothing", _shown(other), other.time, "an event too many"))
        return found + self._order(where, expected, seen)

    def _is_late(self, one: Telling) -> bool:
        """So near the end that on the other side it may have come after it."""
        return one.time * 1.1 + JITTER > self._end and one.time > self._end - 2 * JITTER

    @staticmethod
    def _order(where: str, expected: list[Telling], seen: list[Telling]) -> list[Difference]:
        times = {one.what: one.time for one in seen}
        for one, other in itertools.combinations(expected, 2):
            both = one.what in times and other.what in times
            if both and other.time - one.time > SHORT and times[one.what] - times[other.what] > SHORT:
                text = f"{_shown(one)} before {_shown(other)}"
                return [Difference(where, text, "the other way round", one.time, "in another order")]
        return []

    # -- what commands answered

    def _answers(self, key: str, pairs: list[Pair]) -> list[Difference]:
        """Logs, asked of a container in the same state: when it came to that state is not their business."""
        pod, _, container = key.partition("/")[2].partition(" container ")
        found = []
        for command in self._recording["commands"]:
            asked = _log_question(command, self._expected.names)
            if asked is None or asked[:2] != (pod, container):
                continue
            pair = next((one for one in reversed(pairs) if one.expected.start <= command["t"]), None)
            following = _after(self._expected.tracks[key], pair.expected) if pair else None
            if pair is None or (following is not None and following.start <= command["t"]):
                continue
            until = _after(self._seen.tracks[key], pair.seen)
            answers = [
                _answer(one, self._seen.names)
                for one in self._run["commands"]
                if _log_question(one, self._seen.names) == asked
                and pair.seen.start <= one["t"] < (until.start if until else self._end + 1)
            ]
            wanted = _answer(command, self._expected.names)
            if answers and wanted not in answers:
                what = f"logs{' --previous' if asked[2] else ''} of {key}"
                found.append(Difference(what, str(wanted), str(answers[-1]), command["t"], "another answer"))
        return found

    def _outcomes(self) -> list[Difference]:
        """Whether commands that change something were accepted or refused alike."""
        seen = {one["t"]: one for one in self._run["commands"]}
        found = []
        for command in self._recording["commands"]:
            if command["kubectl"][0] in ("logs", "describe", "get"):
                continue
            other = seen.get(command["t"])
            if other is None or other["rc"] != command["rc"]:
                answer = "never done" if other is None else f"exit code {other['rc']} {other['stderr']}"
                where = "kubectl " + " ".join(command["kubectl"])
                found.append(Difference(where, f"exit code {command['rc']}", answer, command["t"]))
        return found


def _after(track: Track, state: State) -> State | None:
    at = track.states.index(state)
    return track.states[at + 1] if at + 1 < len(track.states) else None


def _log_question(command: dict[str, Any], names: dict[str, str]) -> tuple[str, str, bool] | None:
    """(pod, container, whether the previous run's) of a `kubectl logs`."""
    words = command["kubectl"]
    if words[0] != "logs":
        return None
    return names.get(words[1], words[1]), words[words.index("-c") + 1], "--previous" in words


def _answer(command: dict[str, Any], names: dict[str, str]) -> tuple[int, tuple[str, ...], str]:
    """Exit code, lines and error; the two streams of a container race, so the lines have no order."""
    lines = tuple(sorted(neutral(command["stdout"], names).splitlines()))
    return command["rc"], lines, neutral(command["stderr"], names).strip()


def _attempts(run: Recording, story: Story, about: str) -> list[tuple[int, float]]:
    """(number, time) of each pull that an event tells of."""
    return [
        (entry["count"], entry["t"])
        for entry in run["timeline"]
        if entry["kind"] == "Event"
        and entry["reason"] == "Pulling"
        and neutral(entry["about"].partition(" ")[0], story.names) == about
    ]


def _shown(one: Telling) -> str:
    return f"{one.kind} {one.reason} {one.message!r} {one.path} at {one.time:.1f} s"


def _nearest(one: Telling, others: list[Telling]) -> str:
    alike = [other for other in others if other.reason == one.reason]
    return _shown(alike[0]) if alike else "none of that reason"


def _difference(where: str, one: Mismatch) -> Difference:
    times = [state.start for state in (one.expected, one.seen) if state is not None]
    return Difference(where, _state(one.expected), _state(one.seen), min(times, default=0.0), one.why)


def _state(state: State | None) -> str:
    return "nothing" if state is None else f"at {state.start:.1f} s {_value(state.value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_value(one)}" for key, one in value.items() if one not in ("", None))
    return str(value)


def main(folders: list[str]) -> int:
    """Exit code 1 if any recording is not reproduced."""
    failed = 0
    paths = sorted(path for folder in folders for path in Path(folder).glob("*.json"))
    for path in paths:
        found = compare(json.loads(path.read_text("utf-8")))
        failed += bool(found)
        print(f"{'DIFFERENT' if found else 'same':9}  {path.stem}" + (f"  ({len(found)})\n{found[0]}" if found else ""))
    print(f"{len(paths) - failed} of {len(paths)} recordings reproduced")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
