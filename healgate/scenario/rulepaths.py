"""Whether the path of a rule leads anywhere.

A rule that looks where nothing is never applies, and no trial would show it: a misspelled prohibition forbids nothing.
Fields are those that Kubernetes publishes of the kind. What is found by name is in the manifests, or the method brings
it, or the description speaks of it: a setting that nobody has and that nobody may invent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..embedded.api.schema import Field, schema
from ..evidence import Obj
from ..judge.paths import parts
from ..problems import suggest

# Lists whose items a rule finds by a name that must be there.
_NAMED = frozenset({"containers", "initContainers", "volumes", "env"})
# Maps whose keys are somebody's settings.
_SETTINGS = ("data", "stringData", "binaryData")


def astray(path: str, found: Obj | None, brought: frozenset[str]) -> str:
    """What is wrong with a path into an object of the manifests, or into one that nobody knows; "" if nothing is."""
    if set("[]") & set(re.sub(r"\[[^\[\]]+\]", "", path)):
        return (
            f"expected a path as spec.template.spec.containers[NAME].image; found {path!r}, whose brackets do not close"
        )
    if found is None:
        return ""
    return _walk(list(parts(path)), found, brought)


def _walk(steps: list[str], found: Obj, brought: frozenset[str]) -> str:
    field, owner = Field("struct", schema().type_of(found["apiVersion"], found["kind"])), found["kind"]
    value: Any = found
    while steps:
        step = steps.pop(0)
        if field.shape == "list":
            if owner in _NAMED and not _is_there(step, _names(value), brought):
                return _missing(step, f"among the {owner}", _names(value))
            value = next((one for one in value or () if isinstance(one, dict) and one.get("name") == step), None)
            field = _inside(field)
        elif field.shape == "map":
            keys = {key for part in _SETTINGS for key in found.get(part) or ()}
            if owner in _SETTINGS and not _is_there(step, keys, brought):
                return _missing(step, f"in the {owner}", keys)
            value = value.get(step) if isinstance(value, dict) else None
            field, owner = _inside(field), step
        elif field.shape == "struct" and schema().known(field.of):
            following = schema().field(field.of, step)
            if following is None:
                return f"{owner} has no field {step}; {suggest(step, sorted(schema().fields(field.of)))}"
            field, owner = following, step
            value = value.get(step) if isinstance(value, dict) else None
        else:
            return f"{owner} has nothing in it, so no {step}" if field.shape == "plain" else ""
    return ""


def _inside(field: Field) -> Field:
    if schema().known(field.of):
        return Field("struct", field.of)
    return Field("any" if field.of.startswith(("any", "[", "{")) else "plain", field.of)


def _names(value: Any) -> set[str]:
    return {str(one["name"]) for one in value or () if isinstance(one, dict) and "name" in one}


def _missing(step: str, where: str, names: set[str]) -> str:
    return f"there is no {step} {where}, and neither method nor description names it; {suggest(step, sorted(names))}"


def _is_there(step: str, names: set[str], brought: frozenset[str]) -> bool:
    return not names or step == "*" or step.isdigit() or step in names or step in brought


def brought_by(experiment: Mapping[str, Any]) -> frozenset[str]:
    """Names that its method brings, or that its description speaks of."""
    return frozenset(_words([experiment["description"], experiment["method"]]))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _words(one)
    elif isinstance(value, list):
        for one in value:
            yield from _words(one)
    else:
        yield from re.findall(r"[\w.-]*\w", str(value))
