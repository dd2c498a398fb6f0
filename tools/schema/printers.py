"""Printer columns out of the server's source: their names, types, formats and priorities, by resource.

They are the one thing that is published nowhere else before a server runs; what stands in the cells is code, there
as here.
"""

from __future__ import annotations

import re

_BLOCK = re.compile(r"(\w+) := \[\]metav1\.TableColumnDefinition\{\n(.*?)\n\t\}", re.DOTALL)
_ROW = re.compile(r'\{Name: (?:"([^"]*)"|\S+), Type: "(\w+)"(.*?)\},?$', re.MULTILINE)
_HANDLER = re.compile(r"TableHandler\((\w+), print(\w+)\)")
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
        blocks[name] = [
            [title, kind, _found(_FORMAT, rest), int(_found(_PRIORITY, rest) or 0)] for title, kind, rest in rows
        ]
    return {kind: blocks[block] for block, kind in _HANDLER.findall(source) if not kind.endswith("List")}


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
