"""The embedded cluster against recordings of a real one.

`compare(recording)` plays what was done to the real cluster on an embedded one and returns where the two differ;
`make fidelity TRACES=folder` does so for every recording in a folder. A new recording needs no code.

The trap is a comparison that cannot fail: test_compare.py changes recordings in all the ways that matter and
expects each to be found.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .align import (
    JITTER,
    LOOK,
    SHORT,
    SLOW_BY,
    SLOW_UNTIL,
    Aligner,
    Causes,
    Mismatch,
    Pair,
    check_gaps,
    check_pulls,
    check_waits,
)
from .crowds import NOBODY, crowds
from .neutral import neutral
from .questions import NotUnderstood, Question, asked
from .tracks import Recording, State, Story, Telling, Track, call, identify, only_looks, tell

# Groups of pods that are alike are matched in the order that fits best, up to this many.
INTERCHANGEABLE = 3

# Seeds that are tried before a recording counts as not reproduced.
DRAWS = 16

# Seconds: a kubelet answers for a state before whoever watches the API sees it.
KNOWN_SOONER = 1.0

# Events that a look of the kubelet at no fixed time brings about.
LOOKED = ("BackOff", "Failed", "Pulling", "FailedMount")


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


def compare(recording: Recording, draws: int = DRAWS) -> list[Difference]:
    """Where embedded clusters that were treated alike behave differently, earliest first.

    A recording is one draw: where chance decides between two courses, as for a container that a probe kills just
    when its last back-off ends, one of a few draws here must take the same.
    """
    from .play import NotPlayed, play

    found: list[Difference] = []
    for draw in range(draws):
        try:
            run = differences(recording, play(recording, seed=str(draw)))
        except NotPlayed as problem:
            return [Difference("the simulation", "the recorded behaviour", problem.what, problem.when, "refused")]
        except NotUnderstood as problem:
            return [Difference("the comparison", f"kubectl {problem}", "not known here", 0.0, "refused")]
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
    return float(max(*times, recording.get("watched", 0.0), 0.0))


class _Comparison:
    def __init__(self, recording: Recording, run: Recording) -> None:
        self._recording, self._run = recording, run
        self._end = length(recording)
        expected, seen = identify(recording), identify(run)
        self._expected = tell(recording, call(expected), until=self._end)
        self._seen = self._best(seen)
        self._commands = [float(one["t"]) for one in recording["commands"] if not only_looks(one)]

    # -- who is who

    def _best(self, seen: dict[str, list[str]]) -> Story:
        """Pods of one owner may change places: which of two alike is deleted first is chance."""
        chosen = dict(seen)
        for owner, names in seen.items():
            if owner.startswith(("Deployment/", "CronJob/", "revisions/")) or not 2 <= len(names) <= INTERCHANGEABLE:
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
        anchors: dict[str, list[Pair]] = {}
        for key in dict.fromkeys((*self._expected.tracks, *self._seen.tracks)):
            pairs, mismatches = self._align(key, self._seen)
            anchors.setdefault(key.partition(" ")[0], []).extend(pairs)
            container = " container " in key
            mismatches += check_gaps(pairs, self._commands, None if container else causes)
            if container and key in self._seen.tracks:
                mismatches += check_waits(self._seen.tracks[key], self._commands)
            found += [_difference(key, one) for one in mismatches]
            if container:
                found += self._answers(key, pairs)
        for about in dict.fromkeys((*self._expected.events, *self._seen.events)):
            found += self._events(about, anchors.get(about, []))
            found += [_difference(about, one) for one in check_pulls(_attempts(self._run, self._seen, about))]
        return found + self._crowds() + self._outcomes()

    def _events(self, about: str, anchors: list[Pair]) -> list[Difference]:
        """First tellings: the same ones, in the same order, each when what it tells of had happened to its object."""
        recorded = _certain(self._expected.events.get(about, ()))
        expected = [one for one in recorded if not self._is_late(one)]
        seen = _certain(self._seen.events.get(about, ()))
        where = f"events of {about}"
        found = []
        partner: dict[tuple[str, str, str, str], Telling] = {one.what: one for one in seen}
        for one in expected:
            other = partner.pop(one.what, None)
            if other is None:
                found.append(Difference(where, _shown(one), _nearest(one, seen), one.time, "no such event"))
            elif not _in_time(one, other, anchors):
                found.append(Difference(where, _shown(one), _shown(other), one.time, "at another time"))
        late = {one.what for one in recorded}
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
            if one.what not in times or other.what not in times:
                continue
            # One component tells what it does to one thing as it does it; what others tell may cross it.
            crossing = 0.0 if (one.source, one.path) == (other.source, other.path) else SHORT
            if other.time - one.time > crossing and times[one.what] - times[other.what] > crossing:
                text = f"{_shown(one)} before {_shown(other)}"
                return [Difference(where, text, "the other way round", one.time, "in another order")]
        return []

    # -- what commands answered

    def _answers(self, key: str, pairs: list[Pair]) -> list[Difference]:
        """Logs, asked of a container in the same state: when it came to that state is not their business."""
        pod, _, container = key.partition("/")[2].partition(" container ")
        found = []
        for command in self._recording["commands"]:
            question = _question(command)
            if question is None or self._of(question, self._expected) != (pod, container):
                continue
            pair = next((one for one in reversed(pairs) if one.expected.start <= command["t"]), None)
            following = _after(self._expected.tracks[key], pair.expected) if pair else None
            if pair is None or (following is not None and following.start <= command["t"]):
                continue
            until = _after(self._seen.tracks[key], pair.seen)
            if until is not None and following is not None and following.start <= command["t"] + KNOWN_SOONER:
                until = _after(self._seen.tracks[key], until)
            answers = [
                one
                for one in self._run["commands"]
                if pair.seen.start <= one["t"] < (until.start if until else self._end + 1)
                and (other := _question(one)) is not None
                and self._of(other, self._seen) == (pod, container)
                and other.previous == question.previous
            ]
            wanted = {
                **command,
                **{part: neutral(command[part], self._expected.names) for part in ("stdout", "stderr")},
            }
            wanted["stderr"] = wanted["stderr"].strip()
            if answers and not any(_is_answer(one, wanted, self._seen.names) for one in answers):
                what = f"logs{' --previous' if question.previous else ''} of {key}"
                found.append(Difference(what, _said(wanted), _said(answers[-1]), command["t"], "another answer"))
        return found

    def _of(self, question: Question, story: Story) -> tuple[str, str]:
        """Pod and container that are asked; a pod's only container need not be named."""
        pod = story.names.get(question.pod, question.pod)
        named = [key.partition(" container ")[2] for key in story.tracks if key.startswith(f"Pod/{pod} container ")]
        return pod, question.container or (named[0] if named else "")

    def _crowds(self) -> list[Difference]:
        """As many pods at once, no more and no fewer: whether one waits for another's end is seen from both."""
        expected = crowds(self._recording, self._expected.names, self._end)
        seen = crowds(self._run, self._seen.names, self._end)
        return [
            Difference(f"pods of {one}", str(crowd), str(seen.get(one, NOBODY)), crowd.since, "another crowd")
            for one, crowd in expected.items()
            if crowd.differs(seen.get(one, NOBODY))
        ]

    def _outcomes(self) -> list[Difference]:
        """Whether commands that change something were accepted or refused alike."""
        seen = {one["t"]: one for one in self._run["commands"]}
        found = []
        for command in self._recording["commands"]:
            if only_looks(command):
                continue
            other = seen.get(command["t"])
            if other is None or other["rc"] != command["rc"]:
                answer = "never done" if other is None else f"exit code {other['rc']} {other['stderr']}"
                where = "kubectl " + " ".join(command["kubectl"])
                found.append(Difference(where, f"exit code {command['rc']}", answer, command["t"]))
        return found


def _certain(told: Sequence[Telling]) -> list[Telling]:
    """But for the commands of probes that a pod's end broke off: whether one was due in that moment is chance."""
    ends = min((one.time for one in told if one.reason == "Killing"), default=float("inf"))
    canceled = "code = Canceled desc = context canceled"
    return [one for one in told if not (one.message.endswith(canceled) and one.time >= ends - SHORT)]


def _in_time(one: Telling, other: Telling, anchors: list[Pair]) -> bool:
    """Whether an event came as long after (or before) some change of its object as recorded."""
    if one.time < SLOW_UNTIL:
        return abs(one.time - other.time) <= SLOW_UNTIL
    slack = SHORT if one.reason not in LOOKED else LOOK
    if not anchors:
        return abs(one.time - other.time) <= slack + SLOW_BY + one.time / 10
    for anchor in anchors:
        expected, seen = one.time - anchor.expected.start, other.time - anchor.seen.start
        if abs(expected - seen) <= slack + max(abs(expected), abs(seen)) / 10:
            return True
    return False


def _after(track: Track, state: State) -> State | None:
    at = track.states.index(state)
    return track.states[at + 1] if at + 1 < len(track.states) else None


def _question(command: dict[str, Any]) -> Question | None:
    """What a `kubectl logs` asks."""
    return asked(command["kubectl"][1:]) if command["kubectl"][0] == "logs" else None


def _is_answer(command: dict[str, Any], recorded: dict[str, Any], names: dict[str, str]) -> bool:
    """Whether a run's answer is the recorded one. The two streams of a container race, each keeps its order."""
    question = asked(recorded["kubectl"][1:])
    if (command["rc"], neutral(command["stderr"], names).strip()) != (recorded["rc"], recorded["stderr"]):
        return False
    lines, errors = (neutral(command.get(part, ""), names).splitlines() for part in ("stdout", "errors"))
    wanted = recorded["stdout"].splitlines()
    if question.tail is not None:
        lines, errors = lines[len(lines) - question.tail :] if question.tail else [], []
    return lines == wanted or (bool(errors) and _woven(wanted, _without(lines, errors), errors))


def _without(lines: list[str], errors: list[str]) -> list[str]:
    """The lines of stdout alone; the lines of stderr come in their order."""
    left = list(errors)
    found = []
    for line in lines:
        if left and line == left[0]:
            left.pop(0)
        else:
            found.append(line)
    return found


def _woven(whole: list[str], one: list[str], other: list[str]) -> bool:
    """Whether `whole` is both of them, each in its order."""
    places = {(0, 0)}
    for line in whole:
        places = {
            (i + a, j + 1 - a)
            for i, j in places
            for a, part in ((1, one[i : i + 1]), (0, other[j : j + 1]))
            if part == [line]
        }
    return (len(one), len(other)) in places


def _attempts(run: Recording, story: Story, about: str) -> list[tuple[int, float]]:
    """(number, time) of each pull that an event tells of."""
    return [
        (entry["count"], entry["t"])
        for entry in run["timeline"]
        if entry["kind"] == "Event"
        and entry["reason"] == "Pulling"
        and neutral(entry["about"].partition(" ")[0], story.names) == about
    ]


def _said(command: dict[str, Any]) -> str:
    return f"exit code {command['rc']} {command['stdout']!r} {command['stderr'].strip()!r}"


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
