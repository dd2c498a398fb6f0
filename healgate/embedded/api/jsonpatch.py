"""RFC 6902 and RFC 7386, both on private copies.

A patch that does not fit (a failed `test`, a path that is not there) is the client's 422; one that is not a patch
at all is a 400.
"""

from __future__ import annotations

from typing import Any

from ..store.encoded import dumps
from .errors import bad_request
from .objects import DEEPEST, TOO_DEEP, deep_copy, is_reachable

MAX_OPERATIONS = 10_000
# Bytes: a document that copies itself into itself doubles with every operation.
MAX_COPIED = 3 * 1024 * 1024


class DoesNotFit(Exception):
    """The document is not what the patch takes it for."""


def merge_patch(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(document: Any, operations: Any) -> Any:
    """Apply the operations in order; `document` may be edited in place."""
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    if len(operations) > MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise bad_request(text)
    copied = 0
    for operation in operations:
        if operation.get("op") == "copy":
            copied += len(dumps(_find(document, _keys(str(operation.get("from", ""))))))
            if copied > MAX_COPIED:
                raise DoesNotFit(
                    f"Unable to complete the copy, the accumulated size increase of copy is {copied}, "
                    f"exceeding the limit {MAX_COPIED}"
                )
        document = _one(document, operation)
    return document


def _one(document: Any, operation: dict[str, Any]) -> Any:
    verb, path = operation.get("op"), operation.get("path")
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise DoesNotFit(f"bad path {path!r}")
    keys = _keys(path)
    if verb in ("add", "replace", "test") and "value" not in operation:
        raise DoesNotFit("missing value")
    if verb == "add":
        return _add(document, keys, deep_copy(operation["value"]))
    if verb == "remove":
        return _remove(document, keys)
    if verb == "replace":
        _find(document, keys)
        return _set(document, keys, deep_copy(operation["value"]))
    if verb in ("move", "copy"):
        source = _keys(str(operation.get("from", "")))
        value = deep_copy(_find(document, source))
        if verb == "move":
            document = _remove(document, source)
        return _add(document, keys, value)
    if verb == "test":
        try:
            found = _find(document, keys)
        except DoesNotFit:
            found = None
        if found != operation["value"]:
            raise DoesNotFit(f"testing path {path} failed")
        return document
    raise DoesNotFit(f"unexpected kind: {verb}")


def _keys(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _index(key: str, length: int) -> int:
    try:
        index = int(key)
    except ValueError:
        raise DoesNotFit(f"not an index: {key}") from None
    if index < 0:
        index += length
    if not 0 <= index < length:
        raise DoesNotFit(f"unable to access invalid index: {key}")
    return index


def _find(document: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(document, dict):
            if key not in document:
                raise DoesNotFit(f"missing key: {key}")
            document = document[key]
        elif isinstance(document, list):
            document = document[_index(key, len(document))]
        else:
            raise DoesNotFit(f"nothing below a value: {key}")
    return document


def _add(document: Any, keys: list[str], value: Any) -> Any:
    _check_depth(keys, value)
    if not keys:
        return value
    parent, key = _find(document, keys[:-1]), keys[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if key == "-" else _index(key, len(parent) + 1), value)
    elif isinstance(parent, dict):
        parent[key] = value
    else:
        raise DoesNotFit(f"nothing below a value: {key}")
    return document


def _check_depth(keys: list[str], value: Any) -> None:
    """What is put below many keys may become deeper than what a body may bring."""
    if not is_reachable(value, DEEPEST - len(keys)):
        raise bad_request(TOO_DEEP)


def _set(document: Any, keys: list[str], value: Any) -> Any:
    _check_depth(keys, value)
    if not keys:
        return value
    parent, key = _find(document, keys[:-1]), keys[-1]
    if isinstance(parent, list):
        parent[_index(key, len(parent))] = value
    else:
        parent[key] = value
    return document


def _remove(document: Any, keys: list[str]) -> Any:
    _find(document, keys)
    if not keys:
        return None
    parent, key = _find(document, keys[:-1]), keys[-1]
    if isinstance(parent, list):
        del parent[_index(key, len(parent))]
    else:
        del parent[key]
    return document
