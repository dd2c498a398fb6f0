"""Keeps the value of --out and its like from moving pytest's root.

pytest looks for its root folder, and with it for the configuration, before it knows any plugin's options: of
`--out /tmp/results` it understands that /tmp/results is something to collect from. As soon as that folder exists the
person's configuration is lost, and without -k every test around is run. Written `--out=/tmp/results` it is an option
whatever pytest knows. So that is what pytest is made to read: the workers always, since the folder exists by the time
they start, and the person's own process where the root may have moved. The trap is the capture of the first reading,
which would swallow what the second one says.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from .options import WITH_VALUE

# The plugins have been imported by the first reading; where warnings are errors, to be told so would be the end.
QUIETLY = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")


def joined(args: Sequence[str]) -> list[str]:
    """Every option of ours in one piece with its value."""
    pieces: list[str] = []
    for arg in map(str, args):
        if pieces and pieces[-1] in WITH_VALUE and not arg.startswith("-"):
            pieces[-1] += f"={arg}"
        else:
            pieces.append(arg)
    return pieces


def join_for_workers(config: pytest.Config) -> None:
    """xdist hands them the command line as it stands here."""
    given = config.invocation_params
    config.invocation_params = pytest.Config.InvocationParams(
        args=tuple(joined(given.args)), plugins=given.plugins, dir=given.dir
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Nothing is configured yet: the run as it was meant takes the place of this one."""
    given = config.invocation_params
    if hasattr(config, "workerinput") or not _may_have_moved(given.args, given.dir):
        return None
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    return int(pytest.main([*QUIETLY, *joined(given.args)], plugins=list(given.plugins or ())))


def _may_have_moved(args: Sequence[str], here: Path) -> bool:
    """A value that stands alone, and is a folder or in one from which one does not come up through here."""
    for option, value in pairwise(args):
        if option in WITH_VALUE and not value.startswith("-"):
            path = (here / value).resolve()
            if path.exists() and here.resolve() not in (path, *path.parents):
                return True
    return False
