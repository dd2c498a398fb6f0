"""The pytest plugin: scenarios × trials as ordinary test items.

pytest imports this module in every run of every project that has healgate installed, so it imports nothing but the
options and the rule that decides whether the run is ours (`places.py`). The rest comes in when it is.
"""

from __future__ import annotations

from importlib import import_module

import pytest

from .options import add_options, read_options, wants_real_cluster
from .places import Elsewhere, find_places, refuse_a_gate_without_scenarios
from .rooting import pytest_cmdline_main

__all__ = ["pytest_addoption", "pytest_cmdline_main", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(import_module("healgate.fixtures"), "healgate-fixtures")
    if config.option.help:
        return
    if not hasattr(config, "workerinput") and wants_real_cluster(config):
        from .keeper import Keeper

        config.pluginmanager.register(Keeper(config, read_options(config)), "healgate-keeper")
    if "healgate_cluster" in getattr(config, "workerinput", {}):
        from .keeper import leave_with_the_controller

        leave_with_the_controller()
    if handed := getattr(config, "workerinput", {}).get("healgate"):
        from .wiring import join_run

        join_run(config, handed)
    elif not hasattr(config, "workerinput"):
        if (places := find_places(config)) is None:
            refuse_a_gate_without_scenarios(config)
            config.pluginmanager.register(Elsewhere(config), "healgate-elsewhere")
            return
        from .wiring import begin_run

        begin_run(config, places)
