"""Commands that read and write files and text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from ....actor.effects import Forever, Program, Sleep, Unsupported
from ..container import IntoFile, Proc
from ..files import KEPT_ZEROS
from .conditions import test
from .formats import echo, printf

Tool = Callable[[Proc, list[str]], "int | Program"]
TAIL_RATE = 100 * 1024 * 1024  # bytes a second that `tail` swallows of an endless line
_MANY = 1_000_000  # lines that are written out one by one
_FULL = 90  # seconds at the disk's rate, after which the node has no room
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


# How a file that cannot be opened is complained of, where it is not "tool: name: problem".
_PLAIN_COMPLAINTS = dict.fromkeys(
    ("cat", "tail", "uniq", "md5sum", "sha1sum", "sha256sum", "sha512sum"), "can't open '{name}': {problem}"
)
_GNU_COMPLAINTS = {
    "head": "cannot open '{name}' for reading: {problem}",
    "tail": "cannot open '{name}' for reading: {problem}",
    "tac": "failed to open '{name}' for reading: {problem}",
    "rev": "cannot open {name}: {problem}",
    "sort": "cannot read: {name}: {problem}",
    "sed": "can't read {name}: {problem}",
}
_GNU_DIRECTORIES = ("cat", "grep", "cut", "nl", "md5sum", "sha1sum", "sha256sum", "sha512sum")


def opened(proc: Proc, tool: str, name: str, quiet: bool = False) -> bytes | None:
    """A file's bytes or stdin's; None if there is none, which has been said then."""
    if name == "-":
        return proc.stdin.rest().encode()
    path = proc.path(name)
    if path in ("/dev/stdin", "/proc/self/fd/0"):
        raise Unsupported(f"{tool} {name}")
    if path in ("/dev/zero", "/dev/random", "/dev/urandom"):
        raise Unsupported(f"{tool} {path}")
    found = proc.box.files.whole(path)
    if found is not None:
        return found
    if quiet and not proc.box.files.is_directory(path):
        return None
    if proc.box.files.is_directory(path):
        text = _is_directory(proc, tool, name)
    elif not proc.box.files.is_directory(path.rpartition("/")[0] or "/") and proc.box.files.is_file(
        path.rpartition("/")[0]
    ):
        raise Unsupported(f"{tool} {name} (below a file)")
    else:
        forms = _PLAIN_COMPLAINTS if plain(proc) else _GNU_COMPLAINTS
        text = forms.get(tool, "{name}: {problem}").format(name=name, problem="No such file or directory")
    proc.emit(f"{tool}: {text}\n", True)
    return None


def _is_directory(proc: Proc, tool: str, name: str) -> str:
    if plain(proc) and tool == "cat":
        return "read error: Is a directory"
    if plain(proc) or tool not in _GNU_DIRECTORIES:
        raise Unsupported(f"{tool} of the directory {name}")
    return f"{name}: Is a directory"


def content(proc: Proc, tool: str, name: str, quiet: bool = False) -> str | None:
    """The same as text; bytes that are none are refused."""
    if name == "-":
        return proc.stdin.rest()
    found = opened(proc, tool, name, quiet)
    return None if found is None else found.decode()


def inputs(proc: Proc, tool: str, names: list[str]) -> tuple[list[str], int]:
    texts, code = [], 0
    for name in names or ["-"]:
        text = content(proc, tool, name)
        if text is None:
            code = 1
        else:
            texts.append(text)
    return texts, code


def lines(text: str) -> list[str]:
    """The lines of a text with their newlines; nothing else ends a line."""
    found = text.split("\n")
    last = found.pop()
    return [f"{line}\n" for line in found] + ([last] if last else [])


def quoted(proc: Proc, name: str) -> str:
    """A name as GNU's messages quote it: by the locale's marks."""
    if plain(proc):
        return f"'{name}'"
    env = proc.env
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    if not locale and "python" in proc.box.image.reference:
        raise Unsupported("messages in a locale that the image sets")
    if locale in ("", "C", "POSIX"):
        return f"'{name}'"
    if locale.upper() in ("C.UTF-8", "C.UTF8"):
        return f"\u2018{name}\u2019"
    raise Unsupported(f"messages in the locale {locale}")


def _cannot(proc: Proc, tool: str, what: str, name: str, problem: str) -> int:
    verb = "can't" if plain(proc) else "cannot"
    shown = quoted(proc, name) if tool == "mkdir" else f"'{name}'"
    proc.emit(f"{tool}: {verb} {what} {shown}: {problem}\n", True)
    return 1


def cat(proc: Proc, args: list[str]) -> int | Program:
    _, names = options("cat", args, "u")
    if names == ["/dev/zero"]:
        return _park() if not isinstance(proc.out, IntoFile) else _fill(proc.out)
    texts, code = inputs(proc, "cat", names)
    for text in texts:
        proc.emit(text)
    return code


def _fill(target: IntoFile) -> Program:
    """Write to a file until somebody minds."""
    for _ in range(_FULL):
        target.fill(DISK_RATE)
        yield Sleep(1)
    raise Unsupported("a disk that is full")


def _zeros(proc: Proc, size: int, zeros: bool) -> Program:
    """So many bytes into a file."""
    if not isinstance(proc.out, IntoFile):
        raise Unsupported("bytes of a device other than into a file")
    if zeros and size <= KEPT_ZEROS:
        proc.emit("\0" * size)
    else:
        proc.out.fill(size)
    yield Sleep(size / DISK_RATE)
    return 0


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
            if plain(proc) and problem == "Is a directory":
                proc.emit(f"rm: '{name}' is a directory\n", True)
                code = 1
            else:
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
            proc.emit("".join(f"{entry}\n" for entry in _listed(proc, path, everything="a" in found)))
        elif proc.box.files.is_file(path):
            proc.emit(f"{name}\n")
        else:
            text = f"{name}: No such" if plain(proc) else f"cannot access '{name}': No such"
            proc.emit(f"ls: {text} file or directory\n", True)
            code = 1 if plain(proc) else 2
    return code


def _listed(proc: Proc, path: str, *, everything: bool) -> list[str]:
    names = proc.box.files.names(path)
    if not everything:
        return [name for name in names if not name.startswith(".")]
    if proc.box.files.is_mount_point(path):
        # The kubelet keeps what it shows there behind a link with a date in its name.
        raise Unsupported(f"ls -a {path}, where a ConfigMap or Secret is mounted")
    return sorted([".", "..", *names])


def _copied(proc: Proc, tool: str, args: list[str]) -> tuple[str, str] | None:
    _, names = options(tool, args, "fpv")
    if len(names) != 2:
        raise Unsupported(f"{tool} of {len(names)} files")
    source, target = proc.path(names[0]), proc.path(names[1])
    blob = proc.box.files.blob(source)
    if blob is None and proc.box.files.is_directory(source):
        raise Unsupported(f"{tool} of the directory {names[0]}")
    if blob is None:
        verb = "cannot stat" if not plain(proc) else "can't rename" if tool == "mv" else "can't stat"
        proc.emit(f"{tool}: {verb} '{names[0]}': No such file or directory\n", True)
        return None
    if proc.box.files.is_directory(target):
        target = f"{target.rstrip('/')}/{source.rsplit('/', 1)[-1]}"
    if problem := proc.box.files.write(target, blob.content, size=blob.size, hole=blob.hole):
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


def _count(tool: str, args: list[str]) -> tuple[int, str, list[str]]:
    """How many lines or bytes ("n" or "c") head and tail give, also in the form -5."""
    queue = [f"-n{arg[1:]}" if re.fullmatch(r"-\d+", arg) else arg for arg in args]
    found, names = options(tool, queue, "", "nc")
    if len(found) > 1:
        raise Unsupported(f"{tool} {' '.join(args)}")
    unit, text = next(iter(found.items()), ("n", "10"))
    if unit == "c" and re.fullmatch(r"\d+[kKMG]", text):
        return _bytes(text), unit, names
    if not text.isdigit():
        raise Unsupported(f"{tool} -{unit} {text}")
    return int(text), unit, names


def _parts(proc: Proc, tool: str, names: list[str], part: Callable[[str], str]) -> int:
    """A part of each file, under its name if there are several."""
    code = shown = 0
    titled = len(names) > 1
    if tool == "tail" and plain(proc):
        titled = sum(name == "-" or proc.box.files.is_file(proc.path(name)) for name in names) > 1
    for name in names or ["-"]:
        text = content(proc, tool, name)
        if text is None:
            code = 1
            continue
        if titled:
            title = "standard input" if name == "-" else name
            proc.emit(("\n" if shown else "") + f"==> {title} <==\n")
        shown += 1
        proc.emit(part(text))
    if not shown and tool == "tail" and plain(proc):
        proc.emit("tail: no files\n", True)
    return code


def _bytes_of(text: str) -> bytes:
    return text.encode()


def head(proc: Proc, args: list[str]) -> int | Program:
    count, unit, names = _count("head", args)
    if names in (["/dev/zero"], ["/dev/urandom"]) and unit == "c":
        return _zeros(proc, count, names == ["/dev/zero"])
    if proc.stdin.endless and not names:
        if unit == "n" and count <= _MANY:
            proc.emit("".join(proc.stdin.line() or "" for _ in range(count)))
            return 0
        raise Unsupported(f"head {' '.join(args)} of what does not end")
    if unit == "c":
        return _parts(proc, "head", names, lambda text: _bytes_of(text)[:count].decode())
    return _parts(proc, "head", names, lambda text: "".join(lines(text)[:count]))


def tail(proc: Proc, args: list[str]) -> int | Program:
    if args == ["/dev/zero"]:
        return _swallow(proc)
    if args and args[0] in ("-f", "-F"):
        if args[1:] != ["/dev/null"]:
            raise Unsupported(f"tail {' '.join(args)}")
        return _park()
    if any(re.fullmatch(r"-n?\+\d+", arg) for arg in args) or (args[:1] == ["-n"] and args[1][:1] == "+"):
        return _from_line(proc, args)
    count, unit, names = _count("tail", args)
    if names and names[0].startswith("+"):
        raise Unsupported(f"tail {names[0]}")
    if unit == "c":
        return _parts(proc, "tail", names, lambda text: _bytes_of(text)[-count:].decode() if count else "")
    return _parts(proc, "tail", names, lambda text: "".join(lines(text)[-count:] if count else []))


def _from_line(proc: Proc, args: list[str]) -> int:
    """`tail -n +3`: from the third line on."""
    found, names = options("tail", args, "", "n")
    first = max(1, int(found["n"]))
    return _parts(proc, "tail", names, lambda text: "".join(lines(text)[first - 1 :]))


def _swallow(proc: Proc) -> Program:
    """An endless line, of which tail keeps all."""
    proc.leak(TAIL_RATE)
    yield Forever()
    return 0


def wc(proc: Proc, args: list[str]) -> int:
    found, names = options("wc", args, "lwc")
    shown = [letter for letter in "lwc" if letter in found] or list("lwc")
    rows: list[tuple[list[int], str]] = []
    code = 0
    for name in names or ["-"]:
        text = content(proc, "wc", name)
        if text is None:
            code = 1
            continue
        counts = {"l": text.count("\n"), "w": len(re.findall(r"[^ \t-\r]+", text)), "c": len(text.encode())}
        if "w" in shown and not text.isascii():
            raise Unsupported("wc -w of a text beyond ASCII")
        rows.append(([counts[letter] for letter in shown], name))
    if "-" in (names or ["-"]) and ((len(shown) > 1 and not plain(proc)) or len(names) > 1):
        raise Unsupported("wc of stdin with more than one of -l -w -c")
    if len(names) > 1:
        rows.append(
            ([sum(column) for column in zip(*(row for row, _ in rows), strict=True)] or [0] * len(shown), "total")
        )
    width = 1
    if len(shown) > 1 or len(names) > 1:
        size = sum(proc.box.files.size(proc.path(name)) for name in names)
        width = 9 if plain(proc) else len(str(size))
    for row, name in rows:
        label = f" {name}" if names else ""
        proc.emit(" ".join(f"{count:{width}}" for count in row) + label + "\n")
    return code


def sort(proc: Proc, args: list[str]) -> int:
    found, names = options("sort", args, "run")
    texts, code = inputs(proc, "sort", names)
    if code:
        return 2
    found_lines = [line.rstrip("\n") for text in texts for line in lines(text)]
    ordered = sorted(found_lines, key=lambda line: line.encode())
    if "n" in found:
        ordered.sort(key=_leading_number)
        if "u" in found and len({_leading_number(line) for line in ordered}) < len(set(ordered)):
            raise Unsupported("sort -nu of lines with the same number")  # which one is kept differs
    if "r" in found:
        ordered.reverse()
    if "u" in found:
        ordered = list(dict.fromkeys(ordered))
    proc.emit("".join(f"{line}\n" for line in ordered))
    return 0


def _leading_number(line: str) -> Decimal:
    match = re.match(r"[ \t]*(-?\d*(?:\.\d*)?)", line)
    assert match is not None
    if re.match(r"[eExX+]|inf|nan", line[match.end() :], re.IGNORECASE):
        raise Unsupported("sort -n of such numbers")
    return Decimal(match[1]) if re.search(r"\d", match[1]) else Decimal(0)


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


MOST_NUMBERS = 1_000_000


def seq(proc: Proc, args: list[str]) -> int:
    numbers = [int(arg) for arg in args]
    first, step, last = {1: (1, 1, numbers[0]), 2: (numbers[0], 1, numbers[-1])}.get(
        len(numbers), (numbers[0], numbers[1] if len(numbers) > 1 else 1, numbers[-1])
    )
    wanted = range(first, last + (1 if step > 0 else -1), step)
    if len(wanted) > MOST_NUMBERS:
        raise Unsupported(f"seq {' '.join(args)}: more than {MOST_NUMBERS} numbers")
    proc.emit("".join(f"{number}\n" for number in wanted))
    return 0


def dd(proc: Proc, args: list[str]) -> int | Program:
    given = dict(arg.partition("=")[::2] for arg in args)
    if set(given) - {"if", "of", "bs", "count"} or given.get("if") not in ("/dev/zero", "/dev/urandom"):
        raise Unsupported(f"dd {' '.join(args)}")
    size = _bytes(given.get("bs", "512"))
    if "count" not in given:
        raise Unsupported(f"dd {' '.join(args)} (without an end)")
    return _write_blocks(proc, given.get("of", ""), size, int(given["count"]), given["if"] == "/dev/zero")


def _write_blocks(proc: Proc, target: str, size: int, count: int, zeros: bool) -> Program:
    if not target:
        raise Unsupported("dd to stdout")
    kept = bytes(size * count) if zeros and size * count <= KEPT_ZEROS else b""
    problem = proc.box.files.write(proc.path(target), kept, size=size * count)
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
    text, problem = printf(args, "")
    proc.emit(text)
    return int(bool(problem))


def _test(name: str) -> Tool:
    def run(proc: Proc, args: list[str]) -> int:
        return test(proc, [name, *args], lambda message: proc.emit(f"{message}\n", True), "")

    return run


FILE_TOOLS: dict[str, Tool] = {
    "[": _test("["),
    "basename": basename,
    "cat": cat,
    "chmod": chmod,
    "cp": cp,
    "date": date,
    "dd": dd,
    "dirname": dirname,
    "echo": _echo,
    "false": lambda _, __: 1,
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
}
