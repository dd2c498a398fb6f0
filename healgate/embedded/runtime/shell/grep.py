"""grep: lines that an expression matches.

The trap is its exit code: 0 and 1 say whether there was a line, 2 that a file could not be read, whatever was found.
"""

from __future__ import annotations

import re

from ....actor.effects import Unsupported
from ..container import Proc
from . import posix
from .filetools import Tool, content, lines, options, plain


def grep(proc: Proc, args: list[str]) -> int:
    found, names = options("grep", args, "qvicEFnxohHslw", "em")
    if "e" not in found and not names:
        raise Unsupported("grep without a pattern")
    if sum(arg.startswith("-e") for arg in args) > 1:
        raise Unsupported("grep with several patterns")
    matching = _Matching(found["e"] if "e" in found else names.pop(0), found)
    hits, code = 0, 0
    prefixed = ("H" in found or len(names) > 1) and "h" not in found
    for name in names or ["-"]:
        if plain(proc) and name != "-" and proc.box.files.is_directory(proc.path(name)):
            raise Unsupported(f"grep of the directory {name}")
        text = content(proc, "grep", name, "s" in found)
        if text is None:
            code = 2
            continue
        title = "(standard input)" if name == "-" else name
        hits += _grep_one(proc, text, matching, found, f"{title}:" if prefixed else "", title)
        if hits and "q" in found:
            return 0
    return 2 if code else 0 if hits else 1


class _Matching:
    """What a line must be like."""

    def __init__(self, wanted: str, found: dict[str, str]) -> None:
        if "\n" in wanted:
            raise Unsupported("grep with several patterns")
        self._whole = "x" in found
        self._words = "w" in found
        self._not = "v" in found
        text = re.sub(r"([].*[^$\\])", r"\\\1", wanted) if "F" in found else wanted
        # An empty one matches everywhere, which no expression says.
        self._all = not text and not self._whole
        if (self._all or ("F" in found and not text)) and (self._words or "o" in found or self._whole):
            raise Unsupported("grep for nothing")
        extended = "E" in found and "F" not in found
        if self._words:
            text = rf"\<({text})\>" if extended else rf"\<\({text}\)\>"
            if not re.fullmatch(r"\w+", wanted):
                raise Unsupported(f"grep -w {wanted}")
        self.pattern = None if self._all else posix.pattern(text, extended, "i" in found)

    def takes(self, line: str) -> bool:
        return (self.pattern is None or self.pattern.found(line, self._whole)) != self._not

    def pieces(self, line: str) -> list[str]:
        """The parts of a line that match, for -o."""
        if self._not or self._whole or self.pattern is None:
            raise Unsupported("grep -o of this kind")
        pieces: list[str] = []
        at = 0
        while at <= len(line) and (match := self.pattern.search(line, at)):
            if match.end() == match.start():
                raise Unsupported("grep -o of what may be nothing")
            pieces.append(match[0])
            at = match.end()
        return pieces


def _grep_one(proc: Proc, text: str, matching: _Matching, found: dict[str, str], prefix: str, title: str) -> int:
    hits = 0
    most = int(found["m"]) if "m" in found else None
    silent = {"q", "c", "l"} & set(found)
    for number, whole in enumerate(lines(text), 1):
        if most is not None and hits >= most:
            break
        line = whole.rstrip("\n")
        if not matching.takes(line):
            continue
        hits += 1
        if silent:
            continue
        at = f"{prefix}{number}:" if "n" in found else prefix
        for piece in matching.pieces(line) if "o" in found else [line]:
            proc.emit(f"{at}{piece}\n")
    if "q" not in found:
        if "l" in found:
            proc.emit(f"{title}\n" if hits else "")
        elif "c" in found:
            proc.emit(f"{prefix}{hits}\n")
    return hits


GREP_TOOLS: dict[str, Tool] = {"grep": grep}
