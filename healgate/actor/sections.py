"""Reading a profile strictly: every error names the file and the key, and no key is passed over in silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}


class ProfileError(Exception):
    """A profile says something that nobody understands."""


def size(value: Any) -> int:
    """Bytes of 4096 or "48Mi"."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = re.fullmatch(r"(\d+)([KMG]i?)?", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a size like 48Mi")
    return int(match[1]) * _UNITS[match[2] or ""]


def seconds(value: Any) -> float:
    """Seconds of 0.5 or "10s"."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration like 10s")
    return float(match[1]) * {"ms": 0.001, "s": 1, "m": 60}[match[2]]


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text (numbers in quotes)")
    return value


def number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a whole number")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("a list of texts")
    return tuple(value)


def one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError("one of " + ", ".join(words))
        return str(value)

    return read


class Section:
    """A mapping of a profile. Every key must be taken, then `done` finds those that nobody knows."""

    def __init__(self, source: str, path: str, data: Any) -> None:
        self.source = source
        self.path = path
        if not isinstance(data, Mapping):
            raise self._error("", "a mapping", data)
        self._left: dict[str, Any] = dict(data)
        self._known: list[str] = []

    def _error(self, key: str, expected: str, found: Any) -> ProfileError:
        where = ".".join(part for part in (self.path, key) if part) or "the top"
        return ProfileError(f"{self.source}: {where}: expected {expected}, found {found!r}")

    def take(self, key: str, read: Callable[[Any], T], default: T | None = None) -> T:
        self._known.append(key)
        if key not in self._left:
            if default is None:
                raise ProfileError(f"{self.source}: {self.path or 'the top'}: the key {key} is missing")
            return default
        value = self._left.pop(key)
        try:
            return read(value)
        except ValueError as problem:
            raise self._error(key, str(problem), value) from None

    def section(self, key: str) -> Section | None:
        if not self._offer(key):
            return None
        return Section(self.source, f"{self.path}.{key}" if self.path else key, self._left.pop(key))

    def table(self, key: str, read: Callable[[Any], T]) -> dict[str, T]:
        """A mapping of free names to values of one type."""
        inner = self.section(key)
        return {name: inner.take(name, read) for name in list(inner._left)} if inner else {}

    def sections(self, key: str) -> Iterator[tuple[str, Section]]:
        inner = self.section(key)
        for name in list(inner._left) if inner else ():
            assert inner is not None
            yield name, Section(inner.source, f"{inner.path}.{name}", inner._left.pop(name))

    def refuse(self, key: str, expected: str, found: Any) -> ProfileError:
        return self._error(key, expected, found)

    def done(self) -> None:
        for key in self._left:
            raise ProfileError(
                f"{self.source}: {self.path or 'the top'}: unknown key {key} (known: {', '.join(sorted(self._known))})"
            )

    def _offer(self, key: str) -> bool:
        self._known.append(key)
        return key in self._left
