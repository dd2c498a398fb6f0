"""sed: a script over the lines of a text.

BusyBox and GNU run the same scripts alike but for errors. The trap is the last line without a newline: it keeps none,
until something is written behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ....actor.effects import Unsupported
from ..container import Proc
from .filetools import Tool, inputs, lines, plain
from .sedscript import Address, Command, Substitution, parse

_MOUNTED = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")  # by the kubelet, one by one
_STEPS = 100_000  # commands, after which a script is taken to run for ever


class _Quit(Exception):
    pass


@dataclass
class _Run:
    """One run of a script over some lines."""

    commands: tuple[Command, ...]
    source: list[str]
    quiet: bool
    plain: bool  # BusyBox's
    out: list[str] = field(default_factory=list)
    space: str = ""
    hold: str = ""
    newline: bool = True  # whether the line at hand had one
    number: int = 0
    code: int = 0
    ranges: dict[int, int] = field(default_factory=dict)  # open ranges: command -> line that ends them, -1: a match
    begun: set[int] = field(default_factory=set)  # commands that have seen the line that begins their range
    after: list[str] = field(default_factory=list)
    replaced: bool = False
    keep: bool = False  # D: go on without a new line
    steps: int = 0

    def run(self) -> str:
        try:
            while self.keep or self._read():
                self._cycle()
        except _Quit:
            pass
        return "".join(self.out)

    def _read(self) -> bool:
        if self.number >= len(self.source):
            return False
        line = self.source[self.number]
        self.space = line.removesuffix("\n")
        self.newline = line.endswith("\n")
        self.number += 1
        return True

    def _last(self) -> bool:
        return self.number >= len(self.source)

    def _say(self, text: str) -> None:
        if self.out and not self.out[-1].endswith("\n"):
            self.out.append("\n")
        self.out.append(text)

    def _print_upto(self, first: bool) -> None:
        """For p and P: BusyBox ends every such line, GNU only those that have an end."""
        line, newline, _ = self.space.partition("\n") if first else (self.space, "", "")
        self._say(line + ("\n" if newline or self.newline or self.plain else ""))

    def _print(self) -> None:
        self._say(self.space + ("\n" if self.newline else ""))

    def _finish(self) -> None:
        if not self.quiet:
            self._print()
        self._flush()

    def _flush(self) -> None:
        for text in self.after:
            self._say(text)
        self.after.clear()

    def _cycle(self) -> None:
        self.keep = False
        self.replaced = False
        at = 0
        while at < len(self.commands):
            self.steps += 1
            if self.steps > _STEPS:
                raise Unsupported("sed without an end")
            command = self.commands[at]
            if command.name in ":}" or self._selected(at, command) == command.negated:
                at = command.number if command.name == "{" else at + 1
                continue
            following = self._do(at, command)
            if following is None:
                if not self.keep and command.name not in "dDc":
                    self._finish()
                else:
                    self._flush()
                return
            at = following
        self._finish()

    # -- selection

    def _selected(self, at: int, command: Command) -> bool:
        if not command.addresses:
            return True
        first = command.addresses[0]
        if len(command.addresses) == 1:
            return self._fits(first)
        second = command.addresses[1]
        if first.kind == "line" and self.number > first.number and at not in self.begun:
            raise Unsupported("sed with a range whose first line was passed")
        if self.number == first.number:
            self.begun.add(at)
        if at in self.ranges:
            return self._within(at, second)
        if not self._fits(first):
            return False
        if second.kind == "plus":
            end = self.number + second.number
        elif second.kind == "line":
            end = second.number
        elif second.kind == "last":
            end = len(self.source)
        else:
            end = -1
        if end == -1 or end > self.number:
            self.ranges[at] = end
        return True

    def _within(self, at: int, second: Address) -> bool:
        end = self.ranges[at]
        if end == -1:
            if self._fits(second):
                del self.ranges[at]
            return True
        if self.number >= end:
            del self.ranges[at]
        if self.number > end:
            raise Unsupported("sed with a range whose end was passed")
        return True

    def _fits(self, address: Address) -> bool:
        if address.kind == "line":
            return self.number == address.number
        if address.kind == "last":
            return self._last()
        if address.kind == "step":
            return self.number >= address.number and (self.number - address.number) % address.step == 0
        assert address.pattern is not None
        return address.pattern.found(self.space)

    # -- commands

    def _do(self, at: int, command: Command) -> int | None:
        """The next command's place; None: the cycle ends."""
        name = command.name
        if name == "{":
            return at + 1
        if name in "bt":
            if name == "t" and not self.replaced:
                return at + 1
            self.replaced = self.replaced and name != "t"
            return self._label(command.text)
        if name in "qdDnNc":
            return self._move(at, command)
        if name == "s":
            assert command.substitution is not None
            self._substitute(command.substitution)
        elif name == "y":
            half = len(command.text) // 2
            self.space = self.space.translate(str.maketrans(command.text[:half], command.text[half:]))
        elif name == "a":
            self.after.append(command.text)
        elif name == "i":
            self._say(command.text)
        elif name == "=":
            self._say(f"{self.number}\n")
        elif name in "pP":
            self._print_upto(name == "P")
        else:
            self._exchange(name)
        return at + 1

    def _exchange(self, name: str) -> None:
        if not self.newline and name in "gx":
            raise Unsupported("sed that exchanges a last line without a newline")
        if name == "g":
            self.space = self.hold
        elif name == "G":
            self.space += "\n" + self.hold
            self.newline = True
        elif name == "h":
            self.hold = self.space
        elif name == "H":
            self.hold += "\n" + self.space
        else:
            self.space, self.hold = self.hold, self.space

    def _label(self, label: str) -> int:
        if not label:
            return len(self.commands)
        return next(at for at, each in enumerate(self.commands) if each.name == ":" and each.text == label)

    def _move(self, at: int, command: Command) -> int | None:
        """The commands that go on to another line, or to none."""
        name = command.name
        if name == "q":
            self.code = command.number
            self._finish()
            if not self.plain and self.out and not self.out[-1].endswith("\n"):
                self.out.append("\n")
            raise _Quit
        if name == "c":
            if len(command.addresses) < 2 or command.negated or at not in self.ranges:
                self._say(command.text)
            return None
        if name == "D" and "\n" in self.space:
            self.space = self.space.split("\n", 1)[1]
            self.keep = True
            return None
        if name in "dD":
            return None
        if self._last():
            self._finish()
            raise _Quit
        if name == "n":
            self._finish()
            self._read()
            return at + 1
        before = self.space
        self._flush()
        self._read()
        self.space = before + "\n" + self.space
        return at + 1

    def _substitute(self, wanted: Substitution) -> None:
        text = self.space
        if wanted.pattern.nullable and (wanted.everywhere or wanted.number > 1) and not text.isascii():
            raise Unsupported(f"the expression {wanted.pattern.text!r} on a text beyond ASCII")
        found: list[str] = []
        copied = at = count = 0
        last_end = -1
        done = False
        while at <= len(text) and (match := wanted.pattern.search(text, at)):
            start, end = match.span()
            if start == end == last_end:
                at = end + 1
                continue
            count += 1
            if count >= wanted.number:
                found.append(text[copied:start])
                found.extend(piece if isinstance(piece, str) else match[piece] or "" for piece in wanted.pieces)
                copied = end
                done = True
                if not wanted.everywhere:
                    break
            last_end = end
            at = end if end > start else end + 1
        if not done:
            return
        self.space = "".join(found) + text[copied:]
        self.replaced = True
        if wanted.shown:
            self._print()


def _arguments(args: list[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Options, scripts, and operands."""
    found: dict[str, str] = {}
    scripts: list[str] = []
    rest: list[str] = []
    queue: Iterator[str] = iter(args)
    for arg in queue:
        if arg == "--":
            rest.extend(queue)
        elif not arg.startswith("-") or arg == "-":
            rest.append(arg)
        elif arg.startswith("--"):
            raise Unsupported(f"sed {arg}")
        else:
            for at, letter in enumerate(arg[1:], 1):
                if letter == "e":
                    scripts.append(arg[at + 1 :] or next(queue, ""))
                    break
                if letter == "i":
                    found["i"] = arg[at + 1 :]
                    break
                if letter not in "nEr":
                    raise Unsupported(f"sed {arg}")
                found[letter] = ""
    if not scripts and rest:
        scripts.append(rest.pop(0))
    return found, scripts, rest


def sed(proc: Proc, args: list[str]) -> int:
    found, scripts, names = _arguments(args)
    if not scripts:
        raise Unsupported(f"sed {' '.join(args)}")
    if any(script.endswith("\\") for script in scripts):
        raise Unsupported("sed with a script that goes on in the next one")
    commands = parse("\n".join(scripts), bool({"E", "r"} & set(found)))
    if plain(proc) and any(_only_gnu(command) for command in commands):
        raise Unsupported(f"sed {' '.join(scripts)}")
    if "i" in found:
        return _in_place(proc, commands, names, found)
    texts, code = inputs(proc, "sed", names)
    source: list[str] = []
    for text in texts:
        if source and not source[-1].endswith("\n"):
            source[-1] += "\n"
        source.extend(lines(text))
    run = _Run(commands, source, "n" in found, plain(proc))
    proc.emit(run.run())
    return run.code or (code and (1 if plain(proc) else 2))


def _only_gnu(command: Command) -> bool:
    """Whether BusyBox reads a command otherwise."""
    found = command.substitution
    if found is not None and found.number > 1:
        return found.everywhere or "^" in found.pattern.text or found.pattern.nullable
    if command.name in "ai" and len(command.addresses) > 1:
        return True
    return any(one.kind == "step" for one in command.addresses) or (command.name == "q" and command.number > 0)


def _in_place(proc: Proc, commands: tuple[Command, ...], names: list[str], found: dict[str, str]) -> int:
    if len(names) != 1 or "*" in found["i"] or "/" in found["i"]:
        raise Unsupported("sed -i of other than one file")
    files, path = proc.box.files, proc.path(names[0])
    texts, code = inputs(proc, "sed", names)
    if code:
        return 1 if plain(proc) else 2
    if path.startswith("/dev/") or path in _MOUNTED or files.fixed(path):
        raise Unsupported(f"sed -i of {path}, which cannot be replaced")
    run = _Run(commands, lines(texts[0]), "n" in found, plain(proc))
    text = run.run()
    if run.code or (run.number < len(run.source) and plain(proc)):
        raise Unsupported("sed -i with a script that quits")
    if found["i"]:
        files.write(path + found["i"], texts[0].encode())
    files.write(path, text.encode())
    return 0


SED_TOOLS: dict[str, Tool] = {"sed": sed}
