"""What is registered with pytest once a run is known to be about scenarios.

Two kinds of process take part. Every process that runs trials (the only one, or each xdist worker) collects and runs;
the one that the person started (the only one, or xdist's controller) counts, cleans and reports. A worker takes its
settings from the controller, never from its own surroundings: its folder and its arguments are not the person's.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ..words import CrashClass
from .collect import Collection
from .folder import Folder
from .options import Options, read_options
from .places import Places
from .rooting import join_for_workers
from .session import Trials
from .tally import Tally

HANDED = "healgate"


def begin_run(config: pytest.Config, places: Places) -> None:
    """The process that the person started."""
    options = read_options(config)
    config.args = list(places.args)
    join_for_workers(config)
    register_classes(config)
    folder = Folder(options)
    if not config.option.collectonly and not config.option.xmlpath:
        config.option.xmlpath = str(folder.junit)  # pytest's own JUnit writer, read after this hook
    collection = Collection(config, places.roots, options.trials, options.cluster)
    config.pluginmanager.register(collection, "healgate-collection")
    config.pluginmanager.register(Trials(config, options, folder), "healgate-trials")
    config.pluginmanager.register(Tally(config, options, folder, collection), "healgate-tally")
    config.pluginmanager.register(Handing(options, places), "healgate-handing")


def join_run(config: pytest.Config, handed: dict[str, Any]) -> None:
    """An xdist worker."""
    options = _options_from(handed["options"])
    config.args = list(handed["args"])
    register_classes(config)
    roots = tuple(Path(root) for root in handed["roots"])
    folder = Folder(options)
    if not config.option.collectonly:
        config.add_cleanup(folder.release)
        folder.hold()
    collection = Collection(config, roots, options.trials, options.cluster)
    config.pluginmanager.register(collection, "healgate-collection")
    config.pluginmanager.register(Trials(config, options, folder), "healgate-trials")


def register_classes(config: pytest.Config) -> None:
    for crash_class in CrashClass:
        config.addinivalue_line("markers", f"{crash_class}: scenarios of this crash class")


class Handing:
    """Hands the run's settings to the workers, which read the person's command line again and know no rule."""

    def __init__(self, options: Options, places: Places) -> None:
        roots = [str(root) for root in places.roots]
        self.handed = {"options": _plain(options), "roots": roots, "args": list(places.args)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[HANDED] = self.handed


_PATHS = ("baseline", "save_baseline", "out")


def _plain(options: Options) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}


def _options_from(plain: dict[str, Any]) -> Options:
    values: dict[str, Any] = {n: Path(v) if n in _PATHS and v is not None else v for n, v in plain.items()}
    return Options(**values)
