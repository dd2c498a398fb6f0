"""One fresh cluster for each test."""

from __future__ import annotations

import pytest

from .puppet import Puppet


@pytest.fixture
def cluster() -> Puppet:
    return Puppet()
