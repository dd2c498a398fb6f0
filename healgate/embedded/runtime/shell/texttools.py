"""Commands that turn text into other text: cut, tr, uniq, tac, rev, nl, base64 and the checksums.

Scripts lean on their smallest habits. The traps are what BusyBox and GNU say differently, and a last line without its
newline, which some give one and others leave as it is.
"""

from __future__ import annotations

import base64 as base64_
import binascii
import hashlib
import re
from collections.abc import Callable

from ....actor.effects import Program, Unsupported
from ..container import Proc
from .filetools import Tool, inputs, lines, opened, options, plain

_ALL = [chr(code) for code in range(128)]  # what `tr -c` takes the complement in
_TR_CLASSES: dict[str, Callable[[str], bool]] = {
    "alpha": str.isalpha,
    "digit": str.isdigit,
    "alnum": str.isalnum,
    "upper": str.isupper,
    "lower": str.islower,
    "space": lambda char: char in "\t\n\v\f\r ",
    "blank": lambda char: char in "\t ",
    "punct": lambda char: "!" <= char <= "~" and not char.isalnum(),
    "xdigit": lambda char: char in "0123456789ABCDEFabcdef",
}
_TR_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "f": "\f", "v": "\v", "a": "\a", "b": "\b"}


def ascii_only(tool: str, *texts: str) -> None:
    """Refuse text in which bytes and characters differ: the images do not agree which of them a command sees."""
    if not all(text.isascii() for text in texts):
        raise Unsupported(f"{tool} of a text beyond ASCII")


def _ended(line: str) -> str:
    return line if line.endswith("\n") else line + "\n"


# -- cut


def cut(proc: Proc, args: list[str]) -> int:
    found, names = options("cut", args, "s", "dfcb")
    by = [letter for letter in "fcb" if letter in found]
    if len(by) != 1 or (by != ["f"] and ("d" in found or "s" in found)):
        raise Unsupported(f"cut {' '.join(args)}")
    delimiter = found.get("d", "\t")
    if len(delimiter) != 1 or delimiter == "\n":
        raise Unsupported(f"cut -d {delimiter!r}")
    ascii_only("cut", delimiter)
    wanted = _ranges(found[by[0]])
    texts, code = inputs(proc, "cut", names)
    for line in lines("".join(_ended(text) if text else "" for text in texts)):
        text = line.rstrip("\n")
        if plain(proc) and _overlong(wanted, text.count(delimiter) + 1):
            raise Unsupported("cut of several ranges from fewer fields")  # whether a delimiter ends them differs
        if plain(proc) and "s" in found and not text:
            raise Unsupported("cut -s of an empty line")
        proc.emit(_cut(text, by[0], delimiter, wanted, "s" in found))
    return code


def _cut(line: str, by: str, delimiter: str, wanted: list[tuple[int, int | None]], only: bool) -> str:
    if by == "f":
        fields = line.split(delimiter)
        if len(fields) == 1:
            return "" if only else line + "\n"
        return delimiter.join(_chosen(fields, wanted)) + "\n"
    ascii_only("cut -" + by, line)
    return "".join(_chosen(list(line), wanted)) + "\n"


def _overlong(wanted: list[tuple[int, int | None]], fields: int) -> bool:
    """Whether there are ranges with nothing left for them, because of others or of the line."""
    ends = [fields if last is None else last for _, last in sorted(wanted)[:-1]]
    starts = [first for first, _ in sorted(wanted)[1:]]
    return fields > 1 and any(start <= end or start > fields for start, end in zip(starts, ends, strict=True))


def _ranges(text: str) -> list[tuple[int, int | None]]:
    """From and to (None: the end), counted from 1."""
    found: list[tuple[int, int | None]] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d*)(-?)(\d*)", part)
        if match is None or part in ("", "-"):
            raise Unsupported(f"cut of {text!r}")
        first = int(match[1] or 1)
        last = (int(match[3]) if match[3] else None) if match[2] else first
        if first == 0 or (last is not None and last < first):
            raise Unsupported(f"cut of {text!r}")
        found.append((first, last))
    return found


def _chosen(items: list[str], wanted: list[tuple[int, int | None]]) -> list[str]:
    return [
        item
        for number, item in enumerate(items, 1)
        if any(first <= number and (last is None or number <= last) for first, last in wanted)
    ]


# -- tr


def tr(proc: Proc, args: list[str]) -> int:
    found, sets = options("tr", args, "cCds")
    complement = "c" in found or "C" in found
    delete, squeeze = "d" in found, "s" in found
    if len(sets) != (2 if delete == squeeze else 1) and not (squeeze and not delete and len(sets) == 2):
        raise Unsupported(f"tr {' '.join(args)}")
    text = proc.stdin.rest()
    ascii_only("tr", text, *sets)
    first = _set(sets[0])
    if complement:
        first = [char for char in _ALL if char not in first]
    second = _set(sets[1]) if len(sets) == 2 else []
    if delete:
        gone = frozenset(first)
        text = "".join(char for char in text if char not in gone)
    elif len(sets) == 2:
        _check_translation(sets, complement, second)
        longer = second + second[-1:] * (len(first) - len(second))
        table: dict[str, str] = {}
        for one, other in zip(first, longer, strict=False):
            table[one] = other
        text = "".join(table.get(char, char) for char in text)
    if squeeze:
        text = _squeezed(text, frozenset(second if len(sets) == 2 else first))
    proc.emit(text)
    return 0


def _check_translation(sets: list[str], complement: bool, second: list[str]) -> None:
    classes = re.findall(r"\[:(\w+):\]", sets[1])
    odd = any(name not in ("upper", "lower") for name in classes)
    if not second or odd or (complement and len(second) != 1):
        raise Unsupported(f"tr {' '.join(sets)}")
    if classes and not all(re.fullmatch(r"\[:(upper|lower):\]", each) for each in sets):
        raise Unsupported(f"tr {' '.join(sets)}")


def _squeezed(text: str, chars: frozenset[str]) -> str:
    kept: list[str] = []
    for char in text:
        if char not in chars or not kept or kept[-1] != char:
            kept.append(char)
    return "".join(kept)


def _set(text: str) -> list[str]:
    """The characters of one of tr's sets, in order."""
    found: list[str] = []
    at = 0
    while at < len(text):
        match = re.compile(r"\[:([a-z]+):\]").match(text, at)
        if match:
            if match[1] not in _TR_CLASSES:
                raise Unsupported(f"tr {text}")
            found.extend(char for char in _ALL if _TR_CLASSES[match[1]](char))
            at = match.end()
            continue
        if text[at] == "[" and re.compile(r"\[(=|:|.\*|\\)").match(text, at):
            raise Unsupported(f"tr {text}")
        low, at = _char(text, at)
        if text[at : at + 1] == "-" and at + 1 < len(text):
            if text[at + 1] == "[":
                raise Unsupported(f"tr {text}")
            high, at = _char(text, at + 1)
            if low > high:
                raise Unsupported(f"tr {text}")
            found.extend(chr(code) for code in range(ord(low), ord(high) + 1))
        else:
            found.append(low)
    return found


def _char(text: str, at: int) -> tuple[str, int]:
    if text[at] != "\\":
        return text[at], at + 1
    match = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL).match(text, at)
    if match is None:
        raise Unsupported(f"tr {text}")
    if match[1][0] in "01234567":
        code = int(match[1], 8)
        if code > 127:
            raise Unsupported(f"tr {text}")
        return chr(code), match.end()
    if match[1] not in _TR_ESCAPES:
        raise Unsupported(f"tr {text}")
    return _TR_ESCAPES[match[1]], match.end()


# -- whole lines


def uniq(proc: Proc, args: list[str]) -> int:
    found, names = options("uniq", args, "cdui")
    if len(names) > 1:
        raise Unsupported(f"uniq {' '.join(args)}")
    texts, code = inputs(proc, "uniq", names)
    if code:
        return code
    groups: list[tuple[str, int]] = []
    for line in lines("".join(texts)):
        text = line.rstrip("\n")
        if "i" in found:
            ascii_only("uniq -i", text)
        last = groups[-1] if groups else None
        if last is not None and (last[0] == text or ("i" in found and last[0].lower() == text.lower())):
            groups[-1] = (last[0], last[1] + 1)
        else:
            groups.append((text, 1))
    for text, count in groups:
        if (count == 1 and "d" in found) or (count > 1 and "u" in found):
            continue
        proc.emit(f"{count:7} {text}\n" if "c" in found else f"{text}\n")
    return 0


def tac(proc: Proc, args: list[str]) -> int:
    _, names = options("tac", args, "")
    texts, code = inputs(proc, "tac", names)
    if len(texts) > 1 and not plain(proc):
        proc.emit("".join("".join(reversed(lines(text))) for text in texts))
        return code
    if len(texts) > 1:
        raise Unsupported("tac of several files")
    proc.emit("".join(reversed(lines("".join(texts)))))
    return code


def rev(proc: Proc, args: list[str]) -> int:
    _, names = options("rev", args, "")
    texts, code = inputs(proc, "rev", names)
    for line in lines("".join(texts)):
        ascii_only("rev", line)
        text = line.rstrip("\n")
        proc.emit(text[::-1] + line[len(text) :])
    return code


def nl(proc: Proc, args: list[str]) -> int:
    found, names = options("nl", args, "", "bwsv")
    if found.get("b", "t") not in ("a", "t", "n"):
        raise Unsupported(f"nl {' '.join(args)}")
    width, separator, number = int(found.get("w", "6")), found.get("s", "\t"), int(found.get("v", "1"))
    texts, code = inputs(proc, "nl", names)
    for line in lines("".join(texts)):
        text = line.rstrip("\n")
        if text in ("\\:", "\\:\\:", "\\:\\:\\:"):
            raise Unsupported("nl of pages")
        if found.get("b", "t") == "a" or (found.get("b", "t") == "t" and text):
            proc.emit(f"{number:{width}}{separator}{text}\n")
            number += 1
        else:
            proc.emit(" " * (width + len(separator)) + text + "\n")
    return code


# -- encodings and checksums


def base64(proc: Proc, args: list[str]) -> int:
    found, names = options("base64", ["-d" if arg == "--decode" and not plain(proc) else arg for arg in args], "d", "w")
    if len(names) > 1:
        raise Unsupported(f"base64 {' '.join(args)}")
    data = opened(proc, "base64", names[0] if names else "-")
    if data is None:
        return 1
    if "d" in found:
        try:
            decoded = base64_.b64decode(b"".join(data.split(b"\n")), validate=True)
        except binascii.Error as problem:
            raise Unsupported("base64 -d of what is none") from problem
        proc.emit(decoded.decode())
        return 0
    width = int(found.get("w", "76"))
    text = base64_.b64encode(data).decode()
    if width:
        text = "".join(text[at : at + width] + "\n" for at in range(0, len(text), width))
    proc.emit(text)
    return 0


def _sum(name: str, make: Callable[[bytes], str]) -> Tool:
    def run(proc: Proc, args: list[str]) -> int:
        found, names = options(name, args, "c")
        if "c" in found:
            return _checked(proc, name, make, names)
        code = 0
        for each in names or ["-"]:
            data = opened(proc, name, each)
            if data is None:
                code = 1
            elif re.search(r"[\\\n]", each):
                raise Unsupported(f"{name} of a file with such a name")
            else:
                proc.emit(f"{make(data)}  {each}\n")
        return code

    return run


def _checked(proc: Proc, name: str, make: Callable[[bytes], str], names: list[str]) -> int:
    texts, code = inputs(proc, name, names[:1])
    if len(names) > 1 or code:
        raise Unsupported(f"{name} -c {' '.join(names)}")
    failed = total = 0
    for line in lines("".join(texts)):
        match = re.fullmatch(r"([0-9a-f]+)  ([^\\\n]+)\n?", line)
        if match is None or len(match[1]) != len(make(b"")) or not proc.box.files.is_file(proc.path(match[2])):
            raise Unsupported(f"{name} -c of the line {line!r}")
        data = opened(proc, name, match[2])
        right = data is not None and make(data) == match[1]
        proc.emit(f"{match[2]}: {'OK' if right else 'FAILED'}\n")
        total += 1
        failed += not right
    if not total:
        raise Unsupported(f"{name} -c of nothing")
    if failed and plain(proc):
        proc.emit(f"{name}: WARNING: {failed} of {total} computed checksums did NOT match\n", True)
    elif failed:
        words = "checksum" if failed == 1 else "checksums"
        proc.emit(f"{name}: WARNING: {failed} computed {words} did NOT match\n", True)
    return 1 if failed else 0


# -- yes


def yes(_: Proc, args: list[str]) -> int | Program:
    """Without an end; the pipeline knows the one use that ends."""
    raise Unsupported(f"yes {' '.join(args)}".rstrip() + " (other than into head)")


TEXT_TOOLS: dict[str, Tool] = {
    "base64": base64,
    "cut": cut,
    "md5sum": _sum("md5sum", lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest()),
    "nl": nl,
    "rev": rev,
    "sha1sum": _sum("sha1sum", lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest()),
    "sha256sum": _sum("sha256sum", lambda data: hashlib.sha256(data).hexdigest()),
    "sha512sum": _sum("sha512sum", lambda data: hashlib.sha512(data).hexdigest()),
    "tac": tac,
    "tr": tr,
    "uniq": uniq,
    "yes": yes,
}
