"""The parts of a story as plain text, for a person who opens an attachment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..durations import format_duration
from .story import Story


def what_was_asked(story: Story) -> str:
    """Markdown: what a right answer was."""
    budgets = story["budgets"]
    return (
        f"Class: {' or '.join(story['classes'])}. Due: {' or '.join(story['due'])}. "
        f"Broken: {', '.join(story['targets'])}. "
        f"Budgets: detect {format_duration(budgets['detect'])}, classify {format_duration(budgets['classify'])}, "
        f"recover {format_duration(budgets['recover'])}, counted from the live fault; "
        f"hold {format_duration(story['hold'])}."
    )


# More than this is for the report.
_LINES_OF_A_COURSE = 24


def course(story: Story) -> str:
    """What happened from the break on, a line each, for whoever has nothing but a terminal."""
    begin = next((story["marks"][name] for name in ("broken", "live") if story["marks"][name] is not None), 0.0)
    entries = sorted((entry for entry in _entries(story, begin) if entry[0] >= begin), key=lambda entry: entry[0])
    zero = _zero(story)
    lines = [f"{_at(at, zero):>10}  {' '.join(text.split())[:120]}" for at, text in entries]
    left_out = len(lines) - _LINES_OF_A_COURSE
    if left_out > 0:
        half = _LINES_OF_A_COURSE // 2
        lines[half:-half] = [f"{'...':>10}  {left_out} more"]
    return _lines(lines)


def _entries(story: Story, begin: float) -> Iterator[tuple[float, str]]:
    marks = {"broken": "broken", "live": "the fault is live", "ended": "the trial ended"}
    yield from ((story["marks"][name], text) for name, text in marks.items() if story["marks"][name] is not None)
    for claim in story["claims"]:
        words = (claim["word"], claim.get("class"), claim.get("about"), f"({claim['note']})" if "note" in claim else "")
        yield claim["t"], f"healer said: {' '.join(str(word) for word in words if word)}"
    for request in story["requests"]:
        if request.get("writes"):
            body = json.dumps(request["body"], ensure_ascii=False) if request.get("body") is not None else ""
            sent = f"{request['verb']} {request['what']} -> {request['code']} (request {request['n']}) {body}"
            yield request["t"], f"healer sent: {sent}"
    for recovery in story["recoveries"]:
        yield recovery["since"], "recovered"
        if recovery["until"] is not None:
            yield recovery["until"], f"lost again: {recovery['lost']}"
    seen = set()
    for at, whose, what, more in _of_the_cluster(story):
        # Of what happens again and again to the pods of one workload, the first time.
        if at >= begin and (whose, what) not in seen:
            seen.add((whose, what))
            yield at, f"{whose} {what}{more}"


def _of_the_cluster(story: Story) -> Iterator[tuple[float, str, str, str]]:
    for step in story["containers"]:
        if "exit" in step:
            what = f"{step['container']} ended: {step.get('reason', '')} {step['exit']}"
            yield step["t"], _app_of(story, step["pod"]), what, ""
    for event in story["events"]:
        if event["type"] == "Warning" or " probe, " in event["message"]:
            whose = _app_of(story, event["about"].rpartition("/")[2])
            yield event["t"], whose, event["reason"], f": {event['message']}"


def _app_of(story: Story, pod: str) -> str:
    known = story["pods"].get(pod)
    return str(known["app"]) if known else pod


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
