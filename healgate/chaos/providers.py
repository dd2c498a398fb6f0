"""Does an activity name a function that exists, and arguments that it takes?

Chaos Toolkit's own validation says so too, for a whole experiment and without a place; here each mistake keeps the
place in the activity that it was made at.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ..problems import suggest
from ..scenario.source import Loc, in_words

OWN = "healgate.chaos."
# Handed in by Chaos Toolkit, never written as arguments.
AMBIENT = {"configuration", "secrets"}


def mistakes(provider: Mapping[str, Any]) -> Iterator[tuple[str, Loc, bool]]:
    """(what is wrong, where in the provider, whether at the key) for one python provider."""
    try:
        module = importlib.import_module(provider["module"])
    except ImportError as error:
        yield f"module: {provider['module']} does not import: {error}", ("module",), False
        return
    function = getattr(module, provider["func"], None)
    if not inspect.isfunction(function):
        offered = getattr(module, "__all__", None) or _functions(module)
        yield (
            f"func: {provider['module']} has no {provider['func']!r}; {suggest(provider['func'], offered)}",
            ("func",),
            False,
        )
        return
    signature = inspect.signature(function)
    takes = {name: p for name, p in signature.parameters.items() if name not in AMBIENT}
    given = provider.get("arguments", {})
    if not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        for name in given:
            if name not in takes:
                message = f"arguments: {provider['func']} takes no {name!r}; {suggest(name, takes)}"
                yield message, ("arguments", name), True
    for name, parameter in takes.items():
        if name not in given and parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            yield f"arguments: {provider['func']} needs {name!r}", ("arguments",), False
    if provider["module"].startswith(OWN):
        yield from _wrong_types(function, {name: given[name] for name in given if name in takes})


def answers_yes_or_no(provider: Mapping[str, Any]) -> bool:
    """Whether it is a probe of ours that does."""
    if not provider["module"].startswith(OWN):
        return False
    function = getattr(importlib.import_module(provider["module"]), provider["func"], None)
    return inspect.isfunction(function) and typing.get_type_hints(function).get("return") is bool


def invalid(experiment: Mapping[str, Any]) -> str:
    """What `chaos validate` would say; "" if it accepts it."""
    try:
        ensure_experiment_is_valid(dict(experiment))
    except ChaosException as error:
        return str(error)
    return ""


def _functions(module: Any) -> list[str]:
    return [n for n, f in vars(module).items() if inspect.isfunction(f) and not n.startswith("_")]


def _wrong_types(function: Any, given: Mapping[str, Any]) -> Iterator[tuple[str, Loc, bool]]:
    hints = typing.get_type_hints(function)
    for name, value in given.items():
        try:
            TypeAdapter(hints[name], config=ConfigDict(arbitrary_types_allowed=True)).validate_python(
                value, strict=True
            )
        except ValidationError as error:
            yield f"arguments.{name}: {in_words(error.errors()[0])}", ("arguments", name), False
