"""Bodies in protobuf, which typed Go clients send for built-in kinds and do not fall back from.

Decoded by tables (field number -> JSON name) into what the same client would have sent as JSON. Two traps: Go's
encoder writes the zero of every field that is no pointer, so only a zero whose field is marked in the table was
said by somebody; and negative numbers come as ten bytes.

Nothing is encoded: those clients accept JSON beside protobuf.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .schema import Schema, schema

Obj = dict[str, Any]

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SCHEMA_PROPS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
# Their options are sent under the group and version of what they are about.
_EVERYWHERE = ("DeleteOptions", "Status")
# What a body that is cut off, or is something else, stumbles over.
_BROKEN = (IndexError, TypeError, AttributeError, OverflowError, OSError, RecursionError, struct.error)


def decode(body: bytes) -> Obj:
    """An object out of its envelope; ValueError if it is none, KeyError for a kind without a table."""
    if not body.startswith(MAGIC):
        raise ValueError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        return _unwrapped(memoryview(body)[len(MAGIC) :])
    except _BROKEN as error:
        raise ValueError(f"unexpected EOF: {error}") from None


def _unwrapped(data: memoryview) -> Obj:
    api_version = kind = content_type = ""
    raw = memoryview(b"")
    for number, value in _fields(data):
        if number == 1:
            words = {at: _text(word) for at, word in _fields(value)}
            api_version, kind = words.get(1, ""), words.get(2, "")
        elif number == 2:
            raw = value
        elif number == 4:
            content_type = _text(value)
    types = schema()
    if content_type == "application/json":
        found: Obj = json.loads(bytes(raw))
        return found
    type_name = types.type_of("v1" if kind in _EVERYWHERE else api_version, kind)
    return {"apiVersion": api_version, "kind": kind, **_Decoder(types).message(type_name, raw)}


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field in its order; a value is an int or the bytes of whatever it is."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        wire = key & 7
        value: Any
        if wire == _VARINT:
            value, at = _varint(data, at)
        elif wire == _BYTES:
            size, at = _varint(data, at)
            if at + size > end:
                raise IndexError("a field reaches beyond its message")
            value, at = data[at : at + size], at + size
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            (value,) = struct.unpack("<d" if size == 8 else "<f", data[at : at + size])
            at += size
        else:
            raise ValueError(f"proto: illegal wireType {wire}")
        yield key >> 3, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
        if shift > 63:
            raise ValueError("proto: integer overflow")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _text(value: memoryview) -> str:
    return bytes(value).decode()


class _Decoder:
    def __init__(self, types: Schema) -> None:
        self._types = types

    def message(self, type_name: str, data: memoryview) -> Obj:
        found: Obj = {}
        self._into(found, type_name, self._types.protobuf(type_name), data)
        return found

    def _into(self, found: Obj, type_name: str, table: Obj, data: memoryview) -> None:
        fields = self._types.fields(type_name)
        for number, value in _fields(data):
            row = table.get(str(number))
            if row is None:
                continue  # of a newer release than ours
            if isinstance(row, dict):
                self._into(found, type_name, row, value)
                continue
            name, treatment = row if isinstance(row, list) else (row, "")
            counts = name.endswith("!")
            self._set(found, name.rstrip("!"), fields[name.rstrip("!")], treatment, value, counts)

    def _set(self, found: Obj, name: str, kind: str, treatment: str, value: Any, counts: bool) -> None:
        if kind[0] == "[" and treatment in ("", "raw"):
            found.setdefault(name, []).append(self._value(kind[1:], treatment, value))
        elif kind[0] == "{":
            parts = dict(_fields(value))
            if treatment == "items":
                one: Any = [_text(item) for _, item in _fields(parts.get(2, memoryview(b"")))]
            else:
                one = self._value(kind[1:], treatment, parts.get(2))
            found.setdefault(name, {})[_text(parts[1]) if 1 in parts else ""] = one
        else:
            decoded = self._value(kind, treatment, value)
            if counts or treatment or decoded not in ("", 0, False):
                found[name] = decoded

    def _value(self, kind: str, treatment: str, value: Any) -> Any:
        if value is None:
            return _ZEROS.get(kind, {})
        if treatment:
            return self._treated(treatment, value)
        if kind in ("int", "int64"):
            return _signed(value)
        if kind == "str":
            return _text(value)
        if kind == "bool":
            return bool(value)
        if kind == "float":
            return int(value) if value.is_integer() else value
        if kind == "bytes":
            return base64.b64encode(value).decode()
        if kind == "quantity":
            return _text(dict(_fields(value)).get(1, memoryview(b"0")))
        if kind == "intstr":
            parts = dict(_fields(value))
            return _text(parts.get(3, memoryview(b""))) if parts.get(1) else _signed(parts.get(2, 0))
        if kind in ("time", "micro"):
            return _time(value, kind == "micro")
        return self.message(kind, value)

    def _treated(self, treatment: str, value: memoryview) -> Any:
        """Types that stand in JSON as what they hold."""
        parts = list(_fields(value))
        if treatment == "raw":
            raw = next((one for number, one in parts if number == 1), b"null")
            return json.loads(bytes(raw) or b"null")
        whole = dict(parts)
        if treatment == "schema or bool":
            return self.message(_SCHEMA_PROPS, whole[2]) if 2 in whole else bool(whole.get(1))
        if treatment == "schemas" and 1 not in whole:
            return [self.message(_SCHEMA_PROPS, one) for number, one in parts if number == 2]
        if treatment == "schema or strings" and 1 not in whole:
            return [_text(one) for number, one in parts if number == 2]
        return self.message(_SCHEMA_PROPS, whole[1])


_ZEROS: Obj = {"str": "", "int": 0, "int64": 0, "bool": False, "float": 0.0, "bytes": "", "quantity": "0", "time": None}


def _time(value: memoryview, micro: bool) -> str | None:
    """Null for Go's zero time, which is an empty message."""
    parts = dict(_fields(value))
    if not parts:
        return None
    seconds, nanos = _signed(parts.get(1, 0)), parts.get(2, 0)
    shown = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{shown}.{nanos // 1000:06d}Z" if micro else f"{shown}Z"
