"""How a healer ended, in words.

The trap is the place: what a client library raises was called from somewhere, and that is where its author must look.
"""

from __future__ import annotations

import json
import sysconfig
from contextlib import suppress
from pathlib import Path
from types import TracebackType

# Python's own and what was installed, and this package.
_OTHERS = (*(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")), str(Path(__file__).parents[1]))


def where_it_raised(error: BaseException) -> str:
    """The exception and the last line of the healer's own that led to it."""
    places = list(_places(error.__traceback__))
    own = [place for place in places if not place.startswith(_OTHERS)]
    place = f" at {(own or places)[-1]}" if places else ""
    said = _said(error)
    return type(error).__name__ + (f": {said}" if said else "") + place


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
    return str(error).partition("\n")[0]
