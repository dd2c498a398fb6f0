"""From the words of a tree to the fields of a command: parameters, substitutions, splitting, file names.

A generator, because a command substitution runs commands and these may take time.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ....actor.effects import Sleep, Unsupported
from .arithmetic import evaluate
from .tree import Arithmetic, Literal, Parameter, Part, Substitution, Word

if TYPE_CHECKING:
    from .interpreter import Io, Shell

_BLANK = frozenset(" \t\n")
# A field under construction: pieces of text with whether they were quoted.
_Field = list[tuple[str, bool]]


class Unset(Exception):
    """A parameter that must be set is not; what the shell says of it."""


def fields(shell: Shell, words: tuple[Word, ...], io: Io) -> Generator[Any, Any, list[str]]:
    """The arguments that some words amount to."""
    found: list[str] = []
    for word in words:
        if word.constant is not None:
            found.append(word.constant)
            continue
        for field in (yield from _expand(shell, word, io)):
            found.extend(_names(shell, field))
    return found


# Characters. A longer text is memory that a limit may have something against, and takes its time;
# one that doubles in a loop without a limit would take all the memory that this program has.
LONG, LONGEST = 1024 * 1024, 256 * 1024 * 1024
# While a text is put together there is the old one, the one that grows, and where it is put.
COPIES = 2.5
CHARACTERS_A_SECOND = 1e8


def text(shell: Shell, word: Word, io: Io) -> Generator[Any, Any, str]:
    """A word's value where it is not split: assignments, redirections, here-documents."""
    if word.constant is not None:
        return word.constant
    pieces: list[str] = []
    for position, part in enumerate(word.parts):
        pieces.extend((yield from _values(shell, part, io, position == 0)))
    length = sum(map(len, pieces))
    if length > LONG:
        shell.proc.use("text", int(COPIES * length))
        yield Sleep(length / CHARACTERS_A_SECOND)
    if length > LONGEST:
        raise Unsupported(f"a variable of more than {LONGEST} characters")
    return "".join(pieces)


def pattern(shell: Shell, word: Word, io: Io) -> Generator[Any, Any, str]:
    """A word as a pattern of `case` and ${x%…}: what was quoted stands for itself."""
    pieces: list[str] = []
    for part in word.parts:
        for value in (yield from _values(shell, part, io, False)):
            pieces.append(_escaped(value) if part.quoted else value)
    return "".join(pieces)


def matches(value: str, wanted: str) -> bool:
    return fnmatch.fnmatchcase(value, wanted)


def _escaped(value: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in value)


def _expand(shell: Shell, word: Word, io: Io) -> Generator[Any, Any, list[_Field]]:
    result: list[_Field] = []
    current: _Field | None = None
    for position, part in enumerate(word.parts):
        values = yield from _values(shell, part, io, position == 0)
        if isinstance(part, Literal):
            current = [*(current or []), (values[0], part.quoted)]
        elif isinstance(part, Parameter) and part.name == "@" and part.quoted and not part.operator:
            for number, value in enumerate(values):
                if number:
                    result.append(current or [])
                    current = None
                current = [*(current or []), (value, True)]
        elif part.quoted:
            current = [*(current or []), ("".join(values), True)]
        else:
            current = _split("".join(values), current, result)
    if current is not None:
        result.append(current)
    return result


def _split(value: str, current: _Field | None, result: list[_Field]) -> _Field | None:
    """Cut an unquoted expansion at blanks; the first piece continues the field before it."""
    if value and value[0] in _BLANK and current is not None:
        result.append(current)
        current = None
    pieces = value.split()
    for number, piece in enumerate(pieces):
        if number and current is not None:
            result.append(current)
            current = None
        current = [*(current or []), (piece, False)]
    if pieces and value[-1] in _BLANK and current is not None:
        result.append(current)
        current = None
    return current


def _names(shell: Shell, field: _Field) -> list[str]:
    """File names if the field is a pattern that matches any, else the field as it stands."""
    plain = "".join(piece for piece, _ in field)
    if not any(not quoted and set(piece) & set("*?[") for piece, quoted in field):
        return [plain]
    wanted = "".join(_escaped(piece) if quoted else piece for piece, quoted in field)
    found = _glob(shell, wanted)
    return found or [plain]


def _glob(shell: Shell, wanted: str) -> list[str]:
    bases = ["/" if wanted.startswith("/") else ""]
    for part in wanted.strip("/").split("/"):
        following: list[str] = []
        for base in bases:
            directory = shell.proc.path(base or ".")
            if not set(part) & set("*?["):
                name = posixpath.join(base, part)
                if shell.files.exists(shell.proc.path(name)):
                    following.append(name)
                continue
            following.extend(
                posixpath.join(base, name)
                for name in shell.files.names(directory)
                if fnmatch.fnmatchcase(name, part) and (part[0] == "." or name[0] != ".")
            )
        bases = following
    return bases


def _values(shell: Shell, part: Part, io: Io, first: bool) -> Generator[Any, Any, list[str]]:
    """A part's value; several for "$@"."""
    if isinstance(part, Literal):
        if first and not part.quoted and part.text[:1] == "~" and part.text[1:2] not in ("", "/"):
            raise Unsupported(f"the home of {part.text}")
        if first and not part.quoted and (part.text == "~" or part.text.startswith("~/")):
            return [shell.variables.get("HOME", "/root") + part.text[1:]]
        return [part.text]
    if isinstance(part, Substitution):
        return [(yield from shell.capture(part.script, io))]
    if isinstance(part, Arithmetic):
        expression = yield from text(shell, part.expression, io)
        if shell.flavour == "dash" and ("++" in expression or "--" in expression):
            raise Unsupported(f"the arithmetic {expression}, which dash may refuse")
        return [str(evaluate(expression, shell.variables))]
    return (yield from _parameter(shell, part, io))


def _parameter(shell: Shell, part: Parameter, io: Io) -> Generator[Any, Any, list[str]]:
    if part.name in ("@", "*") and not part.operator:
        return list(shell.arguments) if part.name == "@" and part.quoted else [" ".join(shell.arguments)]
    value = shell.value(part.name)
    operator = part.operator
    if operator == "length":
        return [str(len(value or ""))]
    if operator in ("#", "##", "%", "%%"):
        assert part.argument is not None
        wanted = yield from pattern(shell, part.argument, io)
        return [_trimmed(value or "", operator, wanted)]
    if operator:
        assert part.argument is not None
        missing = value is None or (operator[0] == ":" and not value)
        if operator[-1] == "+":
            return [""] if missing else [(yield from text(shell, part.argument, io))]
        if not missing:
            return [value or ""]
        replacement = yield from text(shell, part.argument, io)
        if operator[-1] == "?":
            if not replacement and shell.flavour == "bash":
                raise Unsupported("what bash says of a parameter that is not set")
            why = "parameter not set or null" if operator[0] == ":" else "parameter not set"
            raise Unset(f"{part.name}: {replacement or why}")
        if operator[-1] == "=":
            shell.assign(part.name, replacement)
        return [replacement]
    if value is None and "u" in shell.options and not part.name.isdigit():
        unbound = "unbound variable" if shell.flavour == "bash" else "parameter not set"
        raise Unset(f"{part.name}: {unbound}")
    return [value or ""]


def _trimmed(value: str, operator: str, wanted: str) -> str:
    ends = range(len(value) + 1)
    if operator[0] == "#":
        cuts = [end for end in ends if matches(value[:end], wanted)]
        return value[(max(cuts) if operator == "##" else min(cuts)) :] if cuts else value
    cuts = [end for end in ends if matches(value[end:], wanted)]
    return value[: (min(cuts) if operator == "%%" else max(cuts))] if cuts else value
