"""From a patch body to the object it makes, whichever of the four kinds it is.

The result is not yet a write: the registry treats it as the update of a whole object, so that defaulting,
validation, conflicts and no-op suppression are the same for a PATCH and a PUT.
"""

from __future__ import annotations

from typing import Any

from . import errors
from .apply import apply
from .jsonpatch import DoesNotFit, json_patch, merge_patch
from .objects import deep_copy
from .resources import Resource
from .schema import schema
from .strategic import strategic_merge

Obj = dict[str, Any]

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
ACCEPTED = [JSON, MERGE, STRATEGIC, APPLY, "application/apply-patch+cbor"]


def patched(
    res: Resource,
    obj: Obj,
    body: Any,
    content_type: str,
    manager: str,
    subresource: str,
    force: bool,
    now: float,
) -> Obj:
    """What `body` makes of `obj`, of which nothing is edited; the two may share what the patch does not touch."""
    kind = content_type.partition(";")[0].strip()
    if kind != MERGE or res.custom:
        obj = deep_copy(obj)
    if kind == JSON:
        name = obj["metadata"]["name"]
        try:
            result = json_patch(obj, body)
        except DoesNotFit as misfit:
            raise errors.unprocessable(res.key, name, str(misfit)) from misfit
        if not isinstance(result, dict):
            raise errors.bad_request("the patched document is not an object")
        return result
    if kind not in ACCEPTED or (kind == STRATEGIC and res.custom):
        accepted = [one for one in ACCEPTED if not (res.custom and one == STRATEGIC)]
        raise errors.unsupported_media_type(accepted)
    if not isinstance(body, dict):
        raise errors.bad_request(
            f"json: cannot unmarshal {type(body).__name__} into Go value of type map[string]interface {{}}"
        )
    if kind == MERGE:
        merged: Obj = merge_patch(obj, body)
        return merged
    if kind == STRATEGIC:
        types = schema()
        return strategic_merge(types, types.type_of(res.api_version, res.kind), obj, body)
    return apply(res, obj, body, manager, subresource, force, now)
