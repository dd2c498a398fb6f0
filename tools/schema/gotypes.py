"""Which fields of Go structs say something when they are zero: pointers, and those that are never left out of JSON.

Protobuf bodies need it: Go's encoder writes every field that is no pointer, so a zero on the wire may be a client's
`replicas: 0` or nobody's `minReadySeconds`. Only the struct knows.
"""

from __future__ import annotations

import re

_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r'^\t\w+\s+(\S+)\s+`json:"([^",]+)([^"]*)"', re.MULTILINE)
_PACKAGE = re.compile(r"k8s\.io/([\w-]+)@[^/]+/(.*)/\w+\.go$")


def package(path: str) -> str:
    """The prefix that OpenAPI gives to the types of a file in the module cache."""
    match = _PACKAGE.search(path)
    if match is None:
        raise ValueError(f"{path} is in no module of k8s.io")
    return ".".join(["io.k8s", match[1], *match[2].split("/")])


def meaningful(prefix: str, source: str) -> dict[str, frozenset[str]]:
    """type -> JSON names of the fields whose zero counts."""
    return {
        f"{prefix}.{name}": frozenset(
            tag for kind, tag, options in _FIELD.findall(body) if kind.startswith("*") or "omit" not in options
        )
        for name, body in _STRUCT.findall(source)
    }
