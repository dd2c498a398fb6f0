"""The parts of a story as plain text, for a person who opens an attachment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..durations import format_duration
from .story import Story
from .table import cut


def what_was_asked(story: Story) -> str:
    """Markdown: what a right answer was."""
    budgets = story["budgets"]
    return (
        f"Class: {' or '.join(story['classes'])}. Due: {' or '.join(story['due'])}. "
        f"Broken: {', '.join(story['targets'])}. "
        f"Budgets: detect {format_duration(budgets['detect'])}, classify {format_duration(budgets['classify'])}, "
        f"recover {format_duration(budgets['recover'])}, counted from the live fault"
        + (f"; hold {format_duration(story['hold'])}." if story["hold"] else ".")  # none before there is a recovery
    )


_MARKS = {"broken": "broken", "live": "the fault is live"}
# More than this is for the report.
_LINES_OF_A_COURSE = 24
_LONGEST = 120


def course(story: Story) -> str:
    """What happened from the break on, for whoever has nothing but a terminal; what came again is one line."""
    marks, zero = story["marks"], _zero(story)
    begin = next((marks[name] for name in ("broken", "live") if marks[name] is not None), 0.0)
    came: dict[str, list[tuple[float, str]]] = {}
    for at, what, text in sorted(_happenings(story), key=lambda happening: happening[0]):
        if at >= begin:
            came.setdefault(what, []).append((at, text))
    lines = []
    for (at, text), *again in came.values():
        line = f"{_at(at, zero):>10}  {cut(' '.join(text.split()), _LONGEST)}"
        lines.append(line + (f" ({len(again) + 1} times, until {_at(again[-1][0], zero)})" if again else ""))
    left_out = len(lines) - _LINES_OF_A_COURSE
    if left_out > 0:
        half = _LINES_OF_A_COURSE // 2
        lines[half:-half] = [f"{'...':>10}  {left_out} more"]
    return _lines(lines)


def _happenings(story: Story) -> Iterator[tuple[float, str, str]]:
    """When, what by its kind, and in full. Pods of one workload do the same things."""
    marks = story["marks"]
    yield from ((marks[name], text, text) for name, text in _MARKS.items() if marks[name] is not None)
    for claim in story["claims"]:
        said = " ".join(filter(None, ("healer said:", claim["word"], claim.get("class"))))
        about = claim.get("about", "")
        note = f" ({claim['note']})" if "note" in claim else ""
        yield claim["t"], f"{said} {_workload(story, about)}", f"{said} {about}{note}"
    for request in story["requests"]:
        if request.get("writes"):
            code = f"-> {request['code']}"
            sent = f"healer sent: {request['verb']}"
            body = f" {json.dumps(request['body'], ensure_ascii=False)}" if request.get("body") is not None else ""
            what = f"{sent} {_workload(story, request['what'])} {code}{body}"
            yield request["t"], what, f"{sent} {request['what']} {code} (request {request['n']}){body}"
    for number, recovery in enumerate(story["recoveries"]):
        yield recovery["since"], f"recovery {number}", "recovered"
        if recovery["until"] is not None:
            yield recovery["until"], f"loss {number}", f"lost again: {recovery['lost']}"
    for step in story["containers"]:
        if "exit" in step:
            what = f"{_workload(story, step['pod'])} {step['container']} ended: {step.get('reason', '')} {step['exit']}"
            yield step["t"], what, what
    for event in story["events"]:
        if event["type"] == "Warning" or " probe, " in event["message"]:
            what = f"{_workload(story, event['about'])} {event['reason']}"
            yield event["t"], what, f"{what}: {event['message']}"
    if marks["ended"] is not None:  # after what came in the same moment
        yield marks["ended"], "ended", "the trial ended"


def _workload(story: Story, name: str) -> str:
    """What a pod belongs to; anything else is named as it is."""
    known = story["pods"].get(name.rpartition("/")[2])
    return str(known["app"]) if known else name


def requests(story: Story) -> str:
    """Every request of the healer; writes with what they sent."""
    return "".join(_request(request, _zero(story)) for request in story["requests"])


def _request(request: dict[str, Any], zero: float) -> str:
    many = ""
    if "times" in request:
        many = f"  ({request['times']} times, until {_at(request['until'], zero)})"
    mark = "*" if request.get("writes") else " "
    dry = " dry run" if request.get("dry_run") else ""
    line = f"{request['n']:>5} {_at(request['t'], zero):>10} {mark} {request['verb']:<8} {request['what']}"
    line += f" -> {request['code']}{dry}{many}\n"
    if request.get("body") is not None:
        line += " " * 20 + json.dumps(request["body"], sort_keys=True, ensure_ascii=False) + "\n"
    return line


def events(story: Story) -> str:
    zero = _zero(story)
    return _lines(
        f"{_at(event['t'], zero):>10} {event['type']:<8} {event['reason']:<24} {event['about']}: {event['message']}"
        + (f" (x{event['count']})" if "count" in event else "")
        for event in story["events"]
    )


def logs(story: Story) -> str:
    return "".join(f"=== {name}\n{text.rstrip()}\n\n" for name, text in story["logs"].items())


def _zero(story: Story) -> float:
    """Times are told from the live fault on, as everywhere else."""
    marks = story["marks"]
    return next((marks[name] for name in ("live", "broken") if marks[name] is not None), 0.0)


def _at(time: float, zero: float) -> str:
    return f"{time - zero:+.1f}s"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
