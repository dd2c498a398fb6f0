"""The parts of a story as plain text, for a person who opens an attachment."""

from __future__ import annotations

import json
from collections.abc import Iterable
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
