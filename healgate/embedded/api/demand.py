"""What a pod asks for, or may have, in all: for the scheduler, quotas, limit ranges and its node alike.

Its containers together with the sidecars, or the most demanding moment before they start. The trap is order: a
sidecar weighs on those init containers that come after it, not on those before.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from .quantities import parse

Obj = dict[str, Any]
Amounts = dict[str, Fraction]


def demand(spec: Obj, section: str = "requests") -> Amounts:
    """The requests or limits of the whole pod. What it says of itself goes before the sum of its containers."""
    own = (spec.get("resources") or {}).get(section) or {}
    total = _of_containers(spec, section) | {name: parse(amount) for name, amount in own.items()}
    for name, amount in (spec.get("overhead") or {}).items():
        # What is not limited is not limited by what the pod's sandbox needs either.
        if section == "requests" or name in total:
            _add(total, {name: amount})
    return total


def _of_containers(spec: Obj, section: str) -> Amounts:
    together: Amounts = {}
    beside: Amounts = {}  # the sidecars so far
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        amounts = _stated(container, section)
        moment = dict(beside)
        _add(moment, amounts)
        if container.get("restartPolicy") == "Always":
            beside = moment
            _add(together, amounts)
        peak |= {name: max(amount, peak.get(name, amount)) for name, amount in moment.items()}
    for container in spec.get("containers") or ():
        _add(together, _stated(container, section))
    return together | {name: max(amount, together.get(name, amount)) for name, amount in peak.items()}


def _stated(container: Obj, section: str) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get(section) or {}


def _add(total: Amounts, amounts: Mapping[str, Any]) -> None:
    for name, amount in amounts.items():
        total[name] = total.get(name, Fraction(0)) + parse(amount)
