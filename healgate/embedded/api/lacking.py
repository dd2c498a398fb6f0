"""Fields that an object cannot do without, and values that are no members of their types, as the schema marks them.

What a kind's own checks have not looked at is looked at here, so that a pod whose toleration or affinity is half
written is refused, as a real server refuses it, and breaks no controller later. The trap: Go marks a field as required
where its zero would do as well, numbers most of all; only texts and lists are held to it, and not those below.
A status is not asked for them, nor that of a claim in a template: whoever writes half a condition finds the zeros of
the rest beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from .errors import Cause, required
from .members import Members, members_of
from .schema import Field, schema

Obj = dict[str, Any]

_READ_AS_A_WHOLE = ("Condition", ".ObjectReference")
_ZEROS: dict[str, Any] = {"str": "", "int": 0, "int64": 0, "bool": False, "time": "0001-01-01T00:00:00Z"}

# Where nothing is as good as something.
_MAY_BE_EMPTY = {
    "HTTPHeader": "value",
    "Sysctl": "value",
    "LimitRangeSpec": "limits",
    "PodFailurePolicy": "rules",
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is asked of every object of a type, found once: the walk runs at each write."""

    needed: tuple[str, ...]
    steps: dict[str, Field | Members]  # only those where anything is asked, there or below


@cache
def _plan(type_name: str, whole: bool) -> _Plan:
    types = schema()
    enumerated = types.enumerated(type_name)
    steps: dict[str, Field | Members] = {}
    for name in types.fields(type_name):
        field = types.field(type_name, name)
        members = members_of(type_name, name, enumerated[name]) if name in enumerated else None
        if members is not None:
            steps[name] = members
        elif field is not None and name != "status" and _asked_below(field.of, whole):
            steps[name] = field
    return _Plan(_needed(type_name) if whole else (), steps)


def _needed(type_name: str) -> tuple[str, ...]:
    types = schema()
    short = type_name.rpartition(".")[2]
    found: list[str] = []
    for name in types.required(type_name):
        field = types.field(type_name, name)
        held = field is not None and (field.shape == "list" or (field.shape == "plain" and field.of == "str"))
        if held and _MAY_BE_EMPTY.get(short) != name:
            found.append(name)
    return tuple(found)


def _asked_below(type_name: str, whole: bool) -> bool:
    types = schema()
    return any(types.enumerated(one) or (whole and _needed(one)) for one in types.types_below(type_name))


def lacking(type_name: str, value: Obj, path: str, *, whole: bool = True) -> list[Cause]:
    """All that is missing in the object and below, null and empty too, and all that is no member of its type.

    `path` ends where a name can follow. Not `whole`: only the members.
    """
    plan = _plan(type_name, whole)
    found = [required(path + name) for name in plan.needed if not value.get(name)]
    if not plan.steps:
        return found
    for name, one in value.items():
        step = plan.steps.get(name)
        if step is None or one is None:
            continue
        if isinstance(step, Members):
            if one not in step.listed:
                found += step.refused(path + name, one, value)
        elif step.shape == "struct":
            found += lacking(step.of, one, f"{path}{name}.", whole=whole)
        elif step.shape == "list":
            for index, element in enumerate(one):
                found += lacking(step.of, element, f"{path}{name}[{index}].", whole=whole)
        elif step.shape == "map":
            for key, element in one.items():
                found += lacking(step.of, element or {}, f"{path}{name}[{key}].", whole=whole)
    return found


def whole_status(type_name: str, status: Any) -> Obj:
    """A status as the server of a kind stores what a client wrote of it."""
    field = schema().field(type_name, "status")
    whole: Obj = with_zeros(field.of if field is not None else "any", status or {})
    return whole


def with_zeros(type_name: str, value: Any) -> Any:
    """The value with what a typed server reads where a client said nothing, here and below; itself if it is whole.

    Of a condition and of a reference that is all of it, also what a server would not write: controllers go by them.
    """
    types = schema()
    if not types.known(type_name):
        return value
    whole: Obj = dict(value) if isinstance(value, dict) else {}
    for name in types.fields(type_name) if type_name.endswith(_READ_AS_A_WHOLE) else types.required(type_name):
        field = types.field(type_name, name)
        if field is not None and field.shape == "plain" and field.of in _ZEROS and whole.get(name) is None:
            whole[name] = _ZEROS[field.of]
    for name, one in whole.items():
        field = types.field(type_name, name)
        if field is None or not types.known(field.of) or one is None:
            continue
        if field.shape == "struct":
            whole[name] = with_zeros(field.of, one)
        elif field.shape == "list":
            whole[name] = [with_zeros(field.of, element) for element in one]
    return whole if whole != value else value
