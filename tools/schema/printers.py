"""Printer columns out of the server's source: their names, types, formats and priorities, by resource.

They are the one thing that is published nowhere else before a server runs; what stands in the cells is code, there
as here.
"""

from __future__ import annotations

import re

_BLOCK = re.compile(r"(\w+) (?::=|= append\(\w+,) \[\]metav1\.TableColumnDefinition\{\n(.*?)\n\t\}", re.DOTALL)
_ROW = re.compile(r'\{Name: (?:"([^"]*)"|\S+), Type: "(\w+)"(.*?)\},?$', re.MULTILINE)
_HANDLER = re.compile(r"TableHandler\((\w+), (print\w+)\)")
_PRINTER = re.compile(r"^func (print\w+)\(\w+ \*\w+\.(\w+),", re.MULTILINE)
_FORMAT = re.compile(r'Format: "(\w+)"')
_PRIORITY = re.compile(r"Priority: (\d+)")

Column = list[str | int]


def columns(source: str) -> dict[str, list[Column]]:
    """Kind -> [name, type, format, priority]."""
    blocks: dict[str, list[Column]] = {}
    for name, body in _BLOCK.findall(source):
        rows = _ROW.findall(body)
        lines = [line for line in body.splitlines() if line.strip() and not line.strip().startswith("//")]
        if len(rows) != len(lines):
            raise ValueError(f"{name}: {len(lines)} lines, {len(rows)} understood")
        blocks.setdefault(name, []).extend(
            [title, kind, _found(_FORMAT, rest), int(_found(_PRIORITY, rest) or 0)] for title, kind, rest in rows
        )
    kinds = dict(_PRINTER.findall(source))
    return {kinds[printer]: blocks[block] for block, printer in _HANDLER.findall(source)}


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
