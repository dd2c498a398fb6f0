"""Runs a tree: a generator of effects whose value is the exit status.

Two rules of real shells shape what a cluster shows. A trap runs when the command in the foreground has ended, not when
the signal comes; and process 1 without a trap ignores SIGTERM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeVar

from ....actor.effects import Forever, Program, Sleep, Spent, Unsupported
from ..container import Container, IntoFile, KilledForMemory, Proc, Sink, Stdin
from ..files import Files
from ..tasks import Beat, Task
from . import words
from .pace import Pace
from .parser import parse
from .reader import SyntaxProblem
from .shapes import endless, idle, orderless
from .splitting import BLANK
from .tree import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Pipeline,
    Redirect,
    Script,
    Simple,
    While,
    Word,
)

T = TypeVar("T")
Run = Generator[Any, Any, int]
ENDLESS_PIPE = 3600.0  # seconds after which a pipe's writer is taken to go on for ever


@dataclass(frozen=True, slots=True)
class Io:
    stdin: Stdin
    out: Sink
    err: Sink
    unordered: bool = False  # the reader of `out` does not care for the order of lines


class Leave(Exception):
    """`exit`, or what amounts to it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Return(Leave):
    """`return` from a function."""


class Break(Exception):
    """`break` or `continue`, out of so many loops."""

    def __init__(self, loops: int, again: bool) -> None:
        super().__init__(loops)
        self.loops = loops
        self.again = again


_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@lru_cache(1024)
def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


class Shell:
    """One shell process, or a subshell of it."""

    def __init__(self, proc: Proc, flavour: str, name: str, arguments: tuple[str, ...] = ()) -> None:
        self.proc = proc
        self.main = proc.pid == 1  # gets the container's signals
        self.flavour = flavour
        self.name = name
        self.arguments = list(arguments)
        # Most shells take, and hand on, only what they could themselves have set.
        self.variables = {name: one for name, one in proc.env.items() if flavour == "bash" or _is_name(name)}
        self.exported: dict[str, None] = dict.fromkeys(self.variables)
        self.functions: dict[str, Command] = {}
        self.options: dict[str, None] = {}
        self.traps: dict[str, str] = {}
        self.jobs: list[tuple[int, Task]] = []
        self.status = 0
        self.pending: list[str] = []
        self.substituted: int | None = None  # status of the last $( ) of the command at hand
        self.loops = 0  # that `break` could leave
        self.last: Command | None = None  # what it may run in its own place, because it ends with it
        self.readonly: dict[str, None] = {}
        # What the variables were that are local to the functions it is in.
        self.locals: list[dict[str, str | None]] = []
        self.line = 0  # of the command at hand, as the parser counts
        self.first_line = 1  # what this shell calls the first one
        self.is_text = False  # it was given its script with -c
        self.is_inside = False  # another one began it: ( ), $( ), a pipe
        self._unchecked = 0  # inside a condition, where set -e does not look

    @property
    def box(self) -> Container:
        return self.proc.box

    @property
    def files(self) -> Files:
        return self.proc.box.files

    def value(self, name: str) -> str | None:
        """A parameter's value, None if it is not set."""
        if name.isdigit():
            number = int(name)
            if number == 0:
                return self.name
            return self.arguments[number - 1] if number <= len(self.arguments) else None
        if name in self.variables:
            return self.variables[name]
        special: dict[str, Callable[[], str]] = {
            "?": lambda: str(self.status),
            "#": lambda: str(len(self.arguments)),
            "$": lambda: str(self.proc.pid),
            "!": lambda: str(self.jobs[-1][0]) if self.jobs else "",
            "-": lambda: "".join(self.options),
            "PWD": lambda: self.proc.cwd,
            "PPID": lambda: "0",
            "IFS": lambda: BLANK,
            "RANDOM": lambda: self._refuse_random(),
        }
        return special[name]() if name in special else None

    @staticmethod
    def _refuse_random() -> str:
        raise Unsupported("$RANDOM")

    def environment(self) -> dict[str, str]:
        return {name: self.variables[name] for name in self.exported if name in self.variables}

    def subshell(self) -> Shell:
        inner = Shell(self.proc, self.flavour, self.name, tuple(self.arguments))
        inner.proc = Proc(self.box, self.proc.pid, self.proc.env, self.proc.cwd, self.proc.out, self.proc.err)
        inner.main = False
        inner.variables = dict(self.variables)
        inner.exported = dict(self.exported)
        inner.functions = dict(self.functions)
        inner.options = dict(self.options)
        inner.is_text, inner.is_inside = self.is_text, True
        inner.readonly = dict(self.readonly)
        inner.locals, inner.first_line = [dict(one) for one in self.locals], self.first_line
        inner.status = self.status
        inner._unchecked = self._unchecked
        inner.loops = self.loops if self.flavour != "bash" else 0  # whoever leaves a loop there leaves that shell
        return inner

    # -- the shell as a program

    def run(self, script: Script, io: Io) -> Program:
        code = yield from self._guarded(self._whole(script, io), io)
        if "EXIT" in self.traps:
            command = self.traps.pop("EXIT")
            self.status = code
            said = yield from self._guarded(self._leaving(command, io), io)
            code = code if said is None else said
        return code

    def _guarded(self, run: Generator[Any, Any, T], io: Io) -> Generator[Any, Any, T | int]:
        try:
            return (yield from run)
        except Leave as leave:
            return leave.code
        except Break:
            return 0
        except RecursionError:
            if self.flavour == "dash":
                self.complain(io, "Maximum function recursion depth (1000) reached")
                return 2
            return 139  # a function that calls itself for ever: real shells run out of stack
        except (words.BadExpansion, SyntaxProblem) as problem:
            self.complain(io, problem.as_shell(self.flavour) if isinstance(problem, SyntaxProblem) else str(problem))
            if self.flavour == "bash" and isinstance(problem, words.BadExpansion):
                return 1 if self.is_inside or "e" in self.options else 127
            return 2

    def _leaving(self, command: str, io: Io) -> Generator[Any, Any, None]:
        yield from self.script(parse(command, self.flavour), io)

    def _whole(self, script: Script, io: Io) -> Run:
        code = yield from self.script(script, io)
        yield from self._signals(io)
        return code

    def complain(self, io: Io, message: str) -> None:
        number = self.line + self.first_line
        name = "environment" if self.flavour == "bash" and self.is_text and self.locals else self.name
        line = {"bash": f"line {number}: ", "dash": f"{number}: "}.get(self.flavour, "")
        io.err(f"{name}: {line}{message}\n")

    def complain_of(self, io: Io, builtin: str, message: str) -> None:
        """Of one of its own commands; the small shell says only then where that stands."""
        line = f"line {self.line + self.first_line}: " if self.flavour == "ash" else ""
        self.complain(io, f"{builtin}: {line}{message}")

    def assign(self, name: str, value: str) -> None:
        if name in self.readonly and self.flavour == "bash":
            raise Unsupported("what bash says of a variable that is read only")
        if name in self.readonly:
            raise words.BadExpansion(f"{name}: is read only")
        self.variables[name] = value

    def on_term(self) -> None:
        """SIGTERM has come to process 1, and a trap waits for it."""
        self.pending.append("TERM")
        self.box.tasks[1].nudge()

    def _signals(self, io: Io) -> Run:
        while self.pending:
            name = self.pending.pop(0)
            command = self.traps.get(name, "")
            if command:
                kept = self.status
                yield from self.script(parse(command, self.flavour), io)
                self.status = kept
        return self.status

    # -- the tree

    def script(self, script: Script, io: Io) -> Run:
        for command, background in script.items:
            if background:
                self._start_job(command, io)
                self.status = 0
            else:
                self.status = yield from self.command(command, io)
            if self.pending:
                yield from self._signals(io)
        return self.status

    def command(self, command: Command, io: Io) -> Run:
        if isinstance(command, Simple):
            return (yield from self._checked(self._simple(command, io)))
        if isinstance(command, AndOr):
            return (yield from self._and_or(command, io))
        if isinstance(command, Pipeline):
            if command.negated:
                return int((yield from self._unchecked_run(self._pipeline(command.commands, io))) == 0)
            return (yield from self._checked(self._pipeline(command.commands, io)))
        if isinstance(command, If):
            return (yield from self._if(command, io))
        if isinstance(command, While):
            return (yield from self._looping(self._while(command, io)))
        if isinstance(command, For):
            return (yield from self._looping(self._for(command, io)))
        if isinstance(command, Case):
            return (yield from self._case(command, io))
        if isinstance(command, Group):
            if command.subshell:
                return (yield from self._checked(self._in_subshell(command.body, io)))
            return (yield from self.script(command.body, io))
        if isinstance(command, Function):
            self.functions[command.name] = command.body
            return 0
        redirected = yield from self.redirect(command.redirects, io)
        if redirected is None:
            of_another = isinstance(command.command, Group) and command.command.subshell
            return 2 if self.flavour == "dash" or (self.flavour == "ash" and of_another) else 1
        return (yield from self.command(command.command, redirected))

    def _checked(self, run: Run) -> Run:
        """A command after which `set -e` looks at the status."""
        code = yield from run
        if code and "e" in self.options and not self._unchecked:
            self.status = code
            raise Leave(code)
        return code

    def _unchecked_run(self, run: Run) -> Run:
        self._unchecked += 1
        try:
            return (yield from run)
        finally:
            self._unchecked -= 1

    def _and_or(self, command: AndOr, io: Io) -> Run:
        code = yield from self._unchecked_run(self.command(command.first, io))
        self.status = code
        last = len(command.rest) - 1
        for number, (operator, following) in enumerate(command.rest):
            if (code == 0) != (operator == "&&"):
                continue
            run = self.command(following, io)
            code = yield from (run if number == last else self._unchecked_run(run))
            self.status = code
        return code

    def _if(self, command: If, io: Io) -> Run:
        for condition, body in command.branches:
            if (yield from self._unchecked_run(self.script(condition, io))) == 0:
                return (yield from self.script(body, io))
        if command.otherwise is not None:
            return (yield from self.script(command.otherwise, io))
        return 0

    def _looping(self, run: Run) -> Run:
        self.loops += 1
        try:
            return (yield from run)
        finally:
            self.loops -= 1

    def _while(self, command: While, io: Io) -> Run:
        beat = idle(command)
        pace = Pace(self.proc.now)
        code = 0
        while True:
            if beat:
                # Nothing but sleep in it: there is no need to wake for each round.
                yield Beat(beat)
                yield from self._signals(io)
                continue
            if wait := pace.round():
                yield Spent(wait)
            try:
                if ((yield from self._unchecked_run(self.script(command.condition, io))) == 0) == command.until:
                    return code
                code = yield from self.script(command.body, io)
            except Break as broken:
                if self._leaves(broken):
                    return code

    @staticmethod
    def _leaves(broken: Break) -> bool:
        if broken.loops > 1:
            raise Break(broken.loops - 1, broken.again) from None
        return not broken.again

    def _for(self, command: For, io: Io) -> Run:
        values = list(self.arguments)
        if command.words is not None:
            values = yield from words.fields(self, command.words, io)
        code = 0
        for value in values:
            self.variables[command.name] = value
            try:
                code = yield from self.script(command.body, io)
            except Break as broken:
                if self._leaves(broken):
                    break
        return code

    def _case(self, command: Case, io: Io) -> Run:
        subject = yield from words.text(self, command.subject, io)
        for patterns, body in command.branches:
            for each in patterns:
                if words.matches(subject, (yield from words.pattern(self, each, io))):
                    return (yield from self.script(body, io))
        return 0

    def _in_subshell(self, body: Script, io: Io) -> Run:
        return (yield from self.subshell().run(body, io))

    def capture(self, script: Script, io: Io) -> Generator[Any, Any, str]:
        """What commands write to stdout, without the newlines at its end."""
        said: list[str] = []
        self.substituted = yield from self._in_subshell(script, Io(io.stdin, said.append, io.err))
        return "".join(said).rstrip("\n")

    # -- pipes

    def _pipeline(self, commands: tuple[Command, ...], io: Io) -> Run:
        if len(commands) == 1:  # with "!" before it, which makes no other shell of it
            return (yield from self.command(commands[0], io))
        stdin, failed = io.stdin, 0
        for command, reader in pairwise(commands):
            if (said_for_ever := endless(command, reader)) is not None and "yes" not in self.functions:
                stdin = Stdin(said_for_ever, endless=True)
                continue
            said: list[str] = []
            inner = Io(stdin, said.append, io.err, orderless(reader))
            code = yield from _ending(self._in_subshell(script_of(command), inner))
            failed = code or failed
            stdin = Stdin("".join(said))
        code = yield from self._in_subshell(script_of(commands[-1]), Io(stdin, io.out, io.err))
        return code or (failed if "pipefail" in self.options else 0)

    # -- jobs

    def _start_job(self, command: Command, io: Io) -> None:
        inner = self.subshell()
        inner.proc = self.proc.child(self.proc.env, self.proc.cwd, Stdin(), io.out, io.err)
        if isinstance(command, Simple):
            command = in_place(self, command)
        task = self.box.spawn(inner.proc, inner.run(script_of(command), Io(Stdin(), io.out, io.err)))
        self.jobs.append((inner.proc.pid, task))

    # -- redirections

    def redirect(self, redirects: tuple[Redirect, ...], io: Io) -> Generator[Any, Any, Io | None]:
        """The streams of a command; None if one could not be opened, which has been said then."""
        stdin, out, err = io.stdin, io.out, io.err
        for each in redirects:
            target = yield from words.text(self, each.target, io)
            if each.operator in ("<<", "<<<"):
                stdin = Stdin(target if each.operator == "<<" else f"{target}\n")
                continue
            if each.operator in (">&", "<&"):
                if each.descriptor > 2 or target not in ("0", "1", "2", "-"):
                    raise Unsupported(f"the redirection {each.descriptor}{each.operator}{target}")
                sink = {"1": out, "2": err}.get(target, _nowhere)
                out, err = (sink, err) if each.descriptor == 1 else (out, sink)
                continue
            path = self.proc.path(target)
            if each.operator == "<":
                if path.startswith("/dev/") and path != "/dev/null":
                    raise Unsupported(f"reading from {path}")
                content = self.files.whole(path)
                if content is None:
                    problem = "Is a directory" if self.files.is_directory(path) else "no such file"
                    self.complain(io, _cannot(self.flavour, "open", target, problem))
                    return None
                stdin = Stdin(content.decode(errors="replace"))
                continue
            if each.descriptor > 2:
                raise Unsupported(f"the redirection {each.descriptor}{each.operator}")
            opened, problem = self._open(path, each.operator == ">>")
            if opened is None:
                self.complain(io, _cannot(self.flavour, "create", target, problem))
                return None
            if each.descriptor in (1, -1):
                out = opened
            if each.descriptor in (2, -1):
                err = opened
        return Io(stdin, out, err, io.unordered and out is io.out)

    def _open(self, path: str, append: bool) -> tuple[Sink | None, str]:
        main = self.box
        if path == "/dev/null":
            return _nowhere, ""
        if path in ("/dev/stdout", "/proc/1/fd/1", "/dev/stderr", "/proc/1/fd/2"):
            return main.sink("stdout" if path in ("/dev/stdout", "/proc/1/fd/1") else "stderr"), ""
        problem = self.files.write(path, b"", append=append)
        if problem:
            return None, problem
        return IntoFile(self.files, path), ""

    # -- simple commands

    def _simple(self, command: Simple, io: Io) -> Run:
        from .builtins import BUILTINS, REFUSED, SPECIAL

        self.line = command.line
        self.substituted = None
        args = yield from words.fields(self, command.words, io)
        values: dict[str, str] = {}
        kept = {name: self.variables.get(name) for name, _ in command.assignments} if args else {}
        for name, word in command.assignments:
            values[name] = yield from words.text(self, word, io)
            self.assign(name, values[name])  # a later one may refer to it
        self.restore(kept)
        if "x" in self.options and (args or values):
            quoted = args if self.flavour == "dash" else [_shown(arg) for arg in args]
            shown = [*(f"{name}={value}" for name, value in values.items()), *quoted]
            io.err(f"+ {' '.join(shown)}\n")
        opened = yield from self.redirect(command.redirects, io)
        if opened is None:
            if args and args[0] in SPECIAL and self.flavour != "bash":
                raise Leave(2 if self.flavour == "dash" else 1)
            return 2 if self.flavour == "dash" else 1
        if not args:
            return self.substituted or 0
        if args[0] in self.functions:
            return (yield from self._call(args, values, opened))
        if args[0] in REFUSED and not (self.flavour == "dash" and args[0] in ("[[", "history", "let")):
            raise Unsupported(f"the shell command {args[0]}")
        builtin = BUILTINS.get(args[0])
        if builtin is not None:
            self.variables.update(values)
            try:
                found = builtin(self, args, opened, command.redirects)
                return found if isinstance(found, int) else (yield from found)
            except (ValueError, IndexError) as problem:
                raise Unsupported(f"the command line {' '.join(args)!r}") from problem
            finally:
                if args[0] not in SPECIAL or self.flavour == "bash":
                    self.restore(kept)
        return (yield from self.external(args, values, opened, last=command is self.last))

    def restore(self, values: Mapping[str, str | None]) -> None:
        """Have variables be what they were; None: not set."""
        for name, value in values.items():
            if value is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value

    def _call(self, args: list[str], values: dict[str, str], io: Io) -> Run:
        kept, self.arguments = self.arguments, args[1:]
        loops = self.loops
        if self.flavour != "ash":  # whose functions may leave the loops that call them
            self.loops = 0
        self.locals.append({name: self.variables.get(name) for name in values})
        self.variables.update(values)
        try:
            return (yield from self.command(self.functions[args[0]], io))
        except Return as back:
            return back.code
        finally:
            self.arguments, self.loops = kept, loops
            self.restore(self.locals.pop())

    def external(self, args: list[str], values: dict[str, str], io: Io, replace: str = "", last: bool = False) -> Run:
        """Run a program that is not the shell's own; `replace`: instead of the shell, by which of its commands."""
        from ..programs import CannotStart, launch

        env = {**self.environment(), **values}
        proc = self.proc.child(env, self.proc.cwd, io.stdin, io.out, io.err)
        proc.unordered = io.unordered
        proc.perhaps_first = last and self.main
        if replace:
            proc.pid = self.proc.pid
        try:
            program = launch(proc, tuple(args), self.variables.get("PATH", ""))
        except CannotStart as problem:
            said = problem.as_shell(args[0], self.flavour)
            if replace == "exec":
                self.complain_of(io, "exec", said.replace(": command not found", ": not found"))
            else:
                self.complain(io, said)
            return problem.code
        try:
            code = yield from program
        except KilledForMemory as killed:
            if killed.pid != proc.pid or replace:
                raise
            code, proc.killed = 137, "Killed"
        finally:
            proc.release()
        if proc.killed and replace:
            self.proc.killed = proc.killed
        elif proc.killed and last and self.flavour == "ash":
            pass  # it ran in the shell's own place, and nobody is left to tell
        elif proc.killed and self.flavour == "bash":
            raise Unsupported("what bash says of a command that a signal ends")
        elif proc.killed:
            io.err(f"{proc.killed}\n")
        return code


def _ending(run: Run) -> Run:
    """The writer of a pipe has to come to an end before its reader is run."""
    spent = 0.0
    value: Any = None
    try:
        while True:
            effect = run.send(value)
            if isinstance(effect, (Sleep, Spent)):
                spent += effect.seconds
            if isinstance(effect, (Forever, Beat)) or spent > ENDLESS_PIPE:
                raise Unsupported("a pipe from a command that does not end")
            value = yield effect
    except StopIteration as end:
        return int(end.value)


def script_of(command: Command) -> Script:
    return Script(((command, False),))


def _nowhere(_: str) -> None:
    pass


def _cannot(flavour: str, verb: str, name: str, problem: str) -> str:
    if flavour == "bash":
        return f"{name}: {'No such file or directory' if problem == 'no such file' else problem}"
    if problem == "No such file or directory":
        problem = "Directory nonexistent" if flavour == "dash" else "nonexistent directory"
    elif problem == "no such file" and flavour == "dash":
        problem = "No such file"
    return f"can't {verb} {name}: {problem}" if flavour == "ash" else f"cannot {verb} {name}: {problem}"


def _shown(arg: str) -> str:
    plain = arg and not set(arg) & set(" \t\n'\"\\$`|&;<>()*?[]{}#!~")
    return arg if plain else "'" + arg.replace("'", "'\\''") + "'"


def in_place(shell: Shell, command: Simple) -> Simple:
    """The command as one that takes the shell's place, if it is a program."""
    from .builtins import BUILTINS, IN_PLACE, REFUSED

    name = command.words[0].constant if command.words else None
    if name is None or name in BUILTINS or name in REFUSED or name in shell.functions:
        return command
    return Simple(command.assignments, (Word((), IN_PLACE), *command.words), command.redirects, command.line)
