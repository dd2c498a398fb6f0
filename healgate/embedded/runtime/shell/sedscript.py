"""A script of sed as commands: what both userlands read alike, and nothing else.

The trap is that they fall out over small things (which characters may delimit, what a backslash makes of a letter), and
a script that is read otherwise here than there edits another file: whatever either does not understand is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ....actor.effects import Unsupported
from . import posix


@dataclass(frozen=True, slots=True)
class Address:
    kind: str  # line, last, match, step, plus
    number: int = 0
    step: int = 0
    pattern: posix.Pattern | None = None


@dataclass(frozen=True, slots=True)
class Substitution:
    pattern: posix.Pattern
    pieces: tuple[str | int, ...]  # texts, and numbers of groups
    number: int
    everywhere: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    addresses: tuple[Address, ...]
    negated: bool
    text: str = ""  # of a, i and c; the label; both sides of y
    number: int = 0  # the exit code of q; where a block ends
    substitution: Substitution | None = None


def _refused(script: str) -> Unsupported:
    return Unsupported(f"sed {script!r}")


@lru_cache(maxsize=256)
def parse(script: str, extended: bool) -> tuple[Command, ...]:
    return tuple(_Parser(script, extended).whole())


class _Parser:
    def __init__(self, script: str, extended: bool) -> None:
        self.script = script
        self.extended = extended
        self.at = 0

    def whole(self) -> list[Command]:
        commands: list[Command] = []
        open_blocks: list[int] = []
        while True:
            self._skip(" \t\n;")
            if self.at >= len(self.script):
                break
            command = self._command()
            if command.name == "}":
                if not open_blocks or command.addresses:
                    raise _refused(self.script)
                start = open_blocks.pop()
                begun = commands[start]
                commands[start] = Command("{", begun.addresses, begun.negated, number=len(commands))
            elif command.name == "{":
                open_blocks.append(len(commands))
            commands.append(command)
        names = {command.name for command in commands}
        if open_blocks or ("t" in names and names & {"n", "N"}):  # whether a new line forgets a replacement differs
            raise _refused(self.script)
        labels = {command.text for command in commands if command.name == ":"}
        if any(command.name in "bt" and command.text and command.text not in labels for command in commands):
            raise _refused(self.script)
        return commands

    def _char(self) -> str:
        return self.script[self.at : self.at + 1]

    def _skip(self, chars: str) -> None:
        while self._char() and self._char() in chars:
            self.at += 1

    def _take(self, expression: str) -> re.Match[str] | None:
        match = re.compile(expression).match(self.script, self.at)
        if match:
            self.at = match.end()
        return match

    # -- addresses

    def _address(self, second: bool) -> Address | None:
        if second and (match := self._take(r"\+(\d+)")):
            return Address("plus", int(match[1]))
        if match := self._take(r"(\d+)(?:~(\d+))?"):
            if match[2] is not None:
                if second or not int(match[2]):
                    raise _refused(self.script)
                return Address("step", int(match[1]), int(match[2]))
            if match[1].strip("0") == "":
                raise _refused(self.script)
            return Address("line", int(match[1]))
        if self._take(r"\$"):
            return Address("last")
        if self._char() == "/":
            self.at += 1
            text = self._delimited("/")
            if not text:
                raise _refused(self.script)
            ignore = self._take("I") is not None
            return Address("match", pattern=posix.pattern(text, self.extended, ignore, True))
        if self._char() in ("\\", "~", "+"):
            raise _refused(self.script)
        return None

    def _until(self, delimiter: str) -> Iterator[tuple[str, bool]]:
        """The characters up to a delimiter, and whether each stands behind a backslash."""
        while (char := self._char()) != delimiter:
            self.at += 1
            behind = char == "\\"
            if behind:
                char = self._char()
                self.at += 1
            if char == "" or (char == "\n" and not behind):
                raise _refused(self.script)
            yield char, behind
        self.at += 1

    def _delimited(self, delimiter: str) -> str:
        """Up to the delimiter, which stands for itself behind a backslash."""
        found: list[str] = []
        for char, behind in self._until(delimiter):
            if behind and char == delimiter and char not in "/,:;@#%!_~\"'=" and not char.isalnum():
                raise _refused(self.script)
            found.append("\\" + char if behind and char != delimiter else char)
        return "".join(found)

    # -- commands

    def _command(self) -> Command:
        first = self._address(False)
        addresses: tuple[Address, ...] = ()
        if first is not None:
            addresses = (first,)
            self._skip(" \t")
            if self._char() == ",":
                self.at += 1
                self._skip(" \t")
                second = self._address(True)
                if second is None or first.kind == "step":
                    raise _refused(self.script)
                addresses = (first, second)
        self._skip(" \t")
        negated = self._take("!") is not None
        self._skip(" \t")
        name = self._char()
        self.at += 1
        return self._named(name, addresses, negated)

    def _named(self, name: str, addresses: tuple[Address, ...], negated: bool) -> Command:
        if name == "{":
            return Command(name, addresses, negated)
        if name == "}":
            self._end()
            return Command(name, addresses, negated)
        if name and name in "=dDgGhHnNpPx":
            self._end()
            return Command(name, addresses, negated)
        if name == "q":
            code = self._take(r"[ \t]*(\d+)")
            self._end()
            if len(addresses) > 1 or (code and int(code[1]) > 255):
                raise _refused(self.script)
            return Command(name, addresses, negated, number=int(code[1]) if code else 0)
        if name == "s":
            substitution = self._substitution()
            self._end()
            return Command(name, addresses, negated, substitution=substitution)
        if name == "y":
            return self._transliteration(addresses, negated)
        if name and name in "bt:":
            match = self._take(r"[ \t]*([A-Za-z0-9_]*)")
            assert match is not None
            if name == ":" and (addresses or not match[1]):
                raise _refused(self.script)
            self._end()
            return Command(name, addresses, negated, text=match[1])
        if name and name in "aic":
            return Command(name, addresses, negated, text=self._text())
        raise _refused(self.script)

    def _end(self) -> None:
        """What may stand behind a command."""
        self._skip(" \t")
        if self._char() not in ("", ";", "\n", "}"):
            raise _refused(self.script)

    def _text(self) -> str:
        """The text of a, i and c: one line, or behind a backslash several."""
        self._skip(" \t")
        if self._take(r"\\\n"):
            pass
        elif self._char() == "\\" or self._char() in ("", "\n", "}"):
            raise _refused(self.script)
        found: list[str] = []
        while self._char() not in ("", "\n"):
            char = self._char()
            self.at += 1
            if char == "\\":
                char = self._char()
                if not char or char.isalnum():
                    raise _refused(self.script)
                self.at += 1
            found.append(char)
        if not found or found[0] in " \t":
            raise _refused(self.script)
        return "".join(found) + "\n"

    def _transliteration(self, addresses: tuple[Address, ...], negated: bool) -> Command:
        delimiter = self._char()
        self.at += 1
        if delimiter in ("", "\\", "\n"):
            raise _refused(self.script)
        sides = [self._delimited(delimiter), self._delimited(delimiter)]
        self._end()
        if len(sides[0]) != len(sides[1]) or "\\" in "".join(sides) or not "".join(sides).isascii():
            raise _refused(self.script)
        if len(set(sides[0])) != len(sides[0]):
            raise _refused(self.script)
        return Command("y", addresses, negated, text="".join(sides))

    def _substitution(self) -> Substitution:
        delimiter = self._char()
        self.at += 1
        if delimiter in ("", "\\", "\n", "&"):
            raise _refused(self.script)
        wanted = self._delimited(delimiter)
        pieces = self._replacement(delimiter)
        flags = self._take("[gpIi0-9]*")
        assert flags is not None
        letters = re.sub(r"\d+", "", flags[0])
        numbers = re.findall(r"\d+", flags[0])
        if len(numbers) > 1 or numbers == ["0"] or any(letters.count(letter) > 1 for letter in "gp") or not wanted:
            raise _refused(self.script)
        ignore = "i" in letters.lower()
        pattern = posix.pattern(wanted, self.extended, ignore, True)
        numbers_used = {piece for piece in pieces if isinstance(piece, int)}
        if max(numbers_used, default=0) > pattern.groups:
            raise _refused(self.script)
        if numbers_used - {0}:
            pattern.referred()
        return Substitution(pattern, tuple(pieces), int(numbers[0]) if numbers else 1, "g" in letters, "p" in letters)

    def _replacement(self, delimiter: str) -> list[str | int]:
        pieces: list[str | int] = []
        for char, behind in self._until(delimiter):
            if not behind:
                pieces.append(0 if char == "&" else char)
            elif char == delimiter:
                if char.isdigit() or char in "ntr":
                    raise _refused(self.script)
                pieces.append(char)
            elif char.isdigit():
                pieces.append(int(char))
            elif char in posix.SED_ESCAPES:
                pieces.append(posix.SED_ESCAPES[char])
            elif char.isalpha():
                raise _refused(self.script)
            else:
                pieces.append(char)
        return pieces
