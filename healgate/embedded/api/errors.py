"""Refusals as a Kubernetes API server words them.

Clients and healers branch on code, reason and details, people read the message, so all four are part of the
interface. The trap is `details.kind`: the plural resource everywhere but in 422, where it is the Kind.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]


def split_key(resource: str) -> tuple[str, str]:
    """("deployments", "apps") of "deployments.apps", ("pods", "") of "pods"."""
    plural, _, group = resource.partition(".")
    return plural, group


class ApiError(Exception):
    """What the server answers instead of an object."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        details: Obj | None = None,
        headers: dict[str, str] | None = None,
        meta: Obj | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers or {}
        self.meta = meta or {}

    def status_object(self) -> Obj:
        found: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.meta,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if not self.reason:
            del found["reason"]
        if self.details:
            found["details"] = self.details
        found["code"] = self.status
        return found


def _about(resource: str, name: str) -> Obj:
    plural, group = split_key(resource)
    details: Obj = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = plural
    return details


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: str, name: str, why: str, causes: list[Obj] | None = None) -> ApiError:
    """An admission plug-in's refusal."""
    details = _about(resource, name)
    if causes:
        details["causes"] = causes
    subject = f'{resource} "{name}"' if name else resource
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", details)


def not_found(resource: str, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource} "{name}" not found', _about(resource, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def already_exists(resource: str, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource} "{name}" already exists', _about(resource, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: str, name: str, why: str = MODIFIED) -> ApiError:
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _about(resource, name))


def apply_conflict(conflicts: list[tuple[str, str]]) -> ApiError:
    """Server-side apply met fields of others: (who, field) pairs in order."""
    count = len(conflicts)
    if count == 1:
        who, path = conflicts[0]
        text = f"Apply failed with 1 conflict: conflict with {who}: {path}"
    else:
        lines: list[str] = []
        last = ""
        for who, path in conflicts:
            if who != last:
                lines.append(f"conflicts with {who}:")
                last = who
            lines.append(f"- {path}")
        text = f"Apply failed with {count} conflicts: " + "\n".join(lines)
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path} for who, path in conflicts
    ]
    return ApiError(409, "Conflict", text, {"causes": causes})


def expired(message: str, continue_token: str = "") -> ApiError:
    return ApiError(410, "Expired", message, meta={"continue": continue_token} if continue_token else None)


def too_large(limit: int) -> ApiError:
    return ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def unsupported_media_type(accepted: list[str]) -> ApiError:
    message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
    return ApiError(415, "UnsupportedMediaType", message)


def unprocessable(resource: str, name: str, why: str) -> ApiError:
    """A JSON patch that does not fit."""
    _ = why  # the real server hides it behind one sentence
    message = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", message, _about(resource, name))


def too_many_requests(message: str, causes: list[Obj] | None = None, retry: int | None = None) -> ApiError:
    details: Obj = {}
    if causes:
        details["causes"] = causes
    if retry is not None:
        details["retryAfterSeconds"] = retry
    headers = {"Retry-After": str(retry)} if retry is not None else {}
    return ApiError(429, "TooManyRequests", message, details, headers)


def internal(message: str) -> ApiError:
    text = f"Internal error occurred: {message}"
    return ApiError(500, "InternalError", text, {"causes": [{"message": message}]})


def unavailable(message: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", message)


def too_large_version(asked: int, current: int) -> ApiError:
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return ApiError(504, "Timeout", message, details, {"Retry-After": "1"})


# -- 422


@dataclass(slots=True)
class Cause:
    """One field error; `reason` is the machine word, `message` what follows the field's name."""

    field: str
    reason: str
    message: str

    def as_dict(self) -> Obj:
        return {"reason": self.reason, "message": self.message, "field": self.field}

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def shown(value: Any) -> str:
    """A value as field errors print it: strings quoted, structures as JSON, booleans and numbers bare."""
    if value is None:
        return "null"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def required(path: str, why: str = "") -> Cause:
    return Cause(path, "FieldValueRequired", f"Required value: {why}" if why else "Required value")


def wrong(path: str, value: Any, why: str) -> Cause:
    return Cause(path, "FieldValueInvalid", f"Invalid value: {shown(value)}: {why}")


def prohibited(path: str, why: str) -> Cause:
    return Cause(path, "FieldValueForbidden", f"Forbidden: {why}")


def unsupported(path: str, value: Any, supported: list[str]) -> Cause:
    names = ", ".join(f'"{one}"' for one in supported)
    return Cause(path, "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {names}")


def duplicate(path: str, value: Any) -> Cause:
    return Cause(path, "FieldValueDuplicate", f"Duplicate value: {shown(value)}")


def missing(path: str, value: Any) -> Cause:
    return Cause(path, "FieldValueNotFound", f"Not found: {shown(value)}")


def too_long(path: str, limit: int) -> Cause:
    return Cause(path, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")


def invalid(kind: str, name: str, causes: list[Cause], group: str = "") -> ApiError:
    """422; `group` is that of the kind, empty for core."""
    subject = f"{kind}.{group}" if group else kind
    texts = [str(cause) for cause in causes]
    body = texts[0] if len(texts) == 1 else "[" + ", ".join(dict.fromkeys(texts)) + "]"
    details: Obj = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = kind
    details["causes"] = [cause.as_dict() for cause in causes]
    return ApiError(422, "Invalid", f'{subject} "{name}" is invalid: {body}', details)
