"""Commands that turn text into other text: cut, tr, uniq, tac, rev, nl, expr, base64 and the checksums.

Scripts lean on their smallest habits. The traps are what BusyBox and GNU say differently, and a last line without its
newline, which some give one and others leave as it is.
"""

from __future__ import annotations

import base64 as base64_
import binascii
import hashlib
import re
from collections.abc import Callable

from ....actor.effects import Program, Unsupported
from ..container import Proc
from . import posix
from .filetools import Tool, inputs, lines, opened, options, plain, quoted

_ALL = [chr(code) for code in range(128)]  # what `tr -c` takes the complement in
_TR_CLASSES: dict[str, Callable[[str], bool]] = {
    "alpha": str.isalpha,
    "digit": str.isdigit,
    "alnum": str.isalnum,
    "upper": str.isupper,
    "lower": str.islower,
    "space": lambda char: char in "\t\n\v\f\r ",
    "blank": lambda char: char in "\t ",
    "punct": lambda char: "!" <= char <= "~" and not char.isalnum(),
    "xdigit": lambda char: char in "0123456789ABCDEFabcdef",
}
_TR_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "f": "\f", "v": "\v", "a": "\a", "b": "\b"}


def _ascii(tool: str, *texts: str) -> None:
    """Refuse text in which bytes and characters differ: the images do not agree which of them a command sees."""
    if not all(text.isascii() for text in texts):
        raise Unsupported(f"{tool} of a text beyond ASCII")


def _ended(line: str) -> str:
    return line if line.endswith("\n") else line + "\n"


# -- cut


def cut(proc: Proc, args: list[str]) -> int:
    found, names = options("cut", args, "s", "dfcb")
    by = [letter for letter in "fcb" if letter in found]
    if len(by) != 1 or (by != ["f"] and ("d" in found or "s" in found)):
        raise Unsupported(f"cut {' '.join(args)}")
    delimiter = found.get("d", "\t")
    if len(delimiter) != 1 or delimiter == "\n":
        raise Unsupported(f"cut -d {delimiter!r}")
    _ascii("cut", delimiter)
    wanted = _ranges(found[by[0]])
    texts, code = inputs(proc, "cut", names)
    for line in lines("".join(_ended(text) if text else "" for text in texts)):
        text = line.rstrip("\n")
        if plain(proc) and len(wanted) > 1 and max(wanted)[0] > text.count(delimiter) + 1 > 1:
            raise Unsupported("cut of several ranges from fewer fields")  # whether a delimiter ends them differs
        if plain(proc) and "s" in found and not text:
            raise Unsupported("cut -s of an empty line")
        proc.emit(_cut(text, by[0], delimiter, wanted, "s" in found))
    return code


def _cut(line: str, by: str, delimiter: str, wanted: list[tuple[int, int | None]], only: bool) -> str:
    if by == "f":
        fields = line.split(delimiter)
        if len(fields) == 1:
            return "" if only else line + "\n"
        return delimiter.join(_chosen(fields, wanted)) + "\n"
    _ascii("cut -" + by, line)
    return "".join(_chosen(list(line), wanted)) + "\n"


def _ranges(text: str) -> list[tuple[int, int | None]]:
    """From and to (None: the end), counted from 1."""
    found: list[tuple[int, int | None]] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d*)(-?)(\d*)", part)
        if match is None or part in ("", "-"):
            raise Unsupported(f"cut of {text!r}")
        first = int(match[1] or 1)
        last = (int(match[3]) if match[3] else None) if match[2] else first
        if first == 0 or (last is not None and last < first):
            raise Unsupported(f"cut of {text!r}")
        found.append((first, last))
    return found


def _chosen(items: list[str], wanted: list[tuple[int, int | None]]) -> list[str]:
    return [
        item
        for number, item in enumerate(items, 1)
        if any(first <= number and (last is None or number <= last) for first, last in wanted)
    ]


# -- tr


def tr(proc: Proc, args: list[str]) -> int:
    found, sets = options("tr", args, "cCds")
    complement = "c" in found or "C" in found
    delete, squeeze = "d" in found, "s" in found
    if len(sets) != (2 if delete == squeeze else 1) and not (squeeze and not delete and len(sets) == 2):
        raise Unsupported(f"tr {' '.join(args)}")
    text = proc.stdin.rest()
    _ascii("tr", text, *sets)
    first = _set(sets[0])
    if complement:
        first = [char for char in _ALL if char not in first]
    second = _set(sets[1]) if len(sets) == 2 else []
    if delete:
        gone = frozenset(first)
        text = "".join(char for char in text if char not in gone)
    elif len(sets) == 2:
        _check_translation(sets, complement, second)
        longer = second + second[-1:] * (len(first) - len(second))
        table: dict[str, str] = {}
        for one, other in zip(first, longer, strict=False):
            table[one] = other
        text = "".join(table.get(char, char) for char in text)
    if squeeze:
        text = _squeezed(text, frozenset(second if len(sets) == 2 else first))
    proc.emit(text)
    return 0


def _check_translation(sets: list[str], complement: bool, second: list[str]) -> None:
    classes = re.findall(r"\[:(\w+):\]", sets[1])
    odd = any(name not in ("upper", "lower") for name in classes)
    if not second or odd or (complement and len(second) != 1):
        raise Unsupported(f"tr {' '.join(sets)}")
    if classes and not all(re.fullmatch(r"\[:(upper|lower):\]", each) for each in sets):
        raise Unsupported(f"tr {' '.join(sets)}")


def _squeezed(text: str, chars: frozenset[str]) -> str:
    kept: list[str] = []
    for char in text:
        if char not in chars or not kept or kept[-1] != char:
            kept.append(char)
    return "".join(kept)


def _set(text: str) -> list[str]:
    """The characters of one of tr's sets, in order."""
    found: list[str] = []
    at = 0
    while at < len(text):
        match = re.compile(r"\[:([a-z]+):\]").match(text, at)
        if match:
            if match[1] not in _TR_CLASSES:
                raise Unsupported(f"tr {text}")
            found.extend(char for char in _ALL if _TR_CLASSES[match[1]](char))
            at = match.end()
            continue
        if text[at] == "[" and re.compile(r"\[(=|:|.\*|\\)").match(text, at):
            raise Unsupported(f"tr {text}")
        low, at = _char(text, at)
        if text[at : at + 1] == "-" and at + 1 < len(text):
            if text[at + 1] == "[":
                raise Unsupported(f"tr {text}")
            high, at = _char(text, at + 1)
            if low > high:
                raise Unsupported(f"tr {text}")
            found.extend(chr(code) for code in range(ord(low), ord(high) + 1))
        else:
            found.append(low)
    return found


def _char(text: str, at: int) -> tuple[str, int]:
    if text[at] != "\\":
        return text[at], at + 1
    match = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL).match(text, at)
    if match is None:
        raise Unsupported(f"tr {text}")
    if match[1][0] in "01234567":
        code = int(match[1], 8)
        if code > 127:
            raise Unsupported(f"tr {text}")
        return chr(code), match.end()
    if match[1] not in _TR_ESCAPES:
        raise Unsupported(f"tr {text}")
    return _TR_ESCAPES[match[1]], match.end()


# -- whole lines


def uniq(proc: Proc, args: list[str]) -> int:
    found, names = options("uniq", args, "cdui")
    if len(names) > 1:
        raise Unsupported(f"uniq {' '.join(args)}")
    texts, code = inputs(proc, "uniq", names)
    if code:
        return code
    groups: list[tuple[str, int]] = []
    for line in lines("".join(texts)):
        text = line.rstrip("\n")
        if "i" in found:
            _ascii("uniq -i", text)
        last = groups[-1] if groups else None
        if last is not None and (last[0] == text or ("i" in found and last[0].lower() == text.lower())):
            groups[-1] = (last[0], last[1] + 1)
        else:
            groups.append((text, 1))
    for text, count in groups:
        if (count == 1 and "d" in found) or (count > 1 and "u" in found):
            continue
        proc.emit(f"{count:7} {text}\n" if "c" in found else f"{text}\n")
    return 0


def tac(proc: Proc, args: list[str]) -> int:
    _, names = options("tac", args, "")
    texts, code = inputs(proc, "tac", names)
    if len(texts) > 1 and not plain(proc):
        proc.emit("".join("".join(reversed(lines(text))) for text in texts))
        return code
    if len(texts) > 1:
        raise Unsupported("tac of several files")
    proc.emit("".join(reversed(lines("".join(texts)))))
    return code


def rev(proc: Proc, args: list[str]) -> int:
    _, names = options("rev", args, "")
    texts, code = inputs(proc, "rev", names)
    for line in lines("".join(texts)):
        _ascii("rev", line)
        text = line.rstrip("\n")
        proc.emit(text[::-1] + line[len(text) :])
    return code


def nl(proc: Proc, args: list[str]) -> int:
    found, names = options("nl", args, "", "bwsv")
    if found.get("b", "t") not in ("a", "t", "n"):
        raise Unsupported(f"nl {' '.join(args)}")
    width, separator, number = int(found.get("w", "6")), found.get("s", "\t"), int(found.get("v", "1"))
    texts, code = inputs(proc, "nl", names)
    for line in lines("".join(texts)):
        text = line.rstrip("\n")
        if text in ("\\:", "\\:\\:", "\\:\\:\\:"):
            raise Unsupported("nl of pages")
        if found.get("b", "t") == "a" or (found.get("b", "t") == "t" and text):
            proc.emit(f"{number:{width}}{separator}{text}\n")
            number += 1
        else:
            proc.emit(" " * (width + len(separator)) + text + "\n")
    return code


# -- encodings and checksums


def base64(proc: Proc, args: list[str]) -> int:
    found, names = options("base64", ["-d" if arg == "--decode" and not plain(proc) else arg for arg in args], "d", "w")
    if len(names) > 1:
        raise Unsupported(f"base64 {' '.join(args)}")
    data = opened(proc, "base64", names[0] if names else "-")
    if data is None:
        return 1
    if "d" in found:
        try:
            decoded = base64_.b64decode(b"".join(data.split(b"\n")), validate=True)
        except binascii.Error as problem:
            raise Unsupported("base64 -d of what is none") from problem
        proc.emit(decoded.decode())
        return 0
    width = int(found.get("w", "76"))
    text = base64_.b64encode(data).decode()
    if width:
        text = "".join(text[at : at + width] + "\n" for at in range(0, len(text), width))
    proc.emit(text)
    return 0


def _sum(name: str, make: Callable[[bytes], str]) -> Tool:
    def run(proc: Proc, args: list[str]) -> int:
        found, names = options(name, args, "c")
        if "c" in found:
            return _checked(proc, name, make, names)
        code = 0
        for each in names or ["-"]:
            data = opened(proc, name, each)
            if data is None:
                code = 1
            elif re.search(r"[\\\n]", each):
                raise Unsupported(f"{name} of a file with such a name")
            else:
                proc.emit(f"{make(data)}  {each}\n")
        return code

    return run


def _checked(proc: Proc, name: str, make: Callable[[bytes], str], names: list[str]) -> int:
    texts, code = inputs(proc, name, names[:1])
    if len(names) > 1 or code:
        raise Unsupported(f"{name} -c {' '.join(names)}")
    failed = total = 0
    for line in lines("".join(texts)):
        match = re.fullmatch(r"([0-9a-f]+)  ([^\\\n]+)\n?", line)
        if match is None or len(match[1]) != len(make(b"")) or not proc.box.files.is_file(proc.path(match[2])):
            raise Unsupported(f"{name} -c of the line {line!r}")
        data = opened(proc, name, match[2])
        right = data is not None and make(data) == match[1]
        proc.emit(f"{match[2]}: {'OK' if right else 'FAILED'}\n")
        total += 1
        failed += not right
    if not total:
        raise Unsupported(f"{name} -c of nothing")
    if failed and plain(proc):
        proc.emit(f"{name}: WARNING: {failed} of {total} computed checksums did NOT match\n", True)
    elif failed:
        words = "checksum" if failed == 1 else "checksums"
        proc.emit(f"{name}: WARNING: {failed} computed {words} did NOT match\n", True)
    return 1 if failed else 0


# -- expr


class _Wrong(Exception):
    """What expr says of its arguments."""


class _Expression:
    """Precedence climbing over the arguments."""

    def __init__(self, proc: Proc, args: list[str]) -> None:
        self.proc = proc
        self.args = args
        self.at = 0

    def _holds(self, value: str) -> bool:
        if plain(self.proc):
            return value not in ("", "0")
        return value != "" and not (_is_number(value) and int(value) == 0)

    def whole(self) -> tuple[str, bool]:
        """The value, and whether it counts as true."""
        value = self._either()
        if self.at < len(self.args):
            raise self._syntax(f"unexpected argument {quoted(self.proc, self.args[self.at])}")
        return value, self._holds(value)

    def _syntax(self, gnu: str) -> _Wrong:
        return _Wrong("syntax error" if plain(self.proc) else f"syntax error: {gnu}")

    def _next(self) -> str | None:
        return self.args[self.at] if self.at < len(self.args) else None

    def _level(self, operators: tuple[str, ...], inner: Callable[[], str], join: Callable[[str, str, str], str]) -> str:
        value = inner()
        while (operator := self._next()) in operators:
            assert operator is not None
            self.at += 1
            try:
                right = inner()
            except _Wrong as problem:
                if operator in ("|", "&") and not plain(self.proc):
                    raise Unsupported(f"expr {' '.join(self.args)}") from problem  # it may not look there at all
                raise
            value = join(operator, value, right)
        return value

    def _either(self) -> str:
        return self._level(("|",), self._both, lambda _, a, b: a if self._holds(a) else b if self._holds(b) else "0")

    def _both(self) -> str:
        return self._level(("&",), self._compared, lambda _, a, b: a if self._holds(a) and self._holds(b) else "0")

    def _compared(self) -> str:
        return self._level(("<", "<=", "=", "==", "!=", ">=", ">"), self._sum, self._compare)

    def _known(self, *values: str) -> None:
        """Refuse what BusyBox takes for a number and GNU does not."""
        if plain(self.proc) and any(re.match(r"[\s+]|-$|-?0.", value) for value in values):
            raise Unsupported(f"expr {' '.join(self.args)}")

    def _compare(self, operator: str, a: str, b: str) -> str:
        self._known(a, b)
        sides: tuple[int, int] | tuple[bytes, bytes] = a.encode(), b.encode()
        if _is_number(a) and _is_number(b):
            sides = int(a), int(b)
        left, right = sides
        order = (left > right) - (left < right)  # type: ignore[operator]
        found = {
            "<": order < 0,
            "<=": order <= 0,
            "=": order == 0,
            "==": order == 0,
            "!=": order != 0,
            ">=": order >= 0,
            ">": order > 0,
        }[operator]
        return str(int(found))

    def _sum(self) -> str:
        return self._level(("+", "-"), self._product, self._calculate)

    def _product(self) -> str:
        return self._level(("*", "/", "%"), self._matched, self._calculate)

    def _calculate(self, operator: str, a: str, b: str) -> str:
        self._known(a, b)
        if not (_is_number(a) and _is_number(b)):
            raise _Wrong("non-numeric argument" if plain(self.proc) else "non-integer argument")
        left, right = int(a), int(b)
        if operator in "/%" and right == 0:
            raise _Wrong("division by zero")
        if operator in "+-*":
            found = {"+": left + right, "-": left - right, "*": left * right}[operator]
        else:
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            found = quotient if operator == "/" else left - quotient * right
        if abs(found) >= 2**63:
            raise Unsupported("expr with numbers of that size")
        return str(found)

    def _matched(self) -> str:
        return self._level((":",), self._word, lambda _, a, b: _matched(a, b))

    def _word(self) -> str:
        token = self._next()
        if token is None:
            if not self.at:
                raise self._syntax("")
            raise self._syntax(f"missing argument after {quoted(self.proc, self.args[self.at - 1])}")
        self.at += 1
        if token == "(":
            value = self._either()
            if self._next() != ")":
                after = quoted(self.proc, self.args[self.at - 1])
                if self._next() is not None:
                    raise Unsupported(f"expr {' '.join(self.args)}")
                raise self._syntax(f"expecting ')' after {after}")
            self.at += 1
            return value
        if token == ")":
            raise self._syntax("unexpected ')'")
        if token in ("length", "match", "index", "substr", "quote", "+"):
            return self._function(token)
        return token

    def _function(self, name: str) -> str:
        count = {"length": 1, "match": 2, "index": 2, "substr": 3}.get(name, 0)
        if not count or self.at + count > len(self.args):
            raise Unsupported(f"expr {' '.join(self.args)}")
        values = [self._word() for _ in range(count)]
        if name == "match":
            return _matched(values[0], values[1])
        _ascii("expr", *values)
        if name == "length":
            return str(len(values[0]))
        if name == "index":
            return str(min((values[0].index(char) + 1 for char in values[1] if char in values[0]), default=0))
        if not (_is_number(values[1]) and _is_number(values[2])):
            raise Unsupported(f"expr {' '.join(self.args)}")
        first, size = int(values[1]), int(values[2])
        return values[0][first - 1 : first - 1 + size] if first > 0 and size > 0 else ""


def _is_number(value: str) -> bool:
    return re.fullmatch(r"-?\d+", value) is not None and len(value) < 20


def _matched(text: str, expression: str) -> str:
    """`:`: how much the expression matches from the start, or what its first group does."""
    if expression.startswith("^"):
        raise Unsupported(f"expr : {expression}")
    pattern = posix.pattern(expression, False)
    found = pattern.search(text, at_start=True)
    if pattern.groups:
        pattern.referred()
        return (found[1] or "") if found else ""
    _ascii("expr", text)
    return str(found.end() if found else 0)


def expr(proc: Proc, args: list[str]) -> int:
    if args[:1] == ["--"]:
        args = args[1:]
        if plain(proc):
            raise Unsupported("expr --")
    if not args or args[0].startswith("--"):
        raise Unsupported(f"expr {' '.join(args)}")
    try:
        value, holds = _Expression(proc, args).whole()
    except _Wrong as problem:
        proc.emit(f"expr: {problem}\n", True)
        return 2
    proc.emit(value + "\n")
    return 0 if holds else 1


# -- yes


def yes(_: Proc, args: list[str]) -> int | Program:
    """Without an end; the pipeline knows the one use that ends."""
    raise Unsupported(f"yes {' '.join(args)}".rstrip() + " (other than into head)")


TEXT_TOOLS: dict[str, Tool] = {
    "base64": base64,
    "cut": cut,
    "expr": expr,
    "md5sum": _sum("md5sum", lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest()),
    "nl": nl,
    "rev": rev,
    "sha1sum": _sum("sha1sum", lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest()),
    "sha256sum": _sum("sha256sum", lambda data: hashlib.sha256(data).hexdigest()),
    "sha512sum": _sum("sha512sum", lambda data: hashlib.sha512(data).hexdigest()),
    "tac": tac,
    "tr": tr,
    "uniq": uniq,
    "yes": yes,
}
