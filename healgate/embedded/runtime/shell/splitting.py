"""How a text falls apart at the characters of IFS: what an expansion brought, and a line that `read` reads.

Blanks among these characters gather and vanish at the edges; every other one ends a field, even an empty one. The
trap is quoting: what was quoted never falls apart, and a quoted nothing is a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

BLANK = " \t\n"


class Piece(NamedTuple):
    """A part of a word's value."""

    text: str
    quoted: bool  # it stands for itself: no field ends in it, and it is no pattern
    splits: bool = False  # an expansion brought it, so fields may end in it


class Edge(NamedTuple):
    """Between two positional parameters, each of which is a field."""

    otherwise: str  # what stands here where nothing is split


Values = list[Piece | Edge]
# A field: its texts, with whether each was quoted.
Field = list[tuple[str, bool]]


def separators(variables: Mapping[str, str]) -> str:
    return variables.get("IFS", BLANK)


def joined(values: Values) -> str:
    """Where nothing is split: an assignment, a redirection, a here-document."""
    return "".join(one.text if isinstance(one, Piece) else one.otherwise for one in values)


class Fields:
    """Fields under construction."""

    def __init__(self, ifs: str) -> None:
        self._blank = set(ifs) & set(BLANK)
        self._ends = set(ifs) - self._blank
        self.done: list[Field] = []
        self._current: Field | None = None
        self._after_blank = False  # a field ended at a blank, and a separator behind it belongs to the same end

    def add(self, values: Iterable[Piece | Edge]) -> None:
        for one in values:
            if isinstance(one, Edge):
                self._end()
            elif one.splits and not one.quoted:
                self._fall_apart(one.text)
            elif one.text or one.quoted:
                self._grow(one.text, one.quoted)

    def finish(self) -> list[Field]:
        self._end()
        return self.done

    def _grow(self, text: str, quoted: bool) -> None:
        self._after_blank = False
        self._current = [*(self._current or []), (text, quoted)]

    def _end(self, even_empty: bool = False) -> None:
        if self._current is not None or even_empty:
            self.done.append(self._current or [])
        self._current = None

    def _fall_apart(self, text: str) -> None:
        begin = 0
        for at, char in enumerate(text):
            if char not in self._blank and char not in self._ends:
                continue
            if at > begin:
                self._grow(text[begin:at], False)
            begin = at + 1
            if char in self._blank:
                self._after_blank = self._after_blank or self._current is not None
                self._end()
            else:
                self._end(even_empty=not self._after_blank)
                self._after_blank = False
        if begin < len(text):
            self._grow(text[begin:], False)


class Line:
    """A line that `read` cuts up for its variables; unless it is raw, a backslash quotes what follows it."""

    def __init__(self, text: str, ifs: str, raw: bool) -> None:
        self._blank = set(ifs) & set(BLANK)
        self._ifs = ifs
        self._chars: list[tuple[str, bool]] = []  # with whether each may separate
        quoted = False
        for char in text:
            if char == "\\" and not raw and not quoted:
                quoted = True
                continue
            self._chars.append((char, not quoted))
            quoted = False
        self._at = 0

    def for_names(self, count: int) -> list[str]:
        """The last one gets what is left."""
        self._skip_blanks()
        found = [self._field() for _ in range(count - 1)]
        rest = self._trimmed(self._chars[self._at :])
        if [number for number in range(len(rest)) if self._separates(rest[number])] == [len(rest) - 1]:
            rest = self._trimmed(rest[:-1])  # one field and what ends it
        return [*found, "".join(char for char, _ in rest)]

    def whole(self) -> str:
        return "".join(char for char, _ in self._chars)

    def _field(self) -> str:
        begin = self._at
        while self._at < len(self._chars) and not self._separates(self._chars[self._at]):
            self._at += 1
        end = self._at
        self._skip_blanks()
        if self._at < len(self._chars) and self._separates(self._chars[self._at]):
            self._at += 1
            self._skip_blanks()
        return "".join(char for char, _ in self._chars[begin:end])

    def _separates(self, one: tuple[str, bool]) -> bool:
        return one[1] and one[0] in self._ifs

    def _skip_blanks(self) -> None:
        while self._at < len(self._chars) and self._chars[self._at][1] and self._chars[self._at][0] in self._blank:
            self._at += 1

    def _trimmed(self, chars: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
        end = len(chars)
        while end and chars[end - 1][1] and chars[end - 1][0] in self._blank:
            end -= 1
        return chars[:end]
