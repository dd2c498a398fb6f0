"""The few statistics that a pass rate needs: an interval, a test of a drop, a correction for many tests, percentiles.

By hand, since a release gate should not need a numeric library; a test compares them with one. p-values are exact
fractions: three passes of three and then none of three lie exactly on 5 %, and rounding must not decide that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist

_Z95 = NormalDist().inv_cdf(0.975)


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a rate of k in n. Without a trial anything is possible."""
    if n == 0:
        return 0.0, 1.0
    z2 = _Z95 * _Z95
    centre = (k + z2 / 2) / (n + z2)
    half = _Z95 / (n + z2) * math.sqrt(k * (n - k) / n + z2 / 4)
    # At the ends the interval reaches the rate exactly; the roots' last digit would say otherwise.
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)


def fisher_drop(k_before: int, n_before: int, k_now: int, n_now: int) -> Fraction:
    """Fisher's exact test, one-sided: how likely is a k as low as this, were the two rates one."""
    passed = k_before + k_now
    lowest = max(0, passed - n_before)
    ways = math.comb(n_now, lowest) * math.comb(n_before, passed - lowest)
    as_low = 0
    for k in range(lowest, k_now + 1):
        as_low += ways
        ways = ways * (n_now - k) * (passed - k) // ((k + 1) * (n_before - passed + k + 1))
    return Fraction(as_low, math.comb(n_before + n_now, passed))


def binomial_drop(k: int, n: int, rate: float) -> Fraction:
    """The exact binomial test, one-sided: how likely are k of n or fewer, were the true rate this one."""
    true = Fraction(str(rate))  # 0.95 as a person writes it, not the binary number beside it
    passing, failing = true.numerator, true.denominator - true.numerator
    if not failing:
        return Fraction(k == n)
    # In whole numbers: thousands of fractions would each be reduced to lowest terms.
    weight, as_low = failing**n, 0
    for i in range(k + 1):
        as_low += weight
        weight = weight * (n - i) * passing // ((i + 1) * failing)
    return Fraction(as_low, true.denominator**n)


def holm(ps: Sequence[Fraction]) -> list[Fraction]:
    """Each p-value as it stands after Holm's correction for all of them, in the given order."""
    adjusted = [Fraction(0)] * len(ps)
    highest = Fraction(0)
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(Fraction(1), ps[index] * (len(ps) - rank)))
        adjusted[index] = highest
    return adjusted


def percentile(values: Sequence[float], share: float) -> float:
    """With straight lines between the values, so that the median of two is their mean."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
