"""Client's JSON as a typed server decodes it: what has the wrong type is refused, what the type lacks is taken out.

One walk does both, and writes amounts and times as the server writes them (`1024Mi` becomes `1Gi`): whoever
compares what they sent with what they get sees what they would see on a real cluster. The trap is cost: every write
passes here, so a path is put together only when there is something to complain about.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from .quantities import BAD, canonical, parse
from .schema import Field, Schema

Obj = dict[str, Any]


# Nothing that a client can send is this.
_NONE = object()


class Mistyped(ValueError):
    """The first value that a typed decoder would choke on, in its words."""

    def __init__(self, value: Any = None, wanted: str = "", text: str = "") -> None:
        super().__init__(text)
        self._text = text
        self._value = value
        self._wanted = wanted
        self.owner = ""
        self.path: list[str] = []

    def __str__(self) -> str:
        if self._text:
            return self._text
        where = f"struct field {self.owner}.{'.'.join(reversed(self.path))}" if self.path else "value"
        return f"json: cannot unmarshal {_kind(self._value)} into Go {where} of type {self._wanted}"


def conform(types: Schema, type_name: str, obj: Any, like: Obj | None = None) -> list[str]:
    """Bring an object into the form of its type, in place; dotted paths of what the type does not have.

    What it shares with an object that has that form (the very same dictionaries and lists) is left as it is.
    """
    unknown: list[str] = []
    _struct(types, type_name, obj, unknown, like)
    return unknown


def _struct(types: Schema, type_name: str, obj: Any, unknown: list[str], like: Any = None) -> None:
    if not types.known(type_name):
        return
    if not isinstance(obj, dict):
        raise Mistyped(obj, _short(type_name))
    odd: list[str] = []
    name = ""
    there: Obj = like if isinstance(like, dict) else {}
    try:
        for name, value in obj.items():
            if there and there.get(name, _NONE) is value:
                continue
            field = types.field(type_name, name)
            if field is None:
                odd.append(name)
                unknown.append(name)
            elif value is not None and field.shape != "any":
                known = len(unknown)
                changed = _value(types, field, value, unknown, there.get(name))
                if changed is not value:
                    obj[name] = changed
                if len(unknown) > known:
                    unknown[known:] = [_joined(name, one) for one in unknown[known:]]
    except Mistyped as wrong:
        wrong.path.append(name)
        wrong.owner = wrong.owner or type_name.rpartition(".")[2]
        raise
    for name in odd:
        del obj[name]


def _value(types: Schema, field: Field, value: Any, unknown: list[str], like: Any = None) -> Any:
    if field.shape == "struct":
        _struct(types, field.of, value, unknown, like)
        return value
    if field.shape == "plain":
        return _scalar(field.of, value)
    if field.shape == "list":
        if not isinstance(value, list):
            raise Mistyped(value, "[]" + _go(field.of))
        for index, one in enumerate(value):
            known = len(unknown)
            value[index] = _element(types, field.of, one, unknown) if one is not None else _zero(types, field.of)
            if len(unknown) > known:
                unknown[known:] = [_joined(f"[{index}]", path) for path in unknown[known:]]
        return value
    if not isinstance(value, dict):
        raise Mistyped(value, "map[string]" + _go(field.of))
    for key, one in value.items():
        known = len(unknown)
        value[key] = _element(types, field.of, one, unknown)
        if len(unknown) > known:
            unknown[known:] = [_joined(key, path) for path in unknown[known:]]
    return value


def _joined(name: str, path: str) -> str:
    return name + path if path.startswith("[") else f"{name}.{path}"


def _zero(types: Schema, kind: str) -> Any:
    """What Go makes of a null in a list."""
    return {} if types.known(kind) else _ZEROS.get(kind)


_ZEROS: dict[str, Any] = {"str": "", "int": 0, "int64": 0, "bool": False}


def _element(types: Schema, kind: str, value: Any, unknown: list[str]) -> Any:
    if kind == "any" or value is None:
        return value
    if types.known(kind):
        _struct(types, kind, value, unknown)
        return value
    if kind[0] in "[{":
        return _value(types, Field("list" if kind[0] == "[" else "map", kind[1:]), value, unknown)
    return _scalar(kind, value)


_INTEGERS = {"int": 2**31, "int64": 2**63}


def _scalar(kind: str, value: Any) -> Any:
    if kind == "str":
        if not isinstance(value, str):
            raise Mistyped(value, "string")
    elif kind in _INTEGERS:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        limit = _INTEGERS[kind]
        if not isinstance(value, int) or isinstance(value, bool) or not -limit <= value < limit:
            raise Mistyped(value, _go(kind))
    elif kind == "bool":
        if not isinstance(value, bool):
            raise Mistyped(value, "bool")
    elif kind == "quantity":
        return _quantity(value)
    elif kind == "intstr":
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Mistyped(value, "int32")
    elif kind in ("time", "micro"):
        return _time(value, kind == "micro")
    elif kind == "bytes":
        _check_bytes(value)
    elif kind == "float" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Mistyped(value, "float64")
    return value


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Mistyped(text=BAD)
    try:
        return _canonical(value if isinstance(value, str) else repr(value))
    except (ValueError, OverflowError):
        raise Mistyped(text=BAD) from None


_EXPONENT = re.compile(r"[eE][+-]?\d+$")


@lru_cache(4096)
def _canonical(text: str) -> str:
    stripped = text.strip()
    if _EXPONENT.search(stripped):
        parse(stripped)
        return stripped
    return canonical(parse(stripped), stripped)


_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MICROS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_LAYOUT_MICRO = "2006-01-02T15:04:05.000000Z07:00"


def _time(value: Any, micro: bool) -> str:
    if not isinstance(value, str):
        raise Mistyped(text=f"json: cannot unmarshal {_kind(value)} into Go value of type string")
    if (_MICROS if micro else _SECONDS).fullmatch(value):
        return value
    match = _RFC3339.fullmatch(value)
    try:
        assert match is not None
        fraction = (match[2] or ".0")[:7]
        given = datetime.fromisoformat(match[1].upper() + fraction + match[3].upper().replace("Z", "+00:00"))
    except (AssertionError, ValueError):
        layout = _LAYOUT_MICRO if micro else _LAYOUT
        raise Mistyped(text=f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"') from None
    return given.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")


def _check_bytes(value: Any) -> None:
    if not isinstance(value, str):
        raise Mistyped(value, "[]uint8")
    try:
        binascii.a2b_base64(value.replace("\n", "").replace("\r", ""), strict_mode=True)
    except (binascii.Error, ValueError):
        odd = re.search(r"[^A-Za-z0-9+/\r\n]", value)
        at = odd.start() if odd else len(value) // 4 * 4
        raise Mistyped(text=f"illegal base64 data at input byte {at}") from None


_GO = {"str": "string", "int": "int32", "bytes": "[]uint8", "float": "float64", "any": "interface {}"}
_GO |= {"quantity": "resource.Quantity", "intstr": "intstr.IntOrString", "time": "v1.Time", "micro": "v1.MicroTime"}


def _go(kind: str) -> str:
    """A type as Go prints it."""
    if kind[0] == "[":
        return "[]" + _go(kind[1:])
    if kind[0] == "{":
        return "map[string]" + _go(kind[1:])
    return _GO.get(kind) or (_short(kind) if "." in kind else kind)


def _short(type_name: str) -> str:
    return ".".join(type_name.split(".")[-2:])


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**31):
        return f"number {value}"
    return {str: "string", int: "number", list: "array", dict: "object"}.get(type(value), "null")
