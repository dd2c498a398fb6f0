"""How likely a run's total is, where exact fractions would be too long: 26 scenarios of 10,000 trials each.

Chances are whole numbers of 2**-96, rounded down at every step. So all chances together fall short of 1 by what the
rounding lost, and a p-value takes what is lost for its own: it is never too low, and less than 1e-15 too high. Rounding
never finds a drop that is not there, and a p that lies exactly on the level is never below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

_BITS = 96
_ONE = 1 << _BITS
_WIDTH = 2 * _BITS // 8 + 1  # bytes that hold any sum of products of chances, even 1

Table = tuple[int, int, int, int]  # passes and trials before, passes and trials now


def stratified_drop(tables: Iterable[Table]) -> Fraction:
    """Fisher's exact test over many tables: how likely are as few passes now in all, were the rates one in each."""
    tables = list(tables)
    parts = [_passes_now(*table) for table in tables] or [_Chances(0, [_ONE])]
    while len(parts) > 1:  # two short ones first, so that long products are few
        parts.append(_sum(parts.pop(0), parts.pop(0)))
    return _at_most(sum(k_now for _, _, k_now, _ in tables), parts[0])


def total_below(k: int, n: int, rate: float) -> Fraction:
    """The binomial test of a total: how likely are k of n or fewer, were the true rate this one."""
    true = Fraction(str(rate))  # as in binomial_drop
    passing, failing = true.numerator, true.denominator - true.numerator
    mode = min(n, (n + 1) * passing // true.denominator)
    return _at_most(k, _chances(0, n, mode, lambda k: ((n - k) * passing, (k + 1) * failing)))


@dataclass(frozen=True)
class _Chances:
    """Of `low` passes, of one more and so on."""

    low: int
    units: list[int]


def _passes_now(k_before: int, n_before: int, k_now: int, n_now: int) -> _Chances:
    passed = k_before + k_now
    low, high = max(0, passed - n_before), min(n_now, passed)
    mode = (n_now + 1) * (passed + 1) // (n_before + n_now + 2)
    return _chances(low, high, mode, lambda k: ((n_now - k) * (passed - k), (k + 1) * (n_before - passed + k + 1)))


def _chances(low: int, high: int, mode: int, odds: Callable[[int], tuple[int, int]]) -> _Chances:
    """`odds` are those of k + 1 passes against k. They are above 1 up to the mode and no more from there on."""
    falling = _weights(odds(k) for k in range(mode, high))
    rising = _weights(odds(k)[::-1] for k in range(mode - 1, low - 1, -1))
    weights = [*reversed(rising), _ONE, *falling]
    # A step loses less than 1 and never widens what is lost already, so each but the mode's weight falls short by less
    # than there are steps; so does each that was left out as 0.
    whole = sum(weights) + (high - low) ** 2
    return _Chances(mode - len(rising), [weight * _ONE // whole for weight in weights])


def _weights(odds: Iterable[tuple[int, int]]) -> list[int]:
    """Away from the mode, whose weight is 1, until nothing is left."""
    weight, found = _ONE, []
    for more, less in odds:
        weight = weight * more // less
        if not weight:
            break
        found.append(weight)
    return found


def _sum(one: _Chances, other: _Chances) -> _Chances:
    """Of the passes of both. Python multiplies long numbers faster than it could many short ones."""
    product = _as_number(one.units) * _as_number(other.units)
    digits = product.to_bytes(_WIDTH * (len(one.units) + len(other.units) - 1), "little")
    units = [int.from_bytes(digits[at : at + _WIDTH], "little") >> _BITS for at in range(0, len(digits), _WIDTH)]
    seen = [at for at, unit in enumerate(units) if unit]
    return _Chances(one.low + other.low + seen[0], units[seen[0] : seen[-1] + 1])


def _as_number(units: Iterable[int]) -> int:
    return int.from_bytes(b"".join(unit.to_bytes(_WIDTH, "little") for unit in units), "little")


def _at_most(k: int, chances: _Chances) -> Fraction:
    return 1 - Fraction(sum(chances.units[max(0, k + 1 - chances.low) :]), _ONE)
