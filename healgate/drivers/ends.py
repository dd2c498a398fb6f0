"""How a healer ended, in words.

The trap is the place: what a client library raises was called from somewhere, and that is where its author must look.
"""

from __future__ import annotations

import importlib
import json
import sysconfig
from contextlib import suppress
from pathlib import Path
from types import TracebackType

# This package, and the way to a module: nothing of anybody's.
_OURS = (str(Path(__file__).parents[1]), importlib.__path__[0], "<frozen importlib")
# Python's own and what was installed.
_OTHERS = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))


def where_it_raised(error: BaseException) -> str:
    """The exception and the last line of the healer's own that led to it."""
    said, place = _said(error), _place(error)
    return type(error).__name__ + (f": {said}" if said else "") + (f" at {place}" if place else "")


def _place(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}:{error.offset}"
    places = [place for place in _places(error.__traceback__) if not place.startswith(_OURS)]
    own = [place for place in places if not place.startswith(_OTHERS)]
    return (own or places or [""])[-1]


def _places(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        found.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found


def _said(error: BaseException) -> str:
    """Its first line; of an answer of the API, what the server said."""
    with suppress(ValueError, TypeError, KeyError):
        return f"{getattr(error, 'status', '')} {json.loads(getattr(error, 'body', ''))['message']}".partition("\n")[0]
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return said.partition("\n")[0]
