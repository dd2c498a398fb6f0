"""$((…)): whole numbers of 64 bits, the operators of C, names of variables.

The trap is what is not reached: `b && a/b` divides nothing where b is 0, but for the small shell, which works out all
of it whatever comes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager

from ....actor.effects import Unsupported
from .reader import SyntaxProblem

_NAME = r"[A-Za-z_]\w*"
_ASSIGNS = r"(?:<<|>>|[-+*/%&|^])?=(?!=)"
_TOKEN = re.compile(
    rf"\s*(0[xX][0-9a-fA-F]+|\d+(?:\#\w+)?|{_NAME}|<=|>=|==|!=|{_ASSIGNS}"
    r"|\*\*|\+\+|--|&&|\|\||<<|>>|[-+*/%<>!~&|^?:(),])"
)
# The standard's shell has no steps, no powers and no commas: it reads a++b as a + +b.
_TOKEN_OF_DASH = re.compile(
    rf"\s*(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*|{_NAME}|<=|>=|==|!=|{_ASSIGNS}|&&|\|\||<<|>>|[-+*/%<>!~&|^?:()])"
)
_STEPS = {"++": 1, "--": -1}
_DEEPEST = 40  # names of names, before they are taken for a circle
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
    {"<<": lambda a, b: a << (b & 63), ">>": lambda a, b: a >> (b & 63)},
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: _divide(a, b)[0], "%": lambda a, b: _divide(a, b)[1]},
)
_OPERATIONS = {name: operation for level in _LEVELS for name, operation in level.items()}


class ArithmeticProblem(SyntaxProblem):
    """`wanted`: what dash would have liked better; the other shells say less."""

    def __init__(self, said: str, wanted: str, expression: str) -> None:
        super().__init__(said)
        self._wanted = wanted
        self._expression = expression

    def as_shell(self, flavour: str) -> str:
        if flavour == "dash":
            return f'arithmetic expression: {self._wanted}: "{self._expression}"'
        return super().as_shell(flavour)


def _divide(a: int, b: int) -> tuple[int, int]:
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient, a - quotient * b


def _signed(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


class _Evaluation:
    def __init__(self, text: str, variables: MutableMapping[str, str], flavour: str, depth: int) -> None:
        self.text = text
        self.variables = variables
        self.flavour = flavour
        self.depth = depth
        self.idle = 0  # how many operators around this place make it one that is not reached
        self.tokens = self._tokens(_TOKEN_OF_DASH if flavour == "dash" else _TOKEN)
        self.at = 0

    def _tokens(self, one: re.Pattern[str]) -> list[str]:
        found: list[str] = []
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = one.match(self.text, at)
            if match is None and self.flavour != "dash":
                raise self._problem("")
            # dash reads on until it comes to what it cannot read.
            found.append(match[1] if match else "?!")
            at = match.end() if match else end
        return [token for at in range(len(found)) for token in _stepping(found, at)]

    def _problem(self, wanted: str, said: str = "arithmetic syntax error") -> ArithmeticProblem:
        return ArithmeticProblem(said, f"expecting {wanted}", self.text)

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self.at += 1
        return token

    def whole(self) -> int:
        if not self.tokens and self.flavour != "dash":
            return 0
        value = self._listed()
        if self.at < len(self.tokens):
            raise self._problem("EOF")
        return value

    def _listed(self) -> int:
        value = self._assignment()
        while self._next() == ",":
            self._take()
            value = self._assignment()
        return value

    def _assignment(self) -> int:
        following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ""
        if _is_name(self._next()) and re.fullmatch(_ASSIGNS, following):
            name, operator = self._take(), self._take()[:-1]
            value = self._assignment()
            if operator:
                value = self._worked_out(operator, self._variable(name), value)
            self._set(name, value)
            return value
        return self._choice()

    def _choice(self) -> int:
        value = self._binary(0)
        if self._next() != "?":
            return value
        self._take()
        with self._reached(bool(value)):
            within = self.at
            yes = self._listed()
        if self.flavour == "ash" and "?" in _outside_of_brackets(self.tokens[within : self.at]):
            raise self._problem("", "malformed ?: operator")
        if self._next() != ":":
            raise self._problem("':'", "malformed ?: operator")
        self._take()
        with self._reached(not value):
            no = self._choice()
        return yes if value else no

    def _binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._unary()
        value = self._binary(level + 1)
        while self._next() in _LEVELS[level]:
            operator = self._take()
            with self._reached(operator not in ("&&", "||") or bool(value) is (operator == "&&")):
                other = self._binary(level + 1)
            value = self._worked_out(operator, value, other)
        return value

    @contextmanager
    def _reached(self, reached: bool) -> Iterator[None]:
        idle = not reached and self.flavour != "ash"
        self.idle += idle
        yield
        self.idle -= idle

    def _worked_out(self, operator: str, left: int, right: int) -> int:
        if operator in ("/", "%") and not right:
            if self.idle:
                return 0
            raise ArithmeticProblem("divide by zero", "division by zero", self.text)
        return _signed(_OPERATIONS[operator](left, right))

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
            value = self._listed()
            if self._take() != ")":
                raise self._problem("')'")
            return value
        if token in ("-", "+", "!", "~"):
            value = self._unary()
            return _signed({"-": -value, "+": value, "!": int(not value), "~": ~value}[token])
        if _is_name(token):
            return self._variable(token)
        if token[:1].isdigit():
            return self._number(token)
        raise self._problem("primary")

    def _number(self, token: str) -> int:
        base, _, digits = token.partition("#")
        try:
            if digits and int(base) > 36:
                raise Unsupported(f"the arithmetic of {token}")
            if digits:
                return int(digits, int(base))
            value = int(token, 0) if token[:2].lower() == "0x" else int(token, 8 if token[0] == "0" else 10)
        except ValueError:
            raise self._problem("EOF") from None
        return min(value, 2**63 - 1) if self.flavour == "dash" else _signed(value)

    def _stepped(self, name: str, step: int) -> int:
        value = _signed(self._variable(name) + step)
        self._set(name, value)
        return value

    def _set(self, name: str, value: int) -> None:
        if not self.idle:
            self.variables[name] = str(value)

    def _variable(self, name: str) -> int:
        """A variable may hold a whole expression, but for dash."""
        value = self.variables.get(name, "").strip()
        if self.flavour == "dash" and not re.fullmatch(r"|[-+]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)", value):
            raise _IllegalNumber(self.variables.get(name, ""))
        if self.depth > _DEEPEST:
            raise Unsupported(f"the arithmetic of {name}, which is named by itself")
        return _Evaluation(value, self.variables, self.flavour, self.depth + 1).whole() if value else 0


class _IllegalNumber(SyntaxProblem):
    def as_shell(self, flavour: str) -> str:  # noqa: ARG002
        return f"Illegal number: {self}"


def _stepping(tokens: list[str], at: int) -> tuple[str, ...]:
    """The token there; "--" where no name stands beside it is two signs."""
    token = tokens[at]
    if token not in _STEPS or any(map(_is_name, tokens[max(at - 1, 0) : at + 2])):
        return (token,)
    return token[0], token[0]


def _outside_of_brackets(tokens: list[str]) -> list[str]:
    depth, found = 0, []
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token, 0)
        if not depth:
            found.append(token)
    return found


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"


def evaluate(text: str, variables: MutableMapping[str, str], flavour: str) -> int:
    """The value; assignments inside change the variables."""
    return _Evaluation(text, variables, flavour, 0).whole()
