"""$((…)): whole numbers, the operators of C, names of variables."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping

from ....actor.effects import Unsupported
from .reader import SyntaxProblem

_TOKEN = re.compile(
    r"\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|\*\*|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%]=|[-+*/%<>=!~&|^?:()])"
)
_STEPS = {"++": 1, "--": -1}
_LEVELS: tuple[dict[str, Callable[[int, int], int]], ...] = (
    {"||": lambda a, b: int(bool(a) or bool(b))},
    {"&&": lambda a, b: int(bool(a) and bool(b))},
    {"|": lambda a, b: a | b},
    {"^": lambda a, b: a ^ b},
    {"&": lambda a, b: a & b},
    {"==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b)},
    {
        "<": lambda a, b: int(a < b),
        ">": lambda a, b: int(a > b),
        "<=": lambda a, b: int(a <= b),
        ">=": lambda a, b: int(a >= b),
    },
    {"<<": lambda a, b: a << b, ">>": lambda a, b: a >> b},
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: _divide(a, b)[0], "%": lambda a, b: _divide(a, b)[1]},
)


def _divide(a: int, b: int) -> tuple[int, int]:
    if b == 0:
        raise SyntaxProblem("divide by zero")
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient, a - quotient * b


class _Evaluation:
    def __init__(self, text: str, variables: MutableMapping[str, str]) -> None:
        self.text = text
        self.variables = variables
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise SyntaxProblem("arithmetic syntax error")
            self.tokens.append(match[1])
            at = match.end()
        self.at = 0

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self.at += 1
        return token

    def whole(self) -> int:
        if not self.tokens:
            return 0
        value = self._assignment()
        if self.at < len(self.tokens):
            raise SyntaxProblem("arithmetic syntax error")
        return value

    def _assignment(self) -> int:
        following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ""
        if _is_name(self._next()) and following in ("=", "+=", "-=", "*=", "/=", "%="):
            name = self._take()
            operator = self._take()
            value = self._assignment()
            if operator != "=":
                level = _LEVELS[8] if operator[0] in "+-" else _LEVELS[9]
                value = level[operator[0]](self._variable(name), value)
            self.variables[name] = str(value)
            return value
        return self._choice()

    def _choice(self) -> int:
        value = self._binary(0)
        if self._next() != "?":
            return value
        self._take()
        yes = self._assignment()
        if self._take() != ":":
            raise SyntaxProblem("arithmetic syntax error")
        no = self._assignment()
        return yes if value else no

    def _binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._unary()
        value = self._binary(level + 1)
        while self._next() in _LEVELS[level]:
            operation = _LEVELS[level][self._take()]
            value = operation(value, self._binary(level + 1))
        return value

    def _unary(self) -> int:
        token = self._take()
        if self._next() == "**":
            raise Unsupported("the arithmetic operator **")
        if token in _STEPS and _is_name(self._next()):
            return self._stepped(self._take(), _STEPS[token])
        if _is_name(token) and self._next() in _STEPS:
            step = _STEPS[self._take()]
            return self._stepped(token, step) - step
        if token == "(":
            value = self._assignment()
            if self._take() != ")":
                raise SyntaxProblem("arithmetic syntax error")
            return value
        if token in ("-", "+", "!", "~"):
            value = self._unary()
            return {"-": -value, "+": value, "!": int(not value), "~": ~value}[token]
        if _is_name(token):
            return self._variable(token)
        if token[:1].isdigit():
            try:
                return int(token, 0) if token[:2].lower() == "0x" else int(token, 8 if token[0] == "0" else 10)
            except ValueError:
                raise SyntaxProblem("arithmetic syntax error") from None
        raise SyntaxProblem("arithmetic syntax error")

    def _stepped(self, name: str, step: int) -> int:
        value = self._variable(name) + step
        self.variables[name] = str(value)
        return value

    def _variable(self, name: str) -> int:
        value = self.variables.get(name, "").strip()
        if not value:
            return 0
        try:
            return int(value)
        except ValueError:
            raise Unsupported(f"the arithmetic of {value!r}") from None


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"


def evaluate(text: str, variables: MutableMapping[str, str]) -> int:
    """The value; assignments inside change the variables."""
    return _Evaluation(text, variables).whole()
