"""`test` and `[`.

Short lines are read by how many words they have, longer ones by a grammar. The trap is a word that looks like an
operator where an operand is meant: an unquoted variable that is empty makes `[ -z $x -o a = b ]` an error in one shell
and something true in another.
"""

from __future__ import annotations

from collections.abc import Callable

from ....actor.effects import Unsupported
from ..container import Proc

_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
_OF_TWO = {*_NUMBERS, *_TEXTS, "-nt", "-ot", "-ef"}
_OF_ONE = {f"-{letter}" for letter in "rwxefdcbpugkszntOGLSh"}


class _Bad(Exception):
    pass


def test(proc: Proc, args: list[str], complain: Callable[[str], None], flavour: str) -> int:
    name, rest = args[0], args[1:]
    try:
        if name == "[":
            if not rest or rest[-1] != "]":
                raise _Bad("missing `]'" if flavour == "bash" else "missing ]")
            rest = rest[:-1]
        if flavour == "bash" and len(rest) > 3 and not _is_plain(rest):
            raise Unsupported(f"the condition {' '.join(args)}")
        found = _either(proc, rest) if flavour == "bash" else _Reader(proc, rest, flavour).whole()
        return 0 if found else 1
    except _Bad as problem:
        if flavour == "bash" and str(problem).endswith("bad number"):
            said = str(problem).removesuffix("bad number").removesuffix(": ")
            problem = _Bad(f"{name}: {said}: integer expression expected")
        elif flavour == "bash" and not str(problem).startswith("missing"):
            raise Unsupported(f"what bash says of {' '.join(args)}") from None
        if flavour == "dash" and str(problem).endswith("bad number"):
            problem = _Bad(f"Illegal number: {str(problem).removesuffix('bad number').removesuffix(': ')}")
        named = flavour == "dash" or (flavour == "bash" and str(problem).startswith("missing"))
        complain(f"{name}: {problem}" if named else str(problem))
        return 2


class _Reader:
    """The grammar of the small shells, which read on from where they are and look no further than they must."""

    def __init__(self, proc: Proc, words: list[str], flavour: str) -> None:
        self.proc = proc
        self.words = words
        self.flavour = flavour
        self.at = 0

    def whole(self) -> bool:
        negated = False
        while True:
            words = self.words
            if not words:
                return negated and self.flavour == "ash"
            if len(words) == 1 and self.flavour == "ash":
                return (words[0] != "") != negated
            if len(words) == 3 and self._is_of_two(words[1]):
                return _pair(words[0], words[1], words[2]) != negated
            if self.flavour == "dash" and len(words) in (3, 4) and words[0] == "(" and words[-1] == ")":
                self.words = words[1:-1]
                break
            if words[0] != "!" or len(words) > 4 or (self.flavour == "dash" and len(words) < 3):
                break
            self.words, negated = words[1:], not negated
        found = self._either() != negated
        if self.at + 1 < len(self.words):
            if self.flavour == "dash":
                word = self.words[self.at]
                raise _Bad(f"{word}: unexpected operator" if word else "unexpected operator")
            raise _Bad(f"{self.words[self.at + 1]}: unknown operand")
        return found

    def _word(self, ahead: int = 0) -> str | None:
        at = self.at + ahead
        return self.words[at] if at < len(self.words) else None

    def _is_of_two(self, word: str | None) -> bool:
        return word in _OF_TWO and not (word == "==" and self.flavour == "dash")

    def _either(self) -> bool:
        found = self._both()
        while self._word(1) == "-o":
            self.at += 2
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._not()
        while self._word(1) == "-a":
            self.at += 2
            found = self._not() and found
        return found

    def _not(self) -> bool:
        if self._word() != "!":
            return self._one()
        if self._word(1) is None:
            return True  # it stands for itself
        self.at += 1
        return not self._not()

    def _one(self) -> bool:
        word = self._word()
        if word is None:
            if self.flavour == "dash":
                return False
            raise _Bad("argument expected")
        if word == "(":
            if self._word(1) is None and self.flavour == "dash":
                return True
            self.at += 1
            if self._word() == ")" and self.flavour == "dash":
                return False
            found = self._either()
            self.at += 1
            if self._word() != ")":
                raise _Bad("closing paren expected")
            return found
        following = self._word(1)
        if self.flavour == "dash":
            if word in _OF_ONE and not self._is_operand():
                self.at += 1
                return _single(self.proc, word, following or "")
            if self._is_of_two(following):
                return self._binary()
            return word != ""
        if self._is_of_two(following) and self._word(2) is not None:
            return self._binary()
        if word in _OF_ONE and following is not None:
            self.at += 1
            return _single(self.proc, word, following)
        return self._binary() if self._is_of_two(following) else word != ""

    def _is_operand(self) -> bool:
        """dash: what looks like an operator of one word is none where nothing, or one of two words, follows."""
        following = self._word(1)
        if following is None:
            return True
        return self._word(2) is not None and self._is_of_two(following)

    def _binary(self) -> bool:
        left, operator, right = self._word(), self._word(1), self._word(2)
        assert left is not None
        assert operator is not None
        if right is None:
            raise _Bad(f"{operator}: argument expected")
        self.at += 2
        return _pair(left, operator, right)


def _is_plain(words: list[str]) -> bool:
    """Conditions between -a and -o in which no operand looks like an operator."""
    rest, operators = list(words), {*_OF_ONE, *_OF_TWO, "-a", "-o", "(", ")", "!", "]"}
    while True:
        while rest[:1] == ["!"]:
            del rest[0]
        if rest[:1] and rest[0] in _OF_ONE and len(rest) > 1 and rest[1] not in operators:
            del rest[:2]
        elif len(rest) > 2 and rest[1] in _OF_TWO and not {rest[0], rest[2]} & operators:
            del rest[:3]
        elif rest and rest[0] not in operators:
            del rest[0]
        else:
            return False
        if not rest:
            return True
        if rest.pop(0) not in ("-a", "-o"):
            return False


def _either(proc: Proc, args: list[str]) -> bool:
    if "-o" in args[1:-1]:
        at = args.index("-o", 1)
        first = _both(proc, args[:at])
        return _either(proc, args[at + 1 :]) or first
    return _both(proc, args)


def _both(proc: Proc, args: list[str]) -> bool:
    if "-a" in args[1:-1]:
        at = args.index("-a", 1)
        first = _one(proc, args[:at])
        return _both(proc, args[at + 1 :]) and first
    return _one(proc, args)


def _one(proc: Proc, args: list[str]) -> bool:
    if not args:
        return False
    if args[0] == "!" and len(args) != 3:
        return not _one(proc, args[1:])
    if len(args) == 1:
        return args[0] != ""
    if len(args) == 2:
        return _single(proc, args[0], args[1])
    if len(args) == 3:
        left, operator, right = args
        if operator in _OF_TWO:
            return _pair(left, operator, right)
        if left == "!":
            return not _one(proc, args[1:])
        raise Unsupported(f"test {operator}")
    raise _Bad(f"{args[1]}: unknown operand")


def _pair(left: str, operator: str, right: str) -> bool:
    if operator in _NUMBERS:
        return _NUMBERS[operator](_number(left), _number(right))
    if operator not in _TEXTS:
        raise Unsupported(f"test {operator}")
    return _TEXTS[operator](left, right)


def _single(proc: Proc, operator: str, value: str) -> bool:
    files, path = proc.box.files, proc.path(value)
    if operator == "-n":
        return value != ""
    if operator == "-z":
        return value == ""
    if operator not in _OF_ONE:
        raise Unsupported(f"test {operator}")
    if not value:
        return False
    if operator == "-f":
        return files.read(path) is not None
    if operator == "-d":
        return files.is_directory(path)
    if operator in ("-e", "-r"):
        return files.exists(path)
    if operator == "-s":
        return files.size(path) > 0
    if operator in ("-L", "-h", "-p", "-S", "-b"):
        return False
    raise Unsupported(f"test {operator}")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _Bad(f"{text}: bad number" if text else "bad number") from None
