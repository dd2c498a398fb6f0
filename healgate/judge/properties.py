"""Does an object have a property that a scenario asks for?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..evidence import Obj
from ..quantities import number
from ..scenario.model import Property
from .paths import look_up

NO_TAGS: Mapping[str, str] = MappingProxyType({})


def lacks(wanted: Property, found: Obj | None, baseline: Obj | None, tags: Mapping[str, str] = NO_TAGS) -> str:
    """What is expected and what there is instead; "" if the property holds. `tags`: images by digest -> by tag."""
    name = str(wanted.object)
    if found is None or not wanted.exists:
        if (found is not None) == wanted.exists:
            return ""
        return f"{name} should {'exist' if wanted.exists else 'be gone'}"
    if wanted.recreated is not None and baseline is not None:
        again = found["metadata"].get("uid") != baseline["metadata"].get("uid")
        if again != wanted.recreated:
            return f"{name} should {'have been made anew' if wanted.recreated else 'be the one that there was'}"
    if wanted.path:
        values = [tags.get(value, value) if isinstance(value, str) else value for value in look_up(found, wanted.path)]
        problem = value_lacks(wanted, values)
        return f"{name}: {wanted.path} {problem}" if problem else ""
    return ""


def value_lacks(wanted: Property, values: list[Any]) -> str:
    """The same for what stands at the path; every value found there has to fit."""
    if wanted.present is not None:
        there = any(value is not None for value in values)
        if there != wanted.present:
            return "is missing" if wanted.present else f"should be absent, is {_shown(values)}"
        if not wanted.present:
            return ""
    if not values and _asks_for_a_value(wanted):
        return f"is missing, should be {_asked(wanted)}"
    for value in values:
        if not _fits(wanted, value):
            return f"is {value!r}, should be {_asked(wanted)}"
    return ""


def _asks_for_a_value(wanted: Property) -> bool:
    asked = (wanted.at_least, wanted.at_most, wanted.equals)
    return any(value is not None for value in asked) or bool(wanted.one_of or wanted.matches)


def _fits(wanted: Property, value: Any) -> bool:
    if wanted.at_least is not None and not _compare(value, wanted.at_least, low=True):
        return False
    if wanted.at_most is not None and not _compare(value, wanted.at_most, low=False):
        return False
    if wanted.equals is not None and not _same(value, wanted.equals):
        return False
    if wanted.one_of and not any(_same(value, option) for option in wanted.one_of):
        return False
    return not wanted.matches or re.search(wanted.matches, str(value)) is not None


def _compare(value: Any, limit: Any, *, low: bool) -> bool:
    found, wanted = number(value), number(limit)
    if found is None or wanted is None:
        return False
    return found >= wanted if low else found <= wanted


def _same(value: Any, wanted: Any) -> bool:
    """The same text or number; an image that is pinned by its digest is still the one that its tag names."""
    if value == wanted or str(value) == str(wanted) or str(value).partition("@sha256:")[0] == str(wanted):
        return True
    found, asked = number(value), number(wanted)
    return found is not None and found == asked


def _asked(wanted: Property) -> str:
    asked = []
    if wanted.at_least is not None:
        asked.append(f"at least {wanted.at_least}")
    if wanted.at_most is not None:
        asked.append(f"at most {wanted.at_most}")
    if wanted.equals is not None:
        asked.append(repr(wanted.equals))
    if wanted.one_of:
        asked.append("one of " + ", ".join(map(str, wanted.one_of)))
    if wanted.matches:
        asked.append(f"like {wanted.matches}")
    return " and ".join(asked) or "there"


def _shown(values: list[Any]) -> str:
    return ", ".join(repr(value) for value in values)
