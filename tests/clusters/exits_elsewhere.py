"""A module that exits while it is imported, unless by a test."""

from __future__ import annotations

import os
import sys
from typing import Any

if "PYTEST_CURRENT_TEST" not in os.environ:
    sys.exit("only for tests")


def heal(_api_client: Any, _report: Any) -> None: ...
