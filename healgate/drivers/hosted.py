"""A Python healer in a process of its own: what runs there.

    python -m healgate.drivers.hosted   (started by process.py, never by a person)

On a real cluster time is real, so a healer that sleeps or waits for ever can only be ended from outside, and what it
costs can only be told apart as a process. The first line of standard input says what to run; then standard input stays
open, and its end means that the trial is gone: so is the healer, whatever became of pytest. What it prints goes to its
log; claims go up standard output, a line of JSON each.
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
import os
import pickle
import sys
import threading
import time
from typing import Any

from ..evidence import Claim
from .ends import where_it_raised
from .find import built_in_healers
from .report import Report


class _Claims(list[Claim]):
    """Claims on their way to the trial."""

    def __init__(self, out: int) -> None:
        super().__init__()
        self._out = out

    def append(self, claim: Claim) -> None:
        said = {"word": claim.word, "about": claim.about, "class": claim.crash_class, "note": claim.note}
        send(self._out, said)


def send(out: int, message: dict[str, Any]) -> None:
    """One whole line: threads of the healer claim at the same time, and a pipe may take only part of it."""
    line = json.dumps(message).encode() + b"\n"
    with _SENDING:
        while line:
            line = line[os.write(out, line) :]


_SENDING = threading.Lock()


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_the_trial, daemon=True).start()
    sys.path[:] = given["path"]
    try:
        call = _load(given)
    except BaseException as error:  # also one that exits while it is imported
        send(out, {"unusable": f"{type(error).__name__}: {error}"})
        os._exit(1)
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration(host=given["host"])
    configuration.api_key = {"authorization": given["token"]}
    configuration.api_key_prefix = {"authorization": "Bearer"}
    client = ApiClient(configuration)
    report = Report(lambda: 0.0, _Claims(out))
    send(out, {"ready": True})
    status = 0
    try:
        while True:
            call(client, report)
            time.sleep(given["pass-every"])
    except BaseException as error:
        leaves = isinstance(error, SystemExit) and not error.code
        send(out, {"returned": True} if leaves else {"raised": where_it_raised(error)})
        status = 0 if leaves else 1
    sys.stdout.flush()
    os._exit(status)  # threads of its own may still run


def _load(given: dict[str, Any]) -> Any:
    """By the name of its module; a test's own module may only be known by its file."""
    name, file = given["module"], given["file"]
    if name not in sys.modules and file and importlib.util.find_spec(name.partition(".")[0]) is None:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    if "built-in" in given:
        return built_in_healers()[given["built-in"]]
    if "attribute" in given:
        return getattr(importlib.import_module(name), given["attribute"])
    return pickle.loads(base64.b64decode(given["call"]))


def _leave_with_the_trial() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
