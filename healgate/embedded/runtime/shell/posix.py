"""POSIX regular expressions, as sed, grep and expr read them, on Python's.

The trap is that both agree on most lines. POSIX takes the longest of the leftmost matches, Python the first one that
its alternatives and repeats come to; where these may differ the longest is looked for. What C libraries do not agree
about, and what a group holds after such a match unless it is plain, is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ....actor.effects import Unsupported

_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "print": " -~",
    "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9A-Fa-f",
}
_WORDS = {"w": r"\w", "W": r"\W", "s": r"\s", "S": r"\S"}
_EDGES = {"b": r"\b", "<": r"\b(?=\w)", ">": r"\b(?<=\w)"}
SED_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_END = "\0end\0"  # where `$` stands in the translation
# What sed lets a backslash stand before without a meaning; grep warns of it.
_NEEDLESS = frozenset("-:,=@%\"# &_!~;/'")


class Pattern:
    """One expression. `search` answers a match of Python's whose extent is the one of POSIX."""

    def __init__(self, text: str, extended: bool, ignore_case: bool = False, sed: bool = False) -> None:
        self.text = text
        self._translation = _Translation(text, extended, sed)
        flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0)
        translated = self._translation.whole()
        self.groups = self._translation.groups
        self._whole = re.compile(translated.replace(_END, r"\Z"), flags)
        self._inner = re.compile(translated.replace(_END, "(?!)"), flags)
        self._wide = self._translation.wide or ignore_case
        self.nullable = self._whole.fullmatch("") is not None

    def known(self, text: str) -> None:
        """Refuse a text whose characters some C libraries see as bytes, if that could matter."""
        if self._wide and not text.isascii():
            raise Unsupported(f"the expression {self.text!r} on a text beyond ASCII")

    def found(self, text: str, whole: bool = False) -> bool:
        self.known(text)
        return (self._whole.fullmatch(text) if whole else self._whole.search(text)) is not None

    def search(self, text: str, start: int = 0, at_start: bool = False) -> re.Match[str] | None:
        self.known(text)
        found = self._whole.match(text, start) if at_start else self._whole.search(text, start)
        if found is None or not self._translation.loose:
            return found
        if self._translation.edges:
            raise Unsupported(f"the expression {self.text!r} (a choice beside the edge of a word)")
        for end in range(len(text), found.end(), -1):
            longer = (self._whole if end == len(text) else self._inner).fullmatch(text, found.start(), end)
            if longer is not None:
                return longer
        return found

    def referred(self) -> None:
        """Somebody wants to know what a group holds."""
        if self._translation.murky:
            raise Unsupported(f"what a group of {self.text!r} holds")


@lru_cache(maxsize=256)
def pattern(text: str, extended: bool, ignore_case: bool = False, sed: bool = False) -> Pattern:
    return Pattern(text, extended, ignore_case, sed)


class _Translation:
    def __init__(self, text: str, extended: bool, sed: bool) -> None:
        self.text = text
        self.extended = extended
        self.sed = sed
        self.at = 0
        self.groups = 0
        self.wide = False  # sees single characters, so bytes or not matters
        self.loose = False  # Python's first match may not be the longest
        self.murky = False  # and its groups may hold something else
        self.edges = False

    def whole(self) -> str:
        translated, _ = self._choice(0)
        if self.at < len(self.text):
            raise self._refused()
        return translated

    def _refused(self) -> Unsupported:
        return Unsupported(f"the {'extended' if self.extended else 'basic'} regular expression {self.text!r}")

    def _token(self) -> str:
        """The next character, with the backslash before it."""
        if self.at >= len(self.text):
            return ""
        if self.text[self.at] != "\\":
            return self.text[self.at]
        if self.at + 1 >= len(self.text):
            raise self._refused()
        return self.text[self.at : self.at + 2]

    def _operator(self, name: str) -> str:
        """How an operator that basic expressions write with a backslash is written here."""
        return name if self.extended else "\\" + name

    # -- choices and sequences

    def _choice(self, depth: int) -> tuple[str, bool]:
        """A translation, and whether it begins with a character that stands for itself."""
        branches: list[str] = []
        literals: list[str | None] = []
        starts = True
        while True:
            translated, literal, start = self._branch(depth)
            branches.append(translated)
            literals.append(literal)
            starts = starts and start
            if self._token() != self._operator("|"):
                break
            self.at += len(self._token())
        if len(branches) > 1:
            if "" in branches:
                raise self._refused()
            self.loose = True
            if not _distinct(literals):
                self.murky = True
        return "|".join(branches), starts

    def _branch(self, depth: int) -> tuple[str, str | None, bool]:
        """A translation, its text if it is nothing but one, and whether it begins with a plain character."""
        pieces: list[str] = []
        literal: str | None = ""
        starts = False
        while True:
            token = self._token()
            if token in ("", self._operator("|")) or (token == self._operator(")") and depth):
                break
            if self._anchor(token, not pieces, depth):
                pieces.append(r"\A" if token == "^" else _END)
                literal = None
                continue
            translated, single, plain, atom_start = self._atom(token, not pieces or pieces[-1] == r"\A", depth)
            repeated = self._repeat()
            if repeated:
                self._note_repeat(translated, repeated, single, atom_start)
                literal = None
            else:
                self._note_single(translated)
                literal = literal + plain if literal is not None and plain is not None else None
            if not pieces:
                starts = atom_start and (not repeated or repeated == "+")
            pieces.append(translated + repeated)
        return "".join(pieces), literal, starts

    def _anchor(self, token: str, first: bool, depth: int) -> bool:
        if token == "^" and (self.extended or first):
            self.at += 1
            if self.at < len(self.text) and self.text[self.at] == "*" and self.extended:
                raise self._refused()
            return True
        if token != "$":
            return False
        following = self.text[self.at + 1 : self.at + 3]
        ends = not following or following == r"\|" or (following == r"\)" and depth > 0)
        if self.extended or ends:
            self.at += 1
            return True
        return False

    # -- repeats

    def _repeat(self) -> str:
        token = self._token()
        plus, question, brace = (self._operator(name) for name in "+?{")
        if token == "*":
            self.at += 1
            found = "*"
        elif token in (plus, question):
            self.at += len(token)
            found = token[-1]
        elif token == brace:
            self.at += len(token)
            match = re.compile(r"(\d+)(,?)(\d*)" + re.escape(self._operator("}"))).match(self.text, self.at)
            if match is None or int(match[1]) > 255 or (match[3] and int(match[3]) < int(match[1])):
                raise self._refused()
            self.at = match.end()
            found = f"{{{match[1]}{match[2]}{match[3]}}}"
        else:
            return ""
        if self._token() in ("*", plus, question, brace):
            raise self._refused()
        return found

    def _note_repeat(self, translated: str, repeated: str, single: bool, starts: bool) -> None:
        if not single:
            self.loose = True
            if not starts:
                self.murky = True
        elif _many(translated) and repeated not in ("*", "+"):
            self.wide = True
        if translated and not translated.isascii():
            raise self._refused()

    def _note_single(self, translated: str) -> None:
        if _many(translated):
            self.wide = True

    # -- atoms

    def _atom(self, token: str, first: bool, depth: int) -> tuple[str, bool, str | None, bool]:
        """A translation; whether it is one character; its text; whether it begins with a plain character."""
        if token == self._operator("("):
            self.at += len(token)
            self.groups += 1
            inner, starts = self._choice(depth + 1)
            if self._token() != self._operator(")") or not inner:
                raise self._refused()
            self.at += len(self._operator(")"))
            return f"({inner})", False, None, starts
        if token == "[":
            return self._bracket(), True, None, False
        self.at += len(token)
        if token == ".":
            return ".", True, None, False
        if len(token) == 2:
            return self._escaped(token[1])
        if token == "*" and not (first and not self.extended):
            raise self._refused()
        if self.extended and token in "+?{)}":
            raise self._refused()
        return re.escape(token), True, token, True

    def _escaped(self, char: str) -> tuple[str, bool, str | None, bool]:
        if char in _WORDS:
            self.wide = True
            return _WORDS[char], True, None, False
        if char in _EDGES:
            self.edges = self.wide = True
            return _EDGES[char], False, None, False
        if self.sed and char in SED_ESCAPES:
            real = SED_ESCAPES[char]
            return re.escape(real), True, real, True
        if char in ".*[]^$\\" or (self.extended and char in "(){}|+?") or (self.sed and char in _NEEDLESS - {"'"}):
            return re.escape(char), True, char, True
        raise self._refused()

    def _bracket(self) -> str:
        self.at += 1
        negated = self.text.startswith("^", self.at)
        self.at += negated
        items: list[str] = []
        while True:
            if self.at >= len(self.text):
                raise self._refused()
            if self.text[self.at] == "]" and items:
                self.at += 1
                break
            if self.text.startswith("[:", self.at):
                end = self.text.find(":]", self.at)
                name = self.text[self.at + 2 : end]
                if end < 0 or name not in _CLASSES:
                    raise self._refused()
                items.append(_CLASSES[name])
                self.wide = self.wide or name not in ("digit", "xdigit", "blank")
                self.at = end + 2
                continue
            low = self._member()
            if self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._member()
                if low > high:
                    raise self._refused()
                items.append(f"{_member(low)}-{_member(high)}")
            else:
                items.append(_member(low))
        found = f"[{'^' if negated else ''}{''.join(items)}]"
        if not found.isascii():
            raise self._refused()
        return found

    def _member(self) -> str:
        if self.at >= len(self.text) or self.text[self.at : self.at + 2] in ("[.", "[=", "[:"):
            raise self._refused()
        if self.sed and self.text[self.at] == "\\" and self.text[self.at + 1 : self.at + 2] in tuple(SED_ESCAPES):
            self.at += 2
            return SED_ESCAPES[self.text[self.at - 1]]
        if self.text[self.at] == "\\" and self.sed and self.text[self.at + 1 : self.at + 2] in tuple("afvdoxc"):
            raise self._refused()
        self.at += 1
        return self.text[self.at - 1]


def _member(char: str) -> str:
    return "\\" + char if char in "\\]^-[&~|" else char


def _many(translated: str) -> bool:
    """Whether it stands for any character but some."""
    return translated == "." or translated.startswith("[^")


def _distinct(literals: list[str | None]) -> bool:
    """Whether at most one of these branches can match at a place."""
    texts = [text for text in literals if text]
    if len(texts) < len(literals):
        return False
    return not any(
        number != other and one.startswith(two) for number, one in enumerate(texts) for other, two in enumerate(texts)
    )
