"""Request bodies: JSON, YAML or protobuf into objects, as leniently or strictly as the client asked.

`fieldValidation` decides what happens to fields that a kind does not have: Strict refuses, Warn (the default) says
so in a header, Ignore drops them; in all cases what is stored is without them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import yaml

from . import errors, protobuf
from .definitions import unknown_fields as unknown_custom_fields
from .messages import ApiRequest
from .objects import TOO_DEEP, is_reachable
from .resources import Resource
from .schema import OBJECT_META, schema
from .typed import Mistyped, conform

Obj = dict[str, Any]

MAX_BODY = 3 * 1024 * 1024
# More than a body of that size can hold without aliases.
MOST_VALUES = MAX_BODY


class _YamlLoader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: dates stay strings."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _no_constant(name: str) -> Any:
    raise ValueError(f"invalid character {name.lstrip('-')[0]!r} looking for beginning of value")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"cannot unmarshal number {digits} into Go value of type float64")
    return value


def _from_json(body: bytes, pairs: Callable[[list[tuple[str, Any]]], Obj] | None = None) -> Any:
    """As Go reads it, which takes UTF-8 only and knows neither NaN nor a number without end."""
    text = body.decode("utf-8", "replace")
    return json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=pairs)


def _from_yaml(body: bytes) -> Any:
    """As Go reads it, by way of JSON: keys become strings, and what JSON cannot say is refused."""
    value = yaml.load(body, _YamlLoader)
    if _written_out(value, {}) > MOST_VALUES:
        raise ValueError("yaml: document contains excessive aliasing")
    return json.loads(json.dumps(value, allow_nan=False, default=_text_of_binary))


def _written_out(value: Any, known: dict[int, float]) -> float:
    """How many values it comes to with every alias written out; of one that is part of itself there is no end."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = math.inf
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(value)]


def _text_of_binary(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(f"yaml: no such thing in JSON: {type(value).__name__}")


# Media type -> decoder.
DECODERS: dict[str, Callable[[bytes], Any]] = {
    "application/json": _from_json,
    "application/yaml": _from_yaml,
    protobuf.MEDIA_TYPE: protobuf.decode,
}


def media_type(request: ApiRequest) -> str:
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def body_of(request: ApiRequest) -> Any:
    """The decoded body of a request that is not a patch."""
    _check_size(request)
    kind = media_type(request)
    if kind in ("", "*/*", "application/x-www-form-urlencoded"):
        kind = "application/json"
    decoder = DECODERS.get(kind)
    if decoder is None:
        raise errors.unsupported_media_type(list(DECODERS))
    return _decoded(decoder, request.body)


def patch_of(request: ApiRequest) -> Any:
    """The decoded body of a patch: YAML for apply, JSON for the rest."""
    _check_size(request)
    if media_type(request).startswith("application/apply-patch"):
        looks_like_json = request.body.lstrip()[:1] == b"{"
        return _decoded(DECODERS["application/json" if looks_like_json else "application/yaml"], request.body)
    return _decoded(_from_json, request.body)


def _check_size(request: ApiRequest) -> None:
    if len(request.body) > MAX_BODY:
        raise errors.too_large(MAX_BODY)


def _decoded(decoder: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        decoded = decoder(body)
        if not is_reachable(decoded):
            raise ValueError(TOO_DEEP)
        return _without_half_characters(decoded) if b"\\u" in body else decoded
    except KeyError as error:
        raise errors.bad_request(f"no kind is registered for {error}") from error
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from error


def _without_half_characters(value: Any) -> Any:
    """An escape can name half a pair, which no UTF-8 can say again: Go puts a replacement character in its place."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def checked_object(
    res: Resource, request: ApiRequest, warnings: list[str], api_version: str = "", kind: str = ""
) -> Obj:
    """The object of a create or update, of the kind the URL is about; unknown fields are gone or refused."""
    obj = body_of(request)
    api_version, kind = api_version or res.api_version, kind or res.kind
    if not isinstance(obj, dict):
        raise errors.bad_request(f"json: cannot unmarshal {type(obj).__name__} into Go value")
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    obj.setdefault("apiVersion", api_version)
    obj.setdefault("kind", kind)
    if (obj["apiVersion"], obj["kind"]) != (api_version, kind):
        group, _, version = api_version.rpartition("/")
        got_group, _, got = str(obj["apiVersion"]).rpartition("/")
        sent = (
            f"the API version in the data ({obj['apiVersion']}) does not match the expected API version ({api_version})"
        )
        if (got_group, got) == (group, version):
            sent = (
                f'{obj["kind"]} in version "{got}" cannot be handled as a {kind}: no kind "{obj["kind"]}" is registered'
            )
        raise errors.bad_request(sent)
    duplicates = _duplicates(request) if request.param("fieldValidation") in ("Strict", "Warn") else []
    validate_fields(res, obj, request.param("fieldValidation"), warnings, duplicates, api_version, kind)
    return obj


def validate_fields(
    res: Resource,
    obj: Obj,
    mode: str,
    warnings: list[str],
    duplicates: list[str] | None = None,
    api_version: str = "",
    kind: str = "",
    *,
    known: Obj | None = None,
) -> None:
    """Refuse mistyped fields; refuse, report or ignore unknown ones, and take them out.

    What is the same in a `known` object has been checked.
    """
    api_version, kind = api_version or res.api_version, kind or res.kind
    types = schema()
    try:
        if res.custom is not None and kind == res.kind:
            unknown = [f"metadata.{path}" for path in conform(types, OBJECT_META, obj.get("metadata", {}))]
            unknown += unknown_custom_fields(res.custom.schema, obj) if res.custom.schema else []
        else:
            unknown = conform(types, types.type_of(api_version, kind), obj, known)
    except Mistyped as wrong:
        version = api_version.rpartition("/")[2]
        raise errors.bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {wrong}') from None
    complaints = [f'unknown field "{path}"' for path in unknown] + [
        f'duplicate field "{one}"' for one in duplicates or ()
    ]
    if not complaints or mode == "Ignore":
        return
    if mode == "Strict":
        text = "strict decoding error: " + ", ".join(complaints)
        version = api_version.rpartition("/")[2]
        if res.custom is not None:
            raise errors.bad_request(text)
        raise errors.bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {text}')
    warnings += complaints


def _duplicates(request: ApiRequest) -> list[str]:
    """Names that occur twice in one object of the body."""
    found: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> Obj:
        seen: Obj = {}
        for key, value in items:
            if key in seen:
                found.append(key)
            seen[key] = value
        return seen

    if media_type(request) == "application/json" and request.body:
        _from_json(request.body, pairs)
    return found
