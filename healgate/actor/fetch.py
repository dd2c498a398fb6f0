"""curl, as wait hooks use it: the exit codes and the words, not the protocol zoo."""

from __future__ import annotations

from typing import NamedTuple

from .effects import Program, Sleep, Spent, Unsupported
from .host import Answer, Host, Request, split_address

_HEAD = (
    "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
    "                                 Dload  Upload   Total   Spent    Left  Speed\n"
)
_NOTHING = "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"
_FLAGS = {
    "s": "silent",
    "S": "show_error",
    "f": "fail",
    "k": "insecure",
    "L": "location",
    "i": "include",
}
_LONG = {
    "--silent": "s",
    "--show-error": "S",
    "--fail": "f",
    "--insecure": "k",
    "--location": "L",
    "--include": "i",
    "--output": "o",
    "--request": "X",
    "--data": "d",
    "--header": "H",
    "--max-time": "m",
    "--write-out": "w",
}
_VALUES = "oXdHmw"
_LONG_VALUES = ("--connect-timeout", "--retry", "--retry-delay")
_LONG_FLAGS = ("--retry-connrefused", "--retry-all-errors")


class _Options(NamedTuple):
    url: str
    flags: frozenset[str]
    values: dict[str, str]


def _parse(args: tuple[str, ...]) -> _Options:
    url = ""
    flags: set[str] = set()
    values: dict[str, str] = {}
    rest = iter(args)
    for arg in rest:
        if arg in _LONG_VALUES:
            values[arg] = next(rest, "")
        elif arg in _LONG_FLAGS:
            flags.add(arg)
        elif arg.startswith("--"):
            if arg not in _LONG:
                raise Unsupported(f"curl {arg}")
            short = _LONG[arg]
            if short in _VALUES:
                values[short] = next(rest, "")
            else:
                flags.add(short)
        elif arg.startswith("-") and len(arg) > 1:
            for position, letter in enumerate(arg[1:], 1):
                if letter in _VALUES:
                    values[letter] = arg[position + 1 :] or next(rest, "")
                    break
                if letter not in _FLAGS:
                    raise Unsupported(f"curl -{letter}")
                flags.add(letter)
        else:
            url = arg
    return _Options(url, frozenset(flags), values)


def curl(host: Host, args: tuple[str, ...]) -> Program:
    options = _parse(args)
    if not options.url:
        host.emit("curl: (2) no URL specified\n", True)
        return 2
    retries = int(options.values.get("--retry", "0"))
    while True:
        code, answer = _once(host, options)
        yield Spent(answer.seconds)
        refused = answer.problem == "refused" and "--retry-connrefused" in options.flags
        again = refused or answer.problem == "timeout" or "--retry-all-errors" in options.flags
        if code == 0 or retries == 0 or not again:
            _report(host, options, code, answer)
            return code
        retries -= 1
        yield Sleep(float(options.values.get("--retry-delay", "1")))


def _once(host: Host, options: _Options) -> tuple[int, Answer]:
    name, port = split_address(options.url, 443 if options.url.startswith("https://") else 80)
    path = "/" + options.url.split("://", 1)[-1].partition("/")[2]
    data = options.values.get("d")
    method = options.values.get("X") or ("POST" if data is not None else "GET")
    timeout = float(options.values.get("m") or options.values.get("--connect-timeout") or 120)
    answer = host.fetch(name, port, Request(method, path, (data or "").encode()), timeout)
    code = {"": 0, "no such host": 6, "refused": 7, "timeout": 28, "reset": 56}[answer.problem]
    if code == 0 and answer.status >= 400 and "f" in options.flags:
        code = 22
    return code, answer


def _report(host: Host, options: _Options, code: int, answer: Answer) -> None:
    name, port = split_address(options.url, 443 if options.url.startswith("https://") else 80)
    silent = "s" in options.flags
    if not silent:
        host.emit(_HEAD + _progress(answer, code) + "\n", True)
    if code and (not silent or "S" in options.flags):
        spent = max(1, round(answer.seconds * 1000))
        text = {
            6: f"Could not resolve host: {name}",
            7: f"Failed to connect to {name} port {port} after {spent} ms: Couldn't connect to server",
            22: f"The requested URL returned error: {answer.status}",
            28: f"Operation timed out after {spent} milliseconds with 0 bytes received",
            56: "Recv failure: Connection reset by peer",
        }[code]
        host.emit(f"curl: ({code}) {text}\n", True)
    if not code:
        body = answer.body
        if "i" in options.flags:
            body = f"HTTP/1.1 {answer.status}\r\n\r\n{body}"
        target = options.values.get("o")
        if target is None:
            host.emit(body)
        elif target != "/dev/null":
            host.write(target, body.encode())
    if "w" in options.values:
        text = options.values["w"].replace("%{http_code}", f"{answer.status:03d}").replace("\\n", "\n")
        if "%{" in text:
            raise Unsupported(f"curl -w {options.values['w']}")
        host.emit(text)


def _progress(answer: Answer, code: int) -> str:
    if code:
        return _NOTHING
    size = len(answer.body.encode())
    return f"100 {size:5d}  100 {size:5d}    0     0 {size * 100:6d}      0 --:--:-- --:--:-- --:--:-- {size * 100:5d}"
