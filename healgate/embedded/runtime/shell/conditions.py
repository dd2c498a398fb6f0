"""`test` and `[`."""

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


class _Bad(Exception):
    pass


def test(proc: Proc, args: list[str], complain: Callable[[str], None], flavour: str) -> int:
    name, rest = args[0], args[1:]
    try:
        if name == "[":
            if not rest or rest[-1] != "]":
                raise _Bad("missing `]'" if flavour == "bash" else "missing ]")
            rest = rest[:-1]
        return 0 if _either(proc, rest) else 1
    except _Bad as problem:
        if flavour == "bash" and str(problem).endswith("bad number"):
            said = str(problem).removesuffix("bad number").removesuffix(": ")
            problem = _Bad(f"{name}: {said}: integer expression expected")
        elif flavour == "bash" and not str(problem).startswith("missing"):
            raise Unsupported(f"what bash says of {' '.join(args)}") from None
        if flavour == "dash" and str(problem).endswith("bad number"):
            problem = _Bad(f"{name}: Illegal number: {str(problem).removesuffix('bad number').removesuffix(': ')}")
        elif flavour == "dash" and not str(problem).startswith("missing"):
            raise Unsupported(f"what dash says of {' '.join(args)}") from None
        named = flavour != "ash" and str(problem).startswith("missing")
        complain(f"{name}: {problem}" if named else str(problem))
        return 2


def _either(proc: Proc, args: list[str]) -> bool:
    if "-o" in args[1:-1]:
        at = args.index("-o", 1)
        return _both(proc, args[:at]) or _either(proc, args[at + 1 :])
    return _both(proc, args)


def _both(proc: Proc, args: list[str]) -> bool:
    if "-a" in args[1:-1]:
        at = args.index("-a", 1)
        return _one(proc, args[:at]) and _both(proc, args[at + 1 :])
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
        if operator in _NUMBERS:
            return _NUMBERS[operator](_number(left), _number(right))
        if operator in _TEXTS:
            return _TEXTS[operator](left, right)
        if left == "!":
            return not _one(proc, args[1:])
        raise Unsupported(f"test {operator}")
    raise _Bad(f"{args[1]}: unknown operand")


def _single(proc: Proc, operator: str, value: str) -> bool:
    files, path = proc.box.files, proc.path(value)
    if operator == "-n":
        return value != ""
    if operator == "-z":
        return value == ""
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
