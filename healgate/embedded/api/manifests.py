"""Manifests that come again: equal bytes mean an equal object, in this cluster and in the next one.

A trial deploys what the trial before it deployed, into a cluster that knows nothing of that one. So what a create
works out from the bytes alone (reading, checking, filling in) is remembered for the process. What depends on the
cluster (the namespace, addresses, quotas, who wrote it when) is worked out every time.

The trap is sharing: what is remembered goes into the stores of many clusters, and is frozen as everything there is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .decoding import checked_object, media_type
from .messages import ApiRequest
from .resources import Resource

Obj = dict[str, Any]

# Kinds that are filled in from other objects, or from what the system writes into their metadata.
_OF_THE_MOMENT = {"pods", "persistentvolumeclaims", "jobs.batch", "namespaces"}
_REMEMBERED = 500
_LONGEST = 50_000

_known: dict[tuple[Any, ...], Manifest] = {}


@dataclass(slots=True)
class Manifest:
    """The body of a create."""

    resource: Resource
    obj: Obj  # as it was read, without the fields that its kind does not have
    warnings: list[str] = field(default_factory=list)
    # Whether more may be remembered; then, once it was created: the object filled in, and its managed fields.
    lasts: bool = False
    made: Obj | None = None
    fields: Obj | None = None


def manifest_of(res: Resource, request: ApiRequest) -> Manifest:
    """Raises as `checked_object` does."""
    schema = res.custom.schema if res.custom else None
    lasts = len(request.body) <= _LONGEST and (res.custom is None or schema is not None)
    # Clusters share a definition's schema as they share everything else; the manifest keeps it from being another's.
    key = (res.key, res.version, id(schema), request.param("fieldValidation"), media_type(request), request.body)
    found = _known.get(key) if lasts else None
    if found is None:
        warnings: list[str] = []
        obj = checked_object(res, request, warnings)
        found = Manifest(res, obj, warnings)
        found.lasts = lasts and res.key not in _OF_THE_MOMENT and bool(obj["metadata"].get("name"))
        if lasts:
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[key] = found
    return found
