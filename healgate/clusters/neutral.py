"""What a healer sees of the harness: a namespace such as any team has, and an account such as any operator has.

The trap is a name that says what happens there: a healer that knows it is being tested is another healer.
"""

from __future__ import annotations

import random

HEALER = "system:serviceaccount:operators:operator"

_NAMESPACES = ("storefront", "checkout", "platform", "internal", "services", "apps", "team", "core")


def namespace_name(draw: random.Random) -> str:
    return f"{draw.choice(_NAMESPACES)}-{draw.randrange(16**4):04x}"
