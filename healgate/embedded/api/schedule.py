"""Cron schedules: five fields, the usual names, @hourly and its like, @every so often, in a time zone.

The trap is a day: where neither day field is a star, a day that meets one of them is enough, and */2 is no star.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_Bounds = tuple[int, int, dict[str, int]]
_BOUNDS: tuple[_Bounds, ...] = ((0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, _MONTHS), (0, 6, _DAYS))
FAR = timedelta(days=5 * 366)


_EVERY = "@every "
_DURATION = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|ms|s|m|h))+")
_PART = re.compile(r"([0-9.]+)([a-zµ]+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Unparseable(ValueError):
    """Not a schedule; the text says why."""


@dataclass(frozen=True)
class Every:
    """So many seconds after the last time, whenever that was."""

    seconds: int

    def after(self, when: float) -> float:
        return float(int(when) + self.seconds)


@dataclass(frozen=True)
class Calendar:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    zone: tzinfo

    def after(self, when: float) -> float | None:
        """The first time behind `when`; None if there is none for years."""
        moment = datetime.fromtimestamp(when, self.zone).replace(second=0, microsecond=0) + timedelta(minutes=1)
        last = moment + FAR
        while moment < last:
            if moment.month not in self.months or not self._is_day(moment):
                moment = (moment + timedelta(days=1)).replace(hour=0, minute=0)
            elif moment.hour not in self.hours:
                moment = (moment + timedelta(hours=1)).replace(minute=0)
            elif moment.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment.timestamp()
        return None

    def _is_day(self, moment: datetime) -> bool:
        day, weekday = moment.day in self.days, moment.isoweekday() % 7 in self.weekdays
        return day and weekday if self.any_day or self.any_weekday else day or weekday


Schedule = Calendar | Every


def parse(text: str, zone: str | None = None) -> Schedule:
    """Raises Unparseable, and ZoneInfoNotFoundError for a zone that nobody knows."""
    place: tzinfo = ZoneInfo(zone) if zone else UTC
    if text.startswith(_EVERY):
        return Every(_duration(text))
    if text.startswith("@") and text not in _MACROS:
        raise Unparseable(f"unrecognized descriptor: {text}")
    fields = _MACROS.get(text, text).split()
    if len(fields) != 5:
        raise Unparseable(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    values = [_field(field, *bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)]
    free = [any(map(_is_star, field.split(","))) for field in fields]
    return Calendar(values[0], values[1], values[2], values[3], values[4], free[2], free[4], place)


def _duration(text: str) -> int:
    """Whole seconds, at least one."""
    told = text.removeprefix(_EVERY)
    if not _DURATION.fullmatch(told):
        raise Unparseable(f'failed to parse duration {text}: time: invalid duration "{told}"')
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(told))
    return max(1, int(-seconds if told.startswith("-") else seconds))


def _is_star(part: str) -> bool:
    span, _, step = part.partition("/")
    return span.partition("-")[0] in ("*", "?") and step in ("", "1")


def _field(text: str, least: int, most: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if first in ("*", "?"):
            low, high = least, most
        else:
            low = _number(first, names)
            high = _number(last, names) if dash else most if slash else low
        every = _number(step, {}) if slash else 1
        if low < least:
            raise Unparseable(f"beginning of range ({low}) below minimum ({least}): {part}")
        if high > most:
            raise Unparseable(f"end of range ({high}) above maximum ({most}): {part}")
        if low > high:
            raise Unparseable(f"beginning of range ({low}) beyond end of range ({high}): {part}")
        if every == 0:
            raise Unparseable(f"step of range should be a positive number: {part}")
        found.update(range(low, high + 1, every))
    return frozenset(found)


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isdecimal():
        raise Unparseable(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
