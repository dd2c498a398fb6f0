"""The output folder: who may write there, and what a run that was cut short leaves to be seen."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from healgate.plugin import folder as folders
from healgate.plugin.folder import Folder
from healgate.plugin.options import Options

from .conftest import Place


@pytest.fixture
def somebody(two: Place) -> Iterator[int]:
    """Who holds the default folder, as a process of another run does."""
    out = two.path / "healgate-out"
    out.mkdir()
    descriptor = os.open(out, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    yield descriptor
    os.close(descriptor)


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_two_runs_do_not_write_into_one_folder(
    two: Place, resume: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "PATIENCE", 0.0)
    result = two.run("scenarios", *resume)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --out *healgate-out: another run is writing there. Wait *"])
    assert not two.ran()


def test_a_run_waits_for_the_last_workers_of_a_killed_one(
    two: Place, somebody: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders.time, "sleep", lambda _: fcntl.flock(somebody, fcntl.LOCK_UN))
    two.run("scenarios").assert_outcomes(passed=2)


def test_a_run_that_is_over_holds_nothing(two: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "PATIENCE", 0.0)
    for args in ((), ("--resume",), ("--collect-only",), ("-x",)):
        assert two.run("scenarios", *args).ret == 0


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("notes.md", "expected a folder; found a file"),
        ("notes.md/below", "expected a folder to write into; Not a directory"),
    ],
)
def test_what_is_no_folder_is_refused(two: Place, out: str, said: str) -> None:
    (two.path / "notes.md").write_text("mine")
    result = two.run("scenarios", "--out", out)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --out *{out}: {said}"])


@pytest.mark.skipif(os.geteuid() == 0, reason="whoever is root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(two: Place) -> None:
    (two.path / "sealed").mkdir(mode=0o555)
    result = two.run("scenarios", "--out", "sealed")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --out *sealed: expected a folder to write into; Permission denied"])


@pytest.mark.parametrize("name", ["two words", "tränen-und-雪", "a[b]c;d'e"])
def test_a_folder_may_have_any_name(two: Place, name: str) -> None:
    two.run("scenarios", "--out", name).assert_outcomes(passed=2)
    two.run("scenarios", "--out", name, "--resume", "--trials", "2").assert_outcomes(passed=4)
    assert len(two.rows(name)) == 4


def test_what_a_run_is_to_have_in_the_end_is_written_before_it_begins(two: Place) -> None:
    two.verdicts({"bad-image/typo-t1": "interrupt"})
    two.spawn("scenarios", "--trials", "2")
    run = json.loads((two.path / "healgate-out" / "run.json").read_text())
    assert run["expected"] == ["bad-image/typo-t1", "bad-image/typo-t2", "oom/leak-t1", "oom/leak-t2"]


def test_a_resumed_run_still_misses_what_the_first_one_was_asked_for(two: Place) -> None:
    two.verdicts({"bad-image/typo-t2": "interrupt"})
    two.spawn("scenarios", "--trials", "2")
    two.verdicts({})
    resumed = two.run("scenarios/oom", "--resume", "--trials", "1", "--min-pass-rate", "1")
    assert resumed.ret == 6
    resumed.stdout.fnmatch_lines(["2 trials did not run: bad-image/typo-t2, oom/leak-t2. --resume runs them."])
    two.run("scenarios", "--resume", "--trials", "2", "--min-pass-rate", "1").assert_outcomes(passed=4)


def test_what_a_person_skips_is_not_expected(two: Place) -> None:
    (two.path / "scenarios" / "conftest.py").write_text(
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        if 'oom' in item.name:\n            item.add_marker(pytest.mark.skip)\n"
    )
    two.run("scenarios")
    assert json.loads((two.path / "healgate-out" / "run.json").read_text())["expected"] == ["bad-image/typo-t1"]


STOPPED = """
import sys, types
from healgate.problems import HarnessError

def open_kind(**_):
    raise HarnessError("the engine does not answer")

sys.modules["healgate.clusters.kind"] = types.SimpleNamespace(open_kind=open_kind)
"""


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("args", "status"),
    [
        (("scenarios", "-k", "oomm"), pytest.ExitCode.NO_TESTS_COLLECTED),
        (("scenarios", "-k", "oomm", "-n", "1"), pytest.ExitCode.NO_TESTS_COLLECTED),
        (("scenarios", "-k", "oomm", "--resume"), pytest.ExitCode.NO_TESTS_COLLECTED),
        (("scenarios", "-k", "oomm", "--min-pass-rate", "1"), 6),
        (("scenarios", "test_own.py", "-k", "own"), pytest.ExitCode.OK),
        (("scenarios", "nowhere.py"), pytest.ExitCode.USAGE_ERROR),
        (("scenarios", "--cluster", "kind"), 6),
    ],
    ids=str,
)
def test_a_run_without_a_trial_leaves_the_earlier_results(two: Place, args: tuple[str, ...], status: int) -> None:
    two.pytester.makepyfile(test_own="def test_own(): pass")
    two.run("scenarios")
    before = everything(two.path / "healgate-out")
    (two.path / "scenarios" / "conftest.py").write_text(STOPPED)
    result = two.spawn(*args)
    assert result.ret == status
    result.stdout.no_fnmatch_line("*generated xml file*")
    assert everything(two.path / "healgate-out") == before


def test_a_run_on_kind_is_gone_on_with_in_its_own_timing(tmp_path: Path) -> None:
    def folder(timing: str, *, resume: bool) -> Folder:
        asked = {"seed": "0", "cluster": "kind", "timing": timing, "budget_scale": 1.0, "resume": resume}
        return Folder(cast(Options, SimpleNamespace(out=tmp_path, **asked)))

    begun = folder("fast", resume=False)
    begun.prepare("null", {})
    begun.begin()
    begun.release()
    with pytest.raises(pytest.UsageError, match="holds a run with timing 'fast', this one has 'stock'"):
        folder("stock", resume=True).prepare("null", {})
