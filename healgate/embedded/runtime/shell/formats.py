"""echo and printf."""

from __future__ import annotations

import re

from ....actor.effects import Unsupported

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", "e": "\x1b"}
_ESCAPE = re.compile(r"\\(0[0-7]{0,3}|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_CONVERSION = re.compile(r"%(?:%|([-+ 0#]*)(\d*|\*)(?:\.(\d+))?([a-zA-Z]))")


def unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        body = match[1]
        code = int(body, 8) if body[0] in "01234567" else int(body[1:], 16) if body[0] == "x" and body[1:] else None
        if code is not None and code > 127:
            raise Unsupported(f"the byte \\{body}")
        if code is not None:
            return chr(code)
        return _ESCAPES.get(body, "\\" + body)

    return _ESCAPE.sub(one, text)


def echo(args: list[str], flavour: str) -> str:
    """What `echo` writes: dash understands escapes always, the others with -e."""
    newline, escapes = True, flavour == "dash"
    while args and re.fullmatch(r"-[neE]+", args[0]):
        if flavour == "dash" and args[0] != "-n":
            break
        newline = newline and "n" not in args[0]
        escapes = "e" in args[0] or escapes
        args = args[1:]
    text = " ".join(args)
    if escapes and flavour == "dash" and "\\x" in text:
        raise Unsupported("echo with \\x, which dash does not know")
    if escapes:
        cut = next((one.start() for one in _ESCAPE.finditer(text) if one[1] == "c"), None)
        text, newline = unescape(text[:cut]), newline and cut is None
    return text + ("\n" if newline else "")


def printf(args: list[str], flavour: str) -> tuple[str, str]:
    """What it writes, and what it complains of."""
    if not args:
        raise Unsupported("printf without a format")
    if args[0] == "-v" and flavour != "ash":
        raise Unsupported("printf -v")
    form, rest = unescape(args[0]), list(args[1:])
    said: list[str] = []
    wrong: list[str] = []
    while True:
        before = len(rest)
        said.append(_CONVERSION.sub(lambda match: _converted(match, rest, wrong), form))
        if not rest or len(rest) == before:
            break
    wrong = [one for one in wrong if one or flavour == "ash"]
    if wrong and (flavour != "ash" or len(wrong) > 1):
        raise Unsupported(f"printf of {wrong[0]!r} as a number")
    return "".join(said), f"invalid number '{wrong[0]}'" if wrong else ""


def _converted(match: re.Match[str], rest: list[str], wrong: list[str]) -> str:
    flags, width, precision, kind = match.groups()
    if kind is None:
        return "%"
    if width == "*":
        raise Unsupported("printf %*")
    value = rest.pop(0) if rest else ""
    size = f"{flags}{width}" + (f".{precision}" if precision else "")
    if kind == "s":
        return f"%{size}s" % value
    if kind == "b":
        return f"%{size}s" % unescape(value)
    if kind == "c":
        return value[:1]
    if kind in "dixXo":
        number = 0
        if re.fullmatch(r"[-+]?(0[xX][0-9a-fA-F]+|[1-9]\d*|0)", value):
            number = int(value, 0)
        elif re.fullmatch(r"[-+]?0[0-7]+", value):
            number = int(value, 8)
        else:
            wrong.append(value)
        return f"%{size}{kind}" % (number % 2**64 if kind in "xXo" else number)
    if kind in "fFgGeE":
        return f"%{size}{kind}" % float(value or 0)
    raise Unsupported(f"printf %{kind}")
