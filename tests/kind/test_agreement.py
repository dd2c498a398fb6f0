"""How verdicts of two kinds of cluster are compared."""

from __future__ import annotations

import multiprocessing
import os
import signal
from fnmatch import fnmatchcase

import pytest
import yaml
from healgate.healers.vandals import VANDALS

from healgate.words import Reason

from ..controls.expectations import expected
from . import agree
from .controls import LEAST
from .late import LATE
from .matrix import Got, Job, core, longest_first, run_all, scenarios


def got(what: str, message: str = "") -> Got:
    failed = what not in ("PASS", "INVALID", "ERROR")
    return Got("FAIL" if failed else what, what if failed else "", message, 1.0, 1.0)


def test_what_differs_is_shown_with_its_reason_if_there_is_one() -> None:
    here = {("null", "oom/leak"): got("not-detected"), ("null", "exit/slow-crash"): got("not-detected")}
    there = {("null", "oom/leak"): got("PASS"), ("null", "exit/slow-crash"): got("INVALID", "it was never live")}
    known = [{"healer": "null", "scenario": "oom/*", "why": "memory"}]
    lines, differ, unknown = agree.table(here, there, known)
    assert (differ, unknown) == (2, 1)
    assert lines[0].endswith("DIFFERS: it was never live")
    assert lines[1].endswith("DIFFERS: memory")


def test_what_showed_nothing_is_run_once_more(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = (Job(healer, "oom/leak") for healer in ("null", "reference", "always-oom"))
    verdicts = {first: ["INVALID", "not-detected"], second: ["PASS"], third: ["INVALID", "INVALID"]}
    found = agree.judged(
        [first, second, third], lambda jobs: {job: got(verdicts[job].pop(0), "it fell ill") for job in jobs}
    )
    assert {job: one.what for job, one in found.items()} == {first: "not-detected", second: "PASS", third: "INVALID"}
    assert not any(verdicts.values())
    assert "again: null oom/leak-t1 was INVALID: it fell ill" in capsys.readouterr().err


def test_a_fail_for_another_reason_is_a_difference() -> None:
    here, there = {("null", "oom/leak"): got("not-detected")}, {("null", "oom/leak"): got("relapsed")}
    assert agree.table(here, there, [])[1:] == (1, 1)


def test_every_known_difference_names_something_that_is_compared() -> None:
    for one in yaml.safe_load(agree.KNOWN.read_text()) or []:
        assert one["why"]
        assert any(fnmatchcase(healer, one["healer"]) for healer in agree.HEALERS)
        assert any(fnmatchcase(scenario, one["scenario"]) for scenario in core())


def test_the_vandals_fail_for_the_most_different_reasons() -> None:
    chosen = [healer for healer in agree.HEALERS if healer not in ("reference", "null")]
    assert len(chosen) == 6
    assert set(chosen) <= set(VANDALS)
    reasons = {expected(healer, scenario) for healer in (*chosen, "null") for scenario in core()} - {"PASS"}
    # An escalation is due in scenarios that are not core, and nobody classifies late who detects in time.
    assert reasons == {str(reason) for reason in Reason} - {"classified-late", "not-escalated"}


def test_there_are_enough_core_scenarios() -> None:
    assert len(core()) >= LEAST
    assert any(scenario.startswith("kafka/") for scenario in core())


def test_the_late_are_late_whatever_the_budget() -> None:
    """On simulated time, where it costs nothing, at any scale."""
    jobs = [Job(healer, "oom/limit-too-low", scale=scale) for healer in LATE for scale in (0.75, 3.0)]
    found = run_all(jobs, None, 1)
    assert {job.healer: got.what for job, got in found.items()} == {
        "notices-late": "detected-late",
        "repairs-late": "remediated-late",
    }
    assert [got.verdict for got in found.values()] == ["FAIL"] * 4


def test_the_longest_trials_begin_first() -> None:
    jobs = longest_first(agree.jobs(["reference", "scales-to-zero"], core()))
    who = [job.healer for job in jobs]
    assert who.index("reference") > 0, "who does nothing right is waited for to the end of a budget"
    for healer, budget in (("reference", "detect"), ("scales-to-zero", "recover")):
        lasts = [getattr(scenarios()[job.scenario].default.budgets, budget) for job in jobs if job.healer == healer]
        assert lasts == sorted(lasts, reverse=True)


def test_who_breaks_off_a_comparison_leaves_no_worker_behind() -> None:
    workers = []

    def term(_job: Job, _got: Got) -> None:
        workers.extend(multiprocessing.active_children())
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit, match="143"):
        run_all([Job("null", scenario) for scenario in core()], None, 1, term)
    assert [worker.exitcode for worker in workers] == [-signal.SIGTERM]
