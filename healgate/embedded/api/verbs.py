"""The eight verbs on any resource, from request to answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from ..clock import Clock
from ..store import Change
from ..store.encoded import dumps
from . import definitions, errors, tables
from .conversion import view
from .decoding import body_of, checked_object, media_type, patch_of, validate_fields
from .encoding import Encoder
from .listing import Lists, predicate_of, version_number
from .manifests import manifest_of
from .messages import JSON, ApiAnswer, ApiRequest, answer
from .negotiation import PARTIAL, TABLE, accepted_form
from .patching import MERGE, STRATEGIC
from .registry import Registry
from .resources import Resource
from .routing import Target
from .schema import schema
from .typed import Mistyped, conform
from .watch import END, ApiWatch

Obj = dict[str, Any]

ORPHANED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


def manager_of(request: ApiRequest) -> str:
    """Who writes: as stated, else the product name of the client."""
    agent = request.headers.get("user-agent", "")
    return request.param("fieldManager") or agent.partition("/")[0][:128] or "unknown"


def dry(request: ApiRequest) -> bool:
    values = request.params("dryRun")
    if any(value != "All" for value in values):
        cause = errors.unsupported("dryRun", values, ["All"])
        raise errors.invalid("CreateOptions", "", [cause], "meta.k8s.io")
    return bool(values)


class Verbs:
    def __init__(self, registry: Registry, encoder: Encoder) -> None:
        self._registry = registry
        self._clock: Clock = registry.clock
        self._encoder = encoder
        self._lists = Lists(registry.store, encoder)
        self._timeouts: random.Random = self._clock.random("watch-timeouts")

    def shown(self, res: Resource, obj: Obj, request: ApiRequest, status: int = 200) -> ApiAnswer:
        """One object in the form that was asked for."""
        form = accepted_form(request.headers.get("accept", ""))
        if form == TABLE:
            meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            include = request.param("includeObject", "Metadata")
            return answer(status, tables.table(res, [obj], self._clock.now(), include, meta))
        if form == PARTIAL:
            return answer(status, tables.partial(obj))
        return ApiAnswer(status, {"Content-Type": JSON}, partial(self._encoder.of, res, obj), view(res, obj))

    # -- reading

    def get(self, request: ApiRequest, target: Target) -> ApiAnswer:
        version = version_number(request.param("resourceVersion"))
        if version > self._registry.store.revision:
            raise errors.too_large_version(version, self._registry.store.revision)
        # The stored object, unconverted: its bytes may exist already.
        res = target.resource
        namespace = (target.namespace or "") if res.namespaced else ""
        obj = self._registry.store.get(res.storage, namespace, target.name)
        if obj is None:
            raise errors.not_found(res.key, target.name)
        return self.shown(res, obj, request)

    def list_all(self, request: ApiRequest, target: Target) -> ApiAnswer:
        form = accepted_form(request.headers.get("accept", ""))
        return self._lists.answer(target, request, form, self._clock.now())

    def watch(self, request: ApiRequest, target: Target) -> ApiWatch:
        res = target.resource
        initial = request.param("sendInitialEvents")
        match = request.param("resourceVersionMatch")
        causes: list[errors.Cause] = []
        if initial and match != "NotOlderThan":
            why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            causes.append(errors.prohibited("resourceVersionMatch", why))
        elif match and not initial:
            why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            causes.append(errors.prohibited("resourceVersionMatch", why))
        if causes:
            raise errors.invalid("ListOptions", "", causes, "meta.k8s.io")
        version = request.param("resourceVersion")
        version_number(version)
        timeout = request.number("timeoutSeconds") or 1800 + self._timeouts.random() * 1800
        bookmarks = request.flag("allowWatchBookmarks")
        form = accepted_form(request.headers.get("accept", ""))
        found = ApiWatch(
            self._registry.store,
            self._clock,
            res.storage,
            namespace=target.namespace if res.namespaced else None,
            predicate=predicate_of(res, request),
            encode=self._encode_event(res, form, request.param("includeObject", "Metadata")),
            bookmark=self._bookmark(res, form) if bookmarks else None,
            timeout=timeout,
        )
        streamed = initial in ("true", "1")
        found.start(version, initial=streamed or (not initial and version in ("", "0")), marked=streamed)
        return found

    def _encode_event(self, res: Resource, form: str, include: str) -> Callable[[str, Obj, Change | None], bytes]:
        if form == TABLE:
            header = [True]

            def as_table(_: str, obj: Obj, __: Change | None) -> bytes:
                first, header[0] = header[0], False
                meta = {"resourceVersion": obj["metadata"]["resourceVersion"]}
                return dumps(tables.table(res, [obj], self._clock.now(), include, meta, header=first))

            return as_table
        if form == PARTIAL:
            return lambda _, obj, __: dumps(tables.partial(obj))

        def plain(_: str, obj: Obj, change: Change | None) -> bytes:
            return self._encoder.of(res, obj) if change is None else self._encoder.of_change(res, change)

        return plain

    def _bookmark(self, res: Resource, form: str) -> Callable[[str, bool], bytes]:
        def bookmark(version: str, ends: bool) -> bytes:
            meta: Obj = {"resourceVersion": version, "creationTimestamp": None}
            if ends:
                meta["annotations"] = {END: "true"}
            if form == TABLE:
                row: Obj = {"cells": [], "object": {"kind": res.kind, "apiVersion": res.api_version, "metadata": meta}}
                kind = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": version}}
                return dumps({**kind, "columnDefinitions": None, "rows": [row]})
            if form == PARTIAL:
                return dumps({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
            return dumps({"kind": res.kind, "apiVersion": res.api_version, "metadata": meta})

        return bookmark

    # -- writing

    def create(self, request: ApiRequest, target: Target, warnings: list[str]) -> ApiAnswer:
        res = target.resource
        manifest = manifest_of(res, request)
        warnings += manifest.warnings
        if res.key == definitions.KEY:
            warnings += definitions.unevaluated_rules(manifest.obj)
        made = self._registry.create(
            res,
            manifest.obj,
            namespace=target.namespace,
            manager=manager_of(request),
            dry_run=dry(request),
            manifest=manifest,
        )
        return self.shown(res, made, request, 201)

    def update(self, request: ApiRequest, target: Target, warnings: list[str]) -> ApiAnswer:
        res = target.resource
        obj = checked_object(res, request, warnings)
        _check_identity(obj, target)
        if res.upsert and not target.sub and self._registry.find(res, target.namespace, target.name) is None:
            obj["metadata"].pop("resourceVersion", None)
            made = self._registry.create(
                res, obj, namespace=target.namespace, manager=manager_of(request), dry_run=dry(request)
            )
            return self.shown(res, made, request, 201)
        done = self._registry.update(
            res,
            obj,
            namespace=target.namespace,
            subresource=target.sub,
            manager=manager_of(request),
            dry_run=dry(request),
        )
        return self.shown(res, done, request)

    def patch(self, request: ApiRequest, target: Target, warnings: list[str]) -> ApiAnswer:
        res = target.resource
        body = patch_of(request)
        kind = media_type(request)
        apply = kind.startswith("application/apply-patch")
        if not apply and request.param("force"):
            cause = errors.prohibited("force", "may not be specified for non-apply patch")
            raise errors.invalid("PatchOptions", "", [cause], "meta.k8s.io")
        if isinstance(body, dict) and kind in (MERGE, STRATEGIC):
            _refuse_other_kind(res, body)
        mode = request.param("fieldValidation")
        if isinstance(body, dict) and apply:
            validate_fields(res, body, mode, warnings)
        existed = not apply or self._registry.find(res, target.namespace, target.name) is not None
        done = self._registry.patch(
            res,
            target.namespace,
            target.name,
            body,
            kind,
            subresource=target.sub,
            manager=request.param("fieldManager") if apply else manager_of(request),
            force=request.flag("force"),
            dry_run=dry(request),
            check=None if apply else lambda obj, known: validate_fields(res, obj, mode, warnings, known=known),
        )
        return self.shown(res, done, request, 200 if existed else 201)

    # -- deleting

    def delete(self, request: ApiRequest, target: Target, warnings: list[str]) -> ApiAnswer:
        res = target.resource
        options = _delete_options(request)
        before = self._registry.get(res, target.namespace, target.name)
        last = self._delete_one(res, before, options, warnings)
        if options["dryRun"] or self._still_there(res, last) or res.returned:
            return self.shown(res, last, request)
        details = {"name": target.name, "kind": res.plural, "uid": before["metadata"]["uid"]}
        if res.group:
            details = {"name": target.name, "group": res.group, **details}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return answer(200, status)

    def delete_collection(self, request: ApiRequest, target: Target, warnings: list[str]) -> ApiAnswer:
        options = _delete_options(request)
        res = target.resource
        done = [self._delete_one(res, view(res, obj), options, warnings) for obj in self._lists.select(target, request)]
        meta = {"resourceVersion": str(self._registry.store.revision)}
        return answer(200, {"kind": res.list_kind, "apiVersion": res.api_version, "metadata": meta, "items": done})

    def _delete_one(self, res: Resource, obj: Obj, options: Obj, warnings: list[str]) -> Obj:
        meta = obj["metadata"]
        conditions = options.get("preconditions") or {}
        propagation = options.get("propagationPolicy")
        if propagation is None and "orphanDependents" in options:
            propagation = "Orphan" if options["orphanDependents"] else "Background"
        if propagation is None and res.key == "jobs.batch" and ORPHANED not in warnings:
            warnings.append(ORPHANED)
        return self._registry.delete(
            res,
            meta.get("namespace", ""),
            meta["name"],
            grace=options.get("gracePeriodSeconds"),
            propagation=propagation,
            uid=conditions.get("uid"),
            version=conditions.get("resourceVersion"),
            dry_run=options["dryRun"],
        )

    def _still_there(self, res: Resource, obj: Obj) -> bool:
        found = self._registry.find(res, obj["metadata"].get("namespace"), obj["metadata"]["name"])
        return found is not None and bool(found["metadata"]["uid"] == obj["metadata"]["uid"])


def _check_identity(obj: Obj, target: Target) -> None:
    meta = obj.setdefault("metadata", {})
    name = meta.setdefault("name", target.name)
    if name != target.name:
        text = f"the name of the object ({name}) does not match the name on the URL ({target.name})"
        raise errors.bad_request(text)
    if not target.resource.namespaced or not target.namespace:
        return
    if meta.setdefault("namespace", target.namespace) != target.namespace:
        text = "the namespace of the provided object does not match the namespace sent on the request"
        raise errors.bad_request(text)


def _refuse_other_kind(res: Resource, body: Obj) -> None:
    """A patch may repeat the kind that it is about, not name another."""
    for key, mine in (("kind", res.kind), ("apiVersion", res.api_version)):
        if body.get(key, mine) != mine:
            raise errors.bad_request(f"the patch names {key} {body[key]}, the resource is {mine}")


_POLICIES = ("Background", "Foreground", "Orphan")


def _delete_options(request: ApiRequest) -> Obj:
    """DeleteOptions of the body or, when there is none, of the query; never of both."""
    options: Obj = {}
    told = request.body.strip() not in (b"", b"null")
    if told:
        body = body_of(request)
        if not isinstance(body, dict):
            raise errors.bad_request("DeleteOptions expected")
        types = schema()
        try:
            conform(types, types.type_of("v1", "DeleteOptions"), body)
        except Mistyped as wrong:
            raise errors.bad_request(
                f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {wrong}'
            ) from None
        options = {key: value for key, value in body.items() if value is not None}
    for name in () if told else ("gracePeriodSeconds", "propagationPolicy", "orphanDependents"):
        if value := request.param(name):
            options[name] = value
    grace = options.get("gracePeriodSeconds")
    if isinstance(grace, str):
        options["gracePeriodSeconds"] = request.number("gracePeriodSeconds")
    elif grace is not None and not isinstance(grace, int):
        raise errors.bad_request("gracePeriodSeconds must be a number")
    if isinstance(options.get("orphanDependents"), str):
        options["orphanDependents"] = options["orphanDependents"] == "true"
    policy = options.get("propagationPolicy")
    if policy is not None and policy not in _POLICIES:
        cause = errors.unsupported("propagationPolicy", policy, [*_POLICIES, "nil"])
        raise errors.invalid("DeleteOptions", "", [cause], "meta.k8s.io")
    odd = [one for one in options.get("dryRun", ()) if one != "All"]
    if odd:
        raise errors.invalid("DeleteOptions", "", [errors.unsupported("dryRun", odd, ["All"])], "meta.k8s.io")
    options["dryRun"] = bool(options.get("dryRun")) if told else dry(request)
    return options
