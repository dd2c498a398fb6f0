"""The commands that a shell runs itself, because they change it."""

from __future__ import annotations

from collections.abc import Callable

from ....actor.effects import Terminated, Unsupported
from ..container import SIGTERM
from ..tasks import Join, Task
from .conditions import test
from .formats import echo, printf
from .interpreter import Break, Io, Leave, Return, Run, Shell
from .parser import parse
from .tree import Redirect

Builtin = Callable[[Shell, list[str], Io, tuple[Redirect, ...]], int | Run]

# Those whose failed redirection ends a script.
SPECIAL = frozenset(
    (":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "trap")
)
_SIGNALS = {"0": "EXIT", "1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "15": "TERM"}


def _number(args: list[str], default: int) -> int:
    return int(args[1]) if len(args) > 1 else default


def _true(_: Shell, __: list[str], ___: Io, ____: tuple[Redirect, ...]) -> int:
    return 0


def _false(_: Shell, __: list[str], ___: Io, ____: tuple[Redirect, ...]) -> int:
    return 1


def _echo(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    io.out(echo(args[1:], shell.flavour))
    return 0


def _printf(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    if shell.flavour == "dash" and any("\\x" in arg for arg in args[1:2]):
        raise Unsupported("printf with \\x, which dash does not know")
    io.out(printf(args[1:]))
    return 0


def _test(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    return test(shell.proc, args, lambda message: shell.complain(io, message), shell.flavour)


def _exit(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> int:
    raise Leave(_number(args, shell.status) & 0xFF)


def _return(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> int:
    raise Return(_number(args, shell.status) & 0xFF)


def _break(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> int:
    if not shell.loops:
        return 0
    raise Break(min(_number(args, 1), shell.loops), False)


def _continue(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> int:
    if not shell.loops:
        return 0
    raise Break(min(_number(args, 1), shell.loops), True)


def _cd(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    target = args[1] if len(args) > 1 else shell.variables.get("HOME", "/")
    path = shell.proc.path(target)
    if not shell.files.is_directory(path):
        text = {"bash": f"{target}: No such file or directory", "dash": f"can't cd to {target}"}
        shell.complain(io, "cd: " + text.get(shell.flavour, f"can't cd to {target}: No such file or directory"))
        return 2 if shell.flavour == "dash" else 1
    shell.proc.cwd = path
    return 0


def _pwd(shell: Shell, _: list[str], io: Io, __: tuple[Redirect, ...]) -> int:
    io.out(shell.proc.cwd + "\n")
    return 0


def _export(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    for arg in args[1:]:
        if arg == "-p":
            for name in shell.exported:
                io.out(f"export {name}='{shell.variables.get(name, '')}'\n")
            continue
        name, equals, value = arg.partition("=")
        if equals:
            shell.variables[name] = value
        shell.exported[name] = None
    return 0


def _local(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> int:
    for arg in args[1:]:
        name, equals, value = arg.partition("=")
        shell.variables[name] = value if equals else shell.variables.get(name, "")
    return 0


def _unset(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> int:
    for name in args[1:]:
        shell.variables.pop(name, None)
        shell.functions.pop(name, None)
    return 0


def _set(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> int:
    rest = args[1:]
    while rest and rest[0][:1] in ("-", "+") and len(rest[0]) > 1:
        arg = rest.pop(0)
        if arg == "--":
            shell.arguments = rest
            return 0
        flags = list(arg[1:])
        if "o" in flags:
            flags.remove("o")
            flags.append({"errexit": "e", "nounset": "u", "xtrace": "x"}.get(rest[0], rest[0]))
            rest.pop(0)
        for flag in flags:
            if flag not in ("e", "u", "x", "pipefail", "f", "m", "a"):
                raise Unsupported(f"the shell command set {arg[0]}{flag}")
            if flag in ("f", "a"):
                raise Unsupported(f"the shell command set {arg[0]}{flag}")
            if arg[0] == "-":
                shell.options[flag] = None
            else:
                shell.options.pop(flag, None)
    if rest:
        shell.arguments = rest
    return 0


def _shift(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    count = _number(args, 1)
    if count > len(shell.arguments):
        if shell.flavour == "bash":
            return 1
        shell.complain(io, "shift: can't shift that many")
        raise Leave(2)
    del shell.arguments[:count]
    return 0


def _trap(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> int:
    if len(args) == 1:
        return 0
    command, names = args[1], args[2:]
    if not names:
        command, names = "-", args[1:]
    for given in names:
        name = _SIGNALS.get(given, given.upper().removeprefix("SIG"))
        if name == "ERR":
            raise Unsupported("trap ERR")
        if command == "-":
            shell.traps.pop(name, None)
        else:
            shell.traps[name] = command
        if name == "TERM" and shell.main:
            shell.box.on_term = shell.on_term if shell.traps.get("TERM") else None
        elif name == "TERM":
            shell.proc.traps_term = bool(shell.traps.get("TERM"))
    return 0


def _read(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    names = [arg for arg in args[1:] if arg != "-r"]
    if any(name.startswith("-") for name in names):
        raise Unsupported(f"the shell command {' '.join(args)}")
    line = io.stdin.line()
    values = (line or "").rstrip("\n").split(None, max(0, len(names) - 1)) if names else []
    for number, name in enumerate(names or ["REPLY"]):
        value = values[number] if number < len(values) else ""
        shell.variables[name] = value.strip() if names else (line or "").rstrip("\n")
    return 0 if line is not None else 1


def _eval(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> Run:
    return shell.script(parse(" ".join(args[1:]), shell.flavour == "bash"), io)


def _source(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int | Run:
    content = shell.proc.read(args[1]) if len(args) > 1 else None
    if content is None:
        shell.complain(io, f"{args[0]}: can't open '{' '.join(args[1:])}': No such file or directory")
        return 1
    return shell.script(parse(content.decode(errors="replace"), shell.flavour == "bash"), io)


def _exec(shell: Shell, args: list[str], io: Io, redirects: tuple[Redirect, ...]) -> int | Run:
    if len(args) == 1:
        if redirects:
            raise Unsupported("exec with only redirections")
        return 0
    return _replace(shell, args[1:], io)


def _replace(shell: Shell, args: list[str], io: Io) -> Run:
    if shell.main:
        shell.box.on_term = None  # a new program starts without handlers
    shell.traps.clear()
    raise Leave((yield from shell.external(args, {}, io, replace=True)))


def _wait(shell: Shell, args: list[str], _: Io, __: tuple[Redirect, ...]) -> Run:
    wanted = {int(arg) for arg in args[1:] if arg.isdigit()}
    tasks = tuple(task for pid, task in shell.jobs if not wanted or pid in wanted)
    if wanted and not tasks:
        return 127
    yield Join(tasks)
    if shell.pending:
        return SIGTERM
    return (tasks[-1].code or 0) if wanted else 0


_NO_NUMBER = {
    "ash": "invalid number '{}'",
    "dash": "kill: Illegal number: {}",
    "bash": "kill: {}: arguments must be process or job IDs",
}
_NO_PROCESS = {
    "ash": "can't kill pid {}: No such process",
    "dash": "kill: No such process\n",
    "bash": "kill: ({}) - No such process",
}


def _kill(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    signal, targets = "TERM", args[1:]
    if targets and targets[0] == "-s":
        signal, targets = targets[1], targets[2:]
    elif targets and targets[0].startswith("-") and targets[0][1:2] != "-":
        signal, targets = targets[0][1:], targets[1:]
    if signal != "0":
        signal = _SIGNALS.get(signal, signal.upper().removeprefix("SIG"))
    code = 0
    for target in targets:
        if not target.isdigit():
            shell.complain(io, _NO_NUMBER[shell.flavour].format(target))
            if shell.flavour == "dash":
                return 2
            code = 1
        elif int(target) not in shell.box.tasks and int(target) != 1:
            shell.complain(io, _NO_PROCESS[shell.flavour].format(target))
            code = 1
        elif signal != "0":
            _signal(shell, int(target), signal)
    return code


def _signal(shell: Shell, pid: int, signal: str) -> None:
    if signal not in ("TERM", "KILL", "INT", "HUP", "QUIT"):
        raise Unsupported(f"kill -{signal}")
    if pid == 1:
        if signal == "TERM":
            shell.box.terminate()
        return  # nothing else reaches process 1 from inside
    task: Task = shell.box.tasks[pid]
    if signal == "TERM" and pid in shell.box.catching:
        del shell.box.catching[pid]
        task.throw(Terminated())
    else:
        task.stop({"TERM": SIGTERM, "KILL": 137, "INT": 130, "HUP": 129, "QUIT": 131}[signal])


def _umask(_: Shell, args: list[str], io: Io, __: tuple[Redirect, ...]) -> int:
    if len(args) == 1:
        io.out("0022\n")
    return 0


def _command(shell: Shell, args: list[str], io: Io, redirects: tuple[Redirect, ...]) -> int | Run:
    from ..programs import CannotStart, launch

    if len(args) > 2 and args[1] in ("-v", "-V"):
        name = args[2]
        if name in BUILTINS or name in shell.functions:
            io.out(f"{name}\n")
            return 0
        try:
            launch(shell.proc, (name,), shell.variables.get("PATH", "")).close()
        except CannotStart:
            return 127
        io.out(f"{name if '/' in name else '/usr/bin/' + name}\n")
        return 0
    if len(args) > 1 and args[1] in BUILTINS:
        return BUILTINS[args[1]](shell, args[1:], io, redirects)
    return shell.external(args[1:], {}, io)


BUILTINS: dict[str, Builtin] = {
    ":": _true,
    ".": _source,
    "[": _test,
    "break": _break,
    "cd": _cd,
    "command": _command,
    "continue": _continue,
    "echo": _echo,
    "eval": _eval,
    "exec": _exec,
    "exit": _exit,
    "export": _export,
    "false": _false,
    "kill": _kill,
    "local": _local,
    "printf": _printf,
    "pwd": _pwd,
    "read": _read,
    "readonly": _export,
    "return": _return,
    "set": _set,
    "shift": _shift,
    "source": _source,
    "test": _test,
    "trap": _trap,
    "true": _true,
    "umask": _umask,
    "unset": _unset,
    "wait": _wait,
}
