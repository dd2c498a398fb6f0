"""How a shell is started: its options, and where its script comes from."""

from __future__ import annotations

from ....actor.effects import Program, Unsupported
from ..container import Proc
from .interpreter import Io, Shell, in_place, script_of
from .parser import parse
from .reader import SyntaxProblem
from .tree import AndOr, Command, Script, Simple


def shell_program(proc: Proc, argv: tuple[str, ...], flavour: str) -> Program:
    """`sh -c …`, `sh FILE …`, or `sh` with nothing to read."""
    io = Io(proc.stdin, proc.out, proc.err)
    options, rest, is_text = _arguments(argv[1:])
    if is_text and not rest:
        return _only(proc, f"{argv[0]}: {'0: ' if flavour == 'dash' else ''}-c requires an argument\n", 2)
    if is_text:
        source = rest[0]
        shell = Shell(proc, flavour, rest[1] if len(rest) > 1 else argv[0], tuple(rest[2:]))
    elif rest:
        content = proc.read(rest[0])
        if content is None:
            if flavour == "dash":
                return _only(proc, f"{argv[0]}: 0: cannot open {rest[0]}: No such file\n", 2)
            return _only(proc, f"{argv[0]}: can't open '{rest[0]}': No such file or directory\n", 2)
        source = content.decode(errors="replace")
        shell = Shell(proc, flavour, rest[0], tuple(rest[1:]))
    else:
        source = proc.stdin.rest()
        shell = Shell(proc, flavour, argv[0])
    shell.options.update(dict.fromkeys(options))
    shell.is_text = is_text
    if is_text and flavour == "ash":
        shell.first_line = 0
    try:
        script = parse(source, flavour)
    except SyntaxProblem as problem:
        if flavour == "dash" and "\n" in source:
            raise Unsupported(f"where dash finds the {problem}") from None
        line = "1: " if flavour == "dash" else ""
        return _only(proc, f"{shell.name}: {line}{problem.as_shell(flavour)}\n", 2)
    shell.last = _last(script) if is_text and flavour == "ash" else None
    if is_text and flavour in ("bash", "dash") and (alone := _alone(script)) is not None:
        return shell.run(script_of(in_place(shell, alone)), io)
    return shell.run(script, io)


def _last(script: Script) -> Command | None:
    command = script.items[-1][0] if script.items and not script.items[-1][1] else None
    return command.rest[-1][1] if isinstance(command, AndOr) else command


def _alone(script: Script) -> Simple | None:
    """The command of a script that is only one: bash and dash run it in their own place."""
    if len(script.items) != 1:
        return None
    command, background = script.items[0]
    return command if isinstance(command, Simple) and command.words and not background else None


def _only(proc: Proc, message: str, code: int) -> Program:
    proc.emit(message, True)
    return code
    yield  # a program that waits for nothing


def _arguments(args: tuple[str, ...]) -> tuple[list[str], list[str], bool]:
    options: list[str] = []
    is_text = False
    rest = list(args)
    while rest and rest[0][:1] in "-+" and len(rest[0]) > 1 and rest[0] != "--":
        flags = rest.pop(0)
        if flags.startswith("--"):
            raise Unsupported(f"the shell option {flags}")
        for flag in flags[1:]:
            if flag == "c":
                is_text = True
            elif flag == "o" and rest:
                options.append(rest.pop(0))
            elif flag in "euxl":
                options.append(flag)
            else:
                raise Unsupported(f"the shell option -{flag}")
    if rest and rest[0] == "--":
        rest.pop(0)
    return options, rest, is_text
