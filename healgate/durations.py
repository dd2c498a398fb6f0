"""Durations as people write them: "45s", "1m30s", "10ms"; a bare number is refused, since its unit would be a guess."""

from __future__ import annotations

import math
import re

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(value: object) -> float:
    """Seconds. A float passes, since it is what a parsed duration already is."""
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and value:
        parts = _PART.findall(value)
        if "".join(number + unit for number, unit in parts) == value:
            return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    raise ValueError(f'expected a duration like "45s" or "1m30s"; found {value!r}')


def format_duration(seconds: float) -> str:
    """The shortest of the same notation: 12.3s, 1m30s, 2h0m5s."""
    if seconds < 60:
        return f"{round(seconds, 1):g}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"
