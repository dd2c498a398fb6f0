"""Claims that come from another process, whole, cut off, or not to be read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from healgate.clusters import open_cluster
from healgate.clusters.embedded import _RunningHealer
from healgate.drivers import Report, find_healer
from healgate.drivers.process import HealerProcess
from healgate.evidence import Claim, HealerEnd
from healgate.problems import HarnessError
from healgate.scenario.catalogue import Catalogue
from healgate.trial import run_trial

from .some_healers import hangs

READY = "{}"
SAID = '{"word": "detected", "about": "Pod/a", "class": null, "note": ""}'


class Speaks(HealerProcess):
    """A process that says what it is told to, and ends."""

    said = ""

    def _start(self, _kubeconfig: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        program = f"import sys; sys.stdout.write({self.said!r})"
        return subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )


def spoken(said: str) -> tuple[Speaks, list[Claim]]:
    claims: list[Claim] = []
    kind = type("SpeaksSo", (Speaks,), {"said": said})
    process = kind(hangs, Report(lambda: 7.0, claims), url="http://127.0.0.1:1", token="t", pass_every=10.0)
    process._listener.join()
    os.waitid(os.P_PID, process._process.pid, os.WEXITED | os.WNOWAIT)
    return process, claims


def test_a_claim_that_was_cut_off_was_not_made() -> None:
    process, claims = spoken(f"{READY}\n{SAID}\n{SAID[:20]}")
    assert process.stop().how == "raised"
    assert [claim.about for claim in claims] == ["Pod/a"]


def test_one_that_cannot_be_read_is_told_once_and_the_rest_is_heard() -> None:
    process, claims = spoken(f"{READY}\n{SAID[:20]}\n{SAID}\n")
    with pytest.raises(HarnessError, match="a claim of the healer cannot be read"):
        process.stop()
    assert [claim.about for claim in claims] == ["Pod/a"]
    assert process.stop().how == "raised"


def test_a_trial_with_a_claim_that_cannot_be_read_is_an_error_and_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: _RunningHealer) -> HealerEnd:
        stopped(self)
        raise HarnessError("a claim of the healer cannot be read")

    stopped = _RunningHealer.stop
    monkeypatch.setattr(_RunningHealer, "stop", stop)
    scenario = Catalogue.load().scenarios["oom/limit-too-low"]
    found = run_trial(scenario, 1, seed="claims", cluster=open_cluster("embedded"), healer=find_healer("reference"))
    assert (found.record.verdict, found.record.message) == ("ERROR", "a claim of the healer cannot be read")
