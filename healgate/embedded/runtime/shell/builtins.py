"""The commands that a shell runs itself, because they change it."""

from __future__ import annotations

import re
from collections.abc import Callable

from ....actor.effects import Terminated, Unsupported
from ..container import SIGTERM
from ..tasks import Join, Task
from .conditions import test
from .formats import echo, printf
from .interpreter import Break, Io, Leave, Return, Run, Shell
from .parser import parse
from .splitting import Line, separators
from .tree import Redirect

Builtin = Callable[[Shell, list[str], Io, tuple[Redirect, ...]], int | Run]

# Those whose failed redirection ends a script.
SPECIAL = frozenset(
    (":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "trap")
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGNALS = {"0": "EXIT", "1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "15": "TERM"}
_TRAPPED = frozenset(
    ("EXIT", "HUP", "INT", "QUIT", "ABRT", "KILL", "USR1", "USR2", "PIPE", "ALRM", "TERM", "CHLD", "CONT")
)
_RARE = frozenset(
    ("ILL", "TRAP", "BUS", "FPE", "SEGV", "STOP", "TSTP", "TTIN", "TTOU", "WINCH", "URG", "IO", "PROF", "SYS")
)
_OPTIONS = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "monitor": "m", "allexport": "a"} | {
    "pipefail": "pipefail"
}


def _refuse_of_bash(shell: Shell, args: list[str]) -> None:
    """Where bash complains of something in words that are not known here."""
    if shell.flavour == "bash":
        raise Unsupported(f"the bash command {' '.join(args)}")


def _number(shell: Shell, io: Io, args: list[str], default: int) -> int:
    if len(args) < 2:
        return default
    if len(args) > 2:
        _refuse_of_bash(shell, args)
    if not args[1].isdigit():
        _refuse_of_bash(shell, args)
        shell.complain_of(io, args[0], f"Illegal number: {args[1]}")
        raise Leave(2)
    return int(args[1])


def _named(shell: Shell, io: Io, builtin: str, name: str) -> str:
    """A variable's name that one of its own commands is given, if it can be one."""
    if _NAME.fullmatch(name):
        return name
    _refuse_of_bash(shell, [builtin, name])
    shell.complain_of(io, builtin, f"{name}: bad variable name")
    raise Leave(2)


def _change(shell: Shell, io: Io, builtin: str, name: str, value: str | None) -> None:
    """Set a variable, or take it away."""
    if name in shell.readonly:
        _refuse_of_bash(shell, [builtin, name])
        shell.complain_of(io, builtin, f"{name}: is read only")
        raise Leave(2)
    if value is None:
        shell.variables.pop(name, None)
    else:
        shell.variables[name] = value


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
    text, problem = printf(args[1:], shell.flavour)
    io.out(text)
    if problem:
        shell.complain(io, problem)
    return int(bool(problem))


def _test(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    return test(shell.proc, args, lambda message: shell.complain(io, message), shell.flavour)


def _exit(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    raise Leave(_number(shell, io, args, shell.status) & 0xFF)


def _return(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    if not shell.locals:
        _refuse_of_bash(shell, args)
    raise Return(_number(shell, io, args, shell.status) & 0xFF)


def _break(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    if not shell.loops:
        _refuse_of_bash(shell, args)
        return 0
    raise Break(min(_number(shell, io, args, 1), shell.loops), False)


def _continue(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    if not shell.loops:
        _refuse_of_bash(shell, args)
        return 0
    raise Break(min(_number(shell, io, args, 1), shell.loops), True)


def _cd(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    target = args[1] if len(args) > 1 else shell.variables.get("HOME", "/")
    if len(args) > 2 or (target == "-" and "OLDPWD" not in shell.variables):
        _refuse_of_bash(shell, args)
    if target == "-":
        target = shell.variables.get("OLDPWD", shell.proc.cwd)
        io.out(f"{target}\n")
    path = shell.proc.path(target)
    if not shell.files.is_directory(path):
        text = {"bash": f"{target}: No such file or directory", "dash": f"can't cd to {target}"}
        shell.complain_of(io, "cd", text.get(shell.flavour, f"can't cd to {target}: No such file or directory"))
        return 1 if shell.flavour == "bash" else 2
    shell.variables["OLDPWD"] = shell.proc.cwd
    shell.proc.cwd = path
    return 0


def _pwd(shell: Shell, _: list[str], io: Io, __: tuple[Redirect, ...]) -> int:
    io.out(shell.proc.cwd + "\n")
    return 0


def _marked(marks: Callable[[Shell], dict[str, None]]) -> Builtin:
    """A command that sets variables and marks them."""

    def run(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
        if len(args) == 1 or "-p" in args:
            raise Unsupported(f"the list of {args[0]}")
        for arg in args[1:]:
            name, equals, value = arg.partition("=")
            _named(shell, io, args[0], name)
            if equals:
                _change(shell, io, args[0], name, value)
            marks(shell)[name] = None
        return 0

    return run


def _local(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    if not shell.locals:
        _refuse_of_bash(shell, args)
        shell.complain_of(io, "local", "not in a function")
        raise Leave(2)
    for arg in args[1:]:
        name, equals, value = arg.partition("=")
        shell.locals[-1].setdefault(name, shell.variables.get(name))
        _change(shell, io, "local", name, value if equals else shell.variables.get(name, ""))
    return 0


def _unset(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    for name in args[1:]:
        if name.startswith("-"):
            raise Unsupported(f"the shell command {' '.join(args)}")
        _change(shell, io, "unset", _named(shell, io, "unset", name), None)
        shell.functions.pop(name, None)
    return 0


def _set(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    rest = args[1:]
    if not rest:
        raise Unsupported("the shell command set with nothing behind it")
    while rest and rest[0][:1] in ("-", "+") and len(rest[0]) > 1:
        arg = rest.pop(0)
        if arg == "--":
            shell.arguments = rest
            return 0
        flags = list(arg[1:])
        if "o" in flags:
            flags.remove("o")
            option = rest.pop(0) if rest else ""
            if option not in _OPTIONS and shell.flavour == "ash":
                shell.complain_of(io, "set", f"illegal option {arg} {option}")
                return 1
            if shell.flavour == "dash" and (option not in _OPTIONS or option == "pipefail"):
                shell.complain_of(io, "set", f"Illegal option -o {option}")
                raise Leave(2)
            flags.append(_OPTIONS.get(option, option))
        for flag in flags:
            if flag not in ("e", "u", "x", "pipefail", "f", "m", "a"):
                raise Unsupported(f"the shell command set {arg[0]}{flag}")
            if flag == "a":
                raise Unsupported(f"the shell command set {arg[0]}{flag}")
            if arg[0] == "-":
                shell.options[flag] = None
            else:
                shell.options.pop(flag, None)
    if rest:
        shell.arguments = rest
    return 0


def _shift(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    count = _number(shell, io, args, 1)
    if count > len(shell.arguments):
        if shell.flavour != "dash":
            return 1
        shell.complain_of(io, "shift", "can't shift that many")
        raise Leave(2)
    del shell.arguments[:count]
    return 0


def _trap(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    if len(args) == 1:
        if shell.traps:
            raise Unsupported("the list of traps")
        return 0
    command, names = args[1], args[2:]
    if not names:
        command, names = "-", args[1:]
    for given in names:
        name = _SIGNALS.get(given, given.upper().removeprefix("SIG"))
        if name == "ERR" and shell.flavour != "dash":
            raise Unsupported("trap ERR")
        if name not in _TRAPPED:
            if shell.flavour != "ash" or name in _RARE:
                raise Unsupported(f"the shell command {' '.join(args)}")
            shell.complain_of(io, "trap", f"{given}: invalid signal specification")
            return 1
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
    names, raw = args[1:], False
    while names and names[0].startswith("-") and names[0] != "-":
        option = names.pop(0)
        if option not in ("-r", "-p", "-t", "--") or (option == "-t" and shell.flavour == "dash"):
            raise Unsupported(f"the shell command {' '.join(args)}")
        raw = raw or option == "-r"
        if option in ("-p", "-t"):
            names.pop(0)  # nobody is prompted where no terminal is, and what is there is read in time
    if not names and shell.flavour == "dash":
        shell.complain_of(io, "read", "arg count")
        return 2
    if not all(map(_NAME.fullmatch, names)):
        raise Unsupported(f"the shell command {' '.join(args)}")
    text = io.stdin.line()
    line = text or ""
    while not raw and _continues(line) and (more := io.stdin.line()) is not None:
        text, line = more, line[:-2] + more
    if "\\" in line and not raw and len(names) > 1 and shell.flavour == "ash":
        raise Unsupported("what ash reads into several names from a line with backslashes")
    cut = Line(line.removesuffix("\n"), separators(shell.variables), raw)
    values = cut.for_names(len(names)) if names else [cut.whole()]
    for name, value in zip(names or ["REPLY"], values, strict=True):
        _change(shell, io, "read", name, value)
    return 0 if (text or "").endswith("\n") else 1


def _continues(line: str) -> bool:
    """Whether an odd number of backslashes stands before the end of the line."""
    text = line.removesuffix("\n")
    return line != text and (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _eval(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> Run:
    return shell.script(parse(" ".join(args[1:]), shell.flavour), io)


def _source(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int | Run:
    content = shell.proc.read(args[1]) if len(args) > 1 else None
    if content is None:
        if shell.flavour != "ash":
            raise Unsupported(f"what {shell.flavour} says of a script that is not there")
        shell.complain_of(io, args[0], f"can't open '{' '.join(args[1:])}': No such file or directory")
        raise Leave(2)
    return shell.script(parse(content.decode(errors="replace"), shell.flavour), io)


def _exec(shell: Shell, args: list[str], io: Io, redirects: tuple[Redirect, ...]) -> int | Run:
    if len(args) == 1:
        if redirects:
            raise Unsupported("exec with only redirections")
        return 0
    return _replace(shell, args[1:], io, args[0])


def _replace(shell: Shell, args: list[str], io: Io, by: str) -> Run:
    if shell.main:
        shell.box.on_term = None  # a new program starts without handlers
    shell.traps.clear()
    raise Leave((yield from shell.external(args, {}, io, replace=by)))


def _wait(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> Run:
    if not all(arg.isdigit() for arg in args[1:]):
        raise Unsupported(f"the shell command {' '.join(args)}")
    wanted = {int(arg) for arg in args[1:]}
    tasks = tuple(task for pid, task in shell.jobs if not wanted or pid in wanted)
    if wanted and not tasks:
        _refuse_of_bash(shell, args)
        return 127
    yield Join(tasks)
    if shell.pending:
        return SIGTERM
    for task in tasks:
        if task.signalled and shell.flavour == "bash":
            raise Unsupported("what bash says of a job that a signal ends")
        if wanted and task.signalled and (word := _ENDED_BY.get(task.code or 0)):
            io.err(f"{word}\n")
            task.signalled = False  # told once
    return (tasks[-1].code or 0) if wanted else 0


_ENDED_BY = {129: "Hangup", 131: "Quit", 137: "Killed", SIGTERM: "Terminated"}
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
    if not targets or targets[0] == "-l" or (len(targets) == 1 and targets[0].startswith("-")):
        raise Unsupported(f"the shell command {' '.join(args)}")
    if targets[0] == "-s":
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
        elif int(target) == shell.proc.pid != 1 and int(target) not in shell.box.tasks:
            raise Unsupported("a shell beside process 1 that kills itself")
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


def _umask(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    if len(args) == 1:
        io.out("0022\n")
    elif not re.fullmatch("[0-7]+", args[1]):
        if shell.flavour != "ash" or args[1].startswith("-"):
            raise Unsupported(f"the shell command {' '.join(args)}")
        shell.complain_of(io, "umask", f"illegal mode: {args[1]}")
        return 2
    return 0


def _type(shell: Shell, args: list[str], io: Io, _: tuple[Redirect, ...]) -> int:
    from ..programs import CannotStart, launch

    code = 0
    for name in args[1:]:
        if name in _KEYWORDS:
            io.out(f"{name} is a shell keyword\n")
        elif name in BUILTINS or name in REFUSED or name in shell.functions:
            special = " special" if name in SPECIAL and name not in shell.functions else ""
            what = "function" if name in shell.functions else f"{special} shell builtin".strip()
            io.out(f"{name} is a {what}\n")
        else:
            try:
                launch(shell.proc, (name,), shell.variables.get("PATH", "")).close()
            except CannotStart:
                _refuse_of_bash(shell, args)
                io.out(f"{name}: not found\n")
                code = 127
            else:
                raise Unsupported(f"where {name} is")
    return code


def _command(shell: Shell, args: list[str], io: Io, redirects: tuple[Redirect, ...]) -> int | Run:
    from ..programs import CannotStart, launch

    if len(args) > 2 and args[1] == "-V":
        raise Unsupported("command -V")
    if len(args) > 2 and args[1] == "-v":
        name = args[2]
        if name in BUILTINS or name in shell.functions:
            io.out(f"{name}\n")
            return 0
        try:
            launch(shell.proc, (name,), shell.variables.get("PATH", "")).close()
        except CannotStart:
            return 1 if shell.flavour == "bash" else 127
        io.out(f"{name if '/' in name else '/usr/bin/' + name}\n")
        return 0
    if len(args) > 1 and args[1] in BUILTINS:
        return BUILTINS[args[1]](shell, args[1:], io, redirects)
    return shell.external(args[1:], {}, io)


# What a shell does without being told to; nobody can type it.
IN_PLACE = "exec "

BUILTINS: dict[str, Builtin] = {
    IN_PLACE: _exec,
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
    "export": _marked(lambda shell: shell.exported),
    "false": _false,
    "kill": _kill,
    "local": _local,
    "printf": _printf,
    "pwd": _pwd,
    "read": _read,
    "readonly": _marked(lambda shell: shell.readonly),
    "return": _return,
    "set": _set,
    "shift": _shift,
    "source": _source,
    "test": _test,
    "trap": _trap,
    "true": _true,
    "type": _type,
    "umask": _umask,
    "unset": _unset,
    "wait": _wait,
}

_KEYWORDS = ("if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "{", "}", "!")
# What these shells have as well.
REFUSED = frozenset(
    ("[[", "alias", "bg", "fc", "fg", "getopts", "hash", "history", "jobs", "let", "times", "ulimit", "unalias")
)
