"""JSON that somebody hands over: a baseline, another machine's folder, a trend.

The trap is a file that is no JSON at all, or nested so deeply that no parser gets to its end: both are said, with the
place.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .problems import Place, Problem, UsageProblem


def read_json(path: Path, what: str) -> Any:
    """Raises UsageProblem; `what` it should have been."""
    return parse_json(read_text(path, what), what, str(path))


def read_text(path: Path, what: str) -> str:
    """Raises UsageProblem."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(Problem(f"expected {what}; it cannot be read: {error}", Place(str(path)))) from None


def parse_json(text: str, what: str, file: str, line: int = 0) -> Any:
    """`line`: where the text stands, if it is one line of a file. Raises UsageProblem."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place, found = Place(file, line or error.lineno, error.colno), f"found none here ({error.msg})"
    except RecursionError:
        place, found = Place(file, line or 1, 1), "it is nested too deeply"
    raise UsageProblem(Problem(f"expected {what}, which is JSON; {found}", place))
