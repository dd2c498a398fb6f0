"""Characters and words of a script: quoting, and what begins with a dollar or a backquote.

A word is read to its end without looking at what command it belongs to; the grammar (`parser`) calls this, and this
calls the grammar for the commands inside `$( )`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from ....actor.effects import Unsupported
from .tree import Arithmetic, Literal, Parameter, Part, Script, Substitution, Word

NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
NAME = NAME_START | frozenset("0123456789")
META = frozenset(" \t\n;&|<>()")
_TOKEN = re.compile(r";;|&&|\|\||[;&|<>()]|[^\s;&|<>()]{0,12}")


# What may stand behind a parameter's name in braces, the longer ones first.
_OPERATORS = (":-", ":=", ":?", ":+", "##", "%%", "//", "-", "=", "?", "+", "#", "%", "/", ":", "}")


_ESCAPE = re.compile(r"\\([abefnrtv\\'\"]|x[0-9a-fA-F]{1,2}|[0-7]{1,3})")
_CONTROLS = dict(zip("abefnrtv", "\a\b\x1b\f\n\r\t\v", strict=True))


def _char_of(escape: str) -> str:
    if escape[0] == "x" or escape.isdigit():
        code = int(escape[1:], 16) if escape[0] == "x" else int(escape, 8)
        if not 0 < code < 128:
            raise Unsupported(f"the escape \\{escape} in $'…'")
        return chr(code)
    return _CONTROLS.get(escape, escape)


class SyntaxProblem(Exception):
    """What the small shell says of it; dash has the same in other words."""

    def as_shell(self, flavour: str) -> str:
        text = str(self)
        if flavour == "bash":
            raise Unsupported(f"what bash says of a {text}")
        if flavour == "ash":
            return text
        head, _, rest = text.partition(": ")
        if head != "syntax error":
            raise Unsupported(f"what dash says of the {text}")
        if found := re.fullmatch(r"unexpected (end of file|redirection|\".*?\")( \(expecting .*\))?", rest):
            return f"Syntax error: {found[1]} unexpected{found[2] or ''}"
        return f"Syntax error: {rest[0].upper()}{rest[1:]}"


class Reader(ABC):
    def __init__(self, text: str, flavour: str) -> None:
        self.text = text
        self.at = 0
        self.flavour = flavour
        self.bash = flavour == "bash"

    @abstractmethod
    def _script(self, *ends: str) -> Script:
        """The commands up to one of these words: the grammar's part."""

    def _nested(self, text: str) -> Reader:
        """A reader of the same kind for a text inside this one."""
        return type(self)(text, self.flavour)

    # -- characters

    def _peek(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _char(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def _blanks(self) -> None:
        while True:
            char = self._char()
            if char in (" ", "\t") and char:
                self.at += 1
            elif self._peek("\\\n"):
                self.at += 2
            elif char == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def _take(self, text: str) -> bool:
        self._blanks()
        if self._peek(text):
            self.at += len(text)
            return True
        return False

    def _unexpected(self, wanted: str = "") -> SyntaxProblem:
        """What stands here has no place here, or nothing does; `wanted`: the only thing that could have followed."""
        found = _TOKEN.match(self.text, self.at)
        what = f'"{found[0]}"' if found and found[0] else "end of file"
        return SyntaxProblem(f"syntax error: unexpected {what}" + (f' (expecting "{wanted}")' if wanted else ""))

    # -- words

    def _word(self) -> Word:
        parts: list[Part] = []
        plain: list[str] = []

        def flush() -> None:
            if plain:
                parts.append(Literal("".join(plain), False))
                plain.clear()

        start = self.at
        while (char := self._char()) and char not in META:
            if char == "\\":
                if self._peek("\\\n"):
                    self.at += 2
                    continue
                flush()
                parts.append(Literal(self.text[self.at + 1 : self.at + 2], True))
                self.at += 2
            elif char == "'":
                flush()
                end = self.text.find("'", self.at + 1)
                if end < 0:
                    raise SyntaxProblem("syntax error: unterminated quoted string")
                parts.append(Literal(self.text[self.at + 1 : end], True))
                self.at = end + 1
            elif char == '"':
                flush()
                self.at += 1
                inner = self._quoted('"')
                parts.extend(inner or [Literal("", True)])
            elif char == "$":
                flush()
                if self.bash and self._peek('$"'):
                    raise Unsupported('the bash quoting $"…"')
                parts.append(self._escaped() if self._peek("$'") and self.flavour != "dash" else self._dollar(False))
            elif char == "`":
                flush()
                parts.append(self._backquote(False))
            else:
                plain.append(char)
                self.at += 1
        flush()
        if self.at == start:
            raise self._unexpected()
        if self.bash:
            for part in parts:
                if isinstance(part, Literal) and not part.quoted and _is_brace_expansion(part.text):
                    raise Unsupported("bash brace expansion")
        return word_of(parts)

    def _quoted(self, until: str) -> list[Part]:
        """The parts of a double-quoted text, up to the closing quote (or to the end, for a here-document)."""
        parts: list[Part] = []
        plain: list[str] = []

        def flush() -> None:
            if plain:
                parts.append(Literal("".join(plain), True))
                plain.clear()

        while True:
            char = self._char()
            if not char:
                if until:
                    raise SyntaxProblem("syntax error: unterminated quoted string")
                break
            if char == until:
                self.at += 1
                break
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in ("$", "`", '"', "\\", "\n"):
                following = self.text[self.at + 1]
                if following == '"' and not until:
                    plain.append("\\")
                if following != "\n":
                    plain.append(following)
                self.at += 2
            elif char == "$":
                flush()
                parts.append(self._dollar(True))
            elif char == "`":
                flush()
                parts.append(self._backquote(True))
            else:
                plain.append(char)
                self.at += 1
        flush()
        return parts

    def _escaped(self) -> Part:
        """$'…', where a backslash says what cannot be typed."""
        found: list[str] = []
        self.at += 2
        while not self._peek("'"):
            match = _ESCAPE.match(self.text, self.at)
            if not self._char():
                raise SyntaxProblem("syntax error: unterminated quoted string")
            if match is None and self._char() == "\\":
                raise Unsupported(f"the escape {self.text[self.at : self.at + 2]} in $'…'")
            found.append(_char_of(match[1]) if match else self._char())
            self.at = match.end() if match else self.at + 1
        self.at += 1
        return Literal("".join(found), True)

    def _dollar(self, quoted: bool) -> Part:
        if self._peek("$(("):
            return self._arithmetic(quoted)
        if self._peek("$("):
            self.at += 2
            script = self._script()
            if not self._take(")"):
                raise self._unexpected(")")
            return Substitution(script, quoted)
        if self._peek("${"):
            return self._braced(quoted)
        following = self.text[self.at + 1 : self.at + 2]
        if following in NAME_START and following:
            end = self.at + 1
            while end < len(self.text) and self.text[end] in NAME:
                end += 1
            name = self.text[self.at + 1 : end]
            self.at = end
            return Parameter(name, quoted)
        if following == "-":
            raise Unsupported("the parameter $-")
        if following and following in "0123456789@*#?$!":
            self.at += 2
            return Parameter(following, quoted)
        self.at += 1
        return Literal("$", quoted)

    def _arithmetic(self, quoted: bool) -> Part:
        depth, end = 0, self.at + 3
        while end < len(self.text):
            char = self.text[end]
            if char == "(":
                depth += 1
            elif char == ")":
                if depth == 0:
                    break
                depth -= 1
            end += 1
        if not self.text.startswith("))", end):
            raise SyntaxProblem("syntax error: missing '))'")
        inner = self._nested(self.text[self.at + 3 : end])
        self.at = end + 2
        return Arithmetic(word_of(inner._quoted(until="")), quoted)

    def _braced(self, quoted: bool) -> Part:
        self.at += 2
        if self._peek("#") and not self._peek("#}"):
            self.at += 1
            name = self._parameter_name()
            if not self._peek("}"):
                raise Unsupported("this form of ${#…}")
            self.at += 1
            return Parameter(name, quoted, "length")
        name = self._parameter_name()
        for operator in _OPERATORS:
            if self._peek(operator):
                break
        else:
            raise Unsupported(f"the parameter expansion ${{{name}{self._char()}…}}")
        self.at += len(operator)
        if operator == "}":
            return Parameter(name, quoted)
        if operator in ("/", "//") and self._char() in ("#", "%") and self.bash:
            raise Unsupported(f"the parameter expansion ${{{name}{operator}{self._char()}…}}")
        # Quotes around the braces are the default's, but no pattern's.
        quotes = quoted and operator[-1] in "-=?+"
        second = None
        argument = self._in_braces(quotes, {":": ":", "/": "/", "//": "/"}.get(operator, ""))
        if self._peek("}"):
            self.at += 1
        else:
            self.at += 1
            second = self._in_braces(quotes, "")
            self.at += 1
        return Parameter(name, quoted, operator, argument, second)

    def _in_braces(self, quoted: bool, until: str) -> Word:
        """A word up to the closing brace, or to what parts it from a second one; neither is read."""
        parts: list[Part] = []
        while not self._peek("}") and not (until and self._peek(until)):
            char = self._char()
            if not char:
                raise SyntaxProblem("syntax error: missing '}'")
            if char == '"':
                self.at += 1
                parts.extend(self._quoted('"') or [Literal("", True)])
            elif char == "'" and not quoted:
                end = self.text.find("'", self.at + 1)
                if end < 0:
                    raise SyntaxProblem("syntax error: unterminated quoted string")
                parts.append(Literal(self.text[self.at + 1 : end], True))
                self.at = end + 1
            elif char == "\\":
                following = self.text[self.at + 1 : self.at + 2]
                stays = quoted and following not in ("$", "`", '"', "\\", "}", "\n")
                parts.append(Literal(char + following if stays else following, True))
                self.at += 2
            elif char == "$":
                parts.append(self._dollar(quoted))
            elif char == "`":
                parts.append(self._backquote(quoted))
            else:
                parts.append(Literal(char, quoted))
                self.at += 1
        return word_of(parts)

    def _parameter_name(self) -> str:
        end = self.at
        if self._char() and self._char() in "@*#?$!-":
            end += 1
        else:
            while end < len(self.text) and self.text[end] in NAME:
                end += 1
        name = self.text[self.at : end]
        if not name:
            if self._peek("!"):
                raise Unsupported("indirect expansion ${!…}")
            raise SyntaxProblem("syntax error: bad substitution")
        self.at = end
        return name

    def _backquote(self, quoted: bool) -> Part:
        end = self.at + 1
        text: list[str] = []
        while end < len(self.text) and self.text[end] != "`":
            if self.text[end] == "\\" and self.text[end + 1 : end + 2] in ("`", "\\", "$"):
                end += 1
            text.append(self.text[end])
            end += 1
        if end >= len(self.text):
            raise SyntaxProblem("syntax error: EOF in backquote substitution")
        self.at = end + 1
        return Substitution(self._nested("".join(text))._script(), quoted)


def word_of(parts: list[Part]) -> Word:
    merged: list[Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, Literal) and isinstance(last, Literal) and last.quoted == part.quoted:
            merged[-1] = Literal(last.text + part.text, part.quoted)
        else:
            merged.append(part)
    constant = None
    if all(isinstance(part, Literal) for part in merged):
        texts = [part for part in merged if isinstance(part, Literal)]
        special = any(not part.quoted and (set(part.text) & set("*?[") or part.text[:1] == "~") for part in texts)
        if not special:
            constant = "".join(part.text for part in texts)
    return Word(tuple(merged), constant)


def _is_brace_expansion(text: str) -> bool:
    start = text.find("{")
    end = text.find("}", start)
    return 0 <= start < end and ("," in text[start:end] or ".." in text[start:end])
