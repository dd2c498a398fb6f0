"""From what a person wrote to data and places: every mistake in a file is shown with its line and column.

PyYAML reads the files, because Chaos Toolkit reads them with it: a file must mean the same to both. It silently
takes the last of two equal keys, so the node tree is walked here and such keys are refused; the same tree knows the
place of every value. The trap is a place that is looked up in data with its placeholders put in: the tree has the
shape of the text, so a value that came from a parameter is placed at the placeholder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..problems import Place, Problem, UsageProblem, suggest

Loc = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

# What pydantic says of Python's types, in the words of YAML.
_EXPECTED = {
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "string_type": "expected a text",
    "string_too_short": "expected a text",
    "too_short": "expected at least one item",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
}
# How many values aliases may add to those that are written: a few lines can stand for more than any memory holds.
_MOST_REPEATED = 100_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Source:
    """One YAML document with its places."""

    def __init__(self, path: Path, root: yaml.Node, data: Any) -> None:
        self.path = path
        self.data = data
        self._root = root

    def place(self, loc: Iterable[str | int] = (), *, key: bool = False) -> Place:
        """Where the value is (or its key); where it is missing, the nearest thing around it."""
        node, found = self._root, self._root
        for step in loc:
            child = _child(node, step)
            if child is None:
                break
            name, node = child
            found = name if key else node
        mark = found.start_mark
        return Place(str(self.path), mark.line + 1, mark.column + 1)

    def problem(self, message: str, loc: Iterable[str | int] = (), *, key: bool = False) -> Problem:
        return Problem(message, self.place(loc, key=key))


def load_yaml(path: Path) -> Source:
    """The one document of a file. Raises UsageProblem with every duplicate key, or where the YAML breaks."""
    found = load_documents(path)
    if not found:
        raise UsageProblem(Problem("the file is empty; expected a mapping", Place(str(path))))
    if len(found) > 1:
        raise UsageProblem(found[1].problem("expected one document; a second one begins here"))
    return found[0]


def load_documents(path: Path) -> list[Source]:
    """All documents of a file that are not empty."""
    text = _text(path)
    loader = _Loader(text)
    found = []
    try:
        while loader.check_node():
            root: yaml.Node = loader.get_node()  # type: ignore[assignment]
            walk = _Walk()
            if walk.values(root) - walk.written > _MOST_REPEATED:
                raise UsageProblem(Problem("its aliases (*) repeat too much; write it out", Place(str(path))))
            if walk.duplicates:
                raise UsageProblem(*(_duplicate(path, node, first) for node, first in walk.duplicates))
            data = loader.construct_document(root)
            if data is not None:
                found.append(Source(path, root, data))
    except yaml.MarkedYAMLError as error:
        raise UsageProblem(_broken(path, text, error)) from None
    except yaml.YAMLError as error:
        raise UsageProblem(_unreadable(path, text, error)) from None
    except RecursionError:
        message = "it is nested too deeply, or holds itself"
        raise UsageProblem(Problem(message, Place(str(path)))) from None
    finally:
        loader.dispose()
    return found


def _text(path: Path) -> str:
    raw = b""
    try:
        raw = path.read_bytes()
        return raw.decode()
    except OSError as error:
        raise UsageProblem(Problem(f"cannot be read: {error.strerror}", Place(str(path)))) from None
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(errors="replace")
        message = f"expected text in UTF-8; found the byte 0x{raw[error.start]:02x}"
        raise UsageProblem(Problem(message, _after(path, before))) from None


def _after(path: Path, before: str) -> Place:
    """Where the text goes on."""
    return Place(str(path), before.count("\n") + 1, len(before) - before.rfind("\n"))


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


class _Walk:
    """Once through a document, however often its aliases repeat a part of it. Raises RecursionError where one holds
    itself."""

    def __init__(self) -> None:
        self.duplicates: list[tuple[yaml.ScalarNode, yaml.ScalarNode]] = []
        self.written = 0
        self._values: dict[int, int] = {}  # by node

    def values(self, node: yaml.Node) -> int:
        """How many values it stands for."""
        if id(node) in self._values:
            return self._values[id(node)]
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            self._look_at_keys(node)
            inner = [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        count = 1 + sum(map(self.values, inner))
        self.written += 1
        self._values[id(node)] = count
        return count

    def _look_at_keys(self, node: yaml.MappingNode) -> None:
        seen: dict[str, yaml.ScalarNode] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.value != "<<":
                    self.duplicates.append((key, seen[key.value]))
                seen.setdefault(key.value, key)


def _duplicate(path: Path, node: yaml.ScalarNode, first: yaml.ScalarNode) -> Problem:
    place = Place(str(path), node.start_mark.line + 1, node.start_mark.column + 1)
    return Problem(f"the key {node.value!r} stands twice (first in line {first.start_mark.line + 1}); keep one", place)


def _broken(path: Path, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(str(path), mark.line + 1, mark.column + 1) if mark else Place(str(path))
    if mark and error.problem == "found undefined alias":
        alias = text.splitlines()[mark.line][mark.column + 1 :]
        name = alias.partition(" ")[0].rstrip(",]}")
        return Problem(f"there is no anchor &{name} above for *{name}", place)
    context = f" {error.context}" if error.context else ""
    return Problem(f"not YAML: {error.problem}{context}", place)


def _unreadable(path: Path, text: str, error: yaml.YAMLError) -> Problem:
    """A character that YAML does not take; PyYAML says at which of all."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is None:
        return Problem(f"not YAML: {error}", Place(str(path)))
    message = f"not YAML: found the character U+{ord(found[0]):04X}, which it does not take"
    return Problem(message, _after(path, text[: found.start()]))


def parse(model: type[Model], data: Any, source: Source, at: Loc = ()) -> Model:
    """A pydantic model of one part of a file; every mistake becomes a Problem with its place."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = [detail for detail in error.errors() if not _follows(detail, error.errors())]
        raise UsageProblem(*(_explain(detail, model, data, source, at) for detail in details)) from None


def _follows(detail: ErrorDetails, all_of_them: Iterable[ErrorDetails]) -> bool:
    """A list that is "too short" only because its items are wrong is no mistake of its own."""
    loc = detail["loc"]
    inside = (other["loc"] for other in all_of_them if len(other["loc"]) > len(loc))
    return detail["type"] == "too_short" and any(other[: len(loc)] == loc for other in inside)


def _explain(detail: ErrorDetails, model: type[BaseModel], data: Any, source: Source, at: Loc) -> Problem:
    loc = _file_loc(data, detail["loc"])
    where = dotted(loc)
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _keys(model, loc[:-1])
        inside = f" in {dotted(loc[:-1])}" if len(loc) > 1 else ""
        message = f"unknown key {str(loc[-1])!r}{inside}; {suggest(str(loc[-1]), known)}"
        return source.problem(message, (*at, *loc), key=True)
    if kind == "missing":
        name = str(detail["loc"][-1])
        return source.problem(f"{dotted(loc) or 'the file'} lacks the key {name!r}", (*at, *loc))
    if kind in ("literal_error", "enum"):
        allowed = _listed(str(detail.get("ctx", {}).get("expected", "")))
        said = f"{suggest(str(detail['input']), allowed)}; found {_shown(detail['input'])}"
    else:
        said = in_words(detail)
    return source.problem(f"{where}: {said}" if where else said, (*at, *loc))


def in_words(detail: ErrorDetails) -> str:
    """What was expected of a value and what was found."""
    message = _EXPECTED.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "greater_than_equal":
        message = f"expected {detail['ctx']['ge']:g} or more"
    message = message[:1].lower() + message[1:]
    return message if "found" in message else f"{message}; found {_shown(detail['input'])}"


def _file_loc(data: Any, loc: Loc) -> Loc:
    """Pydantic names its own steps through unions and validators too; only those that the file has are kept."""
    kept: list[str | int] = []
    for step in loc:
        items = isinstance(data, list | tuple) and isinstance(step, int) and step < len(data)
        if items or (isinstance(data, dict) and step in data):
            data = data[step]
            kept.append(step)
    return tuple(kept)


def _keys(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that the model knows at a place: walked by alias through lists and nested models."""
    for step in loc:
        if isinstance(step, int):
            continue
        inner = next((f.annotation for n, f in model.model_fields.items() if (f.alias or n) == step), None)
        nested = _model_in(inner)
        if nested is None:
            return []
        model = nested
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_in(argument)) is not None:
            return found
    return None


def _listed(expected: str) -> list[str]:
    """Pydantic's "'a', 'b' or 'c'" as a list."""
    return [part.strip(" '") for part in expected.replace(" or ", ", ").split(",") if part.strip(" '")]


def dotted(loc: Iterable[str | int]) -> str:
    """signature.all[0].waiting[1]"""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _shown(value: Any) -> str:
    """As it could stand in the file."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, date):
        text = f"the date {value}"
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
