"""Tests that need an engine are collected only where somebody names a kind cluster to run them on."""

from __future__ import annotations

import pytest

OPTION = "--kind-cluster"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, default="", metavar="NAME", help="also run the tests that need this kind cluster")


def pytest_ignore_collect(collection_path: object, config: pytest.Config) -> bool | None:
    named = config.getoption(OPTION, default="")  # unknown where this file is not read before the options are
    return True if "/kind/real" in str(collection_path) and not named else None
