"""What the shape of a command tells without running it: that it only sleeps, never stops, or does not care for order.

Each saves waking for every round of a loop, or running what has no end. The trap is a shape that is nearly the one that
is meant: whatever has a redirection, an assignment or a word that must be expanded first is none of these.
"""

from __future__ import annotations

from .tree import Command, Simple, While


def idle(command: While) -> float:
    """The period of a loop that does nothing but sleep for ever; 0 if it does more."""
    if command.until or len(command.condition.items) != 1 or len(command.body.items) != 1:
        return 0.0
    (condition, _), (body, background) = command.condition.items[0], command.body.items[0]
    if not (isinstance(condition, Simple) and isinstance(body, Simple)) or background:
        return 0.0
    if _constants(condition) not in (["true"], [":"]):
        return 0.0
    args = _constants(body)
    if len(args) != 2 or args[0] != "sleep" or not args[1].isdigit():
        return 0.0
    return float(args[1])


def orderless(reader: Command) -> bool:
    """Whether a pipe's reader gives the same for lines in any order."""
    args = _constants(reader) if isinstance(reader, Simple) else []
    return args in (["sort"], ["sort", "-u"], ["sort", "-r"], ["wc", "-l"])


def endless(command: Command, reader: Command) -> str | None:
    """The line that `yes` says for ever, if its reader is one that stops by itself."""
    args = _constants(command) if isinstance(command, Simple) else []
    if args[:1] != ["yes"] or any(not arg or arg.startswith("-") for arg in args[1:]):
        return None
    if not isinstance(reader, Simple) or not reader.words or reader.words[0].constant != "head":
        return None
    return " ".join(args[1:] or ["y"]) + "\n"


def _constants(command: Simple) -> list[str]:
    if command.assignments or command.redirects:
        return []
    return [word.constant or "" for word in command.words]
