"""Lists: selection, chunks that show one snapshot, and the three forms of an answer.

A list is the most frequent expensive request, so its usual form is spliced from bytes that exist already.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from ..store import Store, TooOld
from ..store.encoded import dumps
from . import errors, tables
from .conversion import view
from .encoding import Encoder
from .messages import ApiAnswer, ApiRequest, answer
from .negotiation import PARTIAL, TABLE
from .resources import Resource
from .routing import Target
from .selectors import Predicate, both, field_predicate, label_predicate, named

Obj = dict[str, Any]

CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def predicate_of(res: Resource, request: ApiRequest) -> Predicate | None:
    """Both selectors of a request; None if everything matches."""
    labels = label_predicate(request.param("labelSelector"))
    fields = field_predicate(res, request.param("fieldSelector"))
    if fields is not None and res.stored:
        shown = fields
        fields = lambda obj: shown(view(res, obj))  # noqa: E731
    return both(labels, fields)


def version_number(text: str) -> int:
    try:
        return int(text or "0")
    except ValueError:
        why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        cause = errors.wrong("resourceVersion", text, why)
        raise errors.invalid("ListOptions", "", [cause], "meta.k8s.io") from None


class Lists:
    def __init__(self, store: Store, encoder: Encoder) -> None:
        self._store = store
        self._encoder = encoder

    def answer(self, target: Target, request: ApiRequest, form: str, now: float) -> ApiAnswer:
        res = target.resource
        objects, meta = self._page(target, request)
        include = request.param("includeObject", "Metadata")
        if form == TABLE:
            shown = [view(res, obj) if include == "Object" else obj for obj in objects]
            return answer(200, tables.table(res, shown, now, include, meta))
        if form == PARTIAL:
            items = [tables.partial(obj) for obj in objects]
            kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return answer(200, {**kind, "metadata": meta, "items": items})
        head = f'{{"kind":"{res.list_kind}","apiVersion":"{res.api_version}","metadata":'.encode()
        return answer(200, head + dumps(meta) + b',"items":[' + self._encoder.items(res, objects) + b"]}")

    def select(self, target: Target, request: ApiRequest) -> list[Obj]:
        """All stored objects that a request's path and selectors name."""
        res = target.resource
        predicate = predicate_of(res, request)
        name = named(res, request.param("fieldSelector"))
        if name and (target.namespace or not res.namespaced):
            found = self._store.get(res.storage, target.namespace or "", name)
            objects = [found] if found is not None else []
        else:
            objects = self._store.list(res.storage, target.namespace)
        return objects if predicate is None else [obj for obj in objects if predicate(obj)]

    def _page(self, target: Target, request: ApiRequest) -> tuple[list[Obj], Obj]:
        token, version = request.param("continue"), request.param("resourceVersion")
        match = request.param("resourceVersionMatch")
        _check(token, version, match, request)
        limit = request.number("limit")
        current = self._store.revision
        if version_number(version) > current:
            raise errors.too_large_version(int(version), current)
        at, after = current, ("", "")
        if token:
            at, after = _decode(token)
        elif match == "Exact":
            at = int(version)
        if at == current:
            objects = self.select(target, request)
        else:
            objects = self._snapshot(target, request, at, after)
        if token:
            objects = [obj for obj in objects if _key(obj) > after]
        meta: Obj = {"resourceVersion": str(at)}
        if 0 < limit < len(objects):
            left = len(objects) - limit
            objects = objects[:limit]
            meta["continue"] = _encode(at, _key(objects[-1]))
            if not request.param("labelSelector") and not request.param("fieldSelector"):
                meta["remainingItemCount"] = left
        return objects, meta

    def _snapshot(self, target: Target, request: ApiRequest, at: int, after: tuple[str, str]) -> list[Obj]:
        """The selection as it was at a revision, by taking back what happened since."""
        res = target.resource
        try:
            newer = self._store.since(res.storage, at)
        except TooOld as error:
            if after != ("", ""):
                raise errors.expired(CONTINUE_EXPIRED, _encode(self._store.revision, after)) from error
            raise errors.expired(str(error)) from error
        objects = {_key(obj): obj for obj in self._store.list(res.storage, target.namespace)}
        for change in reversed(newer):
            key = _key(change.object)
            if target.namespace is not None and key[0] != target.namespace:
                continue
            if change.before is None:
                objects.pop(key, None)
            else:
                objects[key] = change.before
        predicate = predicate_of(res, request)
        return [objects[key] for key in sorted(objects) if predicate is None or predicate(objects[key])]


def _check(token: str, version: str, match: str, request: ApiRequest) -> None:
    causes: list[errors.Cause] = []
    if match:
        if token:
            causes.append(
                errors.prohibited("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
            )
        elif not version:
            why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            causes.append(errors.prohibited("resourceVersionMatch", why))
        elif match not in ("Exact", "NotOlderThan"):
            causes.append(errors.unsupported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]))
        elif match == "Exact" and version == "0":
            why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            causes.append(errors.prohibited("resourceVersionMatch", why))
    if request.param("sendInitialEvents"):
        causes.append(errors.prohibited("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if causes:
        raise errors.invalid("ListOptions", "", causes, "meta.k8s.io")
    if token and version not in ("", "0"):
        raise errors.bad_request("specifying resource version is not allowed when using continue")


def _key(obj: Obj) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _encode(version: int, last: tuple[str, str]) -> str:
    token = {"v": "meta.k8s.io/v1", "rv": version, "start": "/".join(last)}
    return base64.urlsafe_b64encode(dumps(token)).decode().rstrip("=")


def _decode(token: str) -> tuple[int, tuple[str, str]]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, _, name = found["start"].partition("/")
        return int(found["rv"]), (namespace, name)
    except (ValueError, KeyError, TypeError):
        raise errors.bad_request("continue key is not valid: illegal base64 data or unknown version") from None
