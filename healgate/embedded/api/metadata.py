"""The rules of `metadata`, which are the same for every kind.

What a client may write there is little: labels, annotations, owners, finalizers. The rest is carried over from
what is stored, silently, so that a read-modify-write of a whole object works however old the rest of it is.
"""

from __future__ import annotations

import random
import re
from typing import Any

from ..clock import stamp
from .errors import Cause, duplicate, prohibited, wrong

Obj = dict[str, Any]

# No vowels and no digits that look like letters: generated names spell no words.
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SYSTEM = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
DNS1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
# Kinds whose names follow another rule than that of a subdomain.
_FREE_NAMES = {
    "roles.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
}
_LABEL_NAMES = {"namespaces"}
_DNS1035_NAMES = {"services"}


def generated_name(base: str, draw: random.Random) -> str:
    return base[:58] + "".join(draw.choice(ALPHABET) for _ in range(5))


def new_metadata(meta: Obj, *, uid: str, now: float, counted: bool) -> Obj:
    """System fields of an object about to be created; the caller's own values for them do not count."""
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields", "generation"):
        meta.pop(key, None)
    meta["uid"] = uid
    meta["creationTimestamp"] = stamp(now)
    if counted:
        meta["generation"] = 1
    return _tidy(meta)


def carried_metadata(old: Obj, new: Obj) -> Obj:
    """The stored system fields under the client's labels, annotations, owners and finalizers."""
    meta = {key: value for key, value in old.items() if key in _SYSTEM}
    meta.update((key, value) for key, value in new.items() if key not in _SYSTEM and key != "selfLink")
    return _tidy(meta)


def _tidy(meta: Obj) -> Obj:
    for key in ("labels", "annotations", "finalizers", "ownerReferences", "managedFields"):
        if key in meta and not meta[key]:
            del meta[key]
    return meta


def check_name(storage: str, custom: bool, name: str) -> list[str]:
    if not custom and storage in _FREE_NAMES:
        return ["may not contain '/'"] if "/" in name else []
    if not custom and storage in _LABEL_NAMES:
        return [] if LABEL.fullmatch(name) and len(name) <= 63 else [LABEL_TEXT]
    if not custom and storage in _DNS1035_NAMES:
        return [] if _DNS1035.fullmatch(name) and len(name) <= 63 else [DNS1035_TEXT]
    found = [] if _SUBDOMAIN.fullmatch(name) else [SUBDOMAIN_TEXT]
    if len(name) > 253:
        found.append("must be no more than 253 bytes")
    return found


def check_qualified(path: str, key: str) -> list[Cause]:
    prefix, slash, name = key.rpartition("/")
    found: list[Cause] = []
    if slash and (not prefix or not _SUBDOMAIN.fullmatch(prefix)):
        found.append(wrong(path, key, "prefix part " + (SUBDOMAIN_TEXT if prefix else "must be non-empty")))
    if not name:
        found.append(wrong(path, key, "name part must be non-empty"))
    elif len(name) > 63:
        found.append(wrong(path, key, "name part must be no more than 63 bytes"))
    if not _QUALIFIED.fullmatch(name):
        found.append(wrong(path, key, QUALIFIED_TEXT))
    return found


def check_labels(path: str, labels: Any) -> list[Cause]:
    found: list[Cause] = []
    for key, value in (labels or {}).items():
        found += check_qualified(path, key)
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            found.append(wrong(path, value, VALUE_TEXT))
        elif len(value) > 63:
            found.append(wrong(path, value, "must be no more than 63 bytes"))
    return found


def check_metadata(storage: str, custom: bool, meta: Obj, old: Obj | None) -> list[Cause]:
    """Everything about metadata that can be wrong in itself or as a change of `old`."""
    found: list[Cause] = []
    if old is None:
        found += [wrong("metadata.name", meta["name"], text) for text in check_name(storage, custom, meta["name"])]
    if old is None or meta.get("labels") != old.get("labels"):
        found += check_labels("metadata.labels", meta.get("labels"))
    if old is None or meta.get("annotations") != old.get("annotations"):
        for key in meta.get("annotations") or {}:
            found += check_qualified("metadata.annotations", key.lower())
    if old is None or meta.get("ownerReferences") != old.get("ownerReferences"):
        found += _check_owners(meta.get("ownerReferences") or [])
    if old is not None and old.get("deletionTimestamp"):
        before = old.get("finalizers", ())
        added = [name for name in meta.get("finalizers", ()) if name not in before]
        if added:
            shown = ", ".join(f'"{name}"' for name in added)
            why = "no new finalizers can be added if the object is being deleted, found new finalizers []string{"
            found.append(prohibited("metadata.finalizers", why + shown + "}"))
    return found


def _check_owners(owners: list[Obj]) -> list[Cause]:
    found: list[Cause] = []
    controllers = 0
    for index, owner in enumerate(owners):
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                path = f"metadata.ownerReferences[{index}].{key}"
                found.append(wrong(path, owner.get(key, ""), f"{key} must not be empty"))
        controllers += bool(owner.get("controller"))
    if controllers > 1:
        why = "Only one reference can have Controller set to true."
        found.append(wrong("metadata.ownerReferences", owners, why))
    uids = [owner.get("uid") for owner in owners]
    found += [duplicate(f"metadata.ownerReferences[{i}].uid", uid) for i, uid in enumerate(uids) if uid in uids[:i]]
    return found
