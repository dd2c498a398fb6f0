"""From what a person wrote to data and places: every mistake in a file is shown with its line and column.

PyYAML reads the files, because Chaos Toolkit reads them with it: a file must mean the same to both. It silently
takes the last of two equal keys, so the node tree is walked here and such keys are refused; the same tree knows the
place of every value. The trap is a place that is looked up in data with its placeholders put in: the tree has the
shape of the text, so a value that came from a parameter is placed at the placeholder.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..problems import Place, Problem, UsageProblem

Loc = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

# What pydantic says of Python's types, in the words of YAML.
_EXPECTED = {
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "string_type": "expected a text",
    "too_short": "expected at least one item",
}

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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(Problem(f"cannot be read: {error}", Place(str(path)))) from None
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise UsageProblem(Problem("the file is empty; expected a mapping", Place(str(path))))
        if duplicates := list(_duplicates(root)):
            raise UsageProblem(*(_duplicate(path, node, first) for node, first in duplicates))
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        raise UsageProblem(_broken(path, error)) from None
    except yaml.YAMLError as error:
        raise UsageProblem(Problem(f"not YAML: {error}", Place(str(path)))) from None
    except RecursionError:
        message = "it is nested too deeply, or holds itself; expected a scenario"
        raise UsageProblem(Problem(message, Place(str(path)))) from None
    finally:
        loader.dispose()
    return Source(path, root, data)


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _duplicates(node: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, yaml.ScalarNode]]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, yaml.ScalarNode] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.value != "<<":
                    yield key, seen[key.value]
                seen.setdefault(key.value, key)
            yield from _duplicates(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _duplicates(value)


def _duplicate(path: Path, node: yaml.ScalarNode, first: yaml.ScalarNode) -> Problem:
    place = Place(str(path), node.start_mark.line + 1, node.start_mark.column + 1)
    return Problem(f"the key {node.value!r} stands twice (first in line {first.start_mark.line + 1}); keep one", place)


def _broken(path: Path, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(str(path), mark.line + 1, mark.column + 1) if mark else Place(str(path))
    context = f" {error.context}" if error.context else ""
    return Problem(f"not YAML: {error.problem}{context}", place)


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
    found = f"; found {_shown(detail['input'])}"
    if kind in ("literal_error", "enum"):
        allowed = _listed(str(detail.get("ctx", {}).get("expected", "")))
        return source.problem(f"{where}: {suggest(str(detail['input']), allowed)}{found}", (*at, *loc))
    message = _EXPECTED.get(kind) or detail["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if "found" not in message:
        message += found
    return source.problem(f"{where}: {message}" if where else message, (*at, *loc))


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


def suggest(found: str, known: Iterable[str]) -> str:
    """What is allowed, and which of it was probably meant."""
    names = list(known)
    if not names:
        return "nothing is expected here"
    close = difflib.get_close_matches(found, names, n=1, cutoff=0.6)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"expected one of {', '.join(names)}{meant}"


def dotted(loc: Iterable[str | int]) -> str:
    """signature.all[0].waiting[1]"""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
