"""Commands about files rather than what is in them: find, readlink, realpath, stat, mktemp, truncate, fallocate.

Only what a container made itself, and what a volume holds, is all there: the simulated image lacks most of its files,
and a mounted ConfigMap is full of links with dates in them. The other trap is the order of a directory, which no two
file systems share: where it would show, it is refused.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ....actor.effects import Program, Unsupported
from ..container import Proc, Stdin
from .filetools import Tool, options, plain, quoted

_EMPTY = ("/tmp", "/mnt", "/srv")  # directories that are empty in every image
_PLAIN_PLACES = ("/etc", "/home", "/media", "/opt", "/root", "/run", *_EMPTY)  # directories that are no links
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _whole(proc: Proc, path: str) -> None:
    """Refuse a directory that holds more in reality than here."""
    files = proc.box.files
    if not (files.made(path) or path in _EMPTY) or any(
        name.startswith(path.rstrip("/") + "/") for name in files.mounted
    ):
        raise Unsupported(f"looking through {path}, which is not all here")


# -- find


@dataclass(frozen=True, slots=True)
class _Found:
    shown: str
    path: str
    depth: int
    directory: bool


@dataclass
class _Search:
    roots: list[str]
    tests: list[Callable[[_Found], bool]] = field(default_factory=list)
    least: int = 0
    most: int = 1_000
    action: str = "print"  # or delete, exec, batch
    command: list[str] = field(default_factory=list)

    def fits(self, one: _Found) -> bool:
        return one.depth >= self.least and all(test(one) for test in self.tests)


def find(proc: Proc, args: list[str]) -> Program:
    search = _search(proc, args)
    hits: list[_Found] = []
    code = 0
    for root in search.roots:
        path = proc.path(root)
        if not proc.box.files.exists(path):
            proc.emit(f"find: {root if plain(proc) else quoted(proc, root)}: No such file or directory\n", True)
            code = 1
            continue
        directory = proc.box.files.is_directory(path)
        hits.extend(_walk(proc, _Found(root, path, 0, directory), search))
    if search.action == "delete":
        for one in reversed(hits):
            if problem := proc.box.files.remove(one.path, one.directory and not proc.box.files.names(one.path)):
                raise Unsupported(f"find -delete of {one.shown} ({problem})")
    elif search.action == "print":
        proc.emit("".join(f"{one.shown}\n" for one in hits))
    else:
        return (yield from _executed(proc, search, [one.shown for one in hits], code))
    return code


def _walk(proc: Proc, one: _Found, search: _Search) -> list[_Found]:
    """Everything below that fits, each directory before what is in it."""
    hits = [one] if search.fits(one) else []
    if not one.directory or one.depth >= search.most:
        return hits
    _whole(proc, one.path)
    branches = 0
    for name in proc.box.files.names(one.path):
        path = f"{one.path.rstrip('/')}/{name}"
        shown = one.shown + ("" if one.shown.endswith("/") else "/") + name
        below = _walk(proc, _Found(shown, path, one.depth + 1, proc.box.files.is_directory(path)), search)
        hits.extend(below)
        branches += bool(below)
    if branches > 1 and search.action != "delete" and not proc.unordered:
        raise Unsupported(f"find with more than one file of {one.path} (their order is the file system's)")
    return hits


def _executed(proc: Proc, search: _Search, names: list[str], code: int) -> Program:
    from ..programs import launch

    batches = [names] if search.action == "batch" else [[name] for name in names]
    for batch in batches:
        if not batch:
            continue
        argv: list[str] = []
        for part in search.command:
            argv.extend(batch if part == "{}" else [part.replace("{}", batch[0])])
        child = proc.child(proc.env, proc.cwd, Stdin(), proc.out, proc.err)
        try:
            failed = yield from launch(child, tuple(argv))
        finally:
            child.release()
        if failed and search.action == "batch":
            code = 1
    return code


def _search(proc: Proc, args: list[str]) -> _Search:
    queue = list(args)
    roots: list[str] = []
    while queue and not queue[0].startswith(("-", "!", "(")):
        roots.append(queue.pop(0))
    search = _Search(roots or ["."])
    negated = ended = False
    while queue:
        word = queue.pop(0)
        if ended:
            raise Unsupported(f"find {' '.join(args)}")
        if word in ("!", "-not") and not (word == "-not" and plain(proc)):
            negated = not negated
            continue
        if word in ("-name", "-iname", "-type", "-path", "-empty"):
            search.tests.append(_test(proc, word, queue, negated))
        elif negated:
            raise Unsupported(f"find {' '.join(args)}")
        elif word in ("-maxdepth", "-mindepth"):
            number = int(queue.pop(0))
            if word == "-maxdepth":
                search.most = number
            else:
                search.least = number
        elif word in ("-print", "-delete"):
            search.action, ended = word[1:], True
        elif word == "-exec":
            ended = True
            _exec(search, queue)
        else:
            raise Unsupported(f"find {word}")
        negated = False
    if negated:
        raise Unsupported(f"find {' '.join(args)}")
    return search


def _exec(search: _Search, queue: list[str]) -> None:
    for end, action in ((";", "exec"), ("+", "batch")):
        if queue and queue[-1] == end:
            search.action = action
            search.command = queue[:-1]
            queue.clear()
            placed = any("{}" in part for part in search.command[:-1] if action == "batch")
            if placed or not search.command or (action == "batch" and search.command[-1] != "{}"):
                raise Unsupported("find -exec of this kind")
            return
    raise Unsupported("find -exec with more behind it")


def _test(proc: Proc, word: str, queue: list[str], negated: bool) -> Callable[[_Found], bool]:
    if word == "-empty":
        files = proc.box.files

        def empty(one: _Found) -> bool:
            if not one.directory:
                return files.size(one.path) == 0
            _whole(proc, one.path)
            return not files.names(one.path)

        return lambda one: empty(one) != negated
    value = queue.pop(0)
    if word == "-type":
        if value not in ("f", "d"):
            raise Unsupported(f"find -type {value}")
        return lambda one: (one.directory == (value == "d")) != negated
    if "\\" in value or "[" in value:
        raise Unsupported(f"find {word} {value}")
    wanted = value.lower() if word == "-iname" else value

    def matches(one: _Found) -> bool:
        text = one.shown if word == "-path" else one.shown.rstrip("/").rsplit("/", 1)[-1] or "/"
        return fnmatch.fnmatchcase(text.lower() if word == "-iname" else text, wanted)

    return lambda one: matches(one) != negated


# -- where a path leads


def _no_links(proc: Proc, path: str) -> None:
    files = proc.box.files
    volume = any(path == mount or path.startswith(mount + "/") for mount in files.volumes)
    known = volume or path == "/" or any(path == place or path.startswith(place + "/") for place in _PLAIN_PLACES)
    if not (known or files.made("/" + path.split("/")[1])) or (files.fixed(path) and not files.made(path)):
        raise Unsupported(f"where {path} leads")
    if any(name == path or name.startswith(path.rstrip("/") + "/") for name in files.mounted):
        raise Unsupported(f"where {path} leads")


def readlink(proc: Proc, args: list[str]) -> int:
    found, names = options("readlink", args, "fn")
    if len(names) != 1:
        raise Unsupported(f"readlink {' '.join(args)}")
    path = proc.path(names[0])
    _no_links(proc, path)
    if "f" not in found or not _reached(proc, path, True) or names[0].endswith("/"):
        if names[0].endswith("/") and "f" in found:
            raise Unsupported(f"readlink {' '.join(args)}")
        return 1
    proc.emit(path + ("" if "n" in found else "\n"))
    return 0


def _reached(proc: Proc, path: str, missing: bool) -> bool:
    """Whether a path exists; `missing`: but for its last part."""
    files = proc.box.files
    return files.exists(path) or (missing and files.is_directory(path.rpartition("/")[0] or "/"))


def realpath(proc: Proc, args: list[str]) -> int:
    _, names = options("realpath", args, "")
    if not names:
        raise Unsupported("realpath of nothing")
    code = 0
    for name in names:
        path = proc.path(name)
        _no_links(proc, path)
        if _reached(proc, path, not plain(proc)):
            proc.emit(f"{path}\n")
        else:
            proc.emit(f"realpath: {name}: No such file or directory\n", True)
            code = 1
    return code


def stat(proc: Proc, args: list[str]) -> int:
    found, names = options("stat", args, "", "c")
    form = found.get("c", "")
    if not names or not form or re.search(r"%(?![nsF%])|\\", form):
        raise Unsupported(f"stat {' '.join(args)}")
    code = 0
    for name in names:
        path = proc.path(name)
        files = proc.box.files
        if not files.exists(path):
            verb = "can't stat" if plain(proc) else "cannot statx"
            proc.emit(f"stat: {verb} '{name}': No such file or directory\n", True)
            code = 1
            continue
        _no_links(proc, path)
        if files.is_directory(path):
            if "%s" in form:
                raise Unsupported("the size of a directory")
            kind, size = "directory", 0
        elif path.startswith("/dev/"):
            raise Unsupported(f"stat of {path}")
        else:
            size = files.size(path)
            kind = "regular file" if size else "regular empty file"
        proc.emit(_filled(form, name, size, kind) + "\n")
    return code


def _filled(form: str, name: str, size: int, kind: str) -> str:
    values = {"%n": name, "%s": str(size), "%F": kind, "%%": "%"}
    return re.sub(r"%.", lambda match: values[match[0]], form)


# -- making files


def mktemp(proc: Proc, args: list[str]) -> int:
    found, names = options("mktemp", args, "dt", "p")
    if len(names) > 1 or ("t" in found and (not names or "/" in names[0])):
        raise Unsupported(f"mktemp {' '.join(args)}")
    base = found.get("p") or proc.env.get("TMPDIR") or "/tmp"
    template = names[0] if names else "tmp.XXXXXX" if plain(proc) else "tmp.XXXXXXXXXX"
    count = re.search(r"X*$", template)
    assert count is not None
    marks = min(len(count[0]), 6) if plain(proc) else len(count[0])
    if marks < (6 if plain(proc) else 3):
        raise Unsupported(f"mktemp {' '.join(args)}")
    if not names or "t" in found or "p" in found:
        template = f"{base.rstrip('/')}/{template}"
    name = _fresh(proc, template[:-marks], marks)
    files = proc.box.files
    path = proc.path(name)
    problem = files.make_directory(path) if "d" in found else files.write(path, b"")
    if problem:
        if plain(proc):
            raise Unsupported("mktemp where it cannot write")
        kind = "directory" if "d" in found else "file"
        proc.emit(f"mktemp: failed to create {kind} via template {quoted(proc, template)}: {problem}\n", True)
        return 1
    proc.emit(f"{name}\n")
    return 0


def _fresh(proc: Proc, start: str, count: int) -> str:
    """A name that nobody could foresee in reality, and that is the same in every run here."""
    run = proc.box.run
    for number in range(1_000):
        seed = f"{run.pod_uid}/{run.container}/{run.attempt}/{proc.pid}/{start}/{number}"
        digest = hashlib.sha256(seed.encode()).digest()
        name = start + "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:count])
        if not proc.box.files.exists(proc.path(name)):
            return name
    raise Unsupported("mktemp without an end")


def _size(tool: str, text: str) -> int:
    match = re.fullmatch(r"(\d+)([kKMG]?)", text)
    if match is None:
        raise Unsupported(f"{tool} of the size {text}")
    return int(match[1]) * {"": 1, "k": 1024, "K": 1024, "M": 1024**2, "G": 1024**3}[match[2]]


def truncate(proc: Proc, args: list[str]) -> int:
    found, names = options("truncate", args, "c", "s")
    text = found.get("s", "")
    relative = {"+": 1, "-": -1}.get(text[:1], 0)
    if not names or not text or (relative and plain(proc)):
        raise Unsupported(f"truncate {' '.join(args)}")
    size = _size("truncate", text.lstrip("+-") if relative else text)
    code = 0
    for name in names:
        files, path = proc.box.files, proc.path(name)
        if "c" in found and not files.exists(path):
            continue
        if problem := files.write(path, b"", append=True):
            shown = f"{name}: open: " if plain(proc) else f"cannot open '{name}' for writing: "
            proc.emit(f"truncate: {shown}{problem}\n", True)
            code = 1
            continue
        files.resize(path, max(0, files.size(path) + relative * size) if relative else size)
    return code


def fallocate(proc: Proc, args: list[str]) -> int:
    found, names = options("fallocate", args, "", "l")
    if len(names) != 1 or "l" not in found:
        raise Unsupported(f"fallocate {' '.join(args)}")
    size = _size("fallocate", found["l"])
    if not size:
        raise Unsupported("fallocate of nothing")
    files, path = proc.box.files, proc.path(names[0])
    if problem := files.write(path, b"", append=True):
        shown = f"can't open '{names[0]}'" if plain(proc) else f"cannot open {names[0]}"
        proc.emit(f"fallocate: {shown}: {problem}\n", True)
        return 1
    files.reserve(path, size)
    return 0


PATH_TOOLS: dict[str, Tool] = {
    "fallocate": fallocate,
    "find": find,
    "mktemp": mktemp,
    "readlink": readlink,
    "realpath": realpath,
    "stat": stat,
    "truncate": truncate,
}
