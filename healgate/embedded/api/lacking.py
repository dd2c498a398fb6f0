"""Fields that an object cannot do without, as the published schema marks them.

What a kind's own checks have not looked at is looked at here, so that a pod whose toleration or affinity is half
written is refused, as a real server refuses it, and breaks no controller later. The trap: Go marks a field as required
where its zero would do as well, numbers most of all; only texts and lists are held to it, and not those below.
"""

from __future__ import annotations

from typing import Any

from .errors import Cause, required
from .schema import schema

Obj = dict[str, Any]

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
