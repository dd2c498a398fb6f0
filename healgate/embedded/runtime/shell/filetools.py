"""Commands that read and write files and text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from ....actor.effects import Forever, Program, Sleep, Unsupported
from ..container import Proc
from .conditions import test
from .formats import echo, printf

Tool = Callable[[Proc, list[str]], "int | Program"]
TAIL_RATE = 100 * 1024 * 1024  # bytes a second that `tail` swallows of an endless line
DISK_RATE = 1024**3  # bytes a second that `dd` writes


def plain(proc: Proc) -> bool:
    """Whether the commands are BusyBox's; their words differ from the GNU ones."""
    return proc.box.image.userland == "alpine"


def options(tool: str, args: list[str], flags: str, values: str = "") -> tuple[dict[str, str], list[str]]:
    """Letters with their values, and the operands. An option not named is refused: the real tool has it."""
    found: dict[str, str] = {}
    rest: list[str] = []
    queue = list(args)
    while queue:
        arg = queue.pop(0)
        if arg == "--":
            rest.extend(queue)
            break
        if arg.startswith("-") and len(arg) > 1:
            for position, letter in enumerate(arg[1:], 1):
                if letter in values and letter != "-":
                    found[letter] = arg[position + 1 :] or (queue.pop(0) if queue else "")
                    break
                if letter not in flags or letter == "-":
                    raise Unsupported(f"{tool} {arg}")
                found[letter] = ""
        else:
            rest.append(arg)
    return found, rest


def content(proc: Proc, tool: str, name: str) -> str | None:
    """A file's text or stdin; None if there is none, which has been said then."""
    if name == "-":
        return proc.stdin.rest()
    path = proc.path(name)
    if path in ("/dev/zero", "/dev/random", "/dev/urandom"):
        raise Unsupported(f"{tool} {path}")
    found = proc.box.files.read(path)
    if found is None:
        problem = "Is a directory" if proc.box.files.is_directory(path) else "No such file or directory"
        if plain(proc):
            text = f"can't open '{name}': {problem}" if tool in ("cat", "sort") else f"{name}: {problem}"
        elif tool in ("head", "tail"):
            text = f"cannot open '{name}' for reading: {problem}"
        else:
            text = f"{name}: {problem}"
        proc.emit(f"{tool}: {text}\n", True)
        return None
    return found.decode(errors="replace")


def _inputs(proc: Proc, tool: str, names: list[str]) -> tuple[list[str], int]:
    texts, code = [], 0
    for name in names or ["-"]:
        text = content(proc, tool, name)
        if text is None:
            code = 1
        else:
            texts.append(text)
    return texts, code


def _cannot(proc: Proc, tool: str, what: str, name: str, problem: str) -> int:
    verb = "can't" if plain(proc) else "cannot"
    quoted = f"'{name}'" if plain(proc) or tool != "mkdir" else f"\u2018{name}\u2019"
    proc.emit(f"{tool}: {verb} {what} {quoted}: {problem}\n", True)
    return 1


def cat(proc: Proc, args: list[str]) -> int | Program:
    _, names = options("cat", args, "u")
    if names == ["/dev/zero"]:
        return _park()
    texts, code = _inputs(proc, "cat", names)
    for text in texts:
        proc.emit(text)
    return code


def _park() -> Program:
    yield Forever()
    return 0


def touch(proc: Proc, args: list[str]) -> int:
    _, names = options("touch", args, "cam")
    code = 0
    for name in names:
        path = proc.path(name)
        if not proc.box.files.exists(path) and (problem := proc.box.files.write(path, b"")):
            proc.emit(
                f"touch: {name}: {problem}\n" if plain(proc) else f"touch: cannot touch '{name}': {problem}\n", True
            )
            code = 1
    return code


def rm(proc: Proc, args: list[str]) -> int:
    found, names = options("rm", args, "rfRiv")
    code = 0
    for name in names:
        problem = proc.box.files.remove(proc.path(name), "r" in found or "R" in found)
        if problem and not ("f" in found and problem == "No such file or directory"):
            code = _cannot(proc, "rm", "remove", name, problem)
    return code


def mkdir(proc: Proc, args: list[str]) -> int:
    found, names = options("mkdir", args, "pv", "m")
    code = 0
    for name in names:
        problem = proc.box.files.make_directory(proc.path(name), "p" in found)
        if problem:
            code = _cannot(proc, "mkdir", "create directory", name, problem)
    return code


def ls(proc: Proc, args: list[str]) -> int:
    found, names = options("ls", args, "1a")
    code, many = 0, len(names) > 1
    for name in names or ["."]:
        path = proc.path(name)
        if proc.box.files.is_directory(path):
            if many:
                proc.emit(f"{name}:\n")
            shown = [entry for entry in proc.box.files.names(path) if "a" in found or not entry.startswith(".")]
            proc.emit("".join(f"{entry}\n" for entry in shown))
        elif proc.box.files.is_file(path):
            proc.emit(f"{name}\n")
        else:
            text = f"{name}: No such" if plain(proc) else f"cannot access '{name}': No such"
            proc.emit(f"ls: {text} file or directory\n", True)
            code = 1 if plain(proc) else 2
    return code


def _copied(proc: Proc, tool: str, args: list[str]) -> tuple[str, str] | None:
    _, names = options(tool, args, "fpv")
    if len(names) != 2:
        raise Unsupported(f"{tool} of {len(names)} files")
    source, target = proc.path(names[0]), proc.path(names[1])
    found = proc.box.files.read(source)
    if found is None:
        problem = "No such file or directory"
        proc.emit(
            f"{tool}: can't stat '{names[0]}': {problem}\n"
            if plain(proc)
            else f"{tool}: cannot stat '{names[0]}': {problem}\n",
            True,
        )
        return None
    if proc.box.files.is_directory(target):
        target = f"{target.rstrip('/')}/{source.rsplit('/', 1)[-1]}"
    if problem := proc.box.files.write(target, found):
        _cannot(proc, tool, "create" if plain(proc) else "create regular file", names[1], problem)
        return None
    return source, target


def cp(proc: Proc, args: list[str]) -> int:
    return 1 if _copied(proc, "cp", args) is None else 0


def mv(proc: Proc, args: list[str]) -> int:
    done = _copied(proc, "mv", args)
    if done is None:
        return 1
    proc.box.files.remove(done[0])
    return 0


def chmod(proc: Proc, args: list[str]) -> int:
    _, names = options("chmod", args, "R")
    missing = [name for name in names[1:] if not proc.box.files.exists(proc.path(name))]
    for name in missing:
        proc.emit(f"chmod: {name}: No such file or directory\n", True)
    return 1 if missing else 0


def _count(tool: str, args: list[str]) -> tuple[int, list[str]]:
    """The number of lines of head and tail, also in the form -5."""
    queue = [f"-n{arg[1:]}" if re.fullmatch(r"-\d+", arg) else arg for arg in args]
    found, names = options(tool, queue, "", "n")
    text = found.get("n", "10")
    if not text.isdigit():
        raise Unsupported(f"{tool} -n {text}")
    return int(text), names


def head(proc: Proc, args: list[str]) -> int:
    count, names = _count("head", args)
    texts, code = _inputs(proc, "head", names)
    for text in texts:
        proc.emit("".join(text.splitlines(keepends=True)[:count]))
    return code


def tail(proc: Proc, args: list[str]) -> int | Program:
    if args == ["/dev/zero"]:
        return _swallow(proc)
    if args and args[0] in ("-f", "-F"):
        if args[1:] != ["/dev/null"]:
            raise Unsupported(f"tail {' '.join(args)}")
        return _park()
    count, names = _count("tail", args)
    texts, code = _inputs(proc, "tail", names)
    for text in texts:
        proc.emit("".join(text.splitlines(keepends=True)[-count:] if count else []))
    return code


def _swallow(proc: Proc) -> Program:
    """An endless line, of which tail keeps all."""
    proc.leak(TAIL_RATE)
    yield Forever()
    return 0


def grep(proc: Proc, args: list[str]) -> int:
    found, names = options("grep", args, "qvicEFnx", "e")
    wanted = found["e"] if "e" in found else names.pop(0)
    if "F" in found:
        wanted = re.escape(wanted)
    elif "E" not in found:
        # Basic expressions: these characters are literal unless escaped.
        wanted = re.sub(r"\\([|+?(){}])|([|+?(){}])", lambda m: m[1] or "\\" + m[2], wanted)
    pattern = re.compile(wanted, re.IGNORECASE if "i" in found else 0)
    texts, code = _inputs(proc, "grep", names)
    hits = 0
    for text in texts:
        for number, line in enumerate(text.splitlines(), 1):
            match = pattern.fullmatch(line) if "x" in found else pattern.search(line)
            if bool(match) == ("v" in found):
                continue
            hits += 1
            if "q" not in found and "c" not in found:
                proc.emit(f"{number}:{line}\n" if "n" in found else f"{line}\n")
    if "c" in found:
        proc.emit(f"{hits}\n")
    return 0 if hits else 2 if code else 1


def wc(proc: Proc, args: list[str]) -> int:
    found, names = options("wc", args, "lwc")
    texts, code = _inputs(proc, "wc", names)
    text = "".join(texts)
    counts = {"l": text.count("\n"), "w": len(text.split()), "c": len(text.encode())}
    if len(found) != 1 or names:
        raise Unsupported("wc with files, or without exactly one of -l -w -c")
    proc.emit(f"{counts[next(iter(found))]}\n")
    return code


def sort(proc: Proc, args: list[str]) -> int:
    found, names = options("sort", args, "ru")
    texts, code = _inputs(proc, "sort", names)
    lines = sorted("".join(texts).splitlines(), reverse="r" in found)
    if "u" in found:
        lines = list(dict.fromkeys(lines))
    proc.emit("".join(f"{line}\n" for line in lines))
    return code


def tee(proc: Proc, args: list[str]) -> int:
    found, names = options("tee", args, "a")
    text, code = proc.stdin.rest(), 0
    proc.emit(text)
    for name in names:
        problem = proc.box.files.write(proc.path(name), text.encode(), append="a" in found)
        if problem:
            proc.emit(f"tee: {name}: {problem}\n", True)
            code = 1
    return code


def seq(proc: Proc, args: list[str]) -> int:
    numbers = [int(arg) for arg in args]
    first, step, last = {1: (1, 1, numbers[0]), 2: (numbers[0], 1, numbers[-1])}.get(
        len(numbers), (numbers[0], numbers[1] if len(numbers) > 1 else 1, numbers[-1])
    )
    proc.emit("".join(f"{number}\n" for number in range(first, last + (1 if step > 0 else -1), step)))
    return 0


def dd(proc: Proc, args: list[str]) -> int | Program:
    given = dict(arg.partition("=")[::2] for arg in args)
    if set(given) - {"if", "of", "bs", "count"} or given.get("if") not in ("/dev/zero", "/dev/urandom"):
        raise Unsupported(f"dd {' '.join(args)}")
    size = _bytes(given.get("bs", "512"))
    if "count" not in given:
        raise Unsupported(f"dd {' '.join(args)} (without an end)")
    return _write_blocks(proc, given.get("of", ""), size, int(given["count"]))


def _write_blocks(proc: Proc, target: str, size: int, count: int) -> Program:
    if not target:
        raise Unsupported("dd to stdout")
    problem = proc.box.files.write(proc.path(target), b"", size=size * count)
    if problem:
        text = f"can't open '{target}'" if plain(proc) else f"failed to open '{target}'"
        proc.emit(f"dd: {text}: {problem}\n", True)
        return 1
    yield Sleep(size * count / DISK_RATE)
    proc.emit(f"{count}+0 records in\n{count}+0 records out\n", True)
    return 0


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)([kKmMgG]?)B?", text)
    if match is None:
        raise Unsupported(f"the size {text}")
    return int(match[1]) * {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}[match[2].lower()]


_DOUBLING = re.compile(
    r"""BEGIN\{s="x"; while\(length\(s\)<(\d+)\) s=s s; print "([^"]*)"; """
    r"""fflush\(\); while\(1\) system\("sleep \d+"\)\}"""
)


def awk(proc: Proc, args: list[str]) -> Program:
    """Only the program that doubles a string up to a length, as people use it to need memory."""
    match = _DOUBLING.fullmatch(args[0].strip()) if len(args) == 1 else None
    if match is None:
        raise Unsupported(f"awk {' '.join(args)}")
    return _double(proc, int(match[1]), match[2])


def _double(proc: Proc, wanted: int, said: str) -> Program:
    length = 1
    while length < wanted:
        length *= 2
    # Both copies are held while the last one is made.
    proc.use("string", length + length // 2, over=length / TAIL_RATE)
    yield Sleep(length / TAIL_RATE)
    proc.use("string", length)
    proc.emit(said + "\n")
    yield Forever()
    return 0


def date(proc: Proc, args: list[str]) -> int:
    rest = [arg for arg in args if arg not in ("-u", "--utc")]
    now = datetime.fromtimestamp(proc.now(), UTC)
    if not rest:
        proc.emit(now.strftime("%a %b %e %H:%M:%S UTC %Y\n"))
    elif len(rest) == 1 and rest[0].startswith("+"):
        proc.emit(now.strftime(rest[0][1:].replace("%N", f"{now.microsecond * 1000:09d}")) + "\n")
    elif rest in (["-Iseconds"], ["-Is"]):
        proc.emit(now.strftime("%Y-%m-%dT%H:%M:%S+00:00\n"))
    else:
        raise Unsupported(f"date {' '.join(args)}")
    return 0


def printenv(proc: Proc, args: list[str]) -> int:
    if not args:
        proc.emit("".join(f"{name}={value}\n" for name, value in proc.env.items()))
        return 0
    found = [proc.env[name] for name in args if name in proc.env]
    proc.emit("".join(f"{value}\n" for value in found))
    return 0 if len(found) == len(args) else 1


def hostname(proc: Proc, args: list[str]) -> int:
    if args not in ([], ["-s"], ["-i"]):
        raise Unsupported(f"hostname {' '.join(args)}")
    proc.emit((proc.box.run.pod_ip if args == ["-i"] else proc.box.run.hostname) + "\n")
    return 0


def whoami(proc: Proc, _: list[str]) -> int:
    proc.emit("root\n")
    return 0


def uname(proc: Proc, args: list[str]) -> int:
    if args not in ([], ["-s"]):
        raise Unsupported(f"uname {' '.join(args)}")
    proc.emit("Linux\n")
    return 0


def basename(proc: Proc, args: list[str]) -> int:
    name = args[0].rstrip("/").rsplit("/", 1)[-1]
    proc.emit((name.removesuffix(args[1]) if len(args) > 1 else name) + "\n")
    return 0


def dirname(proc: Proc, args: list[str]) -> int:
    head_, slash, _ = args[0].rstrip("/").rpartition("/")
    proc.emit((head_ or ("/" if slash else ".")) + "\n")
    return 0


def _echo(proc: Proc, args: list[str]) -> int:
    proc.emit(echo(args, "ash"))
    return 0


def _printf(proc: Proc, args: list[str]) -> int:
    proc.emit(printf(args))
    return 0


def _test(name: str) -> Tool:
    def run(proc: Proc, args: list[str]) -> int:
        return test(proc, [name, *args], lambda message: proc.emit(f"{message}\n", True), "")

    return run


FILE_TOOLS: dict[str, Tool] = {
    "[": _test("["),
    "awk": awk,
    "basename": basename,
    "cat": cat,
    "chmod": chmod,
    "cp": cp,
    "date": date,
    "dd": dd,
    "dirname": dirname,
    "echo": _echo,
    "false": lambda _, __: 1,
    "grep": grep,
    "head": head,
    "hostname": hostname,
    "ls": ls,
    "mkdir": mkdir,
    "mv": mv,
    "printenv": printenv,
    "printf": _printf,
    "rm": rm,
    "seq": seq,
    "sort": sort,
    "sync": lambda _, __: 0,
    "tail": tail,
    "tee": tee,
    "test": _test("test"),
    "touch": touch,
    "true": lambda _, __: 0,
    "uname": uname,
    "wc": wc,
    "whoami": whoami,
}
