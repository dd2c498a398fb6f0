"""A Python healer in a process of its own: the trial's side of it.

The callable is sent by name (pickled), so a healer that has none, a lambda or a function inside a function, cannot be
run on a real cluster, and is told so before anything is broken. Claims get the time of their arrival.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from ..evidence import HealerEnd
from ..problems import HarnessError, UsageProblem
from .find import built_in_healers
from .report import Report

READY_WITHIN = 60.0
# Of what it printed last, in the verdict's message.
LAST_WORDS = 300
_NOT_ITS_BUSINESS = ("HEALGATE_", "PYTEST_")

Noted = Callable[[int], Callable[[], None]]


class HealerProcess:
    """`RunningHealer` for a process."""

    def __init__(
        self,
        call: Callable[[Any, Any], None],
        report: Report,
        *,
        url: str,
        token: str,
        pass_every: float,
        noted: Noted = lambda _pid: lambda: None,
    ) -> None:
        self._report = report
        given = {
            **by_name(call),
            "path": sys.path,
            "host": url,
            "token": token,
            "pass-every": pass_every,
        }
        self._folder = Path(tempfile.mkdtemp(prefix="healer-"))
        self._end: HealerEnd | None = None
        self._heard = threading.Event()
        self._ready = False
        self._unusable = ""
        self._unreadable = ""
        self.cpu_seconds = 0.0
        self._process = self._start(_kubeconfig(url, token))
        self._forget = noted(self._process.pid)
        self._listener = threading.Thread(target=self._listen, name="claims", daemon=True)
        self._listener.start()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(given).encode() + b"\n")
            self._process.stdin.flush()
        in_time = self._heard.wait(READY_WITHIN)
        if not self._ready:
            what = "it ended before it had started" if in_time else f"it did not start within {READY_WITHIN:g}s"
            why = self._unusable or f"{what}: {self._last_words()}".rstrip(": ")
            self.stop()
            if self._unusable:
                raise UsageProblem(f"--healer: it cannot be loaded in a process of its own: {why}")
            raise HarnessError(f"the healer's process: {why}")

    def end(self) -> HealerEnd:
        if self._end is not None:
            return self._end
        status = self._wait(os.WNOHANG)
        if status is None:
            return HealerEnd("running")
        self._listener.join(1.0)
        if self._end is None:
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            self._end = HealerEnd("raised", f"its process ended with {how}: {self._last_words()}".rstrip(": "))
        return self._end

    def stop(self) -> HealerEnd:
        end = self._end = self.end()
        # Whoever still listens hears somebody: a child of it, if it has ended itself.
        if self._process.returncode is None or self._listener.is_alive():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._wait(0)
        self._listener.join(1.0)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        if not self._listener.is_alive():  # to close what it reads from would wait for it
            self._process.stdout.close()
        self._forget()
        shutil.rmtree(self._folder, ignore_errors=True)
        unreadable, self._unreadable = self._unreadable, ""  # told once: it may be stopped twice
        if unreadable:
            raise HarnessError(f"a claim of the healer cannot be read: {unreadable[:LAST_WORDS]!r}")
        return end

    # -- the process

    def _start(self, kubeconfig: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        config = self._folder / "kubeconfig"
        config.write_text(yaml.safe_dump(kubeconfig))
        environment = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_ITS_BUSINESS)}
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "healgate.drivers.hosted"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # A healer that looks for a kubeconfig by itself must not find its way past the wire.
                env={**environment, "KUBECONFIG": str(config), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    def _wait(self, options: int) -> int | None:
        """Its exit status, and what it cost; None while it runs."""
        if self._process.returncode is None:
            pid, status, usage = os.wait4(self._process.pid, options)
            if pid == 0:
                return None
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self._process.returncode

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                if line.endswith(b"\n"):  # else it died, or was stopped, before it had said it
                    self._unreadable = self._unreadable or line.decode(errors="replace")
                continue
            if "word" in message:
                self._report.relay(message["word"], message["about"], message["class"], message["note"])
            elif "raised" in message:
                self._end = HealerEnd("raised", message["raised"])
            elif "returned" in message:
                self._end = HealerEnd("returned")
            else:
                self._unusable = message.get("unusable", "")
                self._ready = not self._unusable
                self._heard.set()
        self._heard.set()

    def _last_words(self) -> str:
        with suppress(OSError):
            return " ".join((self._folder / "log").read_text(errors="replace").split())[-LAST_WORDS:]
        return ""


def by_name(call: Callable[[Any, Any], None]) -> dict[str, Any]:
    """How another process finds it: pickled where it has a name of its own, else by the name that leads to it."""
    module = getattr(call, "__module__", None) or type(call).__module__
    loaded = sys.modules.get(module)
    found = {"module": module, "file": getattr(loaded, "__file__", None) or ""}
    with suppress(Exception):
        return {**found, "call": base64.b64encode(pickle.dumps(call)).decode()}
    for name, known in built_in_healers().items():
        if known is call:
            return {**found, "built-in": name}
    for name, known in vars(loaded).items() if loaded is not None else ():
        if known is call:
            return {**found, "attribute": name}
    raise UsageProblem(
        f"--healer {getattr(call, '__qualname__', repr(call))}: on a real cluster a healer runs in a process of its "
        "own, which finds it by name; define it at the top level of a module"
    )


def _kubeconfig(url: str, token: str) -> dict[str, Any]:
    name = "cluster"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        "current-context": name,
    }
