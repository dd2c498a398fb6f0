"""The drawing of a trial: what the cluster showed, what the healer said and did, what it had time for.

From top to bottom: verdict; axis, counted from the moment when the fault was live; budgets with what came of them;
a lane for each container; the healer's claims and writes; recoveries and the hold. Made from the story alone, so it
can be drawn again from an evidence file. The trap is a trial with hundreds of pods or writes: lanes and labels are
limited, and what is left out is counted.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ..durations import format_duration
from .axis import Axis
from .canvas import Canvas, Labels, shortened, text_width
from .story import Story

_WIDTH, _LEFT, _RIGHT = 1120.0, 240.0, 1104.0
_LANE, _BAR = 22.0, 14.0
_LANES = 14
_LABELS = 12
_LOSSES = 4
_INK, _MUTED, _RULE = "#1f2933", "#6b7785", "#d9dee3"
_VERDICTS = {"PASS": "#2e7d32", "FAIL": "#c62828", "INVALID": "#8a6d00", "ERROR": "#8a6d00"}
_READY, _STARTING, _WAITING, _BAD, _CRASHED, _DONE = (
    "#7cc08a", "#f3d27a", "#cfd6dd", "#ef9a9a", "#b71c1c", "#90a4c4",
)  # fmt: skip
_HARMLESS = frozenset({"", "ContainerCreating", "PodInitializing"})
_MARGIN = 3.0  # seconds of room behind the last thing that happened


def draw(story: Story) -> str:
    """The SVG document."""
    return _Drawing(story).svg()


@dataclass
class _Lane:
    label: str
    tip: str
    steps: list[dict[str, Any]]
    gone: float | None
    watched: bool


class _Drawing:
    def __init__(self, story: Story) -> None:
        self.story = story
        self.marks = story["marks"]
        self.canvas = Canvas(_WIDTH)
        self.ended: float = self.marks["ended"] or max([0.0, *(step["t"] for step in story["containers"])])
        self.live = self.marks["live"]
        self.broken = self.marks["broken"]
        self.zero = self.live if self.live is not None else self.broken if self.broken is not None else 0.0
        self.writes = [request for request in story["requests"] if request.get("writes")]
        start = 0.0 if self.broken is None else max(0.0, self.broken - 1)
        self.axis = Axis.over(0.0, (start, self._busy_until()), self.ended, _LEFT, _RIGHT)
        self.y = 0.0

    def svg(self) -> str:
        self.headline()
        top = self.y
        self.y += 34
        behind = self.canvas.count
        self.budgets()
        self.containers()
        self.healer()
        self.recoveries()
        lanes = self.canvas.count
        self.time(top)
        self.canvas.move_back(lanes, behind)
        self.legend()
        row = self.story["trial"]
        return self.canvas.svg(self.y + 8, f"{row['scenario']} trial {row['trial']}: {row['verdict']}")

    def _busy_until(self) -> float:
        """The end of what deserves room: the last claim, write or change before a recovery that lasted."""
        held = [r["since"] for r in self.story["recoveries"] if r["until"] is None]
        lasted = held[0] if held else self.ended
        times = [claim["t"] for claim in self.story["claims"]] + [request["t"] for request in self.writes]
        times += [step["t"] for step in self.story["containers"] if step["t"] <= lasted + _MARGIN]
        times += [t for r in self.story["recoveries"] for t in (r["since"], r["until"]) if t is not None]
        last: float = max([0.0, *(time for time in times if time <= self.ended)])
        return min(self.ended, last + max(_MARGIN, (last - (self.broken or 0.0)) * 0.05))

    # -- the parts, from top to bottom

    def headline(self) -> None:
        row = self.story["trial"]
        verdict = str(row["verdict"])
        said = f"{row['reason']}: {row['message']}" if row["reason"] else row["message"]
        width = text_width(verdict, 13) * 1.3 + 16
        self.canvas.rect(16, 12, width, 22, _VERDICTS.get(verdict, _MUTED), round_=4)
        self.canvas.text(24, 28, verdict, 13, "#ffffff", bold=True)
        title = f"{row['scenario']}, trial {row['trial']}"
        self.canvas.text(16 + width + 12, 28, title, 14, _INK, bold=True)
        facts = f"{row['healer']} on {row['cluster']}, Kubernetes {row['kubernetes']}, seed {row['seed']}"
        room = _RIGHT - (16 + width + 12) - text_width(title, 15) - 24
        facts = shortened(facts, 11, room)
        self.canvas.text(_RIGHT, 28, facts, 11, _MUTED, end=True)
        self.y = 48
        for line in textwrap.wrap(" ".join(str(said).split()), 160)[:4]:
            self.canvas.text(16, self.y + 4, line, 11)
            self.y += 15
        if row["parameters"]:
            drawn = ", ".join(f"{name} = {value}" for name, value in sorted(row["parameters"].items()))
            self.canvas.text(16, self.y + 4, shortened(f"with {drawn}", 11, _RIGHT - 16), 11, _MUTED)
            self.y += 15
        self.y += 6

    def budgets(self) -> None:
        if self.live is None:
            return
        self._heading("budgets")
        times, reason = self.story["trial"]["times"], str(self.story["trial"]["reason"] or "")
        for name, late in (("detect", "detected"), ("classify", "classified"), ("recover", "remediated")):
            budget, took = self.story["budgets"][name], times[name]
            self._label(f"{name} within {_duration(budget)}")
            start, end = self.axis.x(self.live), self.axis.x(self.live + budget)
            middle = self.y + _LANE / 2
            beyond = self.live + budget > self.ended
            self.canvas.rect(start, middle - 3, end - start, 6, "#dbe7f5")
            if not beyond:
                self.canvas.line(end, middle - 7, end, middle + 7, "#5b7fa6", thick=2)
            if took is not None:
                x = self.axis.x(self.live + took)
                good = took <= budget and not reason.startswith(late)
                self.canvas.dot(x, middle, 5, "#2e7d32" if good else "#c62828", f"{name}: {took:g} s")
                text = _duration(took)
                wide = text_width(text, 11)
                near = not beyond and x - 4 < end < x + wide + 14
                left = near and x - 10 - wide > _LEFT
                at = (x - 10 - wide) if left or x + wide + 10 > _RIGHT else (max(x, end) + 10 if near else x + 10)
                self.canvas.text(at, middle + 4, text, 11)
            self.y += _LANE

    def containers(self) -> None:
        lanes = self._lanes()
        if not lanes:
            return
        self._heading("containers")
        for lane in lanes[:_LANES]:
            self._label(lane.label, lane.tip, _INK if lane.watched else _MUTED)
            self._states(lane)
            self.y += _LANE
        if len(lanes) > _LANES:
            self._label(f"and {len(lanes) - _LANES} more", "", _MUTED)
            self.y += _LANE

    def _lanes(self) -> list[_Lane]:
        targets = [ref.partition("/")[2] for ref in self.story["targets"]]
        pods = self.story["pods"]
        lanes: dict[tuple[str, str], _Lane] = {}
        for step in self.story["containers"]:
            key = (step["pod"], step["container"])
            if key not in lanes:
                app = pods[step["pod"]]["app"]
                watched = app in targets or step["pod"] in targets or pods[step["pod"]]["owner"] in targets
                name = app if app == step["container"] else f"{app} · {step['container']}"
                suffix = step["pod"].removeprefix(app).strip("-").rpartition("-")[2]
                label = f"{name} {suffix}".strip()
                gone = pods[step["pod"]].get("gone")
                lanes[key] = _Lane(label, f"{step['pod']}, container {step['container']}", [], gone, watched)
            lanes[key].steps.append(step)
        return sorted(lanes.values(), key=lambda lane: (not lane.watched, lane.steps[0]["t"]))

    def _states(self, lane: _Lane) -> None:
        top = self.y + (_LANE - _BAR) / 2
        end = lane.gone if lane.gone is not None else self.ended
        for index, step in enumerate(lane.steps):
            until = lane.steps[index + 1]["t"] if index + 1 < len(lane.steps) else end
            x, width = self.axis.x(step["t"]), self.axis.x(until) - self.axis.x(step["t"])
            colour, words = _look(step)
            tip = f"{step['state']} {words}, restarts {step['restarts']}, {until - step['t']:g} s".replace(" ,", ",")
            self.canvas.rect(x, top, width, _BAR, colour, tip)
            if step["state"] == "terminated" and colour == _CRASHED:
                self.canvas.line(x, top - 2, x, top + _BAR + 2, _CRASHED, thick=2)
            text = shortened(words, 10, width - 6)
            if text and len(text) >= min(len(words), 7):
                self.canvas.text(x + 3, top + 11, text, 10, "#ffffff" if colour == _CRASHED else _INK)
        if lane.gone is not None:
            x = self.axis.x(lane.gone)
            self.canvas.line(x, top, x, top + _BAR, _INK, thick=1.5)

    def healer(self) -> None:
        self._heading("healer")
        said = [(claim["t"], _said(claim), claim.get("note", ""), "#1565c0") for claim in self.story["claims"]]
        self._happenings("claims", said, dots=True)
        did = []
        for request in self.writes:
            colour = "#6a1b9a" if request["code"] < 300 else _MUTED
            tip = f"request {request['n']}: {request['what']} -> {request['code']}"
            did.append((request["t"], _did(request), tip, colour))
        self._happenings("writes", did, dots=False)

    def _happenings(self, name: str, entries: list[tuple[float, str, str, str]], *, dots: bool) -> None:
        """A mark for each; a label where each kind of them came first, with how often it came."""
        self._label(f"{name} ({len(entries)})" if entries else f"no {name}", "", _INK if entries else _MUTED)
        labels = Labels(_LEFT, _RIGHT, 10.5)
        base = self.y + _LANE / 2
        often = Counter(text for _, text, _, _ in entries)
        labelled: set[str] = set()
        for time, text, tip, colour in entries:
            x = self.axis.x(time)
            if dots:
                self.canvas.dot(x, base, 4.5, colour, f"{text} {tip}".strip())
            else:
                self.canvas.path(f"M{x:.1f} {base - 5:.1f}l5 9h-10z", colour, tip, "#ffffff")
            if text in labelled or len(labelled) == _LABELS:
                continue
            labelled.add(text)
            many = f" ({often[text]} times)" if often[text] > 1 else ""
            shown = shortened(text, 10.5, 330) + many
            at, row = labels.place(x, shown)
            self.canvas.text(at, base + 19 + row * 14, shown, 10.5, colour)
        self.y += _LANE + labels.rows * 14 + (4 if labels.rows else 0)
        if (others := sum(often.values()) - sum(often[text] for text in labelled)) > 0:
            self.canvas.text(_LEFT, self.y + 4, f"and {others} others", 10.5, _MUTED)
            self.y += 16

    def recoveries(self) -> None:
        if not self.story["recoveries"]:
            return
        self._heading("recovered")
        labels = Labels(_LEFT, _RIGHT, 10.5)
        self._label(f"does its work (hold {_duration(self.story['hold'])})" if self.story["hold"] else "does its work")
        top = self.y + (_LANE - _BAR) / 2
        lost = 0
        for recovery in self.story["recoveries"]:
            until = recovery["until"] if recovery["until"] is not None else self.ended
            x, end = self.axis.x(recovery["since"]), self.axis.x(until)
            lasted = recovery["until"] is None
            self.canvas.rect(x, top, end - x, _BAR, "#4c9f70" if lasted else "#f0b27a", recovery["lost"])
            if not lasted:
                self.canvas.line(end, top - 3, end, top + _BAR + 3, _CRASHED, thick=2)
                lost += 1
            if not lasted and lost <= _LOSSES:
                text = shortened(f"lost after {_duration(until - recovery['since'])}: {recovery['lost']}", 10.5, 520)
                at, row = labels.place(x, text)
                self.canvas.text(at, self.y + _LANE + 9 + row * 14, text, 10.5, _CRASHED)
        self.y += _LANE + labels.rows * 14 + (4 if labels.rows else 0)
        if lost > _LOSSES:
            self.canvas.text(_LEFT, self.y + 4, f"and {lost - _LOSSES} others", 10.5, _MUTED)
            self.y += 16

    def time(self, top: float) -> None:
        """The axis, drawn when the lanes are known, behind them; seconds are counted from the live fault."""
        bottom = self.y + 4
        for x, seconds in self.axis.ticks(self.zero, 56):
            self.canvas.line(x, top + 30, x, bottom, _RULE, dash="1 3")
            sign = "-" if seconds < 0 else ""
            text = sign + _duration(abs(seconds))
            wide = text_width(text, 10)
            at = min(max(_LEFT, x - wide / 2), _RIGHT - wide)
            self.canvas.text(at, top + 26, text, 10, _MUTED)
        for x in self.axis.breaks:
            self.canvas.path(
                f"M{x - 3:.1f} {top + 30:.1f}l6 4l-6 4l6 4", "none", "the scale changes here", stroke=_MUTED
            )
        for name, time, colour, behind in (
            ("broken", self.broken, "#8e5a00", False),
            ("fault live", self.live, _CRASHED, True),
        ):
            if time is not None:
                x = self.axis.x(time)
                self.canvas.line(x, top + 30, x, bottom, colour, dash="4 3")
                self.canvas.text(x + 4 if behind else x - 4, top + 12, name, 11, colour, end=not behind)

    def legend(self) -> None:
        self.y += 22
        x = _LEFT
        for colour, text in (
            (_READY, "ready"),
            (_STARTING, "running, not ready"),
            (_WAITING, "starting"),
            (_BAD, "waiting, broken"),
            (_CRASHED, "crashed"),
            (_DONE, "completed"),
        ):
            self.canvas.rect(x, self.y - 9, 12, 10, colour)
            self.canvas.text(x + 17, self.y, text, 10, _MUTED)
            x += 17 + text_width(text, 10) + 18

    # -- helpers

    def _heading(self, text: str) -> None:
        self.y += 6
        self.canvas.line(16, self.y, _RIGHT, self.y, _RULE)
        self.canvas.text(16, self.y + 15, text, 11, _MUTED, bold=True)
        self.y += 4

    def _label(self, text: str, tip: str = "", colour: str = _INK) -> None:
        """Right-aligned beside its lane; the section's name stands to the left of the first."""
        shown = shortened(text, 10.5, _LEFT - 16 - 78)
        self.canvas.text(_LEFT - 10, self.y + _LANE / 2 + 4, shown, 10.5, colour, end=True)
        if tip:
            self.canvas.rect(96, self.y, _LEFT - 106, _LANE, "transparent", tip)


def _duration(seconds: float) -> str:
    """A minute is "1m" on an axis."""
    text = format_duration(seconds)
    return text.removesuffix("0s") if text.endswith("m0s") else text


def _look(step: dict[str, Any]) -> tuple[str, str]:
    """Colour and words of one state of a container."""
    reason = step.get("reason", "")
    if step["state"] == "running":
        return (_READY, "") if step["ready"] else (_STARTING, "not ready")
    if step["state"] == "waiting":
        return (_WAITING if reason in _HARMLESS else _BAD), reason
    code = step.get("exit")
    words = f"{reason} {code}" if code is not None and reason != "Completed" else reason
    return (_DONE if code == 0 else _CRASHED), words


def _did(request: dict[str, Any]) -> str:
    """A write in words; pods of one owner are one kind of thing, whatever their names end in."""
    what = str(request["what"])
    if what.startswith("Pod/"):
        what = what.rpartition("-")[0] + "-…" if "-" in what else what
    text = f"{request['verb']} {what}"
    return text if request["code"] < 300 else f"{text} → {request['code']}"


def _said(claim: dict[str, Any]) -> str:
    text = str(claim["word"])
    if "class" in claim:
        text += f" as {claim['class']}"
    elif claim["word"] == "classified":
        text += f" as {claim.get('note', '?')}"
    return text
