"""The real cluster of a run: opened before any worker starts, handed to all of them, closed when all is written.

Only the process that the person started has a keeper, whether trials or tests of one's own use the cluster. The trap is
a cluster that does not come up: that is said once, plainly, before sixty trials say it each.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..problems import HarnessError, UsageProblem
from ..words import ExitStatus
from .options import Options

if TYPE_CHECKING:
    from ..clusters.running import Opened, Running

HANDED = "healgate_cluster"
LOGS = "kind-logs"
# How long a worker may outlive the run's controller, in seconds.
LOOK_AGAIN = 0.5

RUNNING: pytest.StashKey[Running] = pytest.StashKey()


class Keeper:
    """Keeps one real cluster for one run."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._config = config
        self._options = options
        self._opened: Opened | None = None
        self._failed = False
        self._lines: list[str] = []
        if getattr(config.option, "maxschedchunk", 0) is None:
            config.option.maxschedchunk = 1  # trials take minutes: no worker is given many before the others have one

    def pytest_sessionstart(self) -> None:
        if self._config.option.collectonly:
            return
        try:
            self._opened = self._open()
        except UsageProblem as problem:
            raise pytest.UsageError(str(problem)) from None
        except (HarnessError, ConnectionError) as problem:
            pytest.exit(f"healgate: {problem}", ExitStatus.CANNOT_JUDGE)
        running = self._opened.running
        self._config.stash[RUNNING] = running
        self._say(f"{running.cluster} cluster {running.name}: timing {running.timing}, "
                  f"room for {running.capacity} trials at once")  # fmt: skip
        workers = len(getattr(self._config.option, "tx", None) or ())
        if workers > running.capacity:
            self._say(f"{workers} workers are more than the cluster holds: {workers - running.capacity} will wait")

    def pytest_report_header(self) -> list[str]:
        return self._lines

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        if self._opened is not None:
            node.workerinput[HANDED] = self._opened.running.as_dict()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """After all has been said: `--keep` may have looked into it."""
        opened, self._opened = self._opened, None
        if opened is None:
            return
        if self._failed:
            self._export_logs(opened)
        keep = self._failed and self._options.keep
        try:
            opened.close(keep=keep)
        except Exception as problem:
            print(f"healgate: the cluster {opened.running.name} could not be cleared away: {problem}")
            print("healgate: the next run tries again")

    def _open(self) -> Opened:
        options = self._options
        if options.cluster == "existing":
            from ..clusters.existing import open_existing

            return open_existing(options.context, self._say)
        from ..clusters.kind import open_kind

        return open_kind(image=options.kind_image, speed=options.timing, reuse=options.reuse_cluster, say=self._say)

    def _say(self, text: str) -> None:
        self._lines.append(f"healgate: {text}")

    def _export_logs(self, opened: Opened) -> None:
        folder = Path(self._options.out) / LOGS
        try:
            opened.export_logs(folder)
        except Exception as problem:
            print(f"healgate: the logs of the cluster could not be exported: {problem}")


def leave_with_the_controller() -> None:
    """For a worker: a run that was killed must not go on in its workers, on a cluster that the next run deletes, into
    a folder that the next run continues."""
    controller = os.getppid()

    def watch() -> None:
        while os.getppid() == controller:
            time.sleep(LOOK_AGAIN)
        os._exit(1)

    threading.Thread(target=watch, name="controller", daemon=True).start()


def running_of(config: pytest.Config) -> Running | None:
    """The run's real cluster, in whatever process asks; None: there is none."""
    if RUNNING in config.stash:
        return config.stash[RUNNING]
    handed = getattr(config, "workerinput", {}).get(HANDED)
    if handed is None:
        return None
    from ..clusters.running import Running

    config.stash[RUNNING] = Running.read(handed)
    return config.stash[RUNNING]
