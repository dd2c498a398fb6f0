"""awk, as far as scripts use it to pick fields: one rule that prints, and the program that doubles a string.

awk is a language, and its three implementations differ in it. Whatever is more than fields, numbers of lines and
plain texts is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ....actor.effects import Forever, Program, Sleep, Unsupported
from ..container import Proc
from . import posix
from .filetools import TAIL_RATE, Tool, inputs, lines

_DOUBLING = re.compile(
    r"""BEGIN\{s="x"; while\(length\(s\)<(\d+)\) s=s s; print "([^"]*)"; """
    r"""fflush\(\); while\(1\) system\("sleep \d+"\)\}"""
)
_RULE = re.compile(r"\s*(.*?)\s*(?:\{\s*print(?![A-Za-z0-9_])\s*(.*?)\s*;?\s*\}\s*)?", re.DOTALL)
_ITEM = re.compile(r'\s*(\$\(NF-(\d+)\)|\$NF|\$(\d+)|NF|NR|"((?:[^"\\\n]|\\[nt"\\])*)"|,)')
_COMPARISON = re.compile(r"NR\s*(==|!=|<=|>=|<|>)\s*(\d+)")
_SEPARATORS = frozenset(",:;=/-@#_%~!|")


@dataclass(frozen=True, slots=True)
class _Record:
    text: str
    fields: list[str]
    number: int

    def field(self, number: int) -> str:
        if number == 0:
            return self.text
        return self.fields[number - 1] if 0 < number <= len(self.fields) else ""


def awk(proc: Proc, args: list[str]) -> int | Program:
    rest = list(args)
    separator = ""
    if rest and rest[0].startswith("-F"):
        separator = rest.pop(0)[2:] or (rest.pop(0) if rest else "")
        separator = "\t" if separator in ("\t", "\\t") else separator
        if len(separator) != 1 or separator not in _SEPARATORS | {"\t"}:
            raise Unsupported(f"awk -F {separator}")
    if not rest or rest[0].startswith("-") or any("=" in name or name.startswith("-") for name in rest[1:]):
        raise Unsupported(f"awk {' '.join(args)}")
    match = _DOUBLING.fullmatch(rest[0].strip()) if args == rest[:1] else None
    if match is not None:
        return _double(proc, int(match[1]), match[2])
    return _select(proc, rest[0], separator, rest[1:])


def _double(proc: Proc, wanted: int, said: str) -> Program:
    """As people use it to need memory."""
    length = 1
    while length < wanted:
        length *= 2
    # Both copies are held while the last one is made.
    proc.use("string", length + length // 2, over=length / TAIL_RATE)
    yield Sleep(length / TAIL_RATE)
    proc.use("string", length)
    proc.emit(said + "\n")
    yield Forever()
    return 0


def _select(proc: Proc, program: str, separator: str, names: list[str]) -> int:
    rule = _RULE.fullmatch(program)
    if rule is None or (not rule[1] and rule[2] is None):
        raise Unsupported(f"awk {program}")
    at_end = rule[1] == "END" and rule[2] is not None
    takes = (lambda _: True) if at_end or not rule[1] else _condition(program, rule[1])
    say = _printing(program, rule[2] or "")
    if at_end and rule[2] != "NR":
        raise Unsupported(f"awk {program}")
    texts, code = inputs(proc, "awk", names)
    if code:
        raise Unsupported("awk of a file that is missing")
    number = 0
    for line in lines("".join(text if text.endswith("\n") or not text else text + "\n" for text in texts)):
        number += 1
        text = line.rstrip("\n")
        record = _Record(text, _split(text, separator), number)
        if not at_end and takes(record):
            proc.emit(say(record) + "\n")
    if at_end:
        proc.emit(f"{number}\n")
    return 0


def _split(text: str, separator: str) -> list[str]:
    if separator:
        return text.split(separator) if text else []
    return [field for field in re.split(r"[ \t]+", text) if field]


def _condition(program: str, text: str) -> Callable[[_Record], bool]:
    comparison = _COMPARISON.fullmatch(text)
    if comparison is not None:
        wanted = int(comparison[2])
        return {
            "==": lambda record: record.number == wanted,
            "!=": lambda record: record.number != wanted,
            "<=": lambda record: record.number <= wanted,
            ">=": lambda record: record.number >= wanted,
            "<": lambda record: record.number < wanted,
            ">": lambda record: record.number > wanted,
        }[comparison[1]]
    match = re.fullmatch(r"(!?)/((?:[^/\\\n{]|\\[./])+)/", text)
    if match is None:
        raise Unsupported(f"awk {program}")
    pattern = posix.pattern(match[2].replace("\\/", "/"), True)
    return lambda record: pattern.found(record.text) == (not match[1])


def _printing(program: str, text: str) -> Callable[[_Record], str]:
    items: list[list[Callable[[_Record], str]]] = [[]]
    at = 0
    while text[at:].strip():
        match = _ITEM.match(text, at)
        if match is None:
            raise Unsupported(f"awk {program}")
        at = match.end()
        if match[1] == ",":
            items.append([])
        else:
            items[-1].append(_value(match))
    if len(items) > 1 and not all(items):
        raise Unsupported(f"awk {program}")
    if not items[0]:
        return lambda record: record.text
    return lambda record: " ".join("".join(one(record) for one in group) for group in items)


def _value(match: re.Match[str]) -> Callable[[_Record], str]:
    if match[2] is not None:
        return lambda record: _from_the_end(record, int(match[2]))
    if match[3] is not None:
        return lambda record: record.field(int(match[3]))
    if match[4] is not None:
        escapes = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
        said = re.sub(r"\\.", lambda found: escapes[found[0]], match[4])
        return lambda _: said
    return {
        "$NF": lambda record: record.field(len(record.fields)),
        "NF": lambda record: str(len(record.fields)),
        "NR": lambda record: str(record.number),
    }[match[1]]


def _from_the_end(record: _Record, back: int) -> str:
    if back > len(record.fields):
        raise Unsupported("awk with a field before the first one")
    return record.field(len(record.fields) - back)


AWK_TOOLS: dict[str, Tool] = {"awk": awk}
