"""What `expected.yaml` says, looked up."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "expected.yaml"
CANNOT_SHOW = "cannot-show"


@cache
def load() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def expected(control: str, scenario: str) -> str:
    """PASS, or a reason. The last line that matches counts."""
    found = [what for pattern, what in load()[control].items() if fnmatchcase(scenario, pattern)]
    return str(found[-1])


def cannot_show(control: str, scenario: str) -> str:
    """Why a vandal's flaw cannot show in a scenario; "" if nobody says so."""
    reasons = load()[CANNOT_SHOW].get(control, {})
    return next((why for pattern, why in reasons.items() if fnmatchcase(scenario, pattern)), "")
