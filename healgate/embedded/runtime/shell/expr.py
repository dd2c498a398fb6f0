"""expr: arithmetic and matching over arguments.

The trap is its exit code: 1 for a result that is empty or zero. And the two userlands do not agree what a number is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ....actor.effects import Unsupported
from ..container import Proc
from . import posix
from .filetools import Tool, plain, quoted
from .texttools import ascii_only


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
        ascii_only("expr", *values)
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
    ascii_only("expr", text)
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


EXPR_TOOLS: dict[str, Tool] = {"expr": expr}
