"""A recording on disk: one line an entry, so that two of them can be compared by eye."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..evidence import Obj


def write(recording: Obj, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for key, value in recording.items():
        if key in ("applied", "timeline", "commands"):
            entries = ",\n".join(_compact(one) for one in value)
            lines.append(f"{_compact(key)}:[\n{entries}\n]" if value else f"{_compact(key)}:[]")
        else:
            lines.append(f"{_compact(key)}:{_compact(value)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
