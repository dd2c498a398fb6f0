"""What varies from trial to trial, drawn so that anybody can draw it again.

    need: [96, 128, 160]                        one of these
    need: {from: 64, to: 256, step: 16}         one of 64, 80, ... 256
    limit: {of: need, times: 0.4, unit: Mi}     worked out from an earlier one: "38Mi"
    port: {of: container, is: {api: 8080, exporter: 9187}}    looked up by an earlier one

`unit` makes text of the number, and so does an empty one (env and ConfigMaps hold texts only); arithmetic always uses
the number. `times`, `over`, `plus` and `minus` (applied in this order) take a number or the name of an earlier
parameter; results are rounded to whole numbers, since quantities and durations are, or to as many `digits`. The trap
is a draw by anything but `random.Random(text)`: it is the only source that is the same on every machine and under
every hash seed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Number = int | float

_STEPS = ("times", "over", "plus", "minus")
_RANGE = {"from", "to", "step", "unit"}
_DERIVED = {"of", "is", "unit", "digits", *_STEPS}
PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OPENED = re.compile(r"\$\{([^{}]*)(\}?)")


class BadParameter(ValueError):
    """What is wrong with one parameter's specification; `loc` says where inside it."""

    def __init__(self, name: str, message: str, *loc: str | int) -> None:
        super().__init__(message)
        self.loc: tuple[str | int, ...] = (name, *loc)


@dataclass(frozen=True)
class Drawn:
    """One parameter's value: what arithmetic uses, and what the file gets."""

    raw: Any
    value: Any


def draw(spec: Mapping[str, Any], seed: str, scenario: str, trial: int) -> dict[str, Any]:
    """The parameters of one trial, in the order of the file."""
    chance = random.Random(f"{seed}/{scenario}/{trial}")
    drawn: dict[str, Drawn] = {}
    for name, form in spec.items():
        choices = list(variation(name, form, drawn))
        drawn[name] = chance.choice(choices) if len(choices) > 1 else choices[0]
    return {name: one.value for name, one in drawn.items()}


def variation(name: str, form: Any, earlier: Mapping[str, Drawn]) -> Iterator[Drawn]:
    """Every value that a parameter may have, given the earlier ones."""
    if isinstance(form, list):
        if not form:
            raise BadParameter(name, "expected at least one value to choose from; found an empty list")
        yield from (Drawn(value, value) for value in form)
    elif isinstance(form, dict) and "from" in form:
        yield from _range(name, form)
    elif isinstance(form, dict) and "of" in form:
        yield _derived(name, form, earlier)
    else:
        expected = "expected a list, a range {from, to, step} or one worked out of an earlier one {of, times, ...}"
        raise BadParameter(name, f"{expected}; found {form!r}")


def members(spec: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Each parameter whose value in `values` it could never be drawn as, with what it could be."""
    earlier: dict[str, Drawn] = {}
    for name, form in spec.items():
        possible = list(variation(name, form, earlier))
        mine = [one for one in possible if type(one.value) is type(values.get(name)) and one.value == values.get(name)]
        if not mine:
            yield name, [one.value for one in possible]
        earlier[name] = (mine or possible)[0]


def put_in(value: Any, parameters: Mapping[str, Any]) -> Any:
    """The same data with every ${name} replaced; a text that is nothing but one keeps the parameter's type."""
    if isinstance(value, str):
        whole = PLACEHOLDER.fullmatch(value)
        if whole and whole[1] in parameters:
            return parameters[whole[1]]
        return PLACEHOLDER.sub(lambda found: str(parameters.get(found[1], found[0])), value)
    if isinstance(value, dict):
        return {key: put_in(inner, parameters) for key, inner in value.items()}
    if isinstance(value, list):
        return [put_in(inner, parameters) for inner in value]
    return value


def placeholders(value: Any, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Every ${name} in some data, with where it stands; of what is not closed, all that there is."""
    if isinstance(value, str):
        yield from ((found[1] if found[2] else found[0], loc) for found in _OPENED.finditer(value))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from placeholders(inner, (*loc, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from placeholders(inner, (*loc, index))


def _range(name: str, form: Mapping[str, Any]) -> Iterator[Drawn]:
    _known(name, form, _RANGE)
    bounds: dict[str, int] = {}
    for key, found in (("from", form["from"]), ("to", form.get("to")), ("step", form.get("step", 1))):
        if not isinstance(found, int) or isinstance(found, bool):
            raise BadParameter(name, f"{key}: expected a whole number; found {found!r}", key)
        bounds[key] = found
    first, last, step = bounds["from"], bounds["to"], bounds["step"]
    if step < 1 or last < first:
        raise BadParameter(name, f"expected from <= to and step >= 1; found from {first} to {last}, step {step}")
    for number in range(first, last + 1, step):
        yield Drawn(number, _with_unit(number, form))


def _derived(name: str, form: Mapping[str, Any], earlier: Mapping[str, Drawn]) -> Drawn:
    _known(name, form, _DERIVED)
    base = _earlier(name, form["of"], earlier, "of")
    if "is" in form:
        table = form["is"]
        if not isinstance(table, dict) or base not in table:
            raise BadParameter(name, f"is: expected a value for {form['of']} = {base!r}; found {table!r}", "is")
        value = table[base]
        return Drawn(value, _with_unit(value, form))
    number: Number = _number(name, base, "of")
    for step in _STEPS:
        if step not in form:
            continue
        by = form[step]
        by = _number(name, _earlier(name, by, earlier, step) if isinstance(by, str) else by, step)
        if step == "times":
            number *= by
        elif step == "over":
            number /= by
        else:
            number += by if step == "plus" else -by
    rounded = round(number, form["digits"]) if "digits" in form else round(number)
    return Drawn(rounded, _with_unit(rounded, form))


def _known(name: str, form: Mapping[str, Any], known: set[str]) -> None:
    for key in form:
        if key not in known:
            raise BadParameter(name, f"unknown key {key!r}; expected one of {', '.join(sorted(known))}", key)


def _earlier(name: str, other: Any, earlier: Mapping[str, Drawn], key: str) -> Any:
    if other not in earlier:
        known = ", ".join(earlier) or "none yet"
        raise BadParameter(name, f"{key}: expected an earlier parameter ({known}); found {other!r}", key)
    return earlier[other].raw


def _number(name: str, value: Any, key: str) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadParameter(name, f"{key}: expected a number; found {value!r}", key)
    return value


def _with_unit(value: Any, form: Mapping[str, Any]) -> Any:
    return f"{value}{form['unit']}" if "unit" in form else value
