"""Resource quantities ("500m", "128Mi") as exact numbers.

Exact, because quota and requests<=limits comparisons on floats would refuse what a real server admits.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_SUFFIX: dict[str, Fraction] = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
    "Pi": Fraction(2**50),
    "Ei": Fraction(2**60),
}
_FORM = re.compile(r"^([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$")

BAD = r"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


# Clusters are full of the same few amounts. By type as well: True is no quantity, though it equals 1.
@lru_cache(4096, typed=True)
def parse(text: str | int | float) -> Fraction:
    """ValueError with the server's text if it is none."""
    if isinstance(text, int | float):
        return Fraction(str(text))
    match = _FORM.match(text)
    if not match:
        raise ValueError(BAD)
    number, suffix = match.groups()
    if suffix and suffix[0] in "eE" and len(suffix) > 1 and suffix != "Ei":
        return Fraction(number) * Fraction(10) ** int(suffix[1:])
    return Fraction(number) * _SUFFIX[suffix or ""]


def canonical(value: Fraction, like: str = "") -> str:
    """Printed in the style of `like`: binary suffixes stay binary, the rest decimal or milli."""
    if like.endswith("i") and value.denominator == 1:
        for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
            if value and value % _SUFFIX[suffix] == 0:
                return f"{value / _SUFFIX[suffix]}{suffix}"
        return str(value)
    if value.denominator == 1:
        for suffix in ("E", "P", "T", "G", "M", "k"):
            if value and value % _SUFFIX[suffix] == 0:
                return f"{value / _SUFFIX[suffix]}{suffix}"
        return str(value)
    milli = value * 1000
    if milli.denominator == 1:
        return f"{milli}m"
    return f"{-(-value * 10**9 // 1)}n"
