"""Which fields have an enumerated type, and which values it has: what the published OpenAPI documents leave out.

Go's sources mark such a type with `+enum` in its comment, and its values are the constants of that type. The trap is
where the field stands: in a struct that another one holds inline, or in another package under the name of an import.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TYPE = re.compile(r"((?:^//[^\n]*\n)+)type (\w+) (?:string|= ([\w.]+))$", re.MULTILINE)
_MARK = re.compile(r"^// \+enum$", re.MULTILINE)
_VALUE = re.compile(
    r'^(?:\t|const )(\w+)(?:[ \t]+(\w+))?[ \t]*=[ \t]*(?:(\w+)\()?(?:"([^"]*)"|([A-Za-z][\w.]*))\)?(?:[ \t]*//.*)?$',
    re.MULTILINE,
)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r'^\t\w+\s+(\S+)\s+`json:"([^",]+)', re.MULTILINE)
_INLINE = re.compile(r'^\t(?:\w+\s+)?([\w.]+)\s+`json:",(?:omitempty,)?inline', re.MULTILINE)
_IMPORT = re.compile(r'^\t(?:(\w+) )?"k8s\.io/([\w./-]+)"$', re.MULTILINE)


@dataclass
class Enums:
    """All that the sources say: add every file of every package before asking for `fields`."""

    _constants: dict[str, str] = field(default_factory=dict)  # constant -> value, or "=" and another constant
    _values: dict[str, list[str]] = field(default_factory=dict)  # type -> constants
    _marked: dict[str, str] = field(default_factory=dict)  # type -> itself, or the one that it is another name of
    _fields: dict[str, dict[str, str]] = field(default_factory=dict)  # struct -> JSON name -> type
    _inline: dict[str, list[str]] = field(default_factory=dict)  # struct -> structs that are part of it

    def add(self, package: str, source: str) -> None:
        imports = {alias or path.rpartition("/")[2]: _prefix(path) for alias, path in _IMPORT.findall(source)}

        def full(name: str) -> str:
            alias, dot, short = name.lstrip("*[]").rpartition(".")
            return f"{imports.get(alias, alias) if dot else package}.{short}"

        marked = {full(name): full(of or name) for comment, name, of in _TYPE.findall(source) if _MARK.search(comment)}
        if len(marked) != len(_MARK.findall(source)):
            raise ValueError(f"{package}: marked as enumerated, and no type of texts")
        self._marked.update(marked)
        for name, kind, conversion, value, other in _VALUE.findall(source):
            self._constants[full(name)] = "=" + full(other) if other else value
            if kind or conversion:
                self._values.setdefault(full(kind or conversion), []).append(full(name))
        for name, body in _STRUCT.findall(source):
            self._fields[full(name)] = {key: full(kind) for kind, key in _FIELD.findall(body)}
            self._inline[full(name)] = [full(one) for one in _INLINE.findall(body)]

    def fields(self, types: list[str]) -> dict[str, dict[str, list[str]]]:
        """type -> field -> values in the order of their letters, of those types that have such fields."""
        found = {name: self._of(name) for name in types}
        return {name: fields for name, fields in found.items() if fields}

    def _of(self, struct: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, kind in sorted(self._fields.get(struct, {}).items()):
            if kind not in self._marked:
                continue
            constants = self._values.get(self._marked[kind])
            if not constants:
                raise ValueError(f"{kind} has no values")
            found[key] = sorted({self._value(one) for one in constants})
        for inner in self._inline.get(struct, ()):
            found |= self._of(inner)
        return found

    def _value(self, constant: str) -> str:
        value = self._constants[constant]
        return self._value(value[1:]) if value.startswith("=") else value


def _prefix(path: str) -> str:
    return ".".join(["io.k8s", *path.split("/")])
