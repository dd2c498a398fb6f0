"""Commands that run another one: env, xargs, timeout, nohup, nice.

The traps are who is in whose place (BusyBox's timeout becomes the command, GNU's waits beside it), and that a command
which is stopped halfway must have done only the first half of it.
"""

from __future__ import annotations

import re
from typing import Any

from ....actor.effects import Forever, Program, Sleep, Spent, Terminated, Unsupported, Watch
from ..container import SIGTERM, Proc, Stdin
from ..tasks import Beat
from .filetools import Tool, plain, quoted

_INSTANT = 1e-9
_TERMINATED = 124  # GNU's code for a command that took too long


def _started(proc: Proc, tool: str, argv: list[str], gnu: str) -> Program | int:
    """A command's program; 126 or 127 if there is none, which has been said then."""
    from ..programs import CannotStart, launch

    try:
        return launch(proc, tuple(argv))
    except CannotStart as found:
        problem = "Permission denied" if found.code == 126 else "No such file or directory"
        if tool == "xargs":
            text = f"{argv[0]}: {problem}"
        elif plain(proc):
            text = f"can't execute '{argv[0]}': {problem}"
        else:
            text = f"{gnu}{quoted(proc, argv[0])}: {problem}"
        proc.emit(f"{tool}: {text}\n", True)
        return found.code


# -- env, nohup, nice


def env(proc: Proc, args: list[str]) -> int | Program:
    values = dict(proc.env)
    rest = list(args)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        if option in ("-i", "-"):
            values.clear()
        elif option == "-u" and rest and "=" not in rest[0]:
            values.pop(rest.pop(0), None)
        else:
            raise Unsupported(f"env {option}")
    while rest and "=" in rest[0]:
        name, _, value = rest.pop(0).partition("=")
        values[name] = value
    if not rest:
        proc.emit("".join(f"{name}={value}\n" for name, value in values.items()))
        return 0
    if "PATH" not in values:
        raise Unsupported("env of a command without PATH")
    proc.env = values
    return _started(proc, "env", rest, "")


def nohup(proc: Proc, args: list[str]) -> int | Program:
    if not args or args[0].startswith("-"):
        raise Unsupported(f"nohup {' '.join(args)}")
    return _started(proc, "nohup", args, "failed to run command ")


def nice(proc: Proc, args: list[str]) -> int | Program:
    match = re.fullmatch(r"(?:-n ?-?\d+ |--adjustment=-?\d+ )?([^-].*)", " ".join(args), re.DOTALL)
    if match is None:
        raise Unsupported(f"nice {' '.join(args)}")
    skipped = 2 if args[0] == "-n" else 1 if args[0].startswith("-") else 0
    return _started(proc, "nice", args[skipped:], "")


# -- timeout


def timeout(proc: Proc, args: list[str]) -> Program:
    signal = "TERM"
    rest = list(args)
    while rest and rest[0].startswith("-"):
        if rest[0] != "-s" or len(rest) < 2:
            raise Unsupported(f"timeout {rest[0]}")
        signal = {"15": "TERM", "9": "KILL"}.get(rest[1], rest[1].upper().removeprefix("SIG"))
        del rest[:2]
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", rest[0]) if len(rest) > 1 else None
    if match is None or signal not in ("TERM", "KILL"):
        raise Unsupported(f"timeout {' '.join(args)}")
    limit = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if plain(proc) and (not limit or limit % 1):
        raise Unsupported(f"timeout {rest[0]}")  # it counts seconds
    child = proc
    if not plain(proc):
        child = proc.child(proc.env, proc.cwd, proc.stdin, proc.out, proc.err)
    program = _started(child, "timeout", rest[1:], "failed to run command ")
    if isinstance(program, int):
        return program
    if not limit:
        return (yield from program)
    if not plain(proc):
        proc.catch_term()
    try:
        return (yield from _Limited(proc, child, program, limit, signal).run())
    finally:
        if child is not proc:
            child.release()


class _Limited:
    """A program that is passed on until its time is up, and then gets the signal."""

    def __init__(self, proc: Proc, child: Proc, program: Program, limit: float, signal: str) -> None:
        self._proc = proc
        self._child = child
        self._program = program
        self._left = limit
        self._signal = signal

    def run(self) -> Program:
        value: Any = None
        problem: Exception | None = None
        try:
            while True:
                effect = self._program.send(value) if problem is None else self._program.throw(problem)
                value, problem = None, None
                try:
                    value, late = yield from self._pass(effect)
                except Terminated as told:
                    if self._child.traps_term:
                        raise Unsupported("a signal to the timeout of a shell with a trap") from None
                    catches = self._proc.box.catching.pop(self._child.pid, self) is None
                    if self._proc is self._child or catches:
                        problem = told
                        continue
                    return self._closed(SIGTERM)
                if late is not None:
                    return (yield from self._signalled(effect, late))
        except StopIteration as end:
            return int(end.value)

    def _pass(self, effect: object) -> Any:
        """What came of the effect, and by how much its time was cut short; None: it was not.

        What ends in the same instant loses: the time is counted from before the program has started.
        """
        if isinstance(effect, Beat) and self._child.pid == 1:
            effect = Sleep(effect.every)  # so that its shell sees a signal when it would
        if isinstance(effect, (Sleep, Spent)):
            if effect.seconds < self._left - _INSTANT:
                self._left -= effect.seconds
                return (yield effect), None
            yield Sleep(self._left)
            return None, effect.seconds - self._left
        if isinstance(effect, (Forever, Beat)):
            yield Sleep(self._left)
            return None, float("inf")
        if isinstance(effect, Watch):
            seconds = self._left if effect.seconds is None else min(self._left, effect.seconds)
            began = self._proc.now()
            found = yield Watch(effect.look, effect.every, seconds)
            self._left -= seconds if not found else self._proc.now() - began
            late = not found and (effect.seconds is None or effect.seconds >= seconds)
            return found, float("inf") if late and self._left <= _INSTANT else None
        raise Unsupported("timeout of a shell that waits for its jobs")

    def _signalled(self, effect: Any, late: float) -> Program:
        """The time is up while the program waits for this effect."""
        child = self._child
        catches = child.pid in child.box.catching or (child.pid == 1 and child.box.on_term is not None)
        if plain(self._proc) and self._proc.perhaps_first:
            raise Unsupported("timeout as the last command of process 1, in whose place it may be")
        if self._signal == "KILL":
            if self._proc.pid == 1:
                raise Unsupported("timeout -s KILL as process 1")
            self._proc.killed = "Killed"
            return self._closed(137)
        if child.pid == 1:
            if not catches:
                raise Unsupported("timeout as process 1, which its signal does not reach")
            child.box.terminate()
            return (yield from self._rest(effect, late))
        if child.traps_term:
            raise Unsupported("timeout of a shell with a trap")
        if catches:
            child.box.catching.pop(child.pid, None)
            code = yield from _thrown(self._program)
            return code if plain(self._proc) else _TERMINATED
        if plain(self._proc):
            self._proc.killed = "Terminated"
            return self._closed(SIGTERM)
        return self._closed(_TERMINATED)

    def _rest(self, effect: Any, late: float) -> Program:
        """Wait on: whoever catches the signal is told where it waits."""
        value: Any = None
        try:
            value = yield (Sleep(late) if late != float("inf") else effect)
        except Terminated:
            return (yield from _thrown(self._program))
        return (yield from _sent(self._program, value))

    def _closed(self, code: int) -> int:
        self._program.close()
        return code


def _thrown(program: Program) -> Program:
    try:
        effect = program.throw(Terminated())
    except StopIteration as end:
        return int(end.value)
    return (yield from _on(program, effect))


def _sent(program: Program, value: Any) -> Program:
    try:
        effect = program.send(value)
    except StopIteration as end:
        return int(end.value)
    return (yield from _on(program, effect))


def _on(program: Program, effect: Any) -> Program:
    try:
        while True:
            effect = program.send((yield effect))
    except StopIteration as end:
        return int(end.value)


# -- xargs


def xargs(proc: Proc, args: list[str]) -> Program:
    found, command = _xargs_options(proc, args)
    text = proc.stdin.rest()
    problem = ""
    if "I" in found:
        items = _items_of_lines(text)
    elif "0" in found:
        items = [item for item in text.split("\0") if item or not text.endswith("\0")]
        if text.endswith("\0") and "" in text[:-1].split("\0"):
            raise Unsupported("xargs -0 with an empty item")
    elif "d" in found:
        items = text.removesuffix(found["d"]).split(found["d"]) if text else []
    else:
        items, problem = _items(text)
    if problem:
        raise Unsupported(f"xargs with an {problem}")
    command = command or ["echo"]
    code = 0
    for each in _command_lines(found, command, items):
        ended = yield from _one(proc, each)
        if ended is None:
            return 127
        if ended == 255:
            proc.emit(f"xargs: {each[0]}: exited with status 255; aborting\n", True)
            return 124
        if 128 < ended < 160:
            raise Unsupported("xargs of a command that a signal ends")
        code = 123 if ended else code
    return code


def _xargs_options(proc: Proc, args: list[str]) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    rest = list(args)
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        option = rest.pop(0)
        letter = option[1]
        if letter in "nId" and (letter != "d" or not plain(proc)):
            found[letter] = option[2:] or (rest.pop(0) if rest else "")
        elif re.fullmatch(r"-[r0]+", option):
            found.update(dict.fromkeys(option[1:], ""))
        else:
            raise Unsupported(f"xargs {option}")
    if "d" in found:
        found["d"] = {"\\n": "\n", "\\t": "\t"}.get(found["d"], found["d"])
        if len(found["d"]) != 1:
            raise Unsupported("xargs -d")
    if (
        ("I" in found and (not found["I"] or "n" in found))
        or found.get("n", "1").strip("0") == ""
        or (len({"0", "d", "I"} & set(found)) > 1)
    ):
        raise Unsupported(f"xargs {' '.join(args)}")
    return found, rest


def _command_lines(found: dict[str, str], command: list[str], items: list[str]) -> list[list[str]]:
    if "I" in found:
        return [[command[0], *(part.replace(found["I"], item) for part in command[1:])] for item in items]
    if not items:
        return [] if "r" in found else [command]
    size = int(found.get("n", str(len(items))))
    if sum(len(item) + 1 for item in items[:size]) > 100_000:
        raise Unsupported("xargs of a line that may be too long")
    return [[*command, *items[at : at + size]] for at in range(0, len(items), size)]


def _one(proc: Proc, argv: list[str]) -> Any:
    child = proc.child(proc.env, proc.cwd, Stdin(), proc.out, proc.err)
    program = _started(child, "xargs", argv, "")
    if isinstance(program, int):
        if program != 127:
            raise Unsupported("xargs of what cannot be run")
        return None
    try:
        return (yield from program)
    finally:
        child.release()


def _items_of_lines(text: str) -> list[str]:
    if re.search(r"['\"\\]", text):
        raise Unsupported("xargs -I with quotes")
    return [line.lstrip(" \t") for line in text.split("\n") if line.strip(" \t")]


def _items(text: str) -> tuple[list[str], str]:
    """Words with their quotes taken away; and what is wrong."""
    items: list[str] = []
    current: str | None = None
    at = 0
    while at < len(text):
        char = text[at]
        if char in " \t\n":
            if current is not None:
                items.append(current)
            current = None
            at += 1
        elif char in "'\"":
            end = text.find(char, at + 1)
            if end < 0 or "\n" in text[at:end]:
                return items, f"unmatched {'single' if char == chr(39) else 'double'} quote"
            current = (current or "") + text[at + 1 : end]
            at = end + 1
        elif char == "\\":
            if at + 1 >= len(text):
                return items, "open backslash"
            current = (current or "") + text[at + 1]
            at += 2
        else:
            current = (current or "") + char
            at += 1
    if current is not None:
        items.append(current)
    return items, ""


def kill(proc: Proc, args: list[str]) -> int:
    """As somebody runs it from outside, to have process 1 end: only a signal that it handles reaches that."""
    signal = args[0].lstrip("-").removeprefix("SIG") if args and args[0].startswith("-") else "TERM"
    if args[-1:] != ["1"] or len(args) > 2 or signal not in ("TERM", "15", "KILL", "9"):
        raise Unsupported(f"kill {' '.join(args)}")
    if signal in ("TERM", "15"):
        proc.box.terminate()
    return 0


RUNNERS: dict[str, Tool] = {"env": env, "kill": kill, "nice": nice, "nohup": nohup, "timeout": timeout, "xargs": xargs}
