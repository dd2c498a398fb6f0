"""How a healer ended, in words."""

from __future__ import annotations


def where_it_raised(error: BaseException) -> str:
    """The exception and the place that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    said = str(error).partition("\n")[0]
    return type(error).__name__ + (f": {said}" if said else "") + place
