from __future__ import annotations

import pytest

from .scripted import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
