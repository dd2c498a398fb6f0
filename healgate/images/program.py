"""The program that runs in every container, as files of a layer.

It is the actor package under an everyday name. What a healer could read in it besides code, comments and docstrings,
is left out. The trap is start-up: a container with a read-only root compiles every module at every start, so each is
there compiled as well, for a Python like ours; nothing here imports more than it needs, and site-packages are switched
off.
"""

from __future__ import annotations

import ast
import json
import marshal
import struct
import sys
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

from .layers import File

HOME = "/usr/lib/service"
APP = f"{HOME}/app.json"
_MAIN = "import sys\n\nfrom program.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n"
SOURCE = Path(__file__).parent.parent / "actor"


def program_files() -> dict[str, File]:
    """The same for every image."""
    return {f"{HOME}/start.py": File(_MAIN.encode()), **modules(SOURCE, f"{HOME}/program")}


def modules(package: Path, home: str) -> dict[str, File]:
    """A package's modules, each as its source and compiled."""
    files = {}
    for path in sorted(package.glob("*.py")):
        source = bare(path.read_text())
        files[f"{home}/{path.name}"] = File(source.encode())
        compiled = f"{home}/__pycache__/{path.stem}.{sys.implementation.cache_tag}.pyc"
        files[compiled] = File(_compiled(source, f"{home}/{path.name}"))
    return files


def _compiled(source: str, path: str) -> bytes:
    """As importlib reads it (PEP 552), without a look at the source: its time and size say nothing in an image."""
    unchecked = (0b01).to_bytes(4, "little")
    return MAGIC_NUMBER + unchecked + bytes(8) + marshal.dumps(compile(source, path, "exec", dont_inherit=True))


def profile_files(profile: Mapping[str, Any]) -> dict[str, File]:
    """One image's own: its profile, and the programs that it offers by their paths."""
    app = {key: profile[key] for key in ("entrypoint", "program", "tools") if key in profile}
    files = {APP: File(json.dumps(app, sort_keys=True).encode())}
    for path in (profile["entrypoint"][0], *profile.get("tools", {})):
        files[path] = File(script(f'python3 -EsSB {HOME}/start.py {APP} {path} "$@"'), 0o755)
    if "architecture" in profile:
        entry = profile["entrypoint"][0]
        files[entry] = File(_elf(profile["architecture"]), 0o755)
    return files


def _elf(architecture: str) -> bytes:
    """As much of a program for some processor as it takes for any other to refuse it."""
    machine = {"amd64": 0x3E, "arm64": 0xB7}[architecture]
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, machine, 1) + bytes(40)


def script(command: str) -> bytes:
    return f"#!/bin/sh\nexec {command}\n".encode()


def bare(source: str) -> str:
    """Python without what is only there for its readers."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree) + "\n"
