"""Label and field selectors of lists, watches and collection deletes, and the LabelSelectors of objects.

The former compile to one predicate over objects. The trap is what absence means: `a!=b` and `a notin (b)` match objects
without the label, and a field that an object does not have compares as the empty string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import bad_request
from .metadata import check_labels, check_qualified
from .objects import at
from .resources import Resource

Obj = dict[str, Any]
Predicate = Callable[[Obj], bool]

_TOKEN = re.compile(r"\s*(?:(?P<op>==|!=|=|!|\(|\)|,|<|>)|(?P<word>[^\s=!(),<>]+))")


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            break
        found.append(match.group("op") or match.group("word"))
        position = match.end()
    return found


class _Labels:
    """Recursive descent over the tokens of one label selector."""

    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), ""]
        self._position = 0

    def _next(self) -> str:
        token = self._tokens[self._position]
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def _peek(self) -> str:
        return self._tokens[self._position]

    def requirements(self) -> list[tuple[str, str, tuple[str, ...]]]:
        found: list[tuple[str, str, tuple[str, ...]]] = []
        while True:
            found.append(self._requirement())
            token = self._next()
            if token == "":
                return found
            if token != ",":
                raise _bad(f"found '{token}', expected: ',' or 'end of string'")
            if self._peek() == "":
                raise _bad("found '', expected: identifier after ','")

    def _requirement(self) -> tuple[str, str, tuple[str, ...]]:
        key = self._next()
        absent = key == "!"
        if absent:
            key = self._next()
        if not key or key in "=!=(),<>":
            raise _bad(f"found '{key}', expected: !, identifier, or 'end of string'")
        if check_qualified("key", key):
            raise _bad(f'key: Invalid value: "{key}": {check_qualified("key", key)[0].message.split(": ", 2)[-1]}')
        if absent or self._peek() in ("", ","):
            return key, "absent" if absent else "exists", ()
        operator = self._next()
        if operator in ("=", "==", "!="):
            value = self._next() if self._peek() not in ("", ",") else ""
            self._check_value(key, value)
            return key, "in" if operator != "!=" else "notin", (value,)
        if operator in ("in", "notin"):
            return key, operator, self._values(key)
        if operator in ("<", ">"):
            return key, operator, (self._next(),)
        raise _bad(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")

    def _values(self, key: str) -> tuple[str, ...]:
        token = self._next()
        if token != "(":
            raise _bad(f"found '{token}' expected: '('")
        values: list[str] = []
        while (token := self._next()) != ")":
            if token == "":
                raise _bad("found '', expected: ',', or ')'")
            if token != ",":
                self._check_value(key, token)
                values.append(token)
        return tuple(values or [""])

    @staticmethod
    def _check_value(key: str, value: str) -> None:
        wrong = check_labels("values[0]", {key: value}) if value else []
        if wrong:
            raise _bad(f"values[0][{key}]: {wrong[0].message}")


def _bad(why: str) -> Exception:
    return bad_request(f"unable to parse requirement: {why}")


def label_predicate(text: str) -> Predicate | None:
    """None when everything matches."""
    if not text.strip():
        return None
    needed = _Labels(text).requirements()

    def matches(obj: Obj) -> bool:
        labels = obj["metadata"].get("labels") or {}
        for key, operator, values in needed:
            value = labels.get(key)
            if operator == "in":
                if value is None or value not in values:
                    return False
            elif operator == "notin":
                if value is not None and value in values:
                    return False
            elif operator == "exists":
                if value is None:
                    return False
            elif operator == "absent":
                if value is not None:
                    return False
            elif not _compares(value, operator, values[0]):
                return False
        return True

    return matches


def _compares(value: Any, operator: str, bound: str) -> bool:
    try:
        return int(value) < int(bound) if operator == "<" else int(value) > int(bound)
    except (TypeError, ValueError):
        return False


# -- fields

# Where a selector's name is not the path of the field in the object.
_ELSEWHERE: dict[tuple[str, str], Callable[[Obj], Any]] = {
    ("events", "source"): lambda obj: at(obj, "source.component") or obj.get("reportingComponent"),
    ("jobs.batch", "status.successful"): lambda obj: at(obj, "status.succeeded") or 0,
    ("replicasets.apps", "status.replicas"): lambda obj: at(obj, "status.replicas") or 0,
    ("replicationcontrollers", "status.replicas"): lambda obj: at(obj, "status.replicas") or 0,
    ("nodes", "spec.unschedulable"): lambda obj: bool(at(obj, "spec.unschedulable")),
    ("pods", "spec.hostNetwork"): lambda obj: bool(at(obj, "spec.hostNetwork")),
}
_REFUSALS = {
    "jobs.batch": 'field label "{0}" not supported for Job',
    "replicasets.apps": 'field label "{0}" not supported for appsv1.ReplicaSet',
}


def _refusal(resource: Resource, name: str) -> str:
    if resource.key in _REFUSALS:
        return _REFUSALS[resource.key].format(name)
    if resource.fields or resource.custom:
        return f"field label not supported: {name}"
    return f'"{name}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _split(text: str, separator: str) -> list[str]:
    """Split where the separator is not escaped."""
    return [part for part in re.split(rf"(?<!\\){separator}", text) if part]


def _unescape(text: str) -> str:
    return re.sub(r"\\([\\,=])", r"\1", text)


def field_requirements(resource: Resource, text: str) -> list[tuple[str, bool, str]]:
    """(field, equal or not, value) of each part; 400 for what this resource does not select by."""
    found: list[tuple[str, bool, str]] = []
    for part in _split(text, ",") if text else ():
        match = re.match(r"^(.*?)(?<!\\)(!=|==|=)(.*)$", part)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        name, operator, value = match.groups()
        known = name == "metadata.name" or name in resource.fields
        if not known and not (name == "metadata.namespace" and (resource.namespaced or not resource.custom)):
            raise bad_request(_refusal(resource, name))
        found.append((name, operator != "!=", _unescape(value)))
    return found


def field_predicate(resource: Resource, text: str) -> Predicate | None:
    """None when everything matches. Looks at objects as this resource shows them."""
    needed = field_requirements(resource, text)
    if not needed:
        return None

    def shown(obj: Obj, name: str) -> str:
        elsewhere = _ELSEWHERE.get((resource.key, name))
        value = elsewhere(obj) if elsewhere else at(obj, name)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return ",".join(one.get("ip", "") if isinstance(one, dict) else str(one) for one in value)
        return "" if value is None else str(value)

    def matches(obj: Obj) -> bool:
        return all((shown(obj, name) == value) is equal for name, equal, value in needed)

    return matches


def both(one: Predicate | None, other: Predicate | None) -> Predicate | None:
    if one is None or other is None:
        return one or other
    return lambda obj: one(obj) and other(obj)


def named(resource: Resource, text: str) -> str:
    """The one name that a field selector asks for, if it asks for one: then a list is a look-up."""
    names = [value for name, equal, value in field_requirements(resource, text) if name == "metadata.name" and equal]
    return names[0] if names else ""


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """A LabelSelector; one that is absent selects nothing, one that is empty everything."""
    if selector is None:
        return False
    wanted, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    if wanted and not wanted.items() <= labels.items():
        return False
    return not expressions or all(_meets(expression, labels) for expression in expressions)


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or ()
    match operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt" | "Lt":
            return _compares(labels.get(key), "<" if operator == "Lt" else ">", next(iter(values), ""))
    return False
