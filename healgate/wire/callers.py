"""Who a request comes from, and in whose name it goes on.

A token that is not ours is the API server's to judge; its name is read from it for the record only, unverified, since
a wrong one is answered with 401 anyway.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import ssl
from dataclasses import dataclass
from typing import Any

from .http import Head


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody, and the headers that say so to the API server."""

    user: str
    is_ours: bool = True  # goes on with the harness's credentials
    headers: tuple[tuple[str, str], ...] = ()


def who_calls(head: Head, tls: ssl.SSLObject | None, token: str, user: str) -> Caller | None:
    """None: nobody who could be told from anybody."""
    scheme, _, given = head.get("authorization").partition(" ")
    if scheme.lower() == "bearer" and given:
        if hmac.compare_digest(given.strip().encode(), token.encode()):
            return Caller(user)
        return Caller(_subject_of_token(given.strip()), is_ours=False)
    certificate = tls.getpeercert() if tls is not None else None
    return _of_certificate(certificate) if certificate else None


def _of_certificate(certificate: Any) -> Caller | None:
    """Common name and organisations are user and groups, as for the API server."""
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    name = next((value for key, value in subject if key == "commonName"), "")
    if not name:
        return None
    groups = [value for key, value in subject if key == "organizationName"]
    headers = [("Impersonate-User", name), *(("Impersonate-Group", group) for group in groups)]
    return Caller(name, headers=tuple(headers))


def _subject_of_token(token: str) -> str:
    parts = token.split(".")
    if len(parts) != 3:
        return "a bearer token"
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return "a bearer token"
    return str(claims.get("sub", "a bearer token")) if isinstance(claims, dict) else "a bearer token"
