"""Commands that wait, and commands that talk to the simulated network."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ....actor.effects import AddressInUse, Forever, Program, Sleep, Spent, Unsupported, Watch
from ....actor.fetch import curl
from ....actor.host import Handler, Reply, Request, split_address
from ..container import Proc
from ..resolver import CLUSTER, domains
from .filetools import Tool, options, plain

_STATUS = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}
_STATUS |= {405: "Method Not Allowed", 502: "Bad Gateway", 503: "Service Unavailable"}


def sleep(proc: Proc, args: list[str]) -> Program:
    if not args:
        raise Unsupported("sleep without a time")
    total = 0.0
    for arg in args:
        match = re.fullmatch(r"(\d+(?:\.\d+)?|inf|infinity)([smhd]?)", arg)
        if match is None:
            more = "Try 'sleep --help' for more information."
            said = f"number '{arg}'\n" if plain(proc) else f"time interval '{arg}'\n{more}\n"
            proc.emit(f"sleep: invalid {said}", True)
            return 1
        total += float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    yield Forever() if total == float("inf") else Sleep(total)
    return 0


# -- clients

# Its wget was built without timeouts and falls over its own option: recorded, and long known of such builds.
_NO_TIMEOUTS = "docker.io/library/busybox:"


def wget(proc: Proc, args: list[str]) -> Program:
    queue = [arg for arg in args if arg not in ("--spider", "--no-check-certificate")]
    found, names = options("wget", _long(queue), "qSc", "OTt")
    if "T" in found and proc.box.image.reference.startswith(_NO_TIMEOUTS):
        proc.emit("Segmentation fault\n", True)
        return 139
    url = names[0]
    host, port = split_address(url, 443 if url.startswith("https://") else 80)
    path = "/" + url.split("://", 1)[-1].partition("/")[2]
    limit = float(found.get("T", "900"))
    address = proc.box.machine.network.address(proc.box.origin, host)
    shown = "127.0.0.1" if host in ("localhost", "127.0.0.1") else address
    quiet = "q" in found
    if not quiet and address:
        proc.emit(f"Connecting to {host}{'' if port == 80 else f':{port}'} ({shown}:{port})\n", True)
    answer = proc.fetch(host, port, Request("GET", path), limit)
    yield Spent(answer.seconds)
    problem = {
        "": "",
        "no such host": f"bad address '{host}:{port}'" if f":{port}" in url else f"bad address '{host}'",
        "refused": f"can't connect to remote host ({shown}): Connection refused",
        "timeout": "download timed out",
        "reset": "error getting response: Connection reset by peer",
    }[answer.problem]
    if not problem and answer.status >= 400:
        problem = f"server returned error: HTTP/1.1 {answer.status} {_STATUS.get(answer.status, '')}".rstrip()
    if problem:
        proc.emit(f"wget: {problem}\n", True)
        return 1
    if "--spider" in args:
        return 0
    target = found.get("O") or path.rsplit("/", 1)[-1] or "index.html"
    if target == "-":
        proc.emit(answer.body)
    elif failed := proc.box.files.write(proc.path(target), answer.body.encode()):
        proc.emit(f"wget: can't open '{target}': {failed}\n", True)
        return 1
    return 0


def _long(args: list[str]) -> list[str]:
    """Long options of wget in their short form."""
    result = []
    for arg in args:
        name, _, value = arg.partition("=")
        short = {"--quiet": "-q", "--output-document": "-O", "--timeout": "-T", "--tries": "-t"}.get(name)
        result.extend([arg] if short is None else [short, value] if value else [short])
    return result


def _curl(proc: Proc, args: list[str]) -> Program:
    return curl(proc, tuple(args))


def nc(proc: Proc, args: list[str]) -> Program:
    found, rest = options("nc", args, "zvnlk", "wp")
    if "l" in found:
        return _answer_once(proc, int(found.get("p") or rest[-1]), "k" in found)
    if len(rest) != 2 or "z" not in found:
        raise Unsupported(f"nc {' '.join(args)}")
    return _knock(proc, rest[0], int(rest[1]), float(found.get("w", "120")), "v" in found)


def _knock(proc: Proc, host: str, port: int, limit: float, verbose: bool) -> Program:
    answer = proc.dial(host, port, limit)
    yield Spent(answer.seconds)
    address = proc.box.machine.network.address(proc.box.origin, host)
    if answer.problem == "no such host":
        proc.emit(f"nc: bad address '{host}'\n", True)
    elif answer.problem:
        problem = "Connection refused" if answer.problem == "refused" else "Operation timed out"
        if verbose:
            proc.emit(f"nc: {host} ({address}:{port}): {problem}\n", True)
    elif verbose:
        proc.emit(f"{host} ({address}:{port}) open\n", True)
    return 1 if answer.problem else 0


def _answer_once(proc: Proc, port: int, again: bool) -> Program:
    """`nc -l`: whoever comes gets what stands on stdin, and nc ends (unless -k)."""
    text = proc.stdin.rest().replace("\r\n", "\n")
    head, _, body = text.partition("\n\n")
    match = re.match(r"HTTP/1\.\d (\d+)", head)
    came: list[Request] = []

    def answer(request: Request) -> Reply:
        came.append(request)
        if not again:
            proc.box.machine.network.leave_port(proc.box.run.pod_ip, port)
        proc.changed()
        return Reply(int(match[1]), body) if match else Reply(0)

    try:
        proc.listen(port, answer)
    except AddressInUse:
        proc.emit("nc: bind: Address already in use\n", True)
        return 1
    yield Watch(lambda: "came" if came and not again else "", 0.001)
    return 0


def nslookup(proc: Proc, args: list[str]) -> int:
    """A query for each kind of address, and for a name without a dot one in each search domain.

    The trap is the exit status: one name that is not found makes it 1, and of a short name some never are.
    """
    if len(args) != 1 or args[0].startswith("-"):
        raise Unsupported(f"nslookup {' '.join(args)}")
    name, origin = args[0], proc.box.origin
    if origin.resolver.servers[:1] != (CLUSTER,):
        raise Unsupported("nslookup at another server than the cluster's")
    searches = origin.resolver.searches
    searched = domains(origin.namespace) if searches is None else searches
    proc.emit(f"Server:\t\t{CLUSTER}\nAddress:\t{CLUSTER}:53\n\n")
    code = 0
    for asked in [name] if "." in name else [f"{name}.{domain}" for domain in searched]:
        found = asked.endswith(".svc.cluster.local") and asked.count(".") > 3
        address = proc.box.machine.network.address(origin, asked) if found else ""
        if address:
            proc.emit(f"Name:\t{asked}\nAddress: {address}\n\n\n")
        else:
            proc.emit(f"** server can't find {asked}: NXDOMAIN\n\n" * 2)
            code = 1
    return code


# -- servers


def httpd(proc: Proc, args: list[str]) -> int | Program:
    found, rest = options("httpd", args, "fv", "ph")
    if rest:
        raise Unsupported(f"httpd {' '.join(args)}")
    port = int(found.get("p", "80").rsplit(":", 1)[-1])
    home = proc.path(found.get("h", "."))
    try:
        proc.listen(port, _files_below(proc, home, None))
    except AddressInUse:
        proc.emit("httpd: bind: Address in use\n", True)
        return 1
    return _serve() if "f" in found else 0


def _serve() -> Program:
    yield Forever()
    return 0


class _Access:
    """The access log of Python's http.server."""

    def __init__(self, proc: Proc) -> None:
        self.proc = proc

    def __call__(self, request: Request, status: int) -> None:
        when = datetime.fromtimestamp(self.proc.now(), UTC).strftime("%d/%b/%Y %H:%M:%S")
        self.proc.emit(f'10.244.0.1 - - [{when}] "{request.method} {request.path} HTTP/1.1" {status} -\n', True)


def _files_below(proc: Proc, home: str, access: _Access | None) -> Handler:
    def answer(request: Request) -> Reply:
        path = proc.path(f"{home}/{request.route}")
        found = proc.box.files.read(path)
        if found is None and proc.box.files.is_directory(path):
            found = proc.box.files.read(f"{path.rstrip('/')}/index.html")
            if found is None and access:
                found = "".join(f"{name}\n" for name in proc.box.files.names(path)).encode()
        status = 404 if found is None else 200
        if access:
            access(request, status)
        return Reply(status, "404 Not Found\n" if found is None else found.decode(errors="replace"))

    return answer


def python(proc: Proc, args: list[str]) -> int | Program:
    if args[:2] != ["-m", "http.server"]:
        if args in (["--version"], ["-V"]):
            proc.emit("Python 3.11.9\n")
            return 0
        raise Unsupported(f"python {' '.join(args)[:80]}")
    rest, home = args[2:], proc.cwd
    if "--directory" in rest or "-d" in rest:
        at = rest.index("--directory" if "--directory" in rest else "-d")
        home = proc.path(rest[at + 1])
        del rest[at : at + 2]
    if len(rest) > 1 or (rest and not rest[0].isdigit()):
        raise Unsupported(f"python {' '.join(args)}")
    port = int(rest[0]) if rest else 8000
    try:
        proc.listen(port, _files_below(proc, home, _Access(proc)))
    except AddressInUse:
        proc.emit("OSError: [Errno 98] Address already in use\n", True)
        return 1
    if proc.box.image.userland == "ubi":  # where its output is not held back
        proc.emit(f"Serving HTTP on 0.0.0.0 port {port} (http://0.0.0.0:{port}/) ...\n")
    return _serve()


NET_TOOLS: dict[str, Tool] = {
    "httpd": httpd,
    "nc": nc,
    "nslookup": nslookup,
    "sleep": sleep,
    "wget": wget,
}
# Tools that only some images have.
EXTRA_TOOLS: dict[str, Tool] = {"curl": _curl, "python": python, "python3": python}
