"""From the words of a tree to the fields of a command: parameters, substitutions, splitting, file names.

A generator, because a command substitution runs commands and these may take time. The trap is what was quoted where:
in ${x:-"a b"} the quotes count inside the braces, and in "${x#*/}" those around them do not.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ....actor.effects import Sleep, Unsupported
from .arithmetic import evaluate
from .splitting import Edge, Field, Fields, Piece, Values, joined, separators
from .tree import Arithmetic, Literal, Parameter, Part, Substitution, Word

if TYPE_CHECKING:
    from .interpreter import Io, Shell


_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


class BadExpansion(Exception):
    """A parameter that must be set is not, or nobody knows what is asked of it; what the shell says of it."""


def fields(shell: Shell, words: tuple[Word, ...], io: Io) -> Generator[Any, Any, list[str]]:
    """The arguments that some words amount to."""
    found: list[str] = []
    for word in words:
        if word.constant is not None:
            found.append(word.constant)
            continue
        if found and found[0] in DECLARES and _assigns(word):
            found.append((yield from text(shell, word, io)))
            continue
        fields = Fields(separators(shell.variables))
        for position, part in enumerate(word.parts):
            fields.add((yield from _values(shell, part, io, first=position == 0)))
        for field in fields.finish():
            found.extend(_names(shell, field))
    return found


# Commands whose arguments are assignments: what they assign is not split.
DECLARES = ("export", "local", "readonly")


def _assigns(word: Word) -> bool:
    first = word.parts[0]
    return isinstance(first, Literal) and not first.quoted and _ASSIGNMENT.match(first.text) is not None


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
        pieces.append(joined((yield from _values(shell, part, io, first=position == 0))))
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
        for one in (yield from _values(shell, part, io)):
            value = one.text if isinstance(one, Piece) else one.otherwise
            pieces.append(_escaped(value) if isinstance(one, Piece) and one.quoted else value)
    return "".join(pieces)


def matches(value: str, wanted: str) -> bool:
    return fnmatch.fnmatchcase(value, wanted)


def _escaped(value: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in value)


def _names(shell: Shell, field: Field) -> list[str]:
    """File names if the field is a pattern that matches any, else the field as it stands."""
    plain = "".join(piece for piece, _ in field)
    if "f" in shell.options or not any(not quoted and set(piece) & set("*?[") for piece, quoted in field):
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


def _values(
    shell: Shell, part: Part, io: Io, *, first: bool = False, inside: bool = False
) -> Generator[Any, Any, Values]:
    """What a part amounts to. `inside`: in the braces of an expansion that splits, as its other words then do."""
    if isinstance(part, Literal):
        if first and not part.quoted and part.text[:1] == "~" and part.text[1:2] not in ("", "/"):
            raise Unsupported(f"the home of {part.text}")
        if first and not part.quoted and (part.text == "~" or part.text.startswith("~/")):
            return [Piece(shell.variables.get("HOME", "/root") + part.text[1:], False)]
        return [Piece(part.text, part.quoted, inside)]
    if isinstance(part, Substitution):
        value = yield from shell.capture(part.script, io)
    elif isinstance(part, Arithmetic):
        expression = yield from text(shell, part.expression, io)
        value = str(evaluate(expression, shell.variables, shell.flavour))
    else:
        return (yield from _parameter(shell, part, io))
    return [Piece(value, part.quoted, splits=True)]


def _parameter(shell: Shell, part: Parameter, io: Io) -> Generator[Any, Any, Values]:
    operator = part.operator
    if part.name in ("@", "*"):
        if not operator or (operator[-1] in "-=?+" and (shell.arguments or operator[0] != ":")):
            if operator and operator[-1] == "+":
                return (yield from _word_inside(shell, part, io))
            return _arguments(shell, part)
        if operator not in (":-", ":+"):
            raise Unsupported(f"${{{part.name}{operator}…}}")
    value = shell.value(part.name)
    if operator[-1:] in ("-", "=", "?", "+") and operator:
        missing = value is None or (operator[0] == ":" and not value)
        if missing != (operator[-1] != "+"):
            return [] if operator[-1] == "+" and not part.quoted else [_piece(part, "" if missing else value or "")]
        return (yield from _replacement(shell, part, io))
    if value is None and "u" in shell.options:
        raise BadExpansion(_unset(part.name, shell.flavour))
    if not operator:
        return [_piece(part, value or "")]
    return [_piece(part, (yield from _altered(shell, part, value or "", io)))]


def _unset(name: str, flavour: str) -> str:
    if flavour == "bash":
        return f"{'$' if name.isdigit() else ''}{name}: unbound variable"
    return f"{name}: parameter not set"


def _piece(part: Parameter, value: str) -> Piece:
    return Piece(value, part.quoted, splits=True)


def _arguments(shell: Shell, part: Parameter) -> Values:
    """$@ and $*."""
    between = separators(shell.variables)[:1]
    if part.name == "*" and part.quoted:
        return [Piece(between.join(shell.arguments), True)]
    edge = Edge(" " if part.name == "@" and shell.flavour == "bash" else between)
    return [one for argument in shell.arguments for one in (edge, _piece(part, argument))][1:]


def _word_inside(shell: Shell, part: Parameter, io: Io) -> Generator[Any, Any, Values]:
    """What stands behind the operator."""
    assert part.argument is not None
    found: Values = []
    for each in part.argument.parts:
        found.extend((yield from _values(shell, each, io, inside=not part.quoted)))
    return found if found or not part.quoted else [Piece("", True)]


def _replacement(shell: Shell, part: Parameter, io: Io) -> Generator[Any, Any, Values]:
    """What stands for a parameter that is missing, or for one that is not."""
    values = yield from _word_inside(shell, part, io)
    operator = part.operator
    if operator[-1] == "?":
        why = joined(values)
        null = "null or not set" if shell.flavour == "bash" else "not set or null"
        default = f"parameter {null}" if operator[0] == ":" else "parameter not set"
        raise BadExpansion(f"{part.name}: {why or default}")
    if operator[-1] == "=":
        shell.assign(part.name, joined(values))
        return [_piece(part, joined(values))]
    return values


def _altered(shell: Shell, part: Parameter, value: str, io: Io) -> Generator[Any, Any, str]:
    """${#x}, and x without something, with something else in it, or a part of it."""
    operator = part.operator
    if operator == "length":
        return str(len(value))
    if operator in (":", "/", "//") and shell.flavour == "dash":
        raise BadExpansion("Bad substitution")
    assert part.argument is not None
    if operator == ":":
        return (yield from _cut_out(shell, part, value, io))
    wanted = yield from pattern(shell, part.argument, io)
    if operator[0] != "/":
        return _trimmed(value, operator, wanted)
    instead = (yield from text(shell, part.second, io)) if part.second is not None else ""
    return _replaced(value, wanted, instead, everywhere=operator == "//")


def _cut_out(shell: Shell, part: Parameter, value: str, io: Io) -> Generator[Any, Any, str]:
    """${x:from} and ${x:from:length}; what is negative counts from the end."""
    assert part.argument is not None
    begin = evaluate((yield from text(shell, part.argument, io)), shell.variables, shell.flavour)
    if begin < 0:
        begin += len(value)
        if begin < 0:
            return ""
    if part.second is None:
        return value[begin:]
    length = evaluate((yield from text(shell, part.second, io)), shell.variables, shell.flavour)
    if length >= 0:
        return value[begin : begin + length]
    if len(value) + length < begin:
        raise Unsupported("a part of negative length")
    return value[begin : len(value) + length]


def _replaced(value: str, wanted: str, instead: str, everywhere: bool) -> str:
    """The longest match at the first place that has one, or at each."""
    if not wanted:
        return value
    found, at = "", 0
    while at < len(value):
        end = next((end for end in range(len(value), at, -1) if matches(value[at:end], wanted)), None)
        if end is None:
            found, at = found + value[at], at + 1
            continue
        found, at = found + instead, end
        if not everywhere:
            break
    return found + value[at:]


def _trimmed(value: str, operator: str, wanted: str) -> str:
    ends = range(len(value) + 1)
    if operator[0] == "#":
        cuts = [end for end in ends if matches(value[:end], wanted)]
        return value[(max(cuts) if operator == "##" else min(cuts)) :] if cuts else value
    cuts = [end for end in ends if matches(value[end:], wanted)]
    return value[: (min(cuts) if operator == "%%" else max(cuts))] if cuts else value
