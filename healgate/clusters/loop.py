"""The one thread in which everything of a real cluster's lease waits for the network: its watches and its proxy.

The trial's own thread never runs in here and this one never calls the trial: what comes is put into a queue.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")

CLOSED_WITHIN = 10.0


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, _T], within: float) -> _T:
        """Do something in there and wait for it, in another thread. Raises TimeoutError."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within)

    def close(self) -> None:
        self.call(_end_everything(), CLOSED_WITHIN)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


async def _end_everything() -> None:
    me = asyncio.current_task()
    rest = [task for task in asyncio.all_tasks() if task is not me]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.sleep(0)  # a connection that is closed is so in the loop's next round
