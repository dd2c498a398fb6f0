"""From an argument vector to a program: what an image has, and what it is told when it has not.

Three answers differ: it runs; a real image has no such file either (the runtime's or the shell's own words); a real
image has it and this one does not know it, which is refused by name.
"""

from __future__ import annotations

import re

from ...actor.effects import Program, Unsupported
from ...actor.run import program
from .container import Proc
from .shelf import USERLANDS
from .shell.filetools import Tool
from .shell.known import KNOWN
from .shell.nettools import EXTRA_TOOLS
from .shell.start import shell_program
from .shell.tools import TOOLS

_LEFT_OUT = ("find", "xargs", "fallocate", "rev")  # by the smallest images
# In every image of the small userland, and in few of the others.
_SMALL = ("httpd", "kill", "nc", "nslookup", "wget")
_SHELLS = ("sh", "ash", "dash", "bash")


class CannotStart(Exception):
    """No such program; the text is the container runtime's."""

    def __init__(self, name: str, reason: str) -> None:
        text = {
            "missing": f"stat {name}: no such file or directory",
            "unknown": "executable file not found in $PATH",
            "denied": "permission denied",
        }[reason]
        super().__init__(f'exec: "{name}": {text}')
        self.name = name
        self._reason = reason
        self.code = 126 if reason == "denied" else 127

    def as_shell(self, name: str, flavour: str) -> str:
        """The same as a shell says it."""
        if self._reason == "denied":
            return f"{name}: {'Is a directory' if flavour == 'bash' else 'Permission denied'}"
        if flavour != "bash":
            return f"{name}: not found"
        return f"{name}: {'No such file or directory' if self._reason == 'missing' else 'command not found'}"


def launch(proc: Proc, argv: tuple[str, ...], path: str | None = None) -> Program:
    """The program of a command line, ready to run in a process. Raises CannotStart."""
    name = argv[0] if argv else ""
    directory, _, base = name.rpartition("/")
    search = (path if path is not None else proc.env.get("PATH", "")).split(":")
    image = proc.box.image
    for place, profile in image.programs.items():
        if name == place or (not directory and place.rpartition("/")[2] == base and place.rpartition("/")[0] in search):
            return program(profile, proc, argv[1:])
    if "/" not in name or directory in ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"):
        found = _userland(proc, base, argv)
        if found is not None:
            return found
    if "/" not in name:
        raise CannotStart(name, "unknown")
    target = proc.path(name)
    if proc.box.files.is_directory(target):
        raise CannotStart(name, "denied")
    if proc.box.files.is_file(target):
        raise Unsupported(f"running the file {name} (whether it may be executed is not known)")
    raise CannotStart(name, "missing")


def found_at(proc: Proc, name: str) -> str:
    """The path under which a program is started that `launch` has found."""
    if "/" in name:
        return name
    places = [place for place in proc.box.image.programs if place.rpartition("/")[2] == name]
    return places[0] if places else f"/bin/{name}"


def _userland(proc: Proc, base: str, argv: tuple[str, ...]) -> Program | None:
    image = proc.box.image
    flavour = USERLANDS[image.userland]
    tool = EXTRA_TOOLS.get(base) if base in image.tools else None
    if tool is None and not flavour:
        return None
    if tool is None and base in _SHELLS:
        if base == "bash" and (flavour != "ash" or image.reference.startswith("docker.io/library/bash:")):
            return shell_program(proc, argv, "bash")
        if base == "sh" or base == flavour:
            return shell_program(proc, argv, flavour)
        return None
    tool = tool or TOOLS.get(base)
    if base in (_LEFT_OUT if "minimal" in image.reference else _SMALL if flavour != "ash" else ()):
        raise Unsupported(f"the command {base} in an image that may lack it")
    if tool is not None:
        return _used(tool, proc, argv)
    if base in KNOWN[image.userland]:
        raise Unsupported(f"the command {base}")
    return None


def _used(tool: Tool, proc: Proc, argv: tuple[str, ...]) -> Program:
    """A tool's program. How the real one complains of arguments that make no sense is not known either."""
    try:
        found = tool(proc, list(argv[1:]))
        return found if isinstance(found, int) else (yield from found)
    except CannotStart as problem:
        proc.emit(f"{argv[0]}: {problem.as_shell(problem.name, USERLANDS[proc.box.image.userland])}\n", True)
        return problem.code
    except (ValueError, IndexError, re.error) as problem:
        raise Unsupported(f"the command line {' '.join(argv)!r}") from problem
