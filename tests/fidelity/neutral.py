"""The form of a text without what no two runs share: generated names, uids, addresses, durations.

One list for all recordings. The trap is a pattern that neutralises too much: it hides the very difference that
a recording is there to show, so each says what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FORMS = (
    # Uids and container ids, which recordings already write as <uid> and <id>.
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uid>"),
    (re.compile(r"containerd://(?:[0-9a-f]{64}|<id>)"), "containerd://<id>"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:<id>"),
    # Addresses, with the port of the resolver that was asked but not that of the workload.
    (re.compile(r"\bon \d+\.\d+\.\d+\.\d+:\d+"), "on <address>"),
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+\b"), "<address>"),
    # Both ends of a broken connection are told with the local port.
    (re.compile(r"<address>:\d{5}->"), "<address>-><"),
    # How long a pull took and how much it brought.
    (re.compile(r"in [0-9.]+m?s \([0-9.]+m?s including waiting\)\. Image size: \d+ bytes"), "in <time>, <size>"),
    # A pod that was refused after its name was drawn.
    (re.compile(r"(pods \"[^\"]+-)[bcdfghjklmnpqrstvwxz2456789]{5}\" is forbidden"), r'\1<drawn>" is forbidden'),
    # The node's own name.
    (re.compile(r"(Successfully assigned \S+) to \S+"), r"\1 to <node>"),
)


def neutral(text: str, names: Mapping[str, str]) -> str:
    """The text's form; `names` are the generated names of this run and what to call them."""
    for name in sorted(names, key=len, reverse=True):
        if name in text:
            text = re.sub(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", names[name], text)
    for pattern, form in _FORMS:
        text = pattern.sub(form, text)
    return text


def neutral_all(value: Any, names: Mapping[str, str]) -> Any:
    """The same for every text inside a value."""
    if isinstance(value, str):
        return neutral(value, names)
    if isinstance(value, dict):
        return {key: neutral_all(one, names) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(neutral_all(one, names) for one in value)
    return value
