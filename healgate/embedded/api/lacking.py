"""Fields that an object cannot do without, as the published schema marks them.

What a kind's own checks have not looked at is looked at here, so that a pod whose toleration or affinity is half
written is refused, as a real server refuses it, and breaks no controller later. The trap: Go marks a field as required
where its zero would do as well, numbers most of all; only texts and lists are held to it, and not those below.
A status is not asked for them: whoever writes half a condition finds the zeros of the rest beside it.
"""

from __future__ import annotations

from typing import Any

from .errors import Cause, required
from .schema import schema

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


def lacking(type_name: str, value: Obj, path: str) -> list[Cause]:
    """All that is missing in the object and below; null and empty are missing too."""
    types = schema()
    short = type_name.rpartition(".")[2]
    found: list[Cause] = []
    for name in types.required(type_name):
        field = types.field(type_name, name)
        held = field is not None and (field.shape == "list" or (field.shape == "plain" and field.of == "str"))
        if held and not value.get(name) and _MAY_BE_EMPTY.get(short) != name:
            found.append(required(f"{path}.{name}"))
    for name, one in value.items():
        field = types.field(type_name, name)
        if field is None or not types.known(field.of) or one is None:
            continue
        if field.shape == "struct":
            found += lacking(field.of, one, f"{path}.{name}")
        elif field.shape == "list":
            for index, element in enumerate(one):
                found += lacking(field.of, element, f"{path}.{name}[{index}]")
        elif field.shape == "map":
            for key, element in one.items():
                found += lacking(field.of, element or {}, f"{path}.{name}[{key}]")
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
