"""A recording from its file, looked over before it is played.

Recordings come from people and from other programs. The trap is a traceback: a file that is no recording is told in
a sentence, with the place.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .tracks import Recording

_TOLD: dict[Any, str] = {str: "a text", dict: "an object", list: "a list"}


class Malformed(Exception):
    """Not a recording; the text says where and what was expected."""


def read(path: Path) -> Recording:
    """Raises Malformed."""
    try:
        recording: Recording = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise Malformed(f"cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise Malformed("expected JSON; found bytes that are no text") from None
    except json.JSONDecodeError as problem:
        raise Malformed(f"expected JSON; line {problem.lineno}, column {problem.colno}: {problem.msg}") from None
    _is(recording, dict, "the file", "an object with case, applied, timeline and commands")
    for part, kind in (("case", str), ("applied", list), ("timeline", list), ("commands", list)):
        if part not in recording:
            raise Malformed(f"expected {part}; the file has {', '.join(map(str, recording)) or 'nothing'}")
        _is(recording[part], kind, part, {str: "a name", list: "a list"}[kind])
    for number, obj in enumerate(recording["applied"]):
        _object(obj, f"applied[{number}]")
    for number, entry in enumerate(recording["timeline"]):
        _entry(entry, f"timeline[{number}]")
    for number, command in enumerate(recording["commands"]):
        _command(command, f"commands[{number}]")
    if not recording["applied"] and not recording["commands"]:
        raise Malformed("expected something that was done: applied and commands are empty")
    recording["timeline"].sort(key=lambda entry: entry["t"])
    recording["commands"].sort(key=lambda command: command["t"])
    return recording


def _is(value: Any, kind: type | tuple[type, ...], where: str, expected: str) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Malformed(f"{where}: expected {expected}; found {json.dumps(value)[:60]}")


def _fields(value: Any, where: str, **kinds: type | tuple[type, ...]) -> None:
    _is(value, dict, where, "an object")
    for name, kind in kinds.items():
        if name not in value:
            raise Malformed(f"{where}: expected {name}; found {', '.join(value) or 'nothing'}")
        _is(value[name], kind, f"{where}.{name}", _TOLD.get(kind, "a number"))


def _object(obj: Any, where: str) -> None:
    _fields(obj, where, apiVersion=str, kind=str, metadata=dict)
    if not isinstance(obj["metadata"].get("name") or obj["metadata"].get("generateName"), str):
        raise Malformed(f"{where}.metadata: expected a name")


def _entry(entry: Any, where: str) -> None:
    _fields(entry, where, t=(int, float), kind=str, type=str)
    if entry["kind"] == "Event":
        _fields(entry, where, reason=str, message=str, eventType=str, about=str)
        return
    _fields(entry, where, name=str)
    for part in ("metadata", "spec", "status"):
        if part in entry and entry[part] is not None:
            _is(entry[part], dict, f"{where}.{part}", "an object")


def _command(command: Any, where: str) -> None:
    _fields(command, where, t=(int, float), kubectl=list, rc=int, stdout=str, stderr=str)
    if not command["kubectl"] or not all(isinstance(word, str) for word in command["kubectl"]):
        raise Malformed(f"{where}.kubectl: expected words; found {json.dumps(command['kubectl'])[:60]}")
