"""What form of an answer a client asked for: the object, a table of it, or its metadata alone."""

from __future__ import annotations

from .errors import ApiError

PLAIN = ""
TABLE = "Table"
PARTIAL = "PartialObjectMetadata"
_OFFERED = "application/json"


def accepted_form(accept: str) -> str:
    """PLAIN, TABLE or PARTIAL; the first that this server can make. 406 if there is none."""
    if not accept or accept == "application/json":
        return PLAIN
    for part in accept.split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind not in ("application/json", "*/*", "application/*"):
            continue
        values = dict(one.split("=", 1) for one in parameters if "=" in one)
        form = values.get("as", "")
        if not form:
            return PLAIN
        if values.get("g") != "meta.k8s.io" or values.get("v") not in ("v1", "v1beta1"):
            continue
        if form == TABLE:
            return TABLE
        if form in (PARTIAL, PARTIAL + "List"):
            return PARTIAL
    raise ApiError(406, "NotAcceptable", f"only the following media types are accepted: {_OFFERED}", {})
